--- When a login's token is renewed, how often it is tried, and who waits for it.
-- @module bearer.renewal
local core = require "bearer.core"
local engine = require "bearer.engine"
local errors = require "bearer.errors"
local exchange = require "bearer.exchange"
local flight = require "bearer.flight"
local inputs = require "bearer.inputs"
local served = require "bearer.served"
local token = require "bearer.token"

local renewal = {}

-- ---- events -------------------------------------------------------------------------

local function tell(login, event)
  local listener = login.options.on_event
  if listener then
    event.provider = login.def.name
    for name, count in pairs(login.counts) do
      event[name] = count
    end
    pcall(listener, event) -- a metrics collector's mistake is not the caller's
  end
end

-- ---- holds --------------------------------------------------------------------------

-- Seconds: the first hold, and the longest it doubles to.
local holds = {
  transient = { 1, 30 },
  throttled = { 1, 30 }, -- when the server did not say how long
  terminal = { 60, 900 },
}

local refuses = { [400] = true, [401] = true, [403] = true }

-- A refusal that names a time is asked again after that time, once. From then on it is taken for
-- what it may be, a wrong password.
local function guard(login, err, count)
  if count == 1 or not refuses[err.status] or login.def.error.throttled[err.code] then
    return 0
  end
  return math.min(holds.terminal[2], holds.terminal[1] * 2 ^ (count - 2))
end

-- Each class is counted by itself: a network that fails in between must not let a wrong
-- password be tried more often.
local function hold(login, err)
  local first, longest = holds[err.class][1], holds[err.class][2]
  local count = (login.held_times[err.class] or 0) + 1
  login.held_times[err.class] = count
  local seconds = math.min(longest, first * 2 ^ (count - 1))
  if err.class == "terminal" then
    seconds = math.max(err.retry_after or 0, seconds)
  elseif err.class == "throttled" then
    seconds = math.max(err.retry_after or seconds, guard(login, err, count))
  end
  login.hold = {
    class = err.class, err = errors.with(err, {}), fingerprint = login.fingerprint,
    till = core.now() + seconds,
  }
end

-- May ask functions of the host's, which may yield.
local function is_lifted(login, h)
  if core.now() >= h.till then
    return true
  end
  if h.class == "terminal" and next(login.dynamic) then
    local now = inputs.fingerprint(login.def, login.scope, login.dynamic)
    return now ~= nil and now ~= h.fingerprint
  end
  return false
end

--- The error of the hold that this login is under.
-- @tparam table login fields of a login
-- @treturn ?bearer.error nil when it is not held
function renewal.held(login)
  local h = login.hold
  local lifted = h and is_lifted(login, h)
  if login.hold ~= h then
    return renewal.held(login) -- it has changed meanwhile
  elseif not h or lifted then
    login.hold = nil
    return nil
  end
  return errors.with(h.err, { retry_after = h.till - core.now() })
end

--- Seconds that this login is still held, without a look at its secrets.
-- @tparam table login fields of a login
-- @treturn ?number nil when it is not held
function renewal.held_for(login)
  local left = login.hold and login.hold.till - core.now()
  return left and left > 0 and left or nil
end

--- Lift the hold, and forget that there ever was one.
function renewal.reset(login)
  login.hold, login.vain, login.spent, login.held_times = nil, nil, nil, {}
end

-- ---- tokens -------------------------------------------------------------------------

--- Take a token, or none, as the one that is handed out.
function renewal.adopt(login, t)
  login.token = t
  served.no_more(login.object)
end

--- The token, while it may be handed out.
-- @treturn ?bearer.token
-- @treturn string its state: `none` when there is no token
function renewal.living(login)
  local t = login.token
  local state = t and core.state(t) or "none"
  if state == "none" or state == "expired" then
    return nil, state
  end
  return t, state
end

local function remember_successor(login, t, rotated)
  if login.def.inputs.refresh_token then
    login.successor = { token = t, fingerprint = login.fingerprint, rotated = rotated }
  end
end

-- The next token; whatever it was bought with is history.
local function succeed(login, found)
  local sent = found.names:get "refresh_token"
  login.generation = login.generation + 1
  local t = token.new(found, login, login.generation)
  renewal.adopt(login, t)
  remember_successor(login, t, found.refresh_token ~= nil and found.refresh_token ~= sent)
  login.hold, login.spent, login.last_error = nil, nil, nil
  return t
