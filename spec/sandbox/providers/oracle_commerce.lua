--- Oracle Commerce Cloud: one login per API, by application key or by user; refresh, logout,
-- verify. A token of one API is worth nothing at another.
local answer = require "spec.sandbox.server.answer"
local json = require "spec.sandbox.server.json"
local request = require "spec.sandbox.server.request"
local state = require "spec.sandbox.server.state"
local token = require "spec.sandbox.server.token"

local oracle = {}

local types = "http://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html"

-- The error model; `status` and `errorCode` are texts.
local function model(status, code, message)
  return json.object("type", types, "status", tostring(status), "errorCode", code,
    "message", message, "o:errorPath", "", "devMessage", message)
end

local function problem(status, code, message, s)
  local form = s.error_form
  if form == "multi" then -- no errorCode at the top
    return answer.new(status, json.object("message", message, "status", tostring(status),
      "errors", json.array { model(status, code, message) }))
  elseif form == "oauth" then
    return answer.new(status, json.object("error", "invalid_grant", "error_description", message))
  elseif form == "html" then
    return answer.new(status, "<html><body>" .. message .. "</body></html>",
      { ["Content-Type"] = "text/html" })
  end
  return answer.new(status, model(status, code, message))
end

function oracle.problem(status, message, s)
  return problem(status, tostring(20000 + status), message, s)
end

local function refuse(s, status, code, message, reason)
  return answer.refuse(problem(status, code, message, s), reason)
end

local function bad(s, reason)
  return refuse(s, 400, "20002", "The request is not valid", reason)
end

local function denied(s, reason)
  return refuse(s, 401, "21009", "Authentication failed", reason)
end

-- The claims are the document's own, so that the second part ends in a "=" too.
local function make(lifetime)
  local now = math.floor(state.now())
  local claims = ('{"exp":%d,"sub":"110558","iss":"storefrontUI","iat":%d}'):format(
    now + math.floor(lifetime), now)
  return token.padded_jwt('{"alg":"HS256","typ":"JWT"}', claims)
end

local function issue(r, s, api, user)
  local lifetime = s.lifetime or (user and 900 or 300)
  local issued = state.issue("oracle_commerce", {
    value = make(lifetime), use = "access", api = api, user = user,
  }, lifetime)
  local links
  if s.links then
    links = json.array { json.object("rel", "self", "href", "https://sandbox" .. r.path) }
  end
  return answer.new(200, answer.token(s, "access_token", issued.value, "token_type", "bearer",
    "expires_in", lifetime, "links", links))
end

local function read_form(r)
  if r.uri:find("?", 1, true) then
    return nil, "the grant belongs in the body, not in the query"
  end
  return request.form(r)
end

local function key_login(r, s, api, fields)
  local ok, reason = request.check(fields, { "grant_type string" })
  if not ok or fields.grant_type ~= "client_credentials" then
    return bad(s, reason or "grant_type is not client_credentials")
  end
  local key
  key, reason = request.bearer(r)
  if not key or key ~= s.credentials.app_key then
    return denied(s, reason or "the application key is wrong")
  end
  return issue(r, s, api, false)
end

local base = { "grant_type string", "username string", "password string" }
local with_code = { "grant_type string", "username string", "password string",
  "totp_code string" }
local shopper = { "grant_type string", "username string", "password string",
  "totp_code ?string", "validation_token ?string", "fingerprint ?string",
  "remember_device ?string", "orderMergeMode ?string" }

-- nil when all is well, else the refusal.
local function check_user(r, s, fields, rules)
  local ok, reason = request.check(fields, rules)
  if r.headers.authorization then
    return bad(s, "Authorization does not belong on a user's login")
  elseif not ok or fields.grant_type ~= "password" then
    return bad(s, reason or "grant_type is not password")
  end
  local known = s.credentials
  if fields.username ~= known.username or fields.password ~= known.password then
    return denied(s, "the credentials are wrong")
  elseif fields.totp_code and fields.totp_code ~= known.totp_code then
    return refuse(s, 401, "83041", "One-Time Passcode is not valid", "totp_code is wrong")
  end
