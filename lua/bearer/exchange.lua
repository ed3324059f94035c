--- One request and its answer, waited for: API calls and logouts.
-- @module bearer.exchange
local answer = require "bearer.answer"
local core = require "bearer.core"
local engine = require "bearer.engine"

local exchange = {}

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
  local given, why = how.transport(message)
  if given == nil then
    return transport_failure(why)
  end
  local raw = answer.from_transport(given)
  if not raw then
    return transport_failure "the transport's answer is no {status, headers, body}"
  elseif #raw.body > how.max_response then
    return nil, { code = "too_large", reason = "the answer is too large", sent = true }
  end
  return raw
end

local explained = {
  cannot_wait = "there is no waiting in this phase",
  pending = "the answer is under way, and nothing can be waited for here",
}

--- Send a request and wait for its answer.
-- @tparam bearer.request req it is spent
-- @tparam table how options of a login
-- @treturn[1] table as `answer.read` takes it
-- @treturn[2] nil
-- @treturn[2] table `{code, reason, sent}`
function exchange.send(req, how)
  if how.transport then
    return exchange.by_transport(req, how)
  end
  local job = setmetatable({ ended = false }, job_mt)
  local failure
  job.transfer, failure = engine.send(job, req, how)
  if not job.transfer then
    return nil, failure
  end
  engine.begin(job)
  local ok, code = engine.wait(job)
  if not ok then
    return nil, { code = code, reason = explained[code] or code, sent = true }
  end
  local raw, why = job.transfer:answer()
  job.transfer:close()
  return raw, why
end

--- Can there be any waiting here?
-- @treturn boolean
function exchange.possible()
  local driver = engine.driver()
  return not driver.can_wait or driver.can_wait()
end

exchange.explained = explained

return exchange
