--- Waiting for plain scripts: the program stands still until there is news.
-- @module bearer.drivers.blocking
local core = require "bearer.core"

return {
  name = "blocking",
  blocks = true, -- no other coroutine runs meanwhile
  wait = core.wait,
}
