--- What is under way, and how this host waits for it. All transfers of a Lua state run on one
-- libcurl multi handle.
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
--
-- @module bearer.engine
local core = require "bearer.core"

local engine = {}

local driver
local by_transfer = {} -- jobs, by the id of the transfer that they wait for
local sleeping = {} -- jobs that go on at their `wake`
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
    count = count - 1
    if driver.wake then
      driver.wake(job)
    end
  end
end

--- Have a job stepped at `job.wake`, unless something else does so before.
function engine.sleep(job)
  sleeping[job] = true
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
    by_transfer[transfer:id()] = job
    return transfer
  end
  return nil, { code = "no_secret", reason = ("option '%s': %s"):format(option, why), sent = false }
end

-- ---- polling --------------------------------------------------------------------------

local function next_wake()
  local wake
  for job in pairs(sleeping) do
    wake = math.min(job.wake or 0, wake or math.huge)
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

local function step_sleepers()
  local now, due = core.now(), nil
  for job in pairs(sleeping) do
    if not job.wake or job.wake <= now then
      due = due or {}
      due[#due + 1] = job
    end
  end
  for _, job in ipairs(due or {}) do
    sleeping[job] = nil
    job:step()
  end
end

local most_work = 0.0005 -- seconds in one poll, as in the core

local function step_ended()
  local began = core.now()
  repeat
    local id = core.next_ended()
    local job = id and by_transfer[id]
    if job then
      by_transfer[id] = nil
      job:step()
    end
  until not id or core.now() - began > most_work
end

--- Advance everything, without waiting longer than `max_ms` for news.
-- @tparam ?number max_ms
-- @treturn integer how many renewals and calls are under way
function engine.poll(max_ms)
  local wake = next_wake()
  core.poll(wake and math.min(wake * 1000, max_ms or 0) or max_ms or 0)
  step_ended()
  step_sleepers()
  return count
end

--- How many renewals and calls are under way.
function engine.count()
  return count
end

-- ---- waiting --------------------------------------------------------------------------

local longest_wait = 1 -- seconds: a host's own timers and signals get their turn

local function can_yield()
  if coroutine.isyieldable then
    return coroutine.isyieldable()
  end
  return coroutine.running() ~= nil
end

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
  if job.busy == (coroutine.running() or true) or driver.blocks and not can_yield() then
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
      engine.poll(0)
    end
  end
  return true
end

return engine
