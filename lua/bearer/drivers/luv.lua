--- Waiting for luv (libuv): a poll handle on the core's descriptor and a timer move everything
-- from the loop. Callers are coroutines.
-- @module bearer.drivers.luv
local core = require "bearer.core"
local coroutines = require "bearer.drivers.coroutines"
local engine = require "bearer.engine"
local uv = require "luv"

local handle, timer, descriptor

local tend

local function poll()
  engine.poll(0)
  tend()
end

local function open()
  if descriptor ~= core.fd() then -- another one after fork
    descriptor = core.fd()
    handle = descriptor and uv.new_poll(descriptor)
    timer = uv.new_timer()
  end
end

-- Watch as long as something is under way: the loop must be able to end.
function tend()
  if engine.count() == 0 then
    timer:stop()
    return handle and handle:stop()
  end
  if handle then
    handle:start("r", poll)
  end
  local due = engine.due()
  timer:start(math.ceil(math.min(due or 1, handle and 1 or 0.005) * 1000), 0, poll)
end

return {
  name = "luv",
  can_wait = coroutines.can_wait,
  wait = coroutines.wait,
  wake = coroutines.wake,
  start = function()
    open()
    tend()
  end,
}
