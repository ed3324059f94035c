--- The shapes of paths into an answer, and of what is expected and kept there.
-- @module bearer.definition.paths
-- @local
local bearer_path = require "bearer.path"
local names = require "bearer.definition.names"
local shape = require "bearer.definition.shape"
local words = require "bearer.definition.words"

local paths = {}

local function one(c, path, value)
  if type(value) ~= "string" then
    return shape.expected(c, path, "a path into the answer", value)
  end
  local ok, message = bearer_path.check(value)
  if not ok then
    c.fault(path, ("%s: %s"):format(words.quote(value), message))
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
