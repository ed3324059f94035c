--- The compiled form: what the rest of `bearer` reads. Every list is there, every default is
-- filled in, every path is a list of paths.
-- @module bearer.definition.compiled
-- @local
local words = require "bearer.definition.words"

local compiled = {}

local function list(value)
  if value == nil or value == false then
    return {}
  end
  return type(value) == "table" and value or { value }
end

local function lists(map)
  local result = {}
  for name, value in next, map or {} do
    result[name] = list(value)
  end
  return result
end

local function texts(codes)
  local result = {}
  for i, code in ipairs(codes or {}) do
    result[i] = words.code(code)
  end
  return result
end

-- `false` says "none"; nothing said means the default.
local function paths(value, default)
  if value == nil then
    value = default
  end
  return list(value)
end

local function requests(value)
  if value == nil then
    return nil
  end
  local result = value[1] ~= nil and value or { value }
  for _, request in ipairs(result) do
    request.method = request.method or "POST"
    request.keep = lists(request.keep)
  end
  return result
end

local function inputs(map, groups)
  for _, input in next, map do
    input.takes_any = input.kind == nil -- tables and booleans, too, where they stay what they are
    input.kind = input.kind or "text"
  end
  for _, group in ipairs(groups or {}) do
    for _, name in ipairs(group) do -- the groups decide which of them must be given
      map[name].optional = true
    end
  end
  return map
end

local function token(t)
  return {
    value = paths(t.value, "access_token"),
    type = paths(t.type, "token_type"),
    scope = paths(t.scope, "scope"),
    refresh_token = paths(t.refresh_token, "refresh_token"),
    expires_in = paths(t.expires_in, "expires_in"),
    expires_at = paths(t.expires_at),
    issued_at = paths(t.issued_at),
    refresh_expires_in = paths(t.refresh_expires_in),
    zone = t.zone,
    unit = t.unit or "s",
    lifetime = t.lifetime,
    format = t.format or "json",
    make = t.make,
    keep = lists(t.keep),
  }
end

-- OAuth 2.0's, what most people use, problem details (RFC 9457), and those who nest them.
local usual_messages = {
  "error_description", "message", "detail", "title", "error.message", "errors[1].message",
}

local function errors(e)
  return {
    code = paths(e.code, "error"),
    message = paths(e.message, usual_messages),
    denied = texts(e.denied),
    throttled = texts(e.throttled),
    refused = texts(e.refused),
  }
end

--- Compile a definition that has no fault.
-- @tparam table def a private copy, `extends` resolved; it is used up
-- @treturn table
function compiled.from(def)
  return {
    name = def.name, title = def.title, docs = def.docs,
    inputs = inputs(def.inputs, def.one_of),
    one_of = def.one_of,
    base_url = def.base_url,
    hosts = def.hosts,
    sign = def.sign,
    login = requests(def.login),
    refresh = requests(def.refresh),
    after = requests(def.after),
    logout = requests(def.logout),
    token = token(def.token or {}),
    authorize = def.authorize,
    error = errors(def.error or {}),
  }
end

return compiled
