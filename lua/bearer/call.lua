--- Authorised calls of an API: the caller's own request, with the token put in.
-- @module bearer.call
local answer = require "bearer.answer"
local core = require "bearer.core"
local errors = require "bearer.errors"
local exchange = require "bearer.exchange"
local json = require "bearer.json"
local path = require "bearer.path"
local request = require "bearer.request"
local token = require "bearer.token"
local words = require "bearer.definition.words"

local call = {}

-- ---- the caller's mistakes ----------------------------------------------------

local known = {
  method = "string", url = "string", headers = "table", query = "table",
  json = "any", form = "table", body = "string",
}

-- Raised with the position of whoever called login:request.
local function refuse(level, message, ...)
  error(message:format(...), level + 1)
end

local function check_fields(given)
  for name, value in pairs(given) do
    local kind = known[name]
    if not kind then
      refuse(4, "request: unknown field %s%s", words.quote(name), words.suggester()(name, known))
    elseif kind ~= "any" and type(value) ~= kind then
      refuse(4, "request.%s: a %s expected, got %s", name, kind, type(value))
    end
  end
  if not given.url then
    refuse(4, "request.url: is missing")
  end
end

local token_of_http = "^[%w!#$%%&'*+.^_`|~-]+$" -- RFC 9110, 5.6.2

local scalar = { string = true, number = true, boolean = true }

local function check_headers(headers)
  for name, value in pairs(headers) do
    if type(name) ~= "string" or not name:find(token_of_http) then
      refuse(4, "request.headers: %s is not the name of a header", words.quote(name))
    elseif not scalar[type(value)] then
      refuse(4, "request.headers[%s]: a text expected, got %s", words.quote(name), type(value))
    elseif words.splits_header(tostring(value)) then
      refuse(4, "request.headers[%s]: holds a control character, which would split it",
        words.quote(name))
    end
  end
end

local function is_scalars(value)
  if type(value) ~= "table" then
    return scalar[type(value)]
  end
  for i, item in pairs(value) do
    if type(i) ~= "number" or not scalar[type(item)] then
      return false
    end
  end
  return true
end

local function check_parameters(field, map)
  for name, value in pairs(map) do
    if type(name) ~= "string" or name:find("%z") then
      refuse(4, "request.%s: %s is not the name of a parameter", field, words.quote(name))
    elseif not is_scalars(value) then
      refuse(4, "request.%s[%s]: a text or a list of texts expected", field, words.quote(name))
    end
  end
end

--- Check the caller's request.
-- @raise on a wrong type, an unknown field, or what would be another request than it seems
function call.check(given)
  if type(given) ~= "table" then
    refuse(3, "request: a table expected, got %s", type(given))
  end
  check_fields(given)
  check_headers(given.headers or {})
  check_parameters("query", given.query or {})
  check_parameters("form", given.form or {})
  if given.method and not given.method:find "^%a+$" then
    refuse(3, "request.method: %s is not a method", words.quote(given.method))
  elseif (given.json ~= nil and 1 or 0) + (given.form and 1 or 0) + (given.body and 1 or 0) > 1 then
    refuse(3, "request: json, form and body exclude each other")
  end
end

-- ---- sending ------------------------------------------------------------------

local function shallow(map)
  local copy = {}
  for key, value in pairs(map or {}) do
    copy[key] = value
  end
  return copy
end

-- The caller's tables stay as they are: the token is put into copies.
local function private_copy(given, def)
  local copy = shallow(given)
  copy.headers, copy.query = shallow(given.headers), shallow(given.query)
  if type(given.json) == "table" and def.authorize and def.authorize.json then
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

local function body_of(given)
  if given.json == nil then
    return given.body
  end
  local ok, text = pcall(json.encode, given.json)
  if not ok then
    refuse(6, "request.json: %s", text)
  end
  return text
end

local function as_definition(given, url)
  local body = body_of(given)
  return {
    method = (given.method or (body or given.form) and "POST" or "GET"):upper(),
    url = literal(url), headers = literals(given.headers), query = literals(given.query),
    form = given.form and literals(given.form),
    body = body and literal(body),
    content_type = given.json ~= nil and "application/json" or "application/octet-stream",
  }
end

local function is_fine(url, allow_http)
  local req = core.request("GET")
  req:url(nil, url)
  return (req:check(allow_http))
end

-- The absolute URL. Nil and why when the base_url, which may be made of what an answer said,
-- came to nothing.
local function url_of(login, names, given)
  local url = core.join(nil, given.url)
  if url then
    return url
  elseif not login.def.base_url then
    refuse(5, "request.url: is relative, and the provider has no base_url")
  end
  local base = request.url(login.def, names, login.def.base_url)
  if not base then
    return nil, "no answer gave what the provider's base_url is made of"
  elseif not is_fine(base, login.options.allow_http) then
    return nil, "the provider's base_url is no absolute https URL"
  end
  return core.join(base, given.url)
end

local function failure_of(login, names, code, class, description)
  return nil, errors.new {
    code = code, class = class, provider = login.def.name, step = "request",
    description = errors.clean(description, names),
  }
end

-- Its body may be large, and no JSON at all: it is decoded when somebody asks, and once.
local function response_of(raw)
  local is_decoded, value
  return {
    status = raw.status, headers = answer.headers(raw), body = raw.body,
    json = function()
      if not is_decoded then
        is_decoded, value = true, json.decode(raw.body)
      end
      return value
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
-- @raise on a request that cannot be sent
function call.send(login, t, given)
  local names = token.fields(t).names
  local url, why = url_of(login, names, given)
  if not url then
    return failure_of(login, names, "bad_answer", "terminal", why)
  end
  local r = as_definition(t:authorize(private_copy(given, login.def)), url)
  local req, fault = request.build(r, login.def, names, login.options.allow_http)
  if not req and fault.kind == "unsafe" then -- not the caller's header, which was checked
    return failure_of(login, names, "bad_answer", "terminal", request.explain(fault))
  elseif not req then
    refuse(4, "request: %s", request.explain(fault))
  end
  local raw, failure = exchange.send(req, login.options)
  if raw then
    return response_of(raw)
  end
  return failure_of(login, names, failure.code,
    failure.code == "no_secret" and "terminal" or "transient", failure.reason)
end

-- ---- answers ------------------------------------------------------------------

local function has_refused_code(login, response)
  local refused = login.def.error.refused
  if not next(refused) then
    return false
  end
  local code = path.find(response.json(), login.def.error.code)
  return code ~= nil and refused[words.code(code)] == true
end

--- Does this answer say that the token is no longer accepted?
-- @tparam table login fields of a login
-- @tparam table response
-- @treturn boolean
function call.is_refused(login, response)
  if response.status == 401 or has_refused_code(login, response) then
    return true
  end
  local custom = login.options.refused
  if not custom then
    return false
  end
  local ok, is = pcall(custom, response)
  return ok and is == true
end

return call
