--- What is under way, and how this host waits for it. All transfers of a Lua state run on one
-- libcurl multi handle; whoever waits moves all of them.
-- @module bearer.engine
local answer = require "bearer.answer"
local core = require "bearer.core"

local engine = {}

local driver
local flights = {} -- in order of their start; each has step(), ended, wake

--- Set how this host waits.
-- @tparam table chosen a driver: `wait(seconds)` returns after that time or earlier
function engine.use(chosen)
  driver = chosen
end

--- The driver in use.
function engine.driver()
  return driver
end

--- Have a flight moved by whoever waits for anything.
function engine.add(flight)
  flights[#flights + 1] = flight
end

local function step_all()
  local active = flights
  flights = {}
  local still = {}
  for _, flight in ipairs(active) do
    flight:step()
    if not flight.ended then
      still[#still + 1] = flight
    end
  end
  for _, flight in ipairs(flights) do -- begun meanwhile
    still[#still + 1] = flight
  end
  flights = still
end

local function next_wake()
  local wake
  for _, flight in ipairs(flights) do
    wake = flight.wake and math.min(flight.wake, wake or math.huge) or wake
  end
  return wake and math.max(0, wake - core.now())
end

--- Seconds until something is due although no socket stirs.
-- @treturn ?number nil when nothing is
function engine.due()
  local ms, wake = core.timeout(), next_wake()
  local seconds = ms and ms / 1000
  return wake and math.min(wake, seconds or math.huge) or seconds
end

--- Advance everything.
-- @tparam ?number max_ms to wait at most for news
-- @treturn integer how many transfers and renewals are under way
function engine.poll(max_ms)
  local wake = next_wake()
  local running = core.poll(wake and math.min(wake * 1000, max_ms or 0) or max_ms or 0)
  step_all()
  return math.max(running, #flights)
end

local longest_wait = 1 -- so that a host's own timers and signals get their turn

local function can_yield()
  if coroutine.isyieldable then
    return coroutine.isyieldable()
  end
  return coroutine.running() ~= nil
end

-- A flight whose transport has been called by a coroutine that yielded: only that one can go on.
local function is_elsewhere(flight)
  return flight and flight.busy and true or false
end

--- Wait until done() is true.
-- @tparam function done
-- @tparam[opt] table flight that is waited for
-- @treturn boolean false when nothing here can bring it about
function engine.wait(done, flight)
  while not done() do
    if not is_elsewhere(flight) then
      driver.wait(math.min(engine.due() or longest_wait, longest_wait))
    elseif can_yield() and flight.busy ~= coroutine.running() then
      coroutine.yield() -- so that the other coroutine gets its turn
    else
      return false
    end
    engine.poll(0)
  end
  return true
end

-- ---- one request and its answer -----------------------------------------------

local function transport_failure(why)
  return nil, {
    code = "network", reason = type(why) == "string" and why or "the transport gave no answer",
    sent = true,
  }
end

local function by_transport(req, how)
  local message = req:export()
  message.timeout = how.timeout
  req:clear()
  local given, why = how.transport(message)
  if given == nil then
    return transport_failure(why)
  end
  local raw = answer.from_transport(given)
  if not raw then
    return transport_failure "the transport's answer is no {status, headers, body}"
  elseif #raw.body > how.max_response then
    return nil, { code = "too_large", reason = "the answer is too large", sent = true }
  end
  return raw
end

--- Begin to send a request, by libcurl.
-- @treturn[1] bearer.transfer
-- @treturn[2] nil
-- @treturn[2] table `{code, reason, sent}`
function engine.send(req, how)
  local transfer, option, why = core.send(req, how)
  if transfer then
    return transfer
  end
  return nil, { code = "no_secret", reason = ("option '%s': %s"):format(option, why), sent = false }
end

--- Send a request and wait for its answer.
-- @tparam bearer.request req it is spent
-- @tparam table how options of a login
-- @treturn[1] table as `answer.read` takes it
-- @treturn[2] nil
-- @treturn[2] table `{code, reason, sent}`
function engine.exchange(req, how)
  if how.transport then
    return by_transport(req, how)
  end
  local transfer, failure = engine.send(req, how)
  if not transfer then
    return nil, failure
  end
  engine.wait(function()
    return transfer:ended()
  end)
  local raw, why = transfer:answer()
  transfer:close()
  return raw, why
end

return engine
