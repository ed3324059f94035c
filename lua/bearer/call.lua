--- Authorised calls of an API: the caller's own request, with the token put in.
-- @module bearer.call
local answer = require "bearer.answer"
local core = require "bearer.core"
local engine = require "bearer.engine"
local errors = require "bearer.errors"
local json = require("cjson").new()
local path = require "bearer.path"
local request = require "bearer.request"
local token = require "bearer.token"
local words = require "bearer.definition.words"

json.encode_keep_buffer(false)

local call = {}

local known = {
  method = "string", url = "string", headers = "table", query = "table",
  json = "any", form = "table", body = "string",
}

--- Check the caller's request.
-- @raise on a wrong type or an unknown field
function call.check(given)
  if type(given) ~= "table" then
    error("request: a table expected, got " .. type(given), 3)
  end
  for name, value in pairs(given) do
    local kind = known[name]
    if not kind then
      error(("request: unknown field %s%s"):format(words.quote(name),
        words.suggester()(name, known)), 3)
    elseif kind ~= "any" and type(value) ~= kind then
      error(("request.%s: a %s expected, got %s"):format(name, kind, type(value)), 3)
    end
  end
  if not given.url then
    error("request.url: is missing", 3)
  end
  if (given.json ~= nil and 1 or 0) + (given.form and 1 or 0) + (given.body and 1 or 0) > 1 then
    error("request: json, form and body exclude each other", 3)
  end
end

local function shallow(map)
  local copy = {}
  for key, value in pairs(map or {}) do
    copy[key] = value
  end
  return copy
end

-- The caller's tables stay as they are: the token is put into copies.
local function private_copy(given)
  local copy = shallow(given)
  copy.headers, copy.query = shallow(given.headers), shallow(given.query)
  if type(given.json) == "table" then
    copy.json = shallow(given.json)
  end
  return copy
end

-- Everything in it is meant literally: "${x}" in a caller's text is just that.
local function literal(value)
  return function()
    return value
  end
end

local function literals(map)
  local result = {}
  for key, value in pairs(map) do
    result[key] = literal(value)
  end
  return result
end

local function base_of(login, names)
  return request.text(login.def, names, login.def.base_url)
end

local function as_definition(login, names, given)
  local url = core.join(base_of(login, names), given.url)
  if not url then
    error("request.url: is relative, and the provider has no base_url", 4)
  end
  local has_body = given.json ~= nil or given.form or given.body
  return {
    method = given.method and given.method:upper() or has_body and "POST" or "GET",
    url = literal(url), headers = literals(given.headers), query = literals(given.query),
    form = given.form and literals(given.form),
    body = given.body and literal(given.body)
      or given.json ~= nil and literal(json.encode(given.json)) or nil,
    content_type = given.json ~= nil and "application/json" or "application/octet-stream",
  }
end

local function response_of(raw)
  local a = answer.read(raw)
  return {
    status = a.status, headers = a.headers, body = a.body,
    json = function()
      return answer.decode(a.body)
    end,
  }
end

--- Send the caller's request with this token.
-- @tparam table login fields of a login
-- @tparam bearer.token t
-- @tparam table given the caller's request, checked
-- @treturn[1] table the response
-- @treturn[2] nil
-- @treturn[2] bearer.error
function call.send(login, t, given)
  local names = token.fields(t).names
  local authorized = t:authorize(private_copy(given))
  local req, fault = request.build(as_definition(login, names, authorized), login.def, names,
    login.options.allow_http)
  if not req then
    error(("request: %s %s"):format(fault.kind, fault.what), 3)
  end
  local raw, failure = engine.exchange(req, login.options)
  if raw then
    return response_of(raw)
  end
  return nil, errors.new {
    code = failure.code, class = "transient", provider = login.def.name, step = "request",
    description = errors.clean(failure.reason, names),
  }
end

--- Does this answer say that the token is no longer accepted?
function call.is_refused(login, response)
  if response.status == 401 then
    return true
  end
  local refused = login.def.error.refused
  if next(refused) then
    local code = path.find(answer.decode(response.body), login.def.error.code)
    if code ~= nil and refused[type(code) == "number" and ("%.14g"):format(code) or code] then
      return true
    end
  end
  local custom = login.options.refused
  if custom then
    local ok, is = pcall(custom, response)
    return ok and is == true
  end
  return false
end

return call
