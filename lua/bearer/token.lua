--- Tokens: one answer of a token endpoint each. A token never changes; a refresh gives the
-- next one.
-- @classmod bearer.token
local core = require "bearer.core"
local errors = require "bearer.errors"
local json = require "bearer.json"
local lifetime = require "bearer.lifetime"
local named = require "bearer.named"
local request = require "bearer.request"
local words = require "bearer.definition.words"

local token = {}

local TYPE = "bearer.token"
local mt = core.metatable(TYPE)
local methods = mt.__index

-- method: which one wants them, if one of the caller's may be to blame.
local function fields_of(t, method)
  return (core.fields(t, TYPE, method)) -- no tail call: levels are counted
end

-- ---- for bearer's own modules ------------------------------------------------------

-- What went into the login is no business of the token's: its calls do with less.
local function leave_out_inputs(def, names)
  local needed = named(def.authorize, def.base_url)
  names:unhide()
  for name in pairs(needed["*"] and {} or def.inputs) do
    if not needed[name] and name ~= "refresh_token" then
      names:set(name, nil)
    end
  end
end

--- Wipe a token: its login was closed.
-- @local
function token.wipe(t)
  local f = fields_of(t)
  f.names:clear()
  f[1], f[2], f.closed = nil, nil, true
end

--- Make a token.
-- @tparam table found `{value, type, scope, refresh_token, lifetime, sent_at, names, kept}`
-- @tparam table login the fields of its login
-- @tparam integer generation
-- @treturn bearer.token
-- @local
function token.new(found, login, generation)
  local names = found.names
  leave_out_inputs(login.def, names)
  names:set("token", found.value, "text", true)
  if found.refresh_token then -- an answer without one leaves the old one as it is
    names:set("refresh_token", found.refresh_token, "text", true)
  end
  local fields = {
    names = names, def = login.def, login = login, kept = found.kept,
    type = found.type, scope = found.scope, generation = generation,
  }
  return core.token(fields, found.sent_at, found.lifetime, login.options.leeway, core.jitter())
end

--- Put what a refresh may use of this token into a scope: its refresh token, what was kept,
-- and itself while it lives.
-- @local
function token.carry(t, scope)
  local f = fields_of(t)
  for name in pairs(f.kept) do
    scope:set(name, f.names:get(name), "opener", true)
  end
  scope:set("refresh_token", f.names:get("refresh_token"), "text", true)
  if core.state(t) ~= "expired" then
    scope:set("token", f.names:get("token"), "text", true)
  end
end

--- The fields of a token.
-- @local
token.fields = fields_of

--- What the next refresh spends.
-- @treturn ?string
-- @local
function token.refresh_token(t)
  return fields_of(t).names:get("refresh_token")
end

-- Which header of a definition carries the token.
local function token_header(def)
  local headers = def.authorize and def.authorize.headers or {}
  local first
  for _, name in ipairs(words.sorted(headers)) do
    local text = headers[name]
    if type(text) ~= "string" or text:find("${token}", 1, true) then
      first = first or name
      if name:lower() == "authorization" then
        return name
      end
    end
  end
  return first
end

-- A header's value, if it can be handed out: what was kept of an answer could split it.
local function header_text(f, name)
  local value = request.text(f.def, f.names, f.def.authorize.headers[name])
  value = type(value) == "number" and json.number(value) or value
  if type(value) == "string" and not words.splits_header(value) then
    return value
  end
end

local function render_header(f)
  local name = token_header(f.def)
  local value = name and header_text(f, name)
  if value then
    return name, value
  end
  return "Authorization", f.type .. " " .. f.names:get("token")
end

-- Does the definition carry the token by other means than a header?
local function goes_elsewhere(def)
  local a = def.authorize
  return a and (a.query or a.json) and not token_header(def)
end

-- The names of headers know no case: the caller's "authorization" makes way as well.
local function set_header(to, name, value)
  for other in pairs(to) do
    if type(other) == "string" and other:lower() == name:lower() then
      to[other] = nil
    end
  end
  to[name] = value
end

local function add_headers(f, to)
  for name in pairs(f.def.authorize and f.def.authorize.headers or {}) do
    set_header(to, name, header_text(f, name))
  end
end

local function add_texts(f, map, to)
  for key, node in pairs(map) do
    to[key] = request.text(f.def, f.names, node)
  end
  return to
end

local function is_object(value)
  return type(value) == "table" and value[1] == nil
end

