--- The rules of one login: what must hold for each request, event and outcome, by the books that a
-- world of spec/support/model.lua keeps. Each function raises when a rule is broken.
local core = require "bearer.core"

local rules = {}

-- ---- what is right ----------------------------------------------------------------------

--- Raise unless it is so.
function rules.check(is, message, ...)
  if not is then
    error(message:format(...), 0)
  end
end

local check = rules.check

local first_hold = { transient = 1, throttled = 1, terminal = 60 }
local longest_hold = { transient = 30, throttled = 30, terminal = 900 }

--- When a token with that lifetime, asked for then, turns advisory, mandatory and expired.
function rules.times(self, sent_at, lifetime)
  if not lifetime then
    return { advisory = math.huge, mandatory = math.huge, expired = math.huge, ends = math.huge }
  end
  local expired = math.min(10, lifetime / 20)
  local mandatory = self.leeway and math.min(self.leeway, lifetime / 2)
    or math.min(60, lifetime / 4)
  mandatory = math.max(mandatory, expired)
  local advisory = math.min(300, lifetime / 2) * (1 - 0.1 * self.jitter)
  local ends = sent_at + lifetime
  return {
    advisory = ends - math.max(advisory, mandatory), mandatory = ends - mandatory,
    expired = ends - expired, ends = ends,
  }
end

local near = 1e-6 -- rounding: at the very instant both are right

local function is_near(a, b)
  return math.abs(a - b) < near
end

local function may_be(t, state)
  local now = core.now()
  if state == "expired" then
    return now >= t.expired - near
  elseif state == "mandatory" then
    return now >= t.mandatory - near and now < t.expired + near
  elseif state == "advisory" then
    return now >= t.advisory - near and now < t.mandatory + near
  end
  return state == "fresh" and now < t.advisory + near
end

-- A terminal failure counts for the secret that was used; another lifts it once a minute.
local function may_lift(self, margin)
  local h = self.hold
  return h.class == "terminal" and h.secret ~= self.secret
    and core.now() - self.lifted >= 60 - margin
end

local function is_held(self, margin)
  local h = self.hold
  return h ~= nil and core.now() < h.till - near and not may_lift(self, margin or 0)
end

local function is_ending(h)
  return h and is_near(h.till, core.now())
end

-- ---- requests ---------------------------------------------------------------------------

local function is_live(request)
  return not request.over and request.thread and coroutine.status(request.thread) ~= "dead"
    and core.now() < request.till
end

-- A refresh token is sent twice only when the server said that it did nothing with the first.
local function check_refresh_token(self, body)
  local value = self.kind.rotates and body:match "refresh_token=([%w-]+)"
  if value then
    check(not self.spent[value], "refresh token %s was sent twice", value)
    self.spent[value] = value ~= self.secret
    return value
  end
end

-- One that was changed since it was last read wins; else the newest of the server's.
local function check_source(self, body)
  local value = self.kind.only and body:match "refresh_token=([%w-]+)"
  local changed = self.secret ~= self.origin
  check(not value or value == (changed and self.secret or self.newest),
    "refresh token %s was sent, which is not the newest", value)
  self.given = self.secret
end

