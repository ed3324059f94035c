--- A plain OAuth 2.0 server, strict by RFC 6749: token endpoint, revocation (RFC 7009), and a
-- resource to call. Refresh tokens rotate; a second use of one ends its whole family.
local answer = require "spec.sandbox.server.answer"
local json = require "spec.sandbox.server.json"
local request = require "spec.sandbox.server.request"
local state = require "spec.sandbox.server.state"
local token = require "spec.sandbox.server.token"

local oauth2 = {}

local no_store = { ["Cache-Control"] = "no-store", ["Pragma"] = "no-cache" }

-- Section 5.2; the reason is for the record, the description what a server would say.
local function refuse(status, code, reason)
  local a = answer.new(status, json.object("error", code, "error_description", reason,
    "error_uri", "https://sandbox.example/errors/" .. code))
  for name, value in pairs(no_store) do
    a.headers[name] = value
  end
  return answer.refuse(a, reason)
end

function oauth2.problem(status, message)
  local code = status == 429 and "slow_down" or status >= 500 and "server_error"
    or "invalid_request"
  return refuse(status, code, message)
end

-- ---- the client -----------------------------------------------------------------------

-- Section 2.3.1: both are form-encoded before they are joined. Many servers do not know that.
local function read_basic(header, is_raw)
  local plain = header:match("^Basic ([%w+/]+=*)$")
  plain = plain and ngx.decode_base64(plain)
  if is_raw then
    local id, secret = (plain or ""):match("^([^:]*):(.*)$")
    return { method = "basic_raw", id = id, secret = secret }
  end
  local id, secret = (plain or ""):match("^([^:]*):([^:]*)$")
  id, secret = id and request.decode(id), secret and request.decode(secret)
  if not id or not secret then
    return nil, "Authorization is not Basic of two form-encoded parts"
  end
  return { method = "basic", id = id, secret = secret }
end

local function read_client(r, s, fields)
  local header = r.headers.authorization
  if not header then
    return { method = fields.client_secret and "form" or "none", id = fields.client_id,
      secret = fields.client_secret }
  elseif fields.client_id or fields.client_secret then
    return nil, "the client names itself twice"
  end
  return read_basic(header, s.auth == "basic_raw")
end

local function wrong_client(r, reason)
  local a = refuse(401, "invalid_client", reason)
  if r.headers.authorization then
    a.headers["WWW-Authenticate"] = 'Basic realm="sandbox", charset="UTF-8"'
  end
  return a
end

-- The client, or nil and the refusal.
local function check_client(r, s, fields)
  local client, reason = read_client(r, s, fields)
  if not client then
    return nil, refuse(400, "invalid_request", reason)
  end
  local known, method = s.credentials, s.auth or "basic"
  if client.method ~= method then
    return nil, wrong_client(r, ("the client has to use %s, not %s"):format(method,
      client.method))
  elseif client.id ~= known.client_id
    or method ~= "none" and client.secret ~= known.client_secret then
    return nil, wrong_client(r, "the client is wrong")
  end
  return client
end

-- ---- tokens -----------------------------------------------------------------------------

local offered = { read = true, write = true, admin = true }

-- Section 3.3: what is granted, or nil when an unknown or wider scope was asked for.
local function granted_scope(asked, limit)
  if not asked then
    return limit or "read"
  end
  for one in (asked .. " "):gmatch("([^ ]*) ") do
    if not offered[one] or limit and not (" " .. limit .. " "):find(" " .. one .. " ", 1, true) then
      return nil
    end
  end
  return asked
end

local function is_target(uri)
  return uri:find("^%a[%w+.-]*://[^%s#]+$") ~= nil
end

local function check_targets(fields)
  for _, uri in ipairs(fields.resource or {}) do
    if not is_target(uri) then
      return refuse(400, "invalid_target", "resource is not an absolute URI")
    end
  end
end

-- `about`: scope and family of the pair.
local function grant(s, fields, about, with_refresh)
  local lifetime = s.lifetime or 3600
  local access = state.issue("oauth2", { value = token.letters(43), use = "access",
    scope = about.scope, family = about.family, audience = fields.audience,
    resource = fields.resource }, lifetime)
  local refresh = with_refresh and state.issue("oauth2", { value = token.letters(43),
    use = "refresh", scope = about.scope, family = about.family },
    s.refresh_lifetime or 86400 * 30)
  return answer.new(200, answer.token(s, "access_token", access.value, "token_type", "Bearer",
    "expires_in", lifetime, "refresh_token", refresh and refresh.value or nil,
    "scope", about.scope), {
      ["Content-Type"] = "application/json;charset=UTF-8",
      ["Cache-Control"] = "no-store", ["Pragma"] = "no-cache",
    })
end

