-- Random histories, checked against the rules at every step: no expired token handed out, never two
-- requests at once, none while held, one login per hold, a living token survives any failure, no
-- refresh token sent twice, and nobody waits for ever. `BEARER_SEED=N` repeats a run.
local bearer = require "bearer"
local core = require "bearer.core"
local jitter = require "spec.support.jitter"
local model = require "spec.support.model"

-- Where each step costs far more, fewer will do.
local function slowness()
  local under_valgrind = (os.getenv "LD_PRELOAD" or ""):find "vgpreload"
  return under_valgrind and 50 or os.getenv "SUITE_CHILD" and 10 or 1
end

local steps = 120000 / slowness()
local seed = tonumber(os.getenv "BEARER_SEED")
  or (os.time() * 7919 + math.floor(os.clock() * 1e6)) % 2147483646

describe("any history", function()
  after_each(function()
    jitter()
    core.clock()
    bearer.use "blocking"
  end)

  -- Run something in a world; what is wrong is told with all that is needed to see it again.
  local function try(f, world, number, at)
    local ok, why = pcall(f, world)
    if not ok then
      error(("BEARER_SEED=%d, world %d (%s), %s: %s"):format(seed, number, world.kind.name, at,
        tostring(why)), 0)
    end
  end

  it(("of %d steps keeps the rules (BEARER_SEED=%d)"):format(steps, seed), function()
    model.seed(seed)
    local done, number, tally = 0, 0, {}
    while done < steps do
      local world, length = model.new(tally), 20 + number % 10 * 60
      number = number + 1
      for i = 1, length do
        try(world.step, world, number, "step " .. i)
        done = done + 1
        if world.closed then
          break
        end
      end
      try(world.finish, world, number, "its end")
    end
    -- It was no empty walk; a short one need not meet everything.
    local all = { "login", "refresh", "transient", "throttled", "terminal", "lost", "held",
      "refresh_token_lost" }
    for _, what in ipairs(slowness() > 1 and { "login", "refresh" } or all) do
      assert.is_true((tally[what] or 0) > 0, what)
    end
  end)
end)
