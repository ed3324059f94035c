--- What one attempt of a login or a refresh knows: the values of the names in its requests.
-- @module bearer.attempt
local core = require "bearer.core"
local inputs = require "bearer.inputs"
local request = require "bearer.request"
local token = require "bearer.token"

local attempt = {}

-- The names in the texts of these requests; "*" when a function may ask for any.
local function names_in(node, found)
  if type(node) == "string" then
    for name in node:gmatch "%${([^}]*)}" do
      found[name] = true
    end
  elseif type(node) == "table" then
    for _, item in pairs(node) do
      names_in(item, found)
    end
  elseif type(node) == "function" then
    found["*"] = true
  end
  return found
end

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

-- Only what the refresh names is asked for: a one-time code must not be spent on it.
local function for_refresh(login, old)
  local scope, named, asked = core.scope(login.scope), names_in(login.def.refresh, {}), {}
  for name, source in pairs(login.dynamic) do
    asked[name] = (named[name] or named["*"]) and source or nil
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
  local named = names_in(login.def.refresh, {})
  local needs_one = named.refresh_token or named.token
  return not needs_one or named.refresh_token and token.refresh_token(old) ~= nil
    or named.token and core.state(old) ~= "expired" or false
end

--- The values for an attempt. Inputs may be functions, and those may yield.
-- @tparam table login the fields of a login
-- @tparam ?bearer.token old what to refresh; nil for a login
-- @treturn[1] bearer.scope
-- @treturn[2] nil
-- @treturn[2] string what cannot be had, and why
-- @treturn[2] ?string the code of the error, when it is not `no_secret`
function attempt.scope(login, old)
  if old then
    return for_refresh(login, old)
  end
  return for_login(login)
end

--- What was kept goes into the headers of calls, and could split them.
-- @tparam table def
-- @tparam table kept by name
-- @treturn ?string the name of such a value
function attempt.splitter(def, kept)
  for name in pairs(names_in(def.authorize and def.authorize.headers, {})) do
    if type(kept[name]) == "string" and kept[name]:find("%c") then
      return name
    end
  end
end

return attempt
