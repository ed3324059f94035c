--- What a caller gives a login: checked against the definition, then kept in a scope, where
-- secrets are held in memory that is wiped. Secret references and functions are kept apart
-- and asked anew for each login.
-- @module bearer.inputs
local core = require "bearer.core"
local words = require "bearer.definition.words"

local inputs = {}

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

local function check_list(name, value)
  if #value == 0 and next(value) == nil then
    error(("inputs.%s: the list is empty"):format(name), 0)
  end
end

-- The value as it is kept. Nothing of it is ever shown: it may be a secret in the wrong place.
local function check_value(name, value, spec)
  value = joined(name, value, spec)
  if type(value) == "table" then
    check_list(name, value)
  elseif not scalar[type(value)] then
    error(("inputs.%s: a text expected, got %s"):format(name, words.kind(value)), 0)
  elseif value ~= value then
    error(("inputs.%s: not a number"):format(name), 0)
  end
  local kind = kinds[spec.kind]
  if not kind[1](value) then
    error(("inputs.%s: %s expected"):format(name, value == "" and "a text that is not empty"
      or kind[2]), 0)
  end
  if spec.enum then
    for _, choice in ipairs(spec.enum) do
      if choice == value then
        return value
      end
    end
    error(("inputs.%s: one of %s expected"):format(name, table.concat(spec.enum, ", ")), 0)
  end
  return value
end

local function is_dynamic(value)
  return type(value) == "function" or core.type(value) == "bearer.reference"
end

-- Kinds that were checked may go into a URL as they are.
local url_kinds = { host = true, label = true, path = true, url = true }

local function put(scope, name, value, spec)
  return scope:set(name, value, url_kinds[spec.kind] and "url" or "text", spec.secret)
end

local function group_is_whole(group, given)
  local some, all = false, true
  for _, name in ipairs(group) do
    some = some or given[name] ~= nil
    all = all and given[name] ~= nil
  end
  return all, some
end

local function describe(groups)
  local texts = {}
  for i, group in ipairs(groups) do
    texts[i] = table.concat(group, " with ")
  end
  return table.concat(texts, ", or ")
end

local function check_groups(def, given)
  local whole, touched = 0, 0
  for _, group in ipairs(def.one_of) do
    local all, some = group_is_whole(group, given)
    whole, touched = whole + (all and 1 or 0), touched + (some and 1 or 0)
  end
  if whole ~= 1 or touched ~= 1 then
    error(("inputs: give exactly one of these, whole: %s"):format(describe(def.one_of)), 0)
  end
end

local function in_a_group(def, name)
  for _, group in ipairs(def.one_of or {}) do
    for _, member in ipairs(group) do
      if member == name then
        return true
      end
    end
  end
  return false
end

local function check_names(def, given)
  local faults, suggest = {}, words.suggester()
  for _, name in ipairs(words.sorted(given)) do
    if not def.inputs[name] then
      faults[#faults + 1] = ("unknown input %s%s"):format(words.quote(name),
        suggest(name, def.inputs))
    end
  end
  for _, name in ipairs(words.sorted(def.inputs)) do
    local spec = def.inputs[name]
    if given[name] == nil and not spec.optional and spec.default == nil
      and not in_a_group(def, name) then
      faults[#faults + 1] = ("'%s' is missing"):format(name)
    end
  end
  if #faults > 0 then
    error("inputs: " .. table.concat(faults, "; "), 0)
  end
end

--- Check the inputs of a login.
-- @tparam table def a compiled definition
-- @tparam table given by the caller
-- @treturn bearer.scope what is known from now on
-- @treturn {[string]=function|bearer.reference,…} what is asked for at each login
-- @raise naming each input that is missing, unknown or wrong
function inputs.check(def, given)
  if type(given) ~= "table" then
    error("inputs: a table expected, got " .. type(given), 0)
  end
  for name in pairs(given) do
    if type(name) ~= "string" then
      error("inputs: names are texts", 0)
    end
  end
  check_names(def, given)
  if def.one_of then
    check_groups(def, given)
  end
  local scope, dynamic = core.scope(), {}
  for name, spec in pairs(def.inputs) do
    local value = given[name]
    if value == nil then
      value = spec.default
    end
    if is_dynamic(value) then
      dynamic[name] = value
    elseif value ~= nil then
      put(scope, name, check_value(name, value, spec), spec)
    end
  end
  return scope, dynamic
end

local function ask(name, source, spec, scope)
  local value = source
  if type(source) == "function" then
    local ok, result, why = pcall(source)
    if not ok or result == nil then
      return nil, ("input '%s': its function gave nothing%s"):format(name,
        ok and type(why) == "string" and ": " .. why or "")
    end
    ok, value = pcall(check_value, name, result, spec)
    if not ok then
      return nil, value
    end
  end
  local ok, why = put(scope, name, value, spec)
  if not ok then
    return nil, ("input '%s': %s %s"):format(name, tostring(source), why)
  end
  if type(source) ~= "function" and (url_kinds[spec.kind] or spec.enum)
    and not pcall(check_value, name, scope:get(name), spec) then
    return nil, ("input '%s': %s expected"):format(name, kinds[spec.kind][2])
  end
  return true
end

--- Read the secret references and ask the functions.
-- @tparam table def
-- @tparam bearer.scope scope to put the values into
-- @tparam table dynamic from `inputs.check`
-- @treturn[1] true
-- @treturn[2] nil
-- @treturn[2] string which input gave nothing, and why
function inputs.read(def, scope, dynamic)
  for _, name in ipairs(words.sorted(dynamic)) do
    local ok, why = ask(name, dynamic[name], def.inputs[name], scope)
    if not ok then
      return nil, why
    end
  end
  return true
end

--- What tells these secrets from others, without telling them. An optional input that a
-- function gives is left out: a one-time code changes by itself, and must not let a wrong
-- password be tried again.
-- @tparam table def
-- @tparam bearer.scope static from `inputs.check`
-- @tparam table dynamic from `inputs.check`
-- @treturn ?string nil when a secret cannot be read
function inputs.fingerprint(def, static, dynamic)
  local scope, counted = core.scope(static), {}
  for name, source in pairs(dynamic) do
    local may_lack = def.inputs[name].optional and not in_a_group(def, name)
    if not (type(source) == "function" and may_lack) then
      counted[name] = source
    end
  end
  local fingerprint = inputs.read(def, scope, counted) and scope:fingerprint() or nil
  scope:clear()
  return fingerprint
end

return inputs
