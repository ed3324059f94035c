--- HubSoft: Laravel Passport with the password grant and rotating refresh tokens.
-- `personality` says which league/oauth2-server answers: "7" (7.3.3 to 7.4.0) or "9".
local answer = require "spec.sandbox.server.answer"
local json = require "spec.sandbox.server.json"
local request = require "spec.sandbox.server.request"
local state = require "spec.sandbox.server.state"
local token = require "spec.sandbox.server.token"

local hubsoft = {}

local messages = {
  unsupported_grant_type =
    "The authorization grant type is not supported by the authorization server.",
  invalid_request = "The request is missing a required parameter, includes an invalid parameter "
    .. "value, includes a parameter more than once, or is otherwise malformed.",
  invalid_client = "Client authentication failed",
  credentials = "The user credentials were incorrect.",
  refresh = "The refresh token is invalid.",
}

local function is_new(s)
  return tostring(s.personality or "7") == "9"
end

-- The older server repeats the description as `message`.
local function league(s, status, code, text, hint)
  return answer.new(status, json.object("error", code, "error_description", text, "hint", hint,
    "message", not is_new(s) and text or nil))
end

local function refuse(a, reason)
  return answer.refuse(a, reason)
end

function hubsoft.problem(status, message)
  if status == 500 then
    return answer.new(500, "Error.", { ["Content-Type"] = "text/plain" })
  elseif status == 429 then
    return answer.new(429, json.object("message", "Too Many Attempts."),
      { ["X-RateLimit-Limit"] = "60", ["X-RateLimit-Remaining"] = "0" })
  end
  return answer.new(status, json.object("message", message))
end

local function unsupported(s, reason)
  return refuse(league(s, 400, "unsupported_grant_type", messages.unsupported_grant_type,
    "Check that all required parameters have been provided"), reason)
end

local function malformed(s, field, reason)
  return refuse(league(s, 400, "invalid_request", messages.invalid_request,
    ("Check the `%s` parameter"):format(field)), reason)
end

local function wrong_client(r, s, reason)
  local a = league(s, 401, "invalid_client", messages.invalid_client)
  local scheme = (r.headers.authorization or ""):match("^%a+")
  if scheme then
    a.headers["WWW-Authenticate"] = ('%s realm="OAuth"'):format(
      scheme == "Bearer" and "Bearer" or "Basic")
  end
  return refuse(a, reason)
end

local function wrong_user(s)
  if is_new(s) then
    return refuse(league(s, 400, "invalid_grant", messages.credentials),
      "the credentials are wrong")
  end
  return refuse(league(s, 401, "invalid_credentials", messages.credentials),
    "the credentials are wrong")
end

local function wrong_refresh_token(s, hint)
  local status, code = 401, "invalid_request"
  if is_new(s) then
    status, code = 400, "invalid_grant"
  end
  return refuse(league(s, status, code, messages.refresh, hint), hint)
end

local function access_token(s, id, lifetime)
  local now = math.floor(state.now())
  local in_header = not is_new(s) and id or nil -- 8.0.0 took `jti` out of the header
  local header = json.object("typ", "JWT", "alg", "RS256", "jti", in_header)
  local claims = json.object("aud", s.credentials.client_id, "jti", id, "iat", now, "nbf", now,
    "exp", now + math.floor(lifetime), "sub", "1", "scopes", json.array {})
  return token.jwt(json.encode(header), json.encode(claims), 512)
end

-- A pair; the refresh token knows the access token that dies with it.
local function issue(s, family)
  local lifetime = s.lifetime or 2592000
  local access = state.issue("hubsoft", {
    value = access_token(s, token.hex(80), lifetime), use = "access", family = family,
  }, lifetime)
  local refresh = state.issue("hubsoft", {
    value = "def50200" .. token.hex(600), use = "refresh", access = access, family = family,
  }, s.refresh_lifetime or 31536000)
  return access, refresh, lifetime
end

local function granted(s, access, refresh, lifetime)
  return answer.new(200, answer.token(s, "access_token", access.value,
    "expires_in", lifetime, "refresh_token", refresh and refresh.value, "token_type", "Bearer"), {
      ["Content-Type"] = "application/json; charset=UTF-8",
      ["Cache-Control"] = "no-store",
      ["Pragma"] = "no-cache",
    })
