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
-- the word, else the empty text. It tires: the hundredth slip of the pen is none.
function words.suggester()
  local left = 100
  return function(word, set)
    if left == 0 or type(word) ~= "string" or #word > 40 or not is_small(set) then
      return ""
    end
    left = left - 1
    local best = core.nearest(word, texts_of(set))
    return best and "; did you mean " .. words.quote(best) .. "?" or ""
  end
end

return words
