--- Waiting in nginx. A timer of the worker, the pump, moves everything: the end of the request
-- that began a login does not stop it, and a login may be begun where nothing can wait. Those who
-- wait sleep on a semaphore. When nginx grants no timer, one of them moves it instead.
-- @module bearer.drivers.resty
local core = require "bearer.core"
local loop = require "bearer.loop"
local semaphore = require "ngx.semaphore"

local get_phase, now, sleep = ngx.get_phase, ngx.now, ngx.sleep

-- ---- phases -----------------------------------------------------------------------------

-- Where a light thread may wait, unless a C function is on its stack.
local waiting_phases = {
  rewrite = true, server_rewrite = true, access = true, content = true, timer = true,
  preread = true, ssl_cert = true, ssl_session_fetch = true, ssl_client_hello = true,
}

-- Where nothing can be begun: what is begun before the workers are forked would be begun in each
-- of them, and a worker that is gone has no timers.
local barren_phases = { init = true, exit_worker = true }

local function can_wait()
  return waiting_phases[get_phase()] == true and core.can_yield(), "cannot_wait"
end

local function can_begin()
  return not barren_phases[get_phase()], "cannot_wait"
end

-- ---- moving -----------------------------------------------------------------------------

local patience = 1 -- seconds: what was not heard of for so long has met with an accident

-- Seconds between two looks: short while an answer may come soon, longer for slow servers. nginx
-- counts in milliseconds; its sleep(0) is either a patch or a warning in the log.
local shortest, longest = 0.001, 0.005
local soon = 0.1 -- since something was begun

local mover, beat -- the coroutine that moves everything, and when it last did
local pumps = false -- is that the pump?
local begun = 0 -- when something last was
local bell -- wakes the pump. Made in the worker: nginx's log of before the fork is gone there

local function is_moved(within)
  return mover ~= nil and now() - beat < within
end

local waited_for = {} -- jobs
local set_apart = {} -- functions to run in light threads that no request ends

-- A worker that exits goes on for those who wait. What nobody waits for gets a moment.
local exits_since

local function is_wanted()
  if set_apart[1] then -- an event that is yet to be told, say
    return true
  elseif loop.count() == 0 then
    return false
  elseif not ngx.worker.exiting() then
    return true
  end
  exits_since = exits_since or now()
  for job in pairs(waited_for) do
    if job.semaphore:count() < 0 then -- those who were killed do not count
      return true
    end
  end
  return now() - exits_since < patience
end

local function run_apart(run)
  while set_apart[1] do
    run(table.remove(set_apart, 1))
  end
end

local turn_over = 10000 -- looks: what a timer's threads allocate is freed with the timer

local function pump()
  local me, count = coroutine.running(), 0
  bell = bell or semaphore.new()
  mover, pumps = me, true
  while mover == me and is_wanted() and count < turn_over do
    beat = now()
    run_apart(ngx.thread.spawn)
    loop.poll(0)
    count = count + 1
    bell:wait(now() - begun < soon and shortest or longest)
  end
  return mover == me
end

-- ---- having a pump ------------------------------------------------------------------------

local asked, granted -- when a timer was last asked for; did nginx say yes?

local run_pump

-- One that nginx did not grant is asked for again after a while. It also drops timers that it
-- had granted when it has no room for them.
local function need_pump()
  if not (pumps and is_moved(patience)) and not (asked and now() - asked < patience) then
    asked, granted = now(), ngx.timer.at(0, run_pump)
  end
end

function run_pump()
  asked = nil
  if pump() then
    mover, pumps = nil, false
    if is_wanted() then
      need_pump()
    end
  end
end

local function is_awaited()
  return granted and asked and now() - asked < 2 * longest
end

local function start()
  begun = now()
  need_pump()
  if bell and bell:count() < 0 then
    bell:post()
  end
end

local function apart(f)
  table.insert(set_apart, f)
  start()
end

-- ---- waiting ------------------------------------------------------------------------------

-- Move everything in this light thread, until there is a pump.
local function lead(me)
  mover, pumps, beat = me, false, now()
  run_apart(function(f)
    f()
  end)
  sleep(shortest) -- who waits polls then
end

local function doze(job, seconds)
  job.semaphore = job.semaphore or semaphore.new()
  waited_for[job] = true
  job.semaphore:wait(seconds)
end

local function wait(_, job)
  need_pump()
  local me = coroutine.running()
  if pumps and is_moved(patience) then
    doze(job, patience)
  elseif is_awaited() or mover ~= me and is_moved(longest) then
    doze(job, 2 * longest)
  else
    lead(me)
  end
end

local function wake(job)
  waited_for[job] = nil
  if job.semaphore then
    job.semaphore:post(math.max(1, -job.semaphore:count()))
  end
end

return {
  name = "resty", start = start, can_begin = can_begin, can_wait = can_wait, wait = wait,
  wake = wake, apart = apart, guards = true,
}
