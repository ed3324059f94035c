--- One request and its answer, waited for: API calls and logouts.
-- @module bearer.exchange
local answer = require "bearer.answer"
local engine = require "bearer.engine"

local exchange = {}

--- Why a caller cannot be kept waiting, by code.
exchange.explained = {
  cannot_wait = "there is no waiting in this phase",
  pending = "the answer is under way, and nothing can be waited for here",
}

local job_mt = {}
job_mt.__index = job_mt

function job_mt:step()
  if self.transfer:ended() then
    engine.finish(self)
  end
end

local function transport_failure(why)
  return nil, {
    code = "network", reason = type(why) == "string" and why or "the transport gave no answer",
    sent = true,
  }
end

-- pcall, where a transport may yield inside it.
local protected = (jit or _VERSION ~= "Lua 5.1") and pcall or function(f, ...)
  return true, f(...)
end

--- Send a request by the host's own transport, in this coroutine; it may yield.
-- @tparam bearer.request req it is spent
-- @tparam table how options of a login
-- @treturn[1] table as `answer.read` takes it
-- @treturn[2] nil
-- @treturn[2] table `{code, reason, sent}`
function exchange.by_transport(req, how)
  local message = req:export()
  message.timeout = how.timeout
  req:clear()
  local ok, given, why = protected(how.transport, message)
  if not ok then
    return transport_failure "the transport raised an error" -- its text may hold the request
  elseif given == nil then
    return transport_failure(why)
  end
  local is_sound, raw = pcall(answer.from_transport, given)
  if not is_sound or not raw then
    return transport_failure "the transport's answer is no {status, headers, body}"
  elseif #raw.body > how.max_response then
    return nil, { code = "too_large", reason = "the answer is too large", sent = true }
  end
  return raw
end

--- May a request be sent here? Its answer would be lost where nothing can wait for it.
-- @tparam table how options of a login
-- @treturn[1] true
-- @treturn[2] nil
-- @treturn[2] table `{code, reason, sent}`
function exchange.can_send(how)
  if how.transport or engine.can_wait() then
    return true
  end
  return nil, {
    code = "cannot_wait", sent = false,
    reason = "nothing was sent, as its answer cannot be waited for here",
  }
end

--- Send a request and wait for its answer.
-- @tparam bearer.request req it is spent
-- @tparam table how options of a login
-- @treturn[1] table as `answer.read` takes it
-- @treturn[2] nil
-- @treturn[2] table `{code, reason, sent}`
function exchange.send(req, how)
  local fine, unfit = exchange.can_send(how)
  if not fine then
    return nil, unfit
  elseif how.transport then
    return exchange.by_transport(req, how)
  end
  local job = setmetatable({ ended = false }, job_mt)
  local transfer, failure = engine.send(job, req, how)
  if not transfer then
    return nil, failure
  end
  job.transfer = transfer
  engine.begin(job)
  engine.wait(job)
  local raw, why = job.transfer:answer()
  job.transfer:close()
  return raw, why
end

return exchange
