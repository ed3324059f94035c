--- A renewal under way: the requests of a login or a refresh, one after the other, until there
-- is a token or an error. A flight belongs to no coroutine: whoever waits moves it on, and it
-- ends as well when the one that began it is gone.
--
-- A flight goes through `send` → `wait` → (the next request | `pause` → `send`) → ended.
-- @module bearer.flight
local answer = require "bearer.answer"
local core = require "bearer.core"
local engine = require "bearer.engine"
local errors = require "bearer.errors"
local inputs = require "bearer.inputs"
local request = require "bearer.request"
local token = require "bearer.token"

local flight = {}
flight.__index = flight

local first_pause, longest_pause = 0.25, 8

-- ---- the scope of one attempt ---------------------------------------------------

local builtins = {
  uuid = core.primitives.uuid,
  now = core.primitives.now,
}

local function set_builtins(login, scope)
  for name, make in pairs(builtins) do
    scope:set(name, make())
  end
  local url = request.text(login.def, scope, login.def.login[1].url)
  scope:set("login_url", type(url) == "string" and url or nil, "url")
end

-- A login that spends a refresh token given as an input spends its newest successor, unless
-- the caller has put a new one there.
local function put_successor(login, scope)
  local s = login.successor
  if s and s.fingerprint == login.fingerprint then
    scope:set("refresh_token", token.refresh_token(s.token), "text", true)
  end
end

-- What is known when a login, or a refresh of this token, is sent.
local function open_scope(login, old)
  local scope = core.scope(login.scope)
  local ok, why = inputs.read(login.def, scope, login.dynamic)
  login.fingerprint = nil
  if not ok then
    return nil, why
  end
  login.fingerprint = inputs.fingerprint(login.def, login.scope, login.dynamic)
  put_successor(login, scope)
  set_builtins(login, scope)
  if old then
    token.carry(old, scope)
  end
  return scope
end

-- ---- beginning -------------------------------------------------------------------

local function copy(map)
  local result = {}
  for key, value in pairs(map) do
    result[key] = value
  end
  return result
end

local function begin_attempt(self)
  local login = self.login
  local old = self.kind == "refresh" and self.token or nil
  self.index, self.requests = 1, login.def[self.kind]
  self.kept = old and copy(token.fields(old).kept) or {}
  self.spends = old ~= nil -- a refresh token that rotates is never sent twice
  local why
  self.scope, why = open_scope(login, old)
  if not self.scope then
    return nil, { code = "no_secret", class = "terminal", description = why }
  end
  return true
end

--- Begin a renewal.
-- @tparam table login the fields of a login
-- @tparam string kind `login` or `refresh`
-- @tparam ?bearer.token old what to refresh
-- @tparam function done `(flight) -> ()`: called once, at the end; `found` or `err` is set
-- @treturn bearer.flight
function flight.new(login, kind, old, done)
  local now = core.now()
  local self = setmetatable({
    login = login, kind = kind, token = old, done = done,
    began = now, deadline = now + login.options.timeout, attempt = 0, ended = false,
  }, flight)
  engine.add(self)
  return self
end

-- ---- ending ----------------------------------------------------------------------

local function close(self)
  if self.transfer then
    self.transfer:close()
    self.transfer = nil
  end
  self.ended, self.busy, self.wake = true, nil, nil
end

local function end_well(self, found)
  close(self)
  self.found = found
  self.done(self)
end

local function end_badly(self, fields)
  local scope = self.scope
  close(self)
  fields.provider, fields.step = self.login.def.name, self.kind
  if scope then
    fields.description = errors.clean(fields.description or fields.code, scope)
    scope:clear()
    self.scope = nil
  end
  self.err = errors.new(fields)
  self.done(self)
end

local function pause_of(attempt)
  local most = math.min(longest_pause, first_pause * 2 ^ attempt)
  return most * core.jitter() -- full jitter: a fleet spreads out
end

-- A refresh that failed gives way to a login; a login is tried again while there is hope.
local function fail(self, fields, considered)
  local now = core.now()
  if self.kind == "refresh" and fields.class ~= "throttled" then
    self.kind, self.token, self.scope = "login", nil, nil
    self.refresh_failed = true
  elseif fields.class == "transient" and not considered and not self.spends
    and self.attempt < self.login.options.retries then
    self.wake = now + pause_of(self.attempt)
    self.attempt = self.attempt + 1
    self.scope = nil
    if self.wake < self.deadline then
      return
    end
    return end_badly(self, fields)
  else
    return end_badly(self, fields)
  end
