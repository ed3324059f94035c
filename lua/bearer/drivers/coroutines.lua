--- Waiting in coroutines: a caller yields nothing, and is resumed when its job has ended. Being
-- resumed earlier by somebody else does no harm.
-- @module bearer.drivers.coroutines
-- @local
local coroutines = {}

-- Take a waiter off a job, so that nobody resumes it once it waits for something else.
local function leave(job, co)
  for i, waiter in ipairs(job.waiters) do
    if waiter == co then
      table.remove(job.waiters, i)
      return
    end
  end
end

--- Is this a coroutine?
-- @treturn boolean false, and the code `pending`, in the main program
function coroutines.can_wait()
  local co, main = coroutine.running()
  if main or not co then -- Lua 5.1 has no coroutine for the main program
    return false, "pending"
  end
  return true
end

--- Wait for a job.
function coroutines.wait(_, job)
  local co = coroutine.running()
  job.waiters = job.waiters or {}
  table.insert(job.waiters, co)
  coroutine.yield()
  leave(job, co)
end

--- Resume those who wait for a job. The error of one is raised when all had their turn.
function coroutines.wake(job)
  local waiters = job.waiters
  job.waiters = {}
  local failure
  for _, co in ipairs(waiters or {}) do
    if coroutine.status(co) == "suspended" then
      local ok, err = coroutine.resume(co)
      if not ok then
        failure = failure or debug.traceback(co, tostring(err))
      end
    end
  end
  if failure then
    error(failure, 0)
  end
end

return coroutines
