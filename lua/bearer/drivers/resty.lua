--- Waiting in nginx: a timer of the worker moves everything, so that no request's end stops it,
-- and those who wait sleep on a semaphore.
-- @module bearer.drivers.resty
local engine = require "bearer.engine"
local semaphore = require "ngx.semaphore"

local get_phase, sleep = ngx.get_phase, ngx.sleep

-- Phases in which a light thread may wait.
local waiting_phases = {
  rewrite = true, server_rewrite = true, access = true, content = true, timer = true,
  preread = true, ssl_cert = true, ssl_session_fetch = true, ssl_client_hello = true,
}

-- Seconds between two looks: short while an answer may come soon, longer for slow servers.
local shortest, longest = 0.001, 0.005

local beat -- when the pump last moved; nil when there is none

local function pump()
  local step, looks = shortest, 0
  while engine.count() > 0 do
    beat = ngx.now()
    engine.poll(0)
    sleep(step)
    looks = looks + 1
    step = looks > 100 and longest or shortest
  end
  beat = nil
end

-- A pump that was not heard of for so long has met with an accident.
local patience = 1

local function start()
  if beat and ngx.now() - beat < patience then
    return true
  end
  beat = ngx.now()
  local ok = ngx.timer.at(0, pump)
  if not ok then -- too many timers
    beat = nil
  end
  return ok
end

return {
  name = "resty",
  start = start,

  -- What is begun before the workers are forked would be begun in each of them.
  can_begin = function()
    return get_phase() ~= "init", "cannot_wait"
  end,

  can_wait = function()
    return waiting_phases[get_phase()] == true, "cannot_wait"
  end,

  wait = function(seconds, job)
    if not start() then
      return sleep(shortest) -- whoever waits has to move it
    end
    job.semaphore = job.semaphore or semaphore.new()
    job.semaphore:wait(math.min(seconds, patience))
  end,

  wake = function(job)
    if job.semaphore then
      job.semaphore:post(math.max(1, -job.semaphore:count()))
    end
  end,
}
