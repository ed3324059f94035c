--- Waiting in coroutines: a caller yields nothing, and is resumed by the poll in which its job
-- ends, or by a later one when many are to be resumed. Being resumed earlier by somebody else
-- does no harm.
-- @module bearer.drivers.coroutines
-- @local
local core = require "bearer.core"

local coroutines = {}

local shared = core.notebook "bearer.drivers.coroutines" -- they wait on when this is loaded anew

-- The job that a coroutine waits for, so that nobody resumes it once it waits for something else.
shared.waiting = shared.waiting or setmetatable({}, { __mode = "k" })
local waiting = shared.waiting

-- A queue of {coroutine, job}, and where it begins and ends. An error may come at any line, from a
-- debug hook say: nobody is taken out before he has gone on.
shared.ready = shared.ready or { first = 1, last = 0 }
local ready = shared.ready

--- Is this a coroutine that can yield?
-- @treturn boolean false, and the code `pending`, elsewhere
function coroutines.can_wait()
  return core.can_yield(), "pending"
end

--- Wait for a job.
function coroutines.wait(_, job)
  local co = coroutine.running()
  job.waiters, job.listed = job.waiters or {}, job.listed or {}
  if not job.listed[co] then -- it was not resumed by somebody else before
    table.insert(job.waiters, co)
    job.listed[co] = true
  end
  waiting[co] = job
  coroutine.yield()
  waiting[co] = nil
end

--- A job has ended: those who wait for it are resumed by the next `turn`. Not here, where they
-- would run inside somebody else's call.
function coroutines.wake(job)
  for _, co in ipairs(job.waiters or {}) do
    ready[ready.last + 1] = { co, job }
    ready.last = ready.last + 1
  end
  job.waiters, job.listed = nil, nil
end

--- How many are yet to be resumed.
function coroutines.left()
  return ready.last - ready.first + 1
end

local function go_on(co)
  local ok, err = coroutine.resume(co)
  if not ok then
    error(debug.traceback(co, tostring(err)), 0)
  end
end

--- Run f in a coroutine of its own. When it yields, it is resumed by what it waits for.
function coroutines.apart(f)
  go_on(coroutine.create(f))
end

local function resume(co, job)
  if waiting[co] ~= job or coroutine.status(co) ~= "suspended" then
    return -- it has gone on by itself, or is gone
  end
  go_on(co)
end

--- Resume those whose job has ended, one at least, until this instant. The error of one is
-- raised; the others get their turn in the next call.
function coroutines.turn(till)
  while ready.first <= ready.last do
    local first = ready.first
    local entry = ready[first]
    if entry then
      resume(entry[1], entry[2])
    end
    if ready.first == first then -- nobody has called this meanwhile
      ready[first] = nil
      ready.first = first + 1
    end
    if core.now() > till then
      return
    end
  end
end

return coroutines
