--- The shapes of paths into an answer, and of what is expected and kept there.
-- @module bearer.definition.paths
-- @local
local names = require "bearer.definition.names"
local shape = require "bearer.definition.shape"
local words = require "bearer.definition.words"

local paths = {}

-- ---- paths ------------------------------------------------------------------------------

-- Where the step after the one at `at` begins: a key, or an index in brackets. Nil when there is
-- no step, and whether it is an index of 0.
local function after_step(text, at)
  local from, to, index = text:find("^%[(%d+)%]", at)
  if from then
    return to + 1, tonumber(index) == 0
  elseif at > 1 then
    if text:sub(at, at) ~= "." then
      return nil
    end
    at = at + 1
  end
  from, to = text:find("^[^.%[%]%c]+", at)
  return from and to + 1
end

-- What is wrong with a path, or nil: `a.b`, `a[1].b` (counted from 1), and `$` for all of it.
local function fault_of(text)
  if text == "" then
    return "the path is empty"
  elseif text == "$" then
    return nil
  elseif text:find("^%$[.%[]") then
    return "'$' stands alone: leave it away before a key"
  end
  local at = 1
  repeat
    local after, is_zero = after_step(text, at)
    if not after then
      return ("not a path from character %d on"):format(at)
    elseif is_zero then
      return "lists are counted from 1"
    end
    at = after
  until at > #text
end

local function one(c, path, value)
  if type(value) ~= "string" then
    return shape.expected(c, path, "a path into the answer", value)
  end
  local fault = fault_of(value)
  if fault then
    c.fault(path, ("%s: %s"):format(words.quote(value), fault))
  end
end

--- A path, or a list: the first that is found.
paths.some = shape.some("a list of paths", one)

--- The same, or `false`: there is none.
function paths.or_none(c, path, value)
  if value ~= false then
    paths.some(c, path, value)
  end
end

local function kept_name(c, path, name)
  if not words.is_identifier(name) then
    c.fault(path, "not a name: letters, digits and '_' only")
  elseif names.builtins[name] then
    c.fault(path, ("%s is built in"):format(words.quote(name)))
  elseif type(c.def.inputs) == "table" and c.def.inputs[name] ~= nil then
    c.fault(path, ("%s is an input already"):format(words.quote(name)))
  end
end

--- `keep`: name -> path.
paths.kept = shape.map(kept_name, paths.some)

local values = shape.map(one, shape.some("a list of values", shape.scalar))

--- `expect`: path -> the value, or a list of those that will do; or a function.
function paths.expect(c, path, value)
  if type(value) == "table" then
    values(c, path, value)
  elseif type(value) ~= "function" then
    shape.expected(c, path, "a table from paths to values, or a function", value)
  end
end

return paths
