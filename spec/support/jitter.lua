--- What decides the pauses and the spread of renewals is chance: here it is pinned.
local core = require "bearer.core"

local chance = core.jitter

--- Pin it.
-- @tparam[opt] number value in 0 … 1, each time; without: chance again
return function(value)
  core.jitter = value and function()
    return value
  end or chance
end
