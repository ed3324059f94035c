--- What is under way, and how this host waits for it. All transfers of a Lua state run on one
-- libcurl multi handle, which a thread of the core's moves: what is polled here are their ends.
--
-- A *job* is something under way: a renewal, or an API call. It has `step()`, which moves it on
-- as far as is possible without waiting, and `ended`. It is stepped when its transfer has ended,
-- or when the time is `wake`, by whoever polls: a job belongs to no coroutine.
--
-- A *driver* tells how a host waits:
--
--    wait(seconds, job)   suspend the caller until the job has ended, for so many seconds at
--                         most; earlier is fine
--    wake(job)            optional: the job has ended
--    start()              optional: something is under way; have it polled though nobody waits
--    can_wait()           optional: true, or false and a code: is this a place to wait?
--    can_begin()          optional: likewise, to begin something that others wait for
--    apart(f)             optional: run f soon, in a coroutine of its own
--    guards               optional: true when nobody can end those coroutines
--    turn(till), left()   optional, for a driver whose `wake` only takes note: let those whose job
--                         has ended go on, until that instant; how many have yet to
--    moves                optional: true when the host does all the polling
--
-- @module bearer.engine
local core = require "bearer.core"

local engine = {}

local driver
local by_transfer = {} -- jobs, by the id of the transfer that they wait for
local sleeping = {} -- jobs that go on at their `wake`
local soonest -- of those: none of them is due before
local count = 0

--- Set how this host waits.
function engine.use(chosen)
  driver = chosen
end

-- ---- jobs -----------------------------------------------------------------------------

--- Take up a job, and move it as far as it goes.
function engine.begin(job)
  count = count + 1
  job:step()
  if not job.ended and driver.start then
    driver.start()
  end
  return job
end

--- A job has ended.
function engine.finish(job)
  if not job.ended then
    job.ended, sleeping[job] = true, nil
    by_transfer[job.transfer_id or 0] = nil
    count = count - 1
    if driver.wake then
      driver.wake(job)
    end
  end
end

--- Run what may call functions of the host's, which may yield: apart from the caller where the
-- driver can, else in the caller's coroutine.
function engine.apart(f)
  if driver.apart then
    return driver.apart(f)
  end
  f()
end

--- Has this coroutine, which ran a job's functions, come to an untimely end? Those that a driver
-- guards do not, and in nginx only the request that made one can tell.
-- @treturn boolean
function engine.is_gone(co)
  return not driver.guards and type(co) == "thread" and coroutine.status(co) == "dead"
end

--- Have a job stepped at `job.wake`, unless something else does so before.
function engine.sleep(job)
  sleeping[job] = true
  soonest = math.min(job.wake or 0, soonest or math.huge)
end

--- Begin to send a request for a job.
-- @tparam table job
-- @tparam bearer.request req it is spent
-- @tparam table how options of a login
-- @treturn[1] bearer.transfer
-- @treturn[2] nil
-- @treturn[2] table `{code, reason, sent}`
function engine.send(job, req, how)
  local transfer, option, why = core.send(req, how)
  if transfer then
    by_transfer[job.transfer_id or 0] = nil -- seen to have ended before its turn to be told came
    job.transfer_id = transfer:id()
    by_transfer[job.transfer_id] = job
    return transfer
  end
  return nil, { code = "no_secret", reason = ("option '%s': %s"):format(option, why), sent = false }
end

-- ---- polling --------------------------------------------------------------------------

local function left()
  return driver.left and driver.left() or 0
end

local function next_wake()
  if next(sleeping) == nil then
    return nil
  end
  return math.max(0, (soonest or 0) - core.now())
end

--- Seconds until something is due although no socket stirs.
-- @treturn ?number nil when nothing is
function engine.due()
  if left() > 0 or core.has_ended() then
    return 0
  end
  return next_wake()
end

-- Those whose time has come; `soonest` is found anew.
local function due_sleepers()
  local now, due = core.now(), {}
  soonest = nil
  for job in pairs(sleeping) do
    if not job.wake or job.wake <= now then
      due[#due + 1] = job
    else
      soonest = math.min(job.wake, soonest or math.huge)
    end
  end
  return due
end

local function step_sleepers(till)
  if next_wake() ~= 0 then
    return
  end
  for _, job in ipairs(due_sleepers()) do
    sleeping[job] = nil
    job:step()
    if core.now() > till then
      soonest = 0 -- the next poll goes on with the others
      return
    end
  end
end

local function step_ended(till)
  repeat
    local id = core.next_ended()
    local job = id and by_transfer[id]
    if job then
      by_transfer[id] = nil
      job:step()
    end
  until not id or core.now() > till
end

local work = 0.0003 -- seconds in one poll

--- Advance everything, without waiting longer than `max_ms` for news.
-- @tparam ?number max_ms
-- @treturn integer as `engine.count`
function engine.poll(max_ms)
  local began, wake = core.now(), next_wake()
  max_ms = left() == 0 and max_ms or 0
  core.poll(wake and math.min(wake * 1000, max_ms) or max_ms)
  if max_ms > 0 then
    began = core.now() -- to wait is no work
  end
  step_ended(began + work)
  step_sleepers(began + work)
  if driver.turn then
    driver.turn(began + work)
  end
  return engine.count()
end

--- Advance everything, unless the host sees to that.
function engine.nudge()
  if not driver.moves then
    engine.poll(0)
  end
end

--- How many renewals and calls are under way, or have ended and are yet to be told of.
function engine.count()
  return count + left()
end

-- ---- waiting --------------------------------------------------------------------------

local longest_wait = 1 -- seconds: a host's own timers and signals get their turn

--- May the caller wait here?
-- @treturn[1] true
-- @treturn[2] false
-- @treturn[2] string `cannot_wait` or `pending`: why not
function engine.can_wait()
  if driver.can_wait then
    return driver.can_wait()
  end
  return true
end

--- May something be begun here?
-- @treturn[1] true
-- @treturn[2] false
-- @treturn[2] string `cannot_wait`
function engine.can_begin()
  if driver.can_begin then
    return driver.can_begin()
  end
  return true
end

-- A transport of the caller's has yielded in another coroutine: only that one can go on.
local function wait_for_transport(job)
  if job.busy == (coroutine.running() or true) or driver.blocks and not core.can_yield() then
    return false, "pending"
  elseif driver.blocks then
    coroutine.yield()
  else
    driver.wait(0.05, job)
  end
  job:step() -- perhaps that coroutine is gone
  return true
end

--- Wait until a job has ended.
-- @treturn[1] true
-- @treturn[2] false
-- @treturn[2] string as for `engine.can_wait`
function engine.wait(job)
  while not job.ended do
    local ok, code = engine.can_wait()
    if ok and job.busy then
      ok, code = wait_for_transport(job)
    elseif ok then
      driver.wait(math.min(engine.due() or longest_wait, longest_wait), job)
    end
    if not ok then
      return false, code
    elseif not job.ended then
      engine.nudge()
    end
  end
  return true
end

return engine