end

-- ---- answers ---------------------------------------------------------------------

local function take_token(self, a)
  local found, fields, considered = answer.token(a, self.login.def, self.scope)
  if not found then
    return fail(self, fields, considered)
  end
  for name, value in pairs(answer.keep(a, self.login.def.token.keep, self.scope)) do
    self.kept[name] = value
  end
  found.sent_at, found.names, found.kept = self.sent_at, self.scope, self.kept
  end_well(self, found)
end

local function take_answer(self, raw)
  local r = self.requests[self.index]
  local a = answer.read(raw)
  local ok, fields = answer.judge(a, r, self.login.def, self.scope)
  if not ok then
    return fail(self, fields)
  end
  for name, value in pairs(answer.keep(a, r.keep, self.scope)) do
    self.kept[name] = value
  end
  if self.index == #self.requests then
    return take_token(self, a)
  end
  self.index = self.index + 1
end

local function take_failure(self, failure)
  fail(self, {
    code = failure.code, description = failure.reason,
    class = failure.code == "no_secret" and "terminal" or "transient",
  })
end

-- ---- sending ---------------------------------------------------------------------

local explained = {
  unknown = "the value of '%s' is not known: no answer gave it",
  unsafe = "the value for header '%s' would split it",
  url = "its URL %s",
  definition = "its definition failed: %s",
}

local function unbuildable(self, fault)
  if self.kind == "refresh" and fault.kind == "unknown" then
    return fail(self, { class = "terminal" }) -- nothing to refresh with: log in
  end
  fail(self, {
    code = fault.kind == "unknown" and "bad_answer" or "bad_request", class = "terminal",
    description = explained[fault.kind]:format(fault.what),
  })
end

local function how_to_send(self)
  local left = self.deadline - core.now()
  return setmetatable({
    timeout = math.max(0.001, self.kind == "refresh" and left / 2 or left), -- a login may follow
    once = self.spends,
  }, { __index = self.login.options })
end

-- The host's own transport may yield, so it runs in the coroutine of the one who steps.
local function send_by_transport(self, req, how)
  self.busy = coroutine.running() or true
  local scope = self.scope
  local raw, failure = engine.exchange(req, how)
  if self.ended or self.scope ~= scope then
    return -- somebody else took over meanwhile
  end
  self.busy = nil
  if raw then
    return take_answer(self, raw)
  end
  take_failure(self, failure)
end

local function send(self)
  self.wake = nil
  if not self.scope then
    local ok, fields = begin_attempt(self)
    if not ok then
      return end_badly(self, fields)
    end
  end
  local options = self.login.options
  local req, fault = request.build(self.requests[self.index], self.login.def, self.scope,
    options.allow_http)
  if not req then
    return unbuildable(self, fault)
  end
  self.sent_at = core.now()
  local how = how_to_send(self)
  if options.transport then
    return send_by_transport(self, req, how)
  end
  local failure
  self.transfer, failure = engine.send(req, how)
  if not self.transfer then
    take_failure(self, failure)
  end
end

-- ---- moving on -------------------------------------------------------------------

local function receive(self)
  local raw, failure = self.transfer:answer()
  self.transfer:close()
  self.transfer = nil
  if raw then
    return take_answer(self, raw)
  end
  take_failure(self, failure)
end

--- End without an answer: the login was closed.
function flight:cancel(err)
  close(self)
  self.err = err
  self.done(self)
end

-- The transport's coroutine is gone, and its answer with it.
local function is_orphaned(self)
  local busy = self.busy
  return type(busy) == "thread" and coroutine.status(busy) == "dead"
    or core.now() >= self.deadline + 1
end

--- Move on as far as is possible without waiting.
function flight:step()
  while not self.ended do
    if self.busy then
      if not is_orphaned(self) then
        return
      end
      self.busy = nil
      fail(self, { code = "lost", class = "transient", description = "the answer was lost" })
    elseif self.transfer then
      if not self.transfer:ended() then
        return
      end
      receive(self)
    elseif self.wake and core.now() < self.wake then
      return
    else
      send(self)
    end
  end
end

return flight
