-- The hosts that bearer runs in, each with its driver and a loop as its programs have it. A host:
--
--     name, concurrent     what it is; can several callers wait at the same time?
--     coroutines           are callers plain coroutines?
--     use()                sets the driver
--     run(f, …)            runs these functions side by side until all have ended; or { f, … }
--     settle(condition)    lets the loop go round, though nobody waits, until the condition holds
--
-- `hosts.each(f)` calls f with those whose packages are there.
local bearer = require "bearer"
local core = require "bearer.core"
local patience = require "spec.support.patience"
local socket = require "socket"

local hosts = {}

local function list(first, ...)
  return type(first) == "table" and first or { first, ... }
end

local limit = patience.limit

local function limited()
  local ends = socket.gettime() + limit
  return function()
    assert(socket.gettime() < ends, "it takes too long")
  end
end

-- Have what a function raises kept in errors, where a pcall can be yielded across.
local function keeping(errors, f)
  if _VERSION == "Lua 5.1" and not jit then -- luacheck: globals jit
    return f
  end
  return function()
    local ok, err = pcall(f)
    errors[#errors + 1] = not ok and err or nil
  end
end

-- Coroutines of these functions, begun; first a function that tells whether all have ended.
local function begin(functions)
  local all, errors = {}, {}
  for i, f in ipairs(functions) do
    all[i] = coroutine.create(keeping(errors, f))
    assert(coroutine.resume(all[i]))
  end
  return function()
    if errors[1] then
      error(errors[1], 0)
    end
    for _, co in ipairs(all) do
      if coroutine.status(co) ~= "dead" then
        return false
      end
    end
    return true
  end, all
end

-- A host whose callers are coroutines, and whose loop is `turn`.
local function of_coroutines(name, driver, turn)
  local function go_round(condition)
    local check = limited()
    while not condition() do
      turn()
      check()
    end
  end
  return {
    name = name, concurrent = true, coroutines = true,
    use = function()
      bearer.use(driver)
    end,
    run = function(...)
      go_round((begin(list(...))))
    end,
    settle = go_round,
  }
end

-- ---- the hosts ------------------------------------------------------------------------

local function blocking()
  return {
    name = "blocking",
    use = function()
      bearer.use "blocking"
    end,
    run = function(...)
      for _, f in ipairs(list(...)) do
        f()
      end
    end,
    settle = function(condition)
      local check = limited()
      while not condition() do
        bearer.poll(5)
        check()
      end
    end,
  }
end

local function manual()
  return of_coroutines("manual", "manual", function()
    bearer.poll()
    socket.sleep(0.001) -- the rest of a frame
  end)
end

-- A loop of somebody's own, which knows fd, timeout and poll alone.
local function with_select()
  local descriptor = { getfd = bearer.fd }
  return of_coroutines("a loop over select", "manual", function()
    local ms = math.min(bearer.timeout() or 1000, 1000)
    socket.select({ descriptor }, nil, ms / 1000)
    bearer.poll()
  end)
end

local function with_cqueues_poll()
  local cqueues = require "cqueues"
  local events = { pollfd = bearer.fd, events = function() return "r" end }
  return of_coroutines("a loop over cqueues.poll", "manual", function()
    cqueues.poll(events, math.min(bearer.timeout() or 1000, 1000) / 1000)
    bearer.poll()
  end)
end

-- A driver of somebody's own that can only sleep, as a scheduler of coroutines has it.
local function custom()
  local all = {}
  local host = of_coroutines("a driver table", {
    wait = function(seconds)
      assert(seconds >= 0)
      coroutine.yield()
    end,
    can_wait = function()
      return core.can_yield(), "pending"
    end,
  }, function()
    for _, co in ipairs(all) do
      if coroutine.status(co) == "suspended" then
        assert(coroutine.resume(co))
      end
    end
    bearer.poll(1)
  end)
  function host.run(...)
    local ended
    ended, all = begin(list(...))
    host.settle(ended)
    all = {}
  end
  return host
end

local function luv()
  local uv = require "luv"
  return of_coroutines("luv", "luv", function()
    if not uv.run "nowait" then -- the loop has nothing to do
      bearer.poll(1)
    end
    socket.sleep(0.0005)
  end)
end

local function cqueues()
  local library = require "cqueues"
  local function run(...)
    local controller = library.new()
    local errors = {}
    for _, f in ipairs(list(...)) do
      controller:wrap(keeping(errors, f))
    end
    assert(controller:loop(limit))
    assert(controller:empty(), "it takes too long")
    if errors[1] then
      error(errors[1], 0)
    end
  end
  return {
    name = "cqueues", concurrent = true, run = run,
    use = function()
      bearer.use "cqueues"
    end,
    settle = function(condition)
      local check = limited()
      run(function()
        while not condition() do
          library.sleep(0.002)
          check()
        end
      end)
    end,
  }
end

-- ---- all of them -------------------------------------------------------------------------

--- Call f with each host that this machine has.
function hosts.each(f)
  for _, make in ipairs {
    blocking, manual, with_select, with_cqueues_poll, custom, luv, cqueues,
  } do
    local ok, host = pcall(make)
    if ok then
      f(host)
    else
      f(nil, host)
    end
  end
end

return hosts
