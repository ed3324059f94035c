--- A renewal under way: the requests of a login or a refresh, one after the other, until there
-- is a token or an error. A flight belongs to no coroutine: whoever waits moves it on, and it
-- ends as well when the one that began it is gone.
--
-- A flight goes through `send` → `wait` → (the next request | `pause` → `send`) → ended.
-- @module bearer.flight
local answer = require "bearer.answer"
local attempt = require "bearer.attempt"
local core = require "bearer.core"
local engine = require "bearer.engine"
local errors = require "bearer.errors"
local exchange = require "bearer.exchange"
local refusal = require "bearer.refusal"
local request = require "bearer.request"
local token = require "bearer.token"

local flight = {}
flight.__index = flight

local first_pause, longest_pause = 0.25, 8

-- ---- beginning -------------------------------------------------------------------

local function copy(map)
  local result = {}
  for key, value in pairs(map) do
    result[key] = value
  end
  return result
end

-- Inputs may be functions, and those may yield.
local function begin_attempt(self)
  local login, old = self.login, self.kind == "refresh" and self.token or nil
  self.index, self.requests = 1, login.def[self.kind]
  self.kept = old and copy(token.fields(old).kept) or {}
  self.spends = old ~= nil or login.def.inputs.refresh_token ~= nil -- what may rotate
  self.sent = false
  return attempt.scope(login, old)
end

--- Begin a renewal.
-- @tparam table login the fields of a login
-- @tparam function done `(flight) -> ()`: called once, at the end; `found` or `err` is set
-- @treturn bearer.flight
function flight.new(login, done)
  local now, refreshes = core.now(), attempt.can_refresh(login)
  return setmetatable({
    login = login, kind = refreshes and "refresh" or "login", token = login.token, done = done,
    began = now, deadline = now + login.options.timeout, attempt = 0, index = 0, ended = false,
  }, flight)
end

-- ---- ending ----------------------------------------------------------------------

-- No function of the host's is at work for it any more.
local function settle(self)
  self.turn, self.busy, self.wake = nil, nil, nil
end

local function close(self)
  if self.transfer then
    self.transfer:close()
    self.transfer = nil
  end
  settle(self)
end

-- First the outcome, then those who wait for it.
local function conclude(self)
  close(self)
  self.done(self)
  engine.finish(self)
end

local function end_badly(self, fields)
  local scope = self.scope
  fields.provider, fields.step = self.login.def.name, self.kind
  if scope then
    fields.description = errors.clean(fields.description or fields.code, scope)
    scope:clear()
    self.scope = nil
  end
  self.err = errors.new(fields)
  conclude(self)
end

local function pause_before(tries)
  local most = math.min(longest_pause, first_pause * 2 ^ tries)
  return most * core.jitter() -- full jitter: a fleet spreads out
end

-- Not when the time would be over before: then this error is the one to tell.
local function try_again(self, fields)
  local wake = core.now() + pause_before(self.attempt)
  if wake >= self.deadline then
    return end_badly(self, fields)
  end
  self.wake, self.attempt, self.scope = wake, self.attempt + 1, nil
  engine.sleep(self)
end

local function may_try_again(self, fields, considered)
  return fields.class == "transient" and not considered and not (self.spends and self.sent)
    and self.attempt < self.login.options.retries and core.now() < self.deadline
end

-- A refresh token that rotates is never sent twice: remember that it was sent, and whether the
-- answer that would hold the next one got lost.
local function note_spent(self, fields)
  local login = self.login
  local newest = self.kind == "refresh" and self.token
    or login.successor and login.successor.token
  if self.spends and self.sent and newest and fields.class ~= "throttled" then
    local lost = fields.status == nil or fields.status < 300
    login.spent = { token = newest, lost = lost }
  end
end

-- Would a login send what the refresh has just sent?
local function is_same_again(self)
  return self.sent and self.login.def.inputs.refresh_token ~= nil
end

-- A refresh that failed gives way to a login; a login is tried again while there is hope.
local function fail(self, fields, considered)
  settle(self)
  note_spent(self, fields)
  if self.kind == "refresh" and fields.class ~= "throttled" and not is_same_again(self) then
    self.kind, self.token, self.scope, self.unwanted = "login", nil, nil, nil
  elseif may_try_again(self, fields, considered) then
    try_again(self, fields)
  else
    end_badly(self, fields)
  end
end

-- ---- answers ---------------------------------------------------------------------

