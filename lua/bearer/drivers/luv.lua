--- Waiting for luv (libuv): a poll handle on the core's descriptor and a timer move everything
-- from the loop. Callers are coroutines.
-- @module bearer.drivers.luv
local core = require "bearer.core"
local coroutines = require "bearer.drivers.coroutines"
local loop = require "bearer.loop"
local uv = require "luv"

local handle, timer, descriptor

local tend

local function poll()
  local ok, err = pcall(loop.poll, 0)
  tend() -- before anything else: the others go on
  if not ok then
    error(err, 0)
  end
end

local function close_handle()
  if handle and not handle:is_closing() then
    handle:close()
  end
  handle = nil
end

local function open()
  timer = timer or uv.new_timer()
  if descriptor ~= core.fd() then -- another one after fork
    close_handle()
    descriptor = core.fd()
    handle = descriptor and uv.new_poll(descriptor)
  end
end

-- Watch as long as something is under way: the loop must be able to end.
function tend()
  open()
  if loop.count() == 0 then
    timer:stop()
    return handle and handle:stop()
  end
  if handle then
    handle:start("r", poll)
  end
  local seconds = math.min(loop.due() or 1, 1)
  timer:start(math.ceil(seconds * 1000), 0, poll)
end

return {
  name = "luv",
  moves = true,
  can_wait = coroutines.can_wait,
  wait = coroutines.wait,
  turn = coroutines.turn,
  left = coroutines.left,
  start = tend,
  apart = function(f)
    coroutines.apart(function()
      f()
      tend() -- something else may be due, and this may not be a poll
    end)
  end,
  wake = function(job)
    coroutines.wake(job)
    tend() -- it may have ended outside of a poll
  end,
}
