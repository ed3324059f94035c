--- CRM.COM: the key as a Basic user, the consumer in JSON, and a token that travels as a
-- parameter. Failures usually come inside a 200. The codes are invented: none is documented.
local answer = require "spec.sandbox.server.answer"
local json = require "spec.sandbox.server.json"
local request = require "spec.sandbox.server.request"
local state = require "spec.sandbox.server.state"
local token = require "spec.sandbox.server.token"

local crm = {}

local function status_of(s, code, message)
  local text = s.nulls and json.null or message or ""
  return json.object("code", code, "description", s.nulls and json.null or "", "message", text)
end

-- The older servers print `status` first; `nulls` plays one of them.
local function envelope(s, status, data, code, message)
  local about = status_of(s, code, message)
  if s.nulls then
    return answer.new(status, json.object("status", about, "data", data))
  end
  return answer.new(status, json.object("data", data, "status", about))
end

local function failure(s, status, code, message)
  local data = json.null
  if s.data == "absent" then
    data = nil
  elseif s.data == "empty" then
    data = json.object()
  end
  return envelope(s, status, data, code, message)
end

function crm.problem(status, message, s)
  return failure(s, status, "ERROR_" .. status, message)
end

local function refuse(s, code, reason)
  return answer.refuse(failure(s, s.failure_http or 200, code, "The request failed"), reason)
end

-- `Basic base64(key:)`, the empty password after its colon.
local function read_key(r)
  local value = (r.headers.authorization or ""):match("^Basic ([%w+/]+=*)$")
  local plain = value and ngx.decode_base64(value)
  if not plain then
    return nil, "Authorization is not 'Basic BASE64'"
  end
  local key, password = plain:match("^([^:]*):(.*)$")
  if not key then
    return nil, "the key has no colon after it"
  elseif password ~= "" then
    return nil, "the password is not empty"
  end
  return key
end

local function check_identifier(who)
  if who.authentication_code ~= nil then
    return request.check(who, { "authentication_code string" })
  end
  return request.check(who, { "identifier string", "pass_code string" })
end

local function read_login(r)
  local fields, reason = request.json(r)
  if r.uri:find("?", 1, true) then
    return nil, "a query string does not belong here"
  elseif not fields then
    return nil, reason
  end
  local ok
  ok, reason = request.check(fields, { "access_token_identifier table", "unit ?string" })
  if ok then
    ok, reason = check_identifier(fields.access_token_identifier)
  end
  return ok and fields, reason
end

local function is_consumer(who, known)
  if who.authentication_code then
    return who.authentication_code == known.authentication_code
  end
  return who.identifier == known.identifier and who.pass_code == known.pass_code
end

local function issue(s, unit)
  local lifetime, now = s.lifetime or 7200, math.floor(state.now())
  local function id()
    return token.hex(32):upper()
  end
  local claims = json.object("cii", id(), "usr", "sandbox", "org", "ps_dev", "ari", id(),
    "oun", unit or "1", "exp", tostring(now + math.floor(lifetime)), "iat", tostring(now),
    "jti", id()) -- every claim is a text
  return state.issue("crm_com", {
    value = token.jwt('{"typ":"JWT","alg":"HS256"}', json.encode(claims)), use = "access",
  }, lifetime)
end

local function login(r, s)
  local fields, reason = read_login(r)
  if not fields then
    return refuse(s, "INVALID_PARAMETERS", reason)
  end
  local key
  key, reason = read_key(r)
  local known = s.credentials
  if key ~= known.api_key then
    return refuse(s, "INVALID_WEB_API_KEY", reason or "the key is wrong")
  elseif not is_consumer(fields.access_token_identifier, known) then
    return refuse(s, "INVALID_ACCESS_TOKEN_IDENTIFIER", "the credentials are wrong")
  elseif s.failure_status then
    return refuse(s, s.failure_status, "the settings say so")
  end
  local issued = issue(s, fields.unit)
  return envelope(s, 200, answer.token(s, "token", issued.value), "OK")
end

local function call_refused(s, reason)
  local status = s.call_failure_http or 401
  return answer.refuse(failure(s, status, "INVALID_TOKEN", "The token is not valid"), reason)
end

local function call(r, s, value, reason)
  if r.headers.authorization then
    return call_refused(s, "Authorization belongs on a login only")
  elseif type(value) ~= "string" then
    return call_refused(s, reason or "token is missing")
  end
  local found
  found, reason = state.find("crm_com", "access", value)
  if not found then
    return call_refused(s, reason)
  end
  return envelope(s, 200, json.object("contacts", json.array {}), "OK")
end

local function show(r, s)
  local fields, reason = request.pairs(r.query)
  return call(r, s, fields and fields.token, reason)
end

local function show_posted(r, s)
  local fields, reason = request.json(r)
  if (request.pairs(r.query) or {}).token then
    return call_refused(s, "the token belongs in the JSON of a POST")
  end
  return call(r, s, fields and fields.token, reason)
end

-- The vendor does not say where the login is: `path` moves it.
crm.movable = "/crmapi/rest/v2/authentication/token"

crm.routes = {
  [crm.movable] = { kind = "login", POST = login },
  ["/crmapi/rest/v2/contacts/show"] = { kind = "call", GET = show, POST = show_posted },
}

return crm
