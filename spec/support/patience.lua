--- How long a spec polls for what must come, on whatever machine. What lies between two looks
-- counts for 10 ms at most: a machine that stands still, or has no time for us, uses nothing up.
local bearer = require "bearer"
local core = require "bearer.core"

local patience = {}

--- Seconds after which something hangs, and is not just slow.
patience.limit = 300

--- A limit.
-- @tparam number seconds
-- @treturn function raises the text that it is given once that much time is used up
function patience.of(seconds)
  local last = core.now()
  return function(what)
    local now = core.now()
    seconds, last = seconds - math.min(now - last, 0.01), now
    assert(seconds > 0, what)
  end
end

--- Poll until nothing is under way.
-- @tparam number seconds
function patience.settle(seconds)
  local look = patience.of(seconds)
  while bearer.poll(1) > 0 do
    look "something stays under way"
  end
end

--- That something happens while an answer is on its way, or soon after a timeout, can be missed
-- by a machine that stands still for a moment: but not again and again, as the moment grows.
-- @tparam function f is called with how many times as long as usual; gives whether it was in time
function patience.longer(f)
  for _, times in ipairs { 1, 3, 9 } do
    if f(times) then
      return
    end
  end
  error("too late, however long it had", 2)
end

return patience