end

local function password_grant(_, s, fields)
  local known = s.credentials
  if fields.username ~= known.username or fields.password ~= known.password then
    return wrong_user(s)
  end
  return granted(s, issue(s, {}))
end

local hints = {
  ["the token was never issued here"] = "Cannot decrypt the refresh token",
  ["the token has expired"] = "Token has expired",
  ["the token was revoked"] = "Token has been revoked",
}

local function revoke_family(family)
  for _, other in pairs(state.tokens.hubsoft) do
    other.revoked = other.revoked or other.family == family
  end
end

-- The old pair dies at once. `family`: a second use of a refresh token ends its successors too.
local function refresh_grant(_, s, fields)
  local found, reason, spent = state.find("hubsoft", "refresh", fields.refresh_token)
  if not found then
    if spent and s.family then
      revoke_family(spent.family)
    end
    return wrong_refresh_token(s, hints[reason])
  end
  if s.revoke_old_on_refresh ~= false then
    found.access.revoked = true
  end
  if s.rotate == false then -- the answer holds no new one, and this one lives on
    local access, _, lifetime = issue(s, found.family)
    found.access = access
    return granted(s, access, nil, lifetime)
  end
  found.revoked = true
  return granted(s, issue(s, found.family))
end

local grants = {
  password = { act = password_grant, rules = {
    "grant_type string", "client_id string", "client_secret string", "username string",
    "password string",
  } },
  refresh_token = { act = refresh_grant, rules = {
    "grant_type string", "client_id string", "client_secret string", "refresh_token string",
  } },
}

-- In Passport's order: grant type, the fields of the client, the client, then the rest.
local function grant(r, s, fields)
  local chosen = grants[fields.grant_type]
  if not chosen then
    return unsupported(s, "grant_type is not one of password, refresh_token")
  end
  local ok, reason, field = request.check(fields, chosen.rules)
  if not ok and field:find("^client_") then
    return malformed(s, field, reason)
  end
  local known = s.credentials
  if fields.client_id ~= known.client_id or fields.client_secret ~= known.client_secret then
    return wrong_client(r, s, "the client is wrong")
  elseif not ok then
    return malformed(s, field, reason)
  end
  return chosen.act(r, s, fields)
end

local function read_token_request(r)
  if r.uri:find("?", 1, true) then
    return nil, "a query string does not belong here"
  end
  return request.json(r)
end

local function oauth_token(r, s)
  if r.headers.authorization then
    return wrong_client(r, s, "Authorization does not belong on a login")
  elseif not request.accepts(r, "application/json") then
    return refuse(hubsoft.problem(406, "Not Acceptable."), "Accept does not name application/json")
  end
  local fields, reason = read_token_request(r)
  if not fields then
    return unsupported(s, reason)
  end
  return grant(r, s, fields)
end

-- Laravel sends a browser, as it takes who does not ask for JSON, to its login page.
local function to_login_page(r)
  local at = ("%s://%s/login"):format(r.tls and "https" or "http", r.headers.host or "")
  return refuse(answer.new(302, '<!DOCTYPE html><meta http-equiv="refresh" content="0;url=/login">',
    { ["Content-Type"] = "text/html; charset=UTF-8", ["Location"] = at }),
    "Accept does not name application/json")
end

local function clients(r)
  if not request.accepts(r, "application/json") then
    return to_login_page(r)
  end
  local value, reason = request.bearer(r)
  if value then
    value, reason = state.find("hubsoft", "access", value)
  end
  if not value then
    return refuse(hubsoft.problem(401, "Unauthenticated."), reason)
  end
  return answer.new(200, json.object("status", "success", "msg", "Dados consultados com sucesso",
    "clientes", json.array {}))
end

local function login_page()
  return answer.new(200, "<!DOCTYPE html><title>Login</title>",
    { ["Content-Type"] = "text/html; charset=UTF-8" })
end

local function kind(r)
  return r.body:find('"refresh_token"%s*:') and "refresh" or "login"
end

hubsoft.routes = {
  ["/oauth/token"] = { kind = kind, POST = oauth_token },
  ["/api/v1/integracao/cliente"] = { kind = "call", GET = clients },
  ["/login"] = { kind = "other", GET = login_page },
}

return hubsoft