--- A request has arrived.
function rules.arrive(self, kind, request)
  for _, other in ipairs(self.requests) do
    check(not is_live(other), "two requests at once")
  end
  local now = core.now()
  check(not is_held(self, near), "a request while held for %s", self.hold and self.hold.class)
  if self.hold and now < self.hold.till - near then
    self.hold, self.lifts = nil, now
  end
  if kind == "login" then
    self.used = self.secret
  end
  check(not self.closed, "a request of a closed login")
  check(not (self.last and self.last.is_final and self.last.kind == kind and self.tries[kind]),
    "asked again in one call, although an answer had come")
  self.tries[kind] = (self.tries[kind] or 0) + 1
  check(self.tries.login == nil or self.tries.login <= 1 + self.retries, "more logins than retries")
  check(self.tries.refresh == nil or self.tries.refresh == 1, "more than one refresh")
  local thread, is_main = coroutine.running()
  check_source(self, request.body)
  if kind == "refresh" and self.kind.revokes and self.current then
    self.current.revoked, self.unsure = true, true
  end
  local made = {
    kind = kind, thread = not is_main and thread or nil, till = now + request.timeout,
    sent_at = now, token = check_refresh_token(self, request.body),
  }
  self.requests[#self.requests + 1], self.last = made, made
  return made
end

-- ---- events -----------------------------------------------------------------------------

local function on_success(self, event)
  self.tally[event.event] = (self.tally[event.event] or 0) + 1
  check(event.generation > self.generation, "generation %d after %d", event.generation,
    self.generation)
  self.lifts = nil
  self.generation, self.hold, self.held_times, self.tries = event.generation, nil, {}, {}
  -- what a refresh brings of a token that was forgotten meanwhile is forgotten, too
  self.unsure, self.dropped = false, self.dropped and event.event == "refresh"
end

-- A transient failure that nobody looked at for long after its deadline is held from then.
local function is_left(self, event, seconds)
  local late = event.duration - self.timeout
  return event.class == "transient" and late > 5
    and is_near(event.hold, math.max(0, seconds - late))
end

local function on_failure(self, event)
  local class = event.class
  self.tally[class], self.tally[event.code] =
    (self.tally[class] or 0) + 1, (self.tally[event.code] or 0) + 1
  local count = (self.held_times[class] or 0) + 1
  self.held_times[class] = count
  local seconds = math.min(longest_hold[class], first_hold[class] * 2 ^ (count - 1))
  check(is_near(event.hold, seconds) or is_left(self, event, seconds)
    or class == "throttled" and (is_near(event.hold, 7) or is_near(event.hold, 3600)),
    "held %g s for the %d. %s failure", event.hold, count, class)
  if event.code == "refresh_token_lost" then
    self.used = self.secret -- looked at, and not sent
  end
  self.lifted, self.lifts = self.lifts or self.lifted, nil
  self.hold = { class = class, till = core.now() + event.hold, secret = self.used }
  self.tries = {}
end

-- A higher generation: the login has just taken the token of the last answer.
local function follow(self)
  local generation = self.login:status().generation
  if generation ~= self.current_generation then
    self.current_generation, self.current = generation, self.answered
    if generation > 0 then
      self.origin, self.newest = self.given, self.offered
    end
  end
end

--- The login tells an event.
function rules.hear(self, event)
  follow(self)
  if event.event == "failure" then
    on_failure(self, event)
  elseif event.event == "held" then
    self.tally.held = (self.tally.held or 0) + 1
    check(self.hold and self.hold.class == event.class, "held, but not by a %s failure",
      event.class)
    check(is_near(self.hold.till - core.now(), event.hold), "held for another time")
  else
    on_success(self, event)
  end
end

-- ---- callers ----------------------------------------------------------------------------

--- A caller got a token: at this instant.
function rules.given(self, value)
  check(type(value) == "string" and self.tokens[value], "a token that nobody gave")
  check(core.now() < self.tokens[value].expired + near, "an expired token was handed out")
  check(not self.tokens[value].revoked, "a token was handed out that its refresh has ended")
end

local function current(self)
  local state = self.login:status().state
  return state ~= "none" and state ~= "closed" and self.current or nil
end

--- A caller got none.
function rules.refused(self, method, err)
  check(core.type(err) == "bearer.error", "nil without an error")
  local living = current(self)
  check(method == "refresh" or not living or core.now() >= living.expired - near,
    "%s gave %s although a token lives", method, err.code)
end

--- The status agrees with the books: above all, a living token survives whatever failed.
function rules.status(self)
  local status = self.login:status()
  check(status.generation >= self.latest, "the generation went back to %d", status.generation)
  self.latest = status.generation
  local t = current(self)
  check(t or self.closed or status.state == "none", "a token that nobody gave is %s",
    status.state)
  check(not t or self.closed or may_be(t, status.state), "the token is not %s", status.state)
  check(not t or not status.expires_in
    or is_near(status.expires_in, math.max(0, t.ends - core.now())),
    "the token does not live for %g s", status.expires_in or 0)
  check(t or self.closed or self.dropped or self.unsure or self.generation == 0,
    "a token was lost")
  -- status() asks for no secret: that one has changed, the next call finds out
  check(self.closed or status.hold or not is_held(self) or is_ending(self.hold),
    "held, which status() does not tell")
end

return rules
