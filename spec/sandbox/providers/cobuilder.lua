--- Cobuilder: a JSON login whose whole answer is the token, in one of several dresses.
local answer = require "spec.sandbox.server.answer"
local json = require "spec.sandbox.server.json"
local request = require "spec.sandbox.server.request"
local state = require "spec.sandbox.server.state"
local token = require "spec.sandbox.server.token"

local cobuilder = {}

local titles = {
  [400] = "Bad Request", [401] = "Unauthorized", [404] = "Not Found",
  [405] = "Method Not Allowed", [415] = "Unsupported Media Type",
}

-- RFC 9457, as ASP.NET Core writes it: extension members at the top level.
local function details(status, title, detail, errors)
  return answer.new(status, json.object("type", "https://httpstatuses.io/" .. status,
    "title", title, "status", status, "detail", detail, "traceId", "00-sandbox-00",
    "errors", errors), { ["Content-Type"] = "application/problem+json; charset=utf-8" })
end

function cobuilder.problem(status, message)
  if status == 500 then -- no schema is documented for it
    return answer.new(500, "")
  end
  return details(status, titles[status] or message, message)
end

local function refuse(status, detail, reason, errors)
  return answer.refuse(details(status, titles[status], detail, errors), reason)
end

local function is_json(media)
  return media == "application/json" or media == "text/json"
    or media:find("^application/[%w%.%-]+%+json$") ~= nil
end

local function is_uri(text)
  return text == nil or text:find("^%a[%w+.-]*://[^%s/]+") ~= nil
end

local rules = { "clientId string", "clientSecret string", "audienceUrl ?string" }

local function invalid(field, reason)
  return refuse(400, "One or more validation errors occurred.", reason,
    json.object(field, json.array { reason }))
end

-- The fields, or nil and the refusal.
local function read_login(r)
  if r.query ~= "" then -- the samples end in a bare "?"; more than that is noise
    return nil, refuse(400, "Unexpected query", "a query string does not belong here")
  elseif r.headers.authorization then
    return nil, refuse(400, "Unexpected credentials", "Authorization does not belong on a login")
  end
  local fields, reason = request.json(r, is_json)
  if not fields then
    local status = reason:find("^Content%-Type") and 415 or 400
    return nil, refuse(status, "The body cannot be read.", reason)
  end
  local ok, why, field = request.check(fields, rules)
  if not ok then
    return nil, invalid(field, why)
  elseif not is_uri(fields.audienceUrl) then
    return nil, invalid("audienceUrl", "audienceUrl is not an absolute URI")
  end
  return fields
end

local function make(s, lifetime)
  if s.jwt == false then
    return token.letters(48)
  end
  local now = math.floor(state.now())
  return token.jwt('{"alg":"RS256","typ":"JWT"}', json.encode(json.object(
    "iss", "https://api.cobuilder.example", "iat", now, "nbf", now,
    "exp", now + math.floor(lifetime), "jti", token.hex(32))), 256)
end

local dresses = {
  json = { "application/json; charset=utf-8", '"%s"' },
  text = { "text/plain; charset=utf-8", "%s" },
  text_newline = { "text/plain; charset=utf-8", "%s\r\n" },
  bom = { "text/plain; charset=utf-8", "\239\187\191%s" },
}

-- ASP.NET Core: text as it is, unless the caller asks for JSON.
local function dress(r, s, value)
  local wanted = request.accepts(r, "application/json") or request.accepts(r, "text/json")
  local form = dresses[s.form or (wanted and "json" or "text")]
  return answer.new(200, form[2]:format(value), { ["Content-Type"] = form[1] })
end

local function login(r, s)
  local fields, refusal = read_login(r)
  if not fields then
    return refusal
  end
  local known = s.credentials
  if fields.clientId ~= known.client_id or fields.clientSecret ~= known.client_secret then
    return refuse(401, "Invalid client credentials.", "the credentials are wrong")
  end
  local lifetime = s.lifetime or 3600
  local issued = state.issue("cobuilder", {
    value = make(s, lifetime), use = "access", audience = fields.audienceUrl,
  }, lifetime)
  return dress(r, s, issued.value)
end

local function products(r)
  local value, reason = request.bearer(r)
  if value then
    value, reason = state.find("cobuilder", "access", value)
  end
  if not value then
    local a = refuse(401, "The token is missing or not valid.", reason)
    a.headers["WWW-Authenticate"] = "Bearer"
    return a
  end
  return answer.new(200, json.object("audience", value.audience, "items", json.array {}))
end

cobuilder.routes = {
  ["/authentication/api/v1/oauth2/token"] = { kind = "login", POST = login },
  ["/products/api/v1/products"] = { kind = "call", GET = products },
}

return cobuilder