local function closed(f)
  return errors.new {
    code = "closed", class = "closed", provider = f.def.name, step = "login",
    description = "the login is closed, and its token wiped",
  }
end

-- ---- methods ------------------------------------------------------------------------

--- The header that carries the token.
-- @treturn string its name
-- @treturn string its value
function methods:header()
  local f = fields_of(self, "header")
  if f.closed then
    return errors.refuse(closed(f))
  elseif not f[1] then
    f[1], f[2] = render_header(f)
  end
  return f[1], f[2]
end

--- All headers of an authorised request.
-- @tparam[opt] table t to add them to
-- @treturn table
function methods:headers(t)
  local f = fields_of(self, "headers")
  if t ~= nil and type(t) ~= "table" then
    error("headers: a table expected, got " .. type(t), 2)
  end
  if f.closed then
    return errors.refuse(closed(f))
  end
  t = t or {}
  add_headers(f, t)
  local name, value = self:header()
  set_header(t, name, value)
  return t
end

--- Put the token where this provider wants it: into the headers, the query, or a field of the
-- JSON body.
-- @tparam table request_table `{method, url, headers, query, json, …}`; it is changed
-- @treturn table the same request
function methods:authorize(request_table)
  local f = fields_of(self, "authorize")
  if type(request_table) ~= "table" then
    error("authorize: a request table expected, got " .. type(request_table), 2)
  end
  if f.closed then
    return errors.refuse(closed(f))
  end
  local a = f.def.authorize or {}
  local headers = request_table.headers or {}
  if goes_elsewhere(f.def) then
    add_headers(f, headers)
  else
    self:headers(headers)
  end
  request_table.headers = next(headers) and headers or request_table.headers
  if a.json and is_object(request_table.json) then
    add_texts(f, a.json, request_table.json)
  elseif a.query then
    request_table.query = add_texts(f, a.query, request_table.query or {})
  end
  return request_table
end

--- The next token: `login:refresh` with this one as rejected.
-- @treturn[1] bearer.token
-- @treturn[2] nil
-- @treturn[2] string a sentence for people
-- @treturn[2] bearer.error
function methods:refresh()
  return fields_of(self, "refresh").login.object:refresh(self)
end

--- The token itself.
-- @treturn string
function methods:value()
  return fields_of(self, "value").names:get("token")
end

--- Its type, `Bearer` most often.
-- @treturn string
function methods:type()
  return fields_of(self, "type").type
end

--- What it may be used for, as the server said.
-- @treturn ?string
function methods:scope()
  return fields_of(self, "scope").scope
end

--- Seconds left to live.
-- @treturn ?number nil when the lifetime is unknown; 0 when it is over
function methods:expires_in()
  fields_of(self, "expires_in")
  local _, _, _, ends = core.times(self)
  if ends < math.huge then
    return math.max(0, ends - core.now())
  end
  return nil
end

--- When it dies.
-- @treturn ?number Unix time; nil when the lifetime is unknown
function methods:expires_at()
  fields_of(self, "expires_at")
  local _, _, _, ends = core.times(self)
  if ends < math.huge then
    local now, wall = core.now()
    return wall + ends - now
  end
  return nil
end

--- Is it too old to be used?
-- @tparam[opt] number leeway seconds before its end; without: as the login decides
-- @treturn boolean
function methods:expired(leeway)
  fields_of(self, "expired")
  if leeway ~= nil and type(leeway) ~= "number" then
    error("expired: a number expected, got " .. type(leeway), 2)
  end
  local _, _, expired, ends = core.times(self)
  return core.now() >= (leeway and ends - leeway or expired)
end

--- A JWT's payload, unverified.
-- @treturn ?table nil when the token is no JWT
function methods:claims()
  return lifetime.claims(fields_of(self, "claims").names:get("token"))
end

--- A field of the answer that the definition keeps.
-- @tparam string name
-- @treturn any nil when it was not there
function methods:get(name)
  local f = fields_of(self, "get")
  if type(name) ~= "string" then
    error("get: a name expected, got " .. type(name), 2)
  end
  if f.kept[name] ~= nil then
    return f.names:get(name)
  end
  return nil
end

--- Which token of its login this is, counted from 1.
-- @treturn integer
function methods:generation()
  return fields_of(self, "generation").generation
end

mt.__tostring = function(self)
  local f = fields_of(self)
  return ("bearer.token (%s, generation %d, %s)"):format(f.def.name, f.generation, core.state(self))
end

return token
