--- Waiting for cqueues: one pump, a coroutine of the running controller, moves everything and
-- signals those who wait. Outside a controller it waits as a plain script does.
-- @module bearer.drivers.cqueues
local blocking = require "bearer.drivers.blocking"
local condition = require "cqueues.condition"
local core = require "bearer.core"
local cqueues = require "cqueues"
local engine = require "bearer.engine"

local pumps = setmetatable({}, { __mode = "k" }) -- by controller

-- What cqueues.poll wants to know of the core's descriptor.
local pollable = {}

function pollable.pollfd()
  return core.fd()
end

function pollable.events()
  return "r"
end

function pollable.timeout()
  return math.min(engine.due() or 1, core.fd() and 1 or 0.005)
end

local function pump()
  local controller = cqueues.running()
  while engine.count() > 0 do
    cqueues.poll(pollable)
    engine.poll(0)
  end
  pumps[controller] = nil
end

local function start()
  local controller, inside = cqueues.running()
  if inside and not pumps[controller] then
    pumps[controller] = true
    controller:wrap(pump)
  end
end

return {
  name = "cqueues",
  start = start,
  wait = function(seconds, job)
    local _, inside = cqueues.running()
    if not inside then
      return blocking.wait(seconds)
    end
    start() -- this may be another controller than the one where it began
    job.condition = job.condition or condition.new()
    job.condition:wait(seconds)
  end,
  wake = function(job)
    if job.condition then
      job.condition:signal()
    end
  end,
}