local function take_token(self, a)
  local def = self.login.def
  local found, fields, considered = answer.token(a, def, self.scope)
  if not found then
    return fail(self, fields, considered)
  end
  for name, value in pairs(answer.keep(a, def.token.keep, self.scope)) do
    self.kept[name] = value
  end
  local why = attempt.fault_of_headers(def, self.kept)
  if why then
    return fail(self, refusal.broken(a.status, why), true)
  end
  found.sent_at, found.names, found.kept = self.sent_at, self.scope, self.kept
  self.found = found
  conclude(self)
end

local function take_answer(self, raw)
  local r = self.requests[self.index]
  local a = answer.read(raw)
  local ok, fields = answer.judge(a, r, self.login.def, self.scope)
  if not ok then
    return fail(self, fields)
  end
  if a.root == nil and next(r.keep) then
    return fail(self, refusal.unreadable(a))
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
  self.sent = self.sent and failure.sent ~= false
  -- a certificate that cannot be read: nothing was sent, and it may be there in a second
  local considered = failure.code == "no_secret"
  fail(self, { code = failure.code, class = "transient", description = failure.reason }, considered)
end

-- ---- sending ---------------------------------------------------------------------

-- A name that is not known is one that an answer should have given.
local function unbuildable(self, fault)
  local unknown = fault.kind == "unknown"
  fail(self, {
    code = unknown and "bad_answer" or "bad_request", class = unknown and "transient" or "terminal",
    description = request.explain(fault),
  }, true)
end

local function how_to_send(self)
  local left = self.deadline - core.now()
  return setmetatable({
    timeout = math.max(0.001, self.kind == "refresh" and left / 2 or left), -- a login may follow
    once = self.spends,
  }, { __index = self.login.options })
end

-- While a function of the host's was at work, somebody else may have taken over.
local function is_mine(self, turn)
  return self.turn == turn and not self.ended
end

local function send_by_transport(self, req, how, turn)
  local raw, failure = exchange.by_transport(req, how)
  if not is_mine(self, turn) then
    return
  elseif raw then
    settle(self)
    return take_answer(self, raw)
  end
  take_failure(self, failure)
end

local function is_late(self)
  return self.attempt + self.index > 0 and core.now() >= self.deadline
end

-- There is a scope, or this is over.
local function has_scope(self, turn)
  if self.scope then
    return true
  end
  local scope, why, code = begin_attempt(self)
  if not is_mine(self, turn) then
    if scope then
      scope:clear()
    end
    return false
  elseif not scope then
    end_badly(self, { code = code or "no_secret", class = "terminal", description = why })
    return false
  end
  self.scope = scope
  return true
end

local function send(self, turn)
  if is_late(self) then
    return end_badly(self, {
      code = "timeout", class = "transient", description = "the time for it is over",
    })
  elseif not has_scope(self, turn) then
    return
  end
  local options = self.login.options
  local req, fault = request.build(self.requests[self.index], self.login.def, self.scope,
    options.allow_http)
  if not req then
    return unbuildable(self, fault)
  end
  self.sent_at, self.sent = core.now(), true
  local how = how_to_send(self)
  if options.transport then
    return send_by_transport(self, req, how, turn)
  end
  settle(self)
  local failure
  self.transfer, failure = engine.send(self, req, how)
  if not self.transfer then
    take_failure(self, failure)
  end
end

-- Functions of the host's: the transport, or an input. They may yield, and until they are back
-- nobody else moves this on. Should the coroutine that they run in be gone, somebody takes over
-- when the time is up.
local function send_by_host(self)
  local turn = {}
  self.turn, self.busy, self.wake = turn, true, self.deadline + 1
  engine.sleep(self)
  engine.apart(function()
    if is_mine(self, turn) then
      self.busy = coroutine.running() or true
      send(self, turn)
      self:step() -- the one who asked for it may not wait for it
    end
  end)
end

local function needs_host(self)
  if self.login.options.transport then
    return true
  end
  for _, source in pairs(self.login.dynamic) do
    if type(source) == "function" then
      return not self.scope
    end
  end
  return false
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
  self.err = err
  if self.scope then
    self.scope:clear()
  end
  conclude(self)
end

-- The coroutine that was to go on is gone, and an answer with it.
local function is_orphaned(self)
  return engine.is_gone(self.busy) or core.now() >= self.deadline + 1
end

--- Move on as far as is possible without waiting.
function flight:step()
  while not self.ended do
    if self.busy then
      if not is_orphaned(self) then
        return
      end
      fail(self, { code = "lost", class = "transient", description = "the answer was lost" })
    elseif self.transfer then
      if not self.transfer:ended() then
        return
      end
      receive(self)
    elseif self.wake and core.now() < self.wake then
      return
    elseif needs_host(self) then
      send_by_host(self)
    else
      self.wake = nil
      send(self)
    end
  end
end

return flight