local function first_grant(s, fields, with_refresh)
  local scope = granted_scope(fields.scope)
  if not scope then
    return refuse(400, "invalid_scope", "the scope is not on offer")
  end
  return grant(s, fields, { scope = scope, family = {} }, with_refresh)
end

local function client_credentials(s, fields, client)
  if client.method == "none" then
    return refuse(400, "unauthorized_client", "a public client has no credentials of its own")
  end
  return first_grant(s, fields, false) -- 4.4.3: no refresh token
end

local function password(s, fields)
  local known = s.credentials
  if fields.username ~= known.username or fields.password ~= known.password then
    return refuse(400, "invalid_grant", "the resource owner's credentials are wrong")
  end
  return first_grant(s, fields, true)
end

local function revoke_family(family)
  for _, other in pairs(state.tokens.oauth2) do
    other.revoked = other.revoked or other.family == family
  end
end

local function refresh_token(s, fields)
  local found, reason, spent = state.find("oauth2", "refresh", fields.refresh_token)
  if not found then
    if spent and spent.revoked then
      revoke_family(spent.family)
    end
    return refuse(400, "invalid_grant", reason)
  end
  local scope = granted_scope(fields.scope, found.scope)
  if not scope then
    return refuse(400, "invalid_scope", "the scope is wider than the one that was granted")
  end
  found.revoked = s.rotate ~= false
  return grant(s, fields, { scope = scope, family = found.family }, s.rotate ~= false)
end

local shared = { "client_id ?string", "client_secret ?string", "scope ?string",
  "audience ?string", "resource ?table", "grant_type string" }

local function rules(...)
  local list = { ... }
  for _, rule in ipairs(shared) do
    list[#list + 1] = rule
  end
  return list
end

local grants = {
  client_credentials = { act = client_credentials, rules = rules() },
  password = { act = password, rules = rules("username string", "password string") },
  refresh_token = { act = refresh_token, rules = rules("refresh_token string") },
}

-- ---- endpoints ----------------------------------------------------------------------------

local many = { resource = true } -- RFC 8707: one for each place where the token is used

local function read(r)
  if r.uri:find("?", 1, true) then
    return nil, refuse(400, "invalid_request", "parameters belong in the body")
  end
  local fields, reason = request.form(r, many)
  if not fields then
    return nil, refuse(400, "invalid_request", reason)
  end
  return fields
end

local function ask(r, s)
  local fields, refusal = read(r)
  if not fields then
    return refusal
  elseif not fields.grant_type then
    return refuse(400, "invalid_request", "grant_type is missing")
  end
  local chosen = grants[fields.grant_type]
  if not chosen then
    return refuse(400, "unsupported_grant_type", "grant_type is none of those on offer")
  end
  local client
  client, refusal = check_client(r, s, fields)
  if not client then
    return refusal
  end
  local ok, reason = request.check(fields, chosen.rules)
  if not ok then
    return refuse(400, "invalid_request", reason)
  end
  return check_targets(fields) or chosen.act(s, fields, client)
end

local hints = { access_token = true, refresh_token = true }

-- RFC 7009: a token nobody knows is revoked as well as can be.
local function revoke(r, s)
  local fields, refusal = read(r)
  if not fields then
    return refusal
  end
  local client
  client, refusal = check_client(r, s, fields)
  if not client then
    return refusal
  elseif not fields.token then
    return refuse(400, "invalid_request", "token is missing")
  elseif fields.token_type_hint and not hints[fields.token_type_hint] then
    return refuse(400, "unsupported_token_type", "token_type_hint is none of those on offer")
  end
  local found = state.tokens.oauth2[fields.token]
  if found then
    found.revoked = true
    if found.use == "refresh" then
      revoke_family(found.family)
    end
  end
  return answer.new(200, "")
end

-- RFC 6750, section 3.
local function resource(r)
  local value, reason = request.bearer(r)
  if value then
    value, reason = state.find("oauth2", "access", value)
  end
  if not value then
    local a = refuse(401, "invalid_token", reason)
    a.headers["WWW-Authenticate"] = 'Bearer realm="sandbox", error="invalid_token"'
    return a
  end
  return answer.new(200, json.object("scope", value.scope, "audience", value.audience,
    "resource", value.resource and json.array(value.resource)))
end

local function kind(r)
  return r.body:find("grant_type=refresh_token", 1, true) and "refresh" or "login"
end

oauth2.routes = {
  ["/oauth2/token"] = { kind = kind, POST = ask },
  ["/oauth2/revoke"] = { kind = "logout", POST = revoke },
  ["/oauth2/resource"] = { kind = "call", GET = resource },
}

-- The refresh token that a customer brings along.
table.insert(state.seeds, function()
  local bought = state.settings.oauth2.credentials.refresh_token
  state.issue("oauth2", { value = bought, use = "refresh", scope = "read write", family = {} },
    86400 * 365)
end)

return oauth2
