--- Paths into a decoded JSON answer: `a.b`, `a[1].b` (counted from 1), and `$` for all of it.
-- Nothing here raises, whatever the answer is: it was written by a stranger.
-- @module bearer.path
local null = require("cjson").null

local path = {}

-- The next step of a path: a key or an index, and where the one after it starts.
local function next_step(text, at)
  local from, to, index = text:find("^%[(%d+)%]", at)
  if from then
    return tonumber(index), to + 1
  end
  if at > 1 then
    if text:sub(at, at) ~= "." then
      return nil
    end
    at = at + 1
  end
  from, to = text:find("^[^.%[%]%c]+", at)
  if from then
    return text:sub(from, to), to + 1
  end
  return nil
end

local function check_steps(text)
  local at = 1
  repeat
    local step, after = next_step(text, at)
    if not step then
      return nil, ("not a path from character %d on"):format(at)
    end
    if step == 0 then
      return nil, "lists are counted from 1"
    end
    at = after
  until at > #text
  return true
end

--- Is this text a path?
-- @tparam string text
-- @treturn[1] true
-- @treturn[2] nil
-- @treturn[2] string what is wrong with it
function path.check(text)
  if type(text) ~= "string" then
    return nil, "a path is a text"
  end
  if text == "" then
    return nil, "the path is empty"
  end
  if text == "$" then
    return true
  end
  if text:find("^%$[.%[]") then
    return nil, "'$' stands alone: leave it away before a key"
  end
  return check_steps(text)
end

local function walk(value, text)
  if text == "$" then
    return value
  end
  local at = 1
  while at <= #text do
    local step, after = next_step(text, at)
    if step == nil or type(value) ~= "table" then
      return nil
    end
    value, at = rawget(value, step), after
  end
  return value
end

--- What the first path that leads somewhere leads to. JSON's null is nowhere.
-- @param answer any value, as cjson decodes it
-- @tparam {string,…} paths tried in this order; none (or nil) finds nothing
-- @return the value, or nil
function path.find(answer, paths)
  for _, text in ipairs(paths or {}) do
    local value = walk(answer, text)
    if value ~= nil and value ~= null then
      return value
    end
  end
  return nil
end

return path
