--- What one attempt of a login or a refresh knows: the values of the names in its requests.
-- @module bearer.attempt
local core = require "bearer.core"
local inputs = require "bearer.inputs"
local named = require "bearer.named"
local request = require "bearer.request"
local token = require "bearer.token"
local words = require "bearer.definition.words"

local attempt = {}

local builtins = {
  uuid = core.primitives.uuid,
  now = core.primitives.now,
}

local function set_builtins(login, scope)
  for name, make in pairs(builtins) do
    scope:set(name, make())
  end
  scope:set("login_url", request.url(login.def, scope, login.def.login[1].url), "url")
end

-- A login that spends a refresh token given as an input spends its newest successor, unless
-- the caller has put a new one there.
local function put_successor(login, scope)
  local s, spent = login.successor, login.spent
  if not s or s.fingerprint ~= login.fingerprint then
    return true
  elseif s.rotated and spent and spent.lost and spent.token == s.token then
    return nil, "the answer that held the next refresh token was lost; a new one must be given",
      "refresh_token_lost"
  end
  scope:set("refresh_token", token.refresh_token(s.token), "text", true)
  return true
end

local function for_login(login)
  local scope = core.scope(login.scope)
  local ok, result = inputs.read(login.def, scope, login.dynamic)
  login.fingerprint = ok and result or nil
  if not ok then
    return nil, result
  end
  local why, code
  ok, why, code = put_successor(login, scope)
  if not ok then
    return nil, why, code
  end
  set_builtins(login, scope)
  return scope
end

--- The values for requests about a token: a refresh, a logout. Only what they name is asked for:
-- a one-time code must not be spent on them.
-- @tparam table login the fields of a login
-- @tparam {table,...} requests of the compiled definition
-- @tparam bearer.token old
-- @treturn[1] bearer.scope
-- @treturn[2] nil
-- @treturn[2] string what cannot be had, and why
function attempt.about(login, requests, old)
  local scope, names, asked = core.scope(login.scope), named(requests), {}
  for name, source in pairs(login.dynamic) do
    asked[name] = (names[name] or names["*"]) and source or nil
  end
  local ok, why = inputs.read(login.def, scope, asked)
  if not ok then
    return nil, why
  end
  set_builtins(login, scope)
  token.carry(old, scope)
  return scope
end

--- Is there what a refresh would need?
-- @tparam table login the fields of a login
-- @treturn boolean
function attempt.can_refresh(login)
  local old = login.token
  if not login.def.refresh or not old or login.spent and login.spent.token == old then
    return false
  end
  local names = named(login.def.refresh)
  local needs_one = names.refresh_token or names.token
  return not needs_one or names.refresh_token and token.refresh_token(old) ~= nil
    or names.token and core.state(old) ~= "expired" or false
end

--- The values for a login or a refresh. Inputs may be functions, and those may yield.
-- @tparam table login the fields of a login
-- @tparam ?bearer.token old what to refresh; nil for a login
-- @treturn[1] bearer.scope
-- @treturn[2] nil
-- @treturn[2] string what cannot be had, and why
-- @treturn[2] ?string the code of the error, when it is not `no_secret`
function attempt.scope(login, old)
  if old then
    return attempt.about(login, login.def.refresh, old)
  end
  return for_login(login)
end

-- What was kept goes into the headers of calls, and could split them.
local function splitter(headers, kept)
  for name in pairs(named(headers)) do
    if type(kept[name]) == "string" and words.splits_header(kept[name]) then
      return name
    end
  end
end

-- A name without which the header that carries the token cannot be rendered.
local function absent(def, headers, kept)
  for _, node in pairs(headers) do
    local names = type(node) == "string" and named(node) or {}
    for name in pairs(names.token and names or {}) do
      local known = name == "token" or def.inputs[name] or kept[name] ~= nil
      if not known and name ~= "uuid" and name ~= "now" and name ~= "login_url" then
        return name
      end
    end
  end
end

--- Why the headers of calls could not be made of what an answer gave.
-- @tparam table def
-- @tparam table kept by name
-- @treturn ?string
function attempt.fault_of_headers(def, kept)
  local headers = def.authorize and def.authorize.headers or {}
  local name = splitter(headers, kept)
  if name then
    return ("the answer's '%s' would split a header"):format(name)
  end
  name = absent(def, headers, kept)
  return name and ("the answer holds no '%s', which the header of the token needs"):format(name)
end

return attempt
