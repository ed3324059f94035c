--- The shapes of `inputs` and `one_of`.
-- @module bearer.definition.inputs
-- @local
local names = require "bearer.definition.names"
local shape = require "bearer.definition.shape"
local text = require "bearer.definition.text"
local words = require "bearer.definition.words"

local inputs = {}

local kinds = {
  text = true, host = true, label = true, path = true, url = true, pem = true, jwk = true,
}

-- `refresh_token` is built in too, but a login may start from one that the caller has. Then the
-- login uses the input; refresh and logout use the newest that the server gave.
local function input_name(c, path, name)
  if not words.is_identifier(name) then
    c.fault(path, "not a name: letters, digits and '_' only")
  elseif names.builtins[name] and name ~= "refresh_token" then
    c.fault(path, ("%s is built in"):format(words.quote(name)))
  end
end

local defaults = shape.some("a list of values", shape.scalar)

local function default(c, path, value)
  defaults(c, path, value)
  if type(value) == "string" and value:find("${", 1, true) then
    c.fault(path, "a default is taken as it is: '${' is not replaced")
  end
end

-- How a default must look that stands for an input of this kind. The core checks what callers
-- give; a definition can be told at once.
local looks = {
  host = "^[%w.:%[%]-]+$",
  label = "^[%w-]+$",
  path = "^/[^?#%c%s\\]*$",
}

local function check_look(c, path, input)
  local look = looks[input.kind]
  local at = words.path(path, "default")
  if type(input.default) ~= "string" then
    return
  elseif input.kind == "url" then
    text.absolute_url(c, at, input.default)
  elseif look and not input.default:find(look) then
    c.fault(at, "is no " .. input.kind)
  end
end

local function contains(list, value)
  for _, item in ipairs(list) do
    if item == value then
      return true
    end
  end
  return false
end

local function consistent(c, path, input)
  check_look(c, path, input)
  local chosen = input.default
  if type(chosen) == "table" and input.join == nil then
    c.fault(words.path(path, "default"), "only an input with 'join' may be a list")
  elseif type(input.enum) == "table" and chosen ~= nil then
    for _, value in ipairs(type(chosen) == "table" and chosen or { chosen }) do
      if not contains(input.enum, value) then
        c.fault(words.path(path, "default"), "is not in 'enum'")
      end
    end
  end
end

local boolean = shape.of("boolean", "true or false")

local input = shape.record("input", {
  kind = shape.choice(kinds),
  secret = boolean,
  optional = boolean,
  default = default,
  enum = shape.filled("a list of values", shape.word),
  join = shape.of("string", "a text"),
}, nil, consistent)

--- `inputs`
inputs.map = shape.map(input_name, input)

local function member(c, path, name)
  local known = type(c.def.inputs) == "table" and c.def.inputs or {}
  if type(name) ~= "string" then
    shape.expected(c, path, "the name of an input", name)
  elseif known[name] == nil and not c.partial then
    c.fault(path, ("unknown input %s%s"):format(words.quote(name),
      c.suggest(name, known)))
  end
end

--- `one_of`
inputs.groups = shape.filled("a list of groups", shape.filled("a list of inputs", member))

return inputs
