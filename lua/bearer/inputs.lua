--- What a caller gives a login: checked against the definition, then kept in a scope, where
-- secrets are held in memory that is wiped. Secret references and functions are kept apart
-- and asked anew for each login.
-- @module bearer.inputs
local core = require "bearer.core"
local values = require "bearer.values"
local words = require "bearer.definition.words"

local inputs = {}

local check_value = values.check

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

local function check_shape(given)
  if type(given) ~= "table" then
    error("inputs: a table expected, got " .. type(given), 0)
  end
  for name in pairs(given) do
    if type(name) ~= "string" then
      error("inputs: names are texts", 0)
    end
  end
end

--- Check the inputs of a login.
-- @tparam table def a compiled definition
-- @tparam table given by the caller
-- @treturn bearer.scope what is known from now on
-- @treturn {[string]=function|bearer.reference,…} what is asked for at each login
-- @raise naming each input that is missing, unknown or wrong
function inputs.check(def, given)
  check_shape(given)
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

local function ask_function(name, source, spec)
  local ok, value, why = pcall(source)
  if not ok or value == nil then
    return nil, ("input '%s': its function gave nothing%s"):format(name,
      ok and type(why) == "string" and ": " .. why or "")
  end
  ok, value = pcall(check_value, name, value, spec)
  if not ok then
    return nil, value
  end
  return value
end

-- Only what goes into a URL as it is, or must be one of a few, becomes a Lua string for it.
local function check_read(name, spec, scope)
  if not url_kinds[spec.kind] and not spec.enum then
    return true
  end
  return pcall(check_value, name, scope:get(name), spec)
end

local function ask(name, source, spec, scope)
  if type(source) == "function" then
    local value, why = ask_function(name, source, spec)
    if value == nil then
      return nil, why
    end
    return put(scope, name, value, spec)
  end
  local ok, why = put(scope, name, source, spec)
  if not ok then
    return nil, ("input '%s': %s %s"):format(name, tostring(source), why)
  end
  return check_read(name, spec, scope)
end

-- A one-time code changes by itself, and must not let a wrong password be tried again: an
-- optional input that a function gives does not tell secrets from others.
local function is_counted(def, name, source)
  local may_lack = def.inputs[name].optional and not in_a_group(def, name)
  return not (type(source) == "function" and may_lack)
end

local function read_some(def, scope, dynamic, counted)
  for _, name in ipairs(words.sorted(dynamic)) do
    if is_counted(def, name, dynamic[name]) == counted then
      local ok, why = ask(name, dynamic[name], def.inputs[name], scope)
      if not ok then
        return nil, why -- never with the value: it may be the secret
      end
    end
  end
  return true
end

--- Read the secret references and ask the functions, each once.
-- @tparam table def
-- @tparam bearer.scope scope to put the values into
-- @tparam table dynamic from `inputs.check`
-- @treturn[1] true
-- @treturn[1] string fingerprint, as from `inputs.fingerprint`
-- @treturn[2] nil
-- @treturn[2] string which input gave nothing, and why
function inputs.read(def, scope, dynamic)
  local ok, why = read_some(def, scope, dynamic, true)
  if not ok then
    return nil, why
  end
  local fingerprint = scope:fingerprint()
  ok, why = read_some(def, scope, dynamic, false)
  if not ok then
    return nil, why
  end
  return true, fingerprint
end

--- What tells these secrets from others, without telling them.
-- @tparam table def
-- @tparam bearer.scope static from `inputs.check`
-- @tparam table dynamic from `inputs.check`
-- @treturn ?string nil when a secret cannot be read
function inputs.fingerprint(def, static, dynamic)
  local scope = core.scope(static)
  local fingerprint = read_some(def, scope, dynamic, true) and scope:fingerprint() or nil
  scope:clear()
  return fingerprint
end

return inputs
