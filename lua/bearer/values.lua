--- The values of inputs: what each kind takes. Those of kinds that may go into a URL as they
-- are were checked here.
-- @module bearer.values
local core = require "bearer.core"
local json = require "bearer.json"
local words = require "bearer.definition.words"

local values = {}

local function is_pem(value)
  return type(value) == "string" and value:find("-----BEGIN ", 1, true) ~= nil
end

local function is_jwk(value)
  if type(value) == "table" then
    return type(value.kty) == "string"
  end
  return type(value) == "string" and value:find('"kty"', 1, true) ~= nil
end

local function in_url(kind)
  return function(value)
    return type(value) == "string" and core.is(kind, value)
  end
end

-- By kind: a test, and what to expect.
local kinds = {
  text = { function(value) return type(value) ~= "string" or value ~= "" end, "a text" },
  host = { in_url "host", "a host, like api.example.com or api.example.com:8443" },
  label = { in_url "label", "one label of a host name: letters, digits, inner hyphens" },
  path = { in_url "path", "a path that opens with '/'" },
  url = { in_url "url", "an absolute URL without user, password or fragment" },
  pem = { is_pem, "PEM text" },
  jwk = { is_jwk, "a JSON Web Key" },
}

local scalar = { string = true, number = true, boolean = true }

local function joined(name, value, spec)
  if type(value) == "table" and spec.join then
    for _, item in ipairs(value) do
      if type(item) ~= "string" then
        error(("inputs.%s: a list of texts expected"):format(name), 0)
      end
    end
    return table.concat(value, spec.join)
  end
  return value
end

local deepest = 100

-- A copy that the caller cannot change any more: plain data, as JSON has it.
local function private(name, value, depth)
  if type(value) == "number" and (value ~= value or value == math.huge or value == -math.huge) then
    error(("inputs.%s: not a number"):format(name), 0)
  elseif scalar[type(value)] then
    return value
  elseif type(value) ~= "table" then
    error(("inputs.%s: a text expected, got %s"):format(name, words.kind(value)), 0)
  elseif depth > deepest then
    error(("inputs.%s: is nested too deep"):format(name), 0)
  end
  local copy = {}
  for key, item in pairs(value) do
    if type(key) ~= "string" and type(key) ~= "number" then
      error(("inputs.%s: a key that is %s"):format(name, words.kind(key)), 0)
    end
    copy[key] = private(name, item, depth + 1)
  end
  return copy
end

-- Tables stay Lua values, which nobody can wipe or mask.
local function check_table(name, value, spec)
  if next(value) == nil then
    error(("inputs.%s: the list is empty"):format(name), 0)
  elseif not spec.secret then
    return value
  elseif spec.kind ~= "jwk" then
    error(("inputs.%s: a secret is a text"):format(name), 0)
  end
  return json.encode(value)
end

local function check_enum(name, value, enum)
  for _, choice in ipairs(enum) do
    if choice == value then
      return
    end
  end
  error(("inputs.%s: one of %s expected"):format(name, table.concat(enum, ", ")), 0)
end

--- Check a value.
-- @tparam string name of the input
-- @param value
-- @tparam table spec of the input, from a compiled definition
-- @return the value as it is kept
-- @raise with what is wrong; the value is never shown: it may be a secret in the wrong place
function values.check(name, value, spec)
  value = private(name, joined(name, value, spec), 1)
  if spec.secret and type(value) == "boolean" then
    error(("inputs.%s: a secret is a text"):format(name), 0)
  end
  local kind = kinds[spec.kind]
  if not kind[1](value) then
    error(("inputs.%s: %s expected"):format(name, value == "" and "a text that is not empty"
      or kind[2]), 0)
  end
  if spec.enum then
    check_enum(name, value, spec.enum)
  end
  return type(value) == "table" and check_table(name, value, spec) or value
end

return values
