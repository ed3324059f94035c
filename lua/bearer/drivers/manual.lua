--- Waiting for game loops: nothing waits. `bearer.poll()`, once a frame, moves everything and
-- resumes the coroutines whose answer is there.
-- @module bearer.drivers.manual
local coroutines = require "bearer.drivers.coroutines"

return {
  name = "manual",
  moves = true,
  can_wait = coroutines.can_wait,
  wait = coroutines.wait,
  wake = coroutines.wake,
  turn = coroutines.turn,
  left = coroutines.left,
  apart = coroutines.apart,
}