end

-- Counted from when the request was sent, its life was over before the answer came: perhaps
-- the machine slept. It is kept for its refresh token alone.
local function too_late(login, fl)
  return errors.new {
    code = "bad_answer", class = "transient", provider = login.def.name, step = fl.kind,
    description = "the token had expired when it came",
  }
end

local function land_badly(login, fl)
  login.counts.failures = login.counts.failures + 1
  login.last_error = fl.err
  hold(login, fl.err)
  tell(login, {
    event = "failure", step = fl.err.step, class = fl.err.class, code = fl.err.code,
    duration = core.now() - fl.began, hold = login.hold.till - core.now(),
  })
end

local function land_well(login, fl)
  local t = succeed(login, fl.found)
  if core.state(t) == "expired" then
    fl.err = too_late(login, fl)
    return land_badly(login, fl)
  end
  login.held_times = {}
  local count = fl.kind == "login" and "logins" or "refreshes"
  login.counts[count] = login.counts[count] + 1
  tell(login, {
    event = fl.kind, duration = core.now() - fl.began, generation = login.generation,
    expires_in = t:expires_in(),
  })
end

local function landed(fl)
  local login = fl.login
  login.flight = nil
  if login.closed then
    return
  elseif fl.found then
    land_well(login, fl)
    if fl.unwanted then
      renewal.adopt(login, nil)
    end
  else
    land_badly(login, fl)
  end
end

-- ---- renewing -----------------------------------------------------------------------

-- Begin a renewal, unless one is under way.
local function start(login)
  if not login.flight then
    local fl = flight.new(login, landed)
    login.flight = fl -- before its first step, which may end it
    engine.begin(fl)
    return fl
  end
  return login.flight
end

local function unwaited(login, code)
  return errors.new {
    code = code, class = "transient", provider = login.def.name,
    step = login.flight and login.flight.kind or "login", description = exchange.explained[code],
  }
end

--- Renew and wait for it.
-- @tparam table login fields of a login
-- @treturn[1] true
-- @treturn[2] nil
-- @treturn[2] bearer.error
function renewal.wait(login)
  local err = not login.flight and renewal.held(login)
  if err then
    tell(login, { event = "held", class = err.class, code = err.code, hold = err.retry_after })
    return nil, err
  end
  local ok, code = engine.can_begin()
  local fl = ok and start(login)
  if fl then
    ok, code = engine.wait(fl)
  end
  if not ok then
    return nil, unwaited(login, code)
  end
  if fl.err then
    return nil, fl.err
  elseif fl.unwanted and not login.closed then
    return renewal.wait(login) -- for one that is wanted
  end
  return true
end

--- Begin a renewal or move it on, without waiting: for a token that is good for a while yet.
function renewal.nudge(login)
  if login.flight then
    engine.nudge()
  elseif engine.can_begin() and not renewal.held(login) then
    start(login)
  end
end

--- The token that is being refreshed is not wanted any more, nor what the refresh brings. It is
-- left to end by itself: nothing else is sent meanwhile.
function renewal.give_up_refresh(login)
  local fl = login.flight
  if fl and fl.kind == "refresh" then
    fl.unwanted = true
  end
end

--- Let what is under way come to its end, so that the token it brings can be ended as well.
function renewal.settle(login)
  local fl = login.flight
  if fl and not engine.wait(fl) and not fl.ended then
    fl.unwanted = true
  end
end

-- ---- tokens that are refused --------------------------------------------------------

--- May a refused token be replaced by a login now? Not while brand-new tokens keep being
-- refused: something else is wrong then, and each call would cost a login.
function renewal.may_replace(login)
  local vain = login.vain
  return not vain or core.now() >= vain.till
end

--- A token that had just been bought was refused as well.
function renewal.replaced_in_vain(login)
  local count = login.vain and login.vain.count + 1 or 1
  local first, longest = holds.terminal[1], holds.terminal[2]
  login.vain = {
    count = count, till = core.now() + math.min(longest, first * 2 ^ (count - 1)),
  }
end

--- An API call was accepted. The refusals may have been about what was called, not about the
-- token: so the next one is still some time off.
function renewal.accepted(login)
  local vain = login.vain
  if vain then
    vain.count, vain.till = 0, math.min(vain.till, core.now() + holds.terminal[1])
  end
end

return renewal
