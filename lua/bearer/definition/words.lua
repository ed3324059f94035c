--- The words of a fault: paths, quoted names, suggestions. What comes in may be hostile,
-- so it is shortened and stripped of control characters before it is shown.
-- @module bearer.definition.words
-- @local
local core = require "bearer.core"

local words = {}

local longest = 60

local function printable(text)
  if #text > longest then
    text = text:sub(1, longest) .. "..."
  end
  return (text:gsub("%c", "?"))
end

--- A text between quotes, safe to show.
function words.quote(text)
  return "'" .. printable(tostring(text)) .. "'"
end

--- May this be the name of an input or of a kept value?
function words.is_identifier(text)
  return type(text) == "string" and text:find("^[A-Za-z_][A-Za-z0-9_]*$") ~= nil
end

--- Would this text split a header that it went into? A tab is fine there.
function words.splits_header(text)
  return text:find("[%z\1-\8\10-\31\127]") ~= nil -- %z: Lua 5.1 patterns end at a NUL
end

--- The path of a field: `login.url`, `login[2]`, `login.headers["X-Site"]`.
function words.path(parent, key)
  if type(key) == "number" then
    return ("%s[%d]"):format(parent, key)
  end
  if not words.is_identifier(key) then
    return ('%s["%s"]'):format(parent, printable(key))
  end
  return (parent == "" and "" or parent .. ".") .. printable(key)
end

--- What kind of value this is, for people.
function words.kind(value)
  if type(value) == "table" then
    return value[1] ~= nil and "a list" or "a table"
  end
  return ({ string = "a text", ["nil"] = "nothing" })[type(value)] or "a " .. type(value)
end

--- The keys of a table in an order that is the same on every run: numbers, then texts.
function words.sorted(map)
  local keys = {}
  for key in next, map do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b)
    if type(a) ~= type(b) then
      return type(a) == "number"
    end
    return a < b
  end)
  return keys
end

--- A provider's code as the sets of codes have it: some are numbers.
function words.code(value)
  return type(value) == "number" and ("%.14g"):format(value) or value
end

--- "a, b or c" of the keys of a set.
function words.choices(set)
  local keys = words.sorted(set)
  local last = table.remove(keys)
  return #keys == 0 and last or table.concat(keys, ", ") .. " or " .. last
end

--- "; there are a, b and c" of the keys of a set; nothing for a large one.
function words.there_are(set)
  local keys = words.sorted(set)
  local last = table.remove(keys)
  if #keys == 0 or #keys > 100 then
    return last and #keys == 0 and "; there is " .. printable(tostring(last)) or ""
  end
  return "; there are " .. table.concat(keys, ", ") .. " and " .. last
end

--- Raise when a function of the module was called with a colon: it gets the module then.
function words.check_dot(given, name)
  if type(given) == "table" and rawget(given, "_VERSION") and rawget(given, "login") then
    error(("bearer: call it with a dot, as bearer.%s(...)"):format(name), 0)
  end
end

local function is_small(set)
  local count = 0
  for _ in next, set do
    count = count + 1
    if count > 100 then
      return false
    end
  end
  return true
end

local function texts_of(set)
  local texts = {}
  for _, key in ipairs(words.sorted(set)) do
    texts[#texts + 1] = type(key) == "string" and key or nil
  end
  return texts
end

--- A function `(word, set)` that gives "; did you mean 'x'?" when a name in the set looks like
-- the word, else "; there are …", unless they are listed anyway. It tires: the hundredth slip of
-- the pen is none.
function words.suggester()
  local left = 100
  return function(word, set, are_listed)
    if left == 0 or not is_small(set) then
      return ""
    end
    left = left - 1
    local best = type(word) == "string" and #word <= 40 and core.nearest(word, texts_of(set))
    if best then
      return "; did you mean " .. words.quote(best) .. "?"
    end
    return are_listed and "" or words.there_are(set)
  end
end

return words