end

local function user_login(r, s, api, fields, rules)
  return check_user(r, s, fields, rules) or issue(r, s, api, true)
end

-- With `mfa` a shopper gets a validation token first, in a 200 without an access token.
local function shopper_login(r, s, api, fields)
  local refusal = check_user(r, s, fields, shopper)
  if refusal or not s.mfa then
    return refusal or issue(r, s, api, true)
  elseif not fields.totp_code then
    oracle.validation = token.hex(32)
    return answer.new(200, json.object("validation_token", oracle.validation))
  elseif fields.validation_token ~= oracle.validation then
    return refuse(s, 401, "83011", "The token is not valid", "validation_token is wrong")
  end
  return issue(r, s, api, true)
end

-- `/ccadmin/v1/login` takes both grants; the others one.
local function admin_login(r, s, api, fields)
  if fields.grant_type == "password" then
    return user_login(r, s, api, fields, base)
  end
  return key_login(r, s, api, fields)
end

local function login(api, act, rules)
  return { kind = "login", POST = function(r, s)
    local fields, reason = read_form(r)
    if not fields then
      return bad(s, reason)
    end
    return act(r, s, api, fields, rules)
  end }
end

-- The living token of this API, or nil and the reason.
local function holder(r, api)
  local value, reason = request.bearer(r)
  if not value then
    return nil, reason
  end
  local found
  found, reason = state.find("oracle_commerce", "access", value)
  if found and found.api ~= api then
    return nil, ("the token is for %s"):format(found.api)
  end
  return found, reason
end

-- Nothing, an empty form or `{}`: what the real clients send where a body means nothing.
local function has_no_fields(r)
  if r.body == "" then
    return true
  end
  local fields = request.json(r)
  return fields ~= nil and next(fields) == nil
end

local function authorised(api, act)
  return function(r, s)
    local found, reason = holder(r, api)
    if not found then
      return denied(s, reason)
    elseif r.method == "POST" and not has_no_fields(r) then
      return bad(s, "the body is neither empty nor {} as application/json")
    end
    return act(r, s, found)
  end
end

local function refresh(r, s, found)
  if r.uri:find("?", 1, true) then
    return bad(s, "a query string does not belong here")
  end
  found.revoked = s.revoke_old_on_refresh == true
  return issue(r, s, found.api, found.user)
end

local function logout(_, s, found)
  local done = s.logout_result ~= false
  found.revoked = found.revoked or done
  return answer.new(200, json.object("result", done))
end

local function verify(_, s)
  return answer.new(200, json.object("success", s.verify_result ~= false))
end

local function products()
  return answer.new(200, json.object("items", json.array {}, "total", 0, "offset", 0))
end

local function api_routes(routes, api)
  local at = ("/%s/v1/"):format(api)
  routes[at .. "refresh"] = { kind = "refresh", POST = authorised(api, refresh) }
  routes[at .. "logout"] = { kind = "logout", POST = authorised(api, logout) }
  routes[at .. "verify"] = { kind = "verify", POST = authorised(api, verify) }
  routes[at .. "products"] = { kind = "call", GET = authorised(api, products) }
end

oracle.routes = {
  ["/ccadmin/v1/login"] = login("ccadmin", admin_login),
  ["/ccadmin/v1/mfalogin"] = login("ccadmin", user_login, with_code),
  ["/ccstore/v1/login"] = login("ccstore", shopper_login),
  ["/ccagent/v1/login"] = login("ccagent", user_login, base),
  ["/ccapp/v1/login"] = login("ccapp", key_login),
  ["/ccappagent/v1/login"] = login("ccappagent", key_login),
}

for _, api in ipairs { "ccadmin", "ccstore", "ccagent", "ccapp", "ccappagent" } do
  api_routes(oracle.routes, api)
end

return oracle
