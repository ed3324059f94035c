--- Waiting for cqueues: one pump, a coroutine of the running controller, moves everything and
-- signals those who wait. Outside a controller it waits as a plain script does.
-- @module bearer.drivers.cqueues
local blocking = require "bearer.drivers.blocking"
local condition = require "cqueues.condition"
local core = require "bearer.core"
local cqueues = require "cqueues"
local loop = require "bearer.loop"

local pumps = setmetatable({}, { __mode = "k" }) -- {coroutine, begun = condition}, by controller

-- What cqueues.poll wants to know of the core's descriptor.
local pollable = {}

function pollable.pollfd()
  return core.fd()
end

function pollable.events()
  return "r"
end

function pollable.timeout()
  return math.min(loop.due() or 1, 1)
end

local function pump(self)
  self[1] = coroutine.running()
  while loop.count() > 0 do
    cqueues.poll(pollable, self.begun)
    loop.poll(0)
  end
end

local function is_at_work(self)
  return self ~= nil and (not self[1] or coroutine.status(self[1]) ~= "dead")
end

-- Something is under way: have it moved, and soon.
local function start(controller)
  local self = pumps[controller]
  if is_at_work(self) then
    return self.begun:signal()
  end
  pumps[controller] = { begun = condition.new() }
  controller:wrap(pump, pumps[controller])
end

return {
  name = "cqueues",
  start = function()
    local controller, inside = cqueues.running()
    if inside then
      start(controller)
    end
  end,
  wait = function(seconds, job)
    local controller, inside = cqueues.running()
    if not inside then
      return blocking.wait(seconds)
    elseif not is_at_work(pumps[controller]) then
      start(controller) -- it began in another one
    end
    job.condition = job.condition or condition.new()
    job.condition:wait(1) -- the pump knows when it is due
  end,
  wake = function(job)
    if job.condition then
      job.condition:signal()
    end
  end,
}
