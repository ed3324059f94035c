--- CambyoPro Cloudbreak: a JSON login that answers an opaque token and an envelope.
local answer = require "spec.sandbox.server.answer"
local json = require "spec.sandbox.server.json"
local request = require "spec.sandbox.server.request"
local state = require "spec.sandbox.server.state"
local token = require "spec.sandbox.server.token"

local cambyopro = {}

local welcome = "Cliente de API autenticado com sucesso para Empresa Fictícia"

function cambyopro.problem(status, message)
  return answer.new(status, json.object("success", false, "message", message .. "."))
end

local function refuse(status, message, reason)
  return answer.refuse(cambyopro.problem(status, message), reason)
end

local function read_login(r)
  if r.uri:find("?", 1, true) then
    return nil, "a query string does not belong here"
  elseif not request.accepts(r, "application/json") then
    return nil, "Accept does not name application/json"
  elseif r.headers.authorization then
    return nil, "Authorization does not belong on a login"
  end
  local fields, reason = request.json(r)
  if not fields then
    return nil, reason
  end
  local ok
  ok, reason = request.check(fields, { "clientId string", "clientSecret string" })
  return ok and fields, reason
end

local function welcomed(s)
  local lifetime = s.lifetime or 86400
  local issued = state.issue("cambyopro", {
    value = "atk_" .. token.letters(64), use = "access",
  }, lifetime)
  local a = answer.new(200, answer.token(s, "success", s.success ~= false,
    "accessToken", issued.value, "tokenType", "Bearer", "message", welcome,
    "expiresIn", lifetime))
  if s.escaped then -- the same text, as a server writes it that escapes all but ASCII
    a.body = a.body:gsub("í", "\\u00ed")
  end
  return a
end

local function login(r, s)
  local fields, reason = read_login(r)
  if not fields then
    return refuse(400, "Invalid request", reason)
  end
  local known = s.credentials
  if fields.clientId ~= known.client_id or fields.clientSecret ~= known.client_secret then
    return refuse(401, "Invalid credentials", "the credentials are wrong")
  end
  return welcomed(s)
end

local function clients(r)
  local value, reason = request.bearer(r)
  if value then
    value, reason = state.find("cambyopro", "access", value)
  end
  if not value then
    return refuse(401, "Invalid token", reason)
  end
  return answer.new(200, json.object("success", true, "data", json.array {}))
end

-- The published page lost its punctuation, so the hyphen is a guess: `path` moves the login.
cambyopro.movable = "/api/no-auth/authentication/v1/login"

cambyopro.routes = {
  [cambyopro.movable] = { kind = "login", POST = login },
  ["/api/clients"] = { kind = "call", GET = clients },
}

return cambyopro
