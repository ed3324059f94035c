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

-- What a walk has to meet.
local met = { "login", "refresh", "transient", "throttled", "terminal", "lost", "held", "no_token",
  "refresh_token_lost" }

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
    -- It is no empty walk: where chance would have it that something was not met yet, it goes on.
    local function lacking()
      for _, what in ipairs(met) do
        if (tally[what] or 0) == 0 then
          return what
        end
      end
    end
    while done < steps or lacking() and done < 20 * steps do
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
    assert.is_nil(lacking())
  end)
end)
