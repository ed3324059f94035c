--- Logins without a server and without waiting: a transport that plays what it is told, a clock
-- that moves when a spec says so, and a driver whose waiting makes the time pass.
--
--     local r = rehearsal.new()
--     after_each(function() r:stop() end)
--     r:play(r.token { lifetime = 300 }, r.refusal(503))
--     local login = r:login()
local assert = require "luassert"
local bearer = require "bearer"
local core = require "bearer.core"
local jitter = require "spec.support.jitter"

local rehearsal = {}
local methods = {}
methods.__index = methods

local origin = "https://rehearsal.invalid" -- nobody ever asks there

--- The definition; `changes` replace or, when false, remove its fields.
function rehearsal.definition(changes)
  local def = {
    name = "rehearsal", base_url = origin,
    inputs = {
      password = { secret = true }, code = { optional = true, secret = true },
    },
    login = { url = origin .. "/login", form = { password = "${password}", code = "${code}" } },
    error = { denied = { "invalid_grant" }, throttled = { "slow_down" } },
  }
  for name, value in pairs(changes or {}) do
    def[name] = value or nil
  end
  return def
end

--- A request that spends the refresh token.
rehearsal.refresh = { url = origin .. "/refresh", form = { refresh_token = "${refresh_token}" } }

--- An answer with a token. `given`: `lifetime` (left out: unknown), `refresh`, `value`.
function methods.token(given)
  return function(self)
    self.bought = self.bought + 1
    local value = given and given.value or "token-" .. self.bought
    local fields = { ('"access_token":"%s"'):format(value) }
    if given and given.lifetime then
      fields[#fields + 1] = ('"expires_in":%.17g'):format(given.lifetime)
    end
    if given and given.refresh then
      fields[#fields + 1] = ('"refresh_token":"%s"'):format(given.refresh)
    end
    return { status = 200, headers = {}, body = "{" .. table.concat(fields, ",") .. "}" }
  end
end

--- An answer that is none, or a refusal with that status, Retry-After and error code.
function methods.refusal(status, retry_after, code)
  return function()
    if not status then
      return nil, "no route"
    end
    return {
      status = status, headers = { ["retry-after"] = retry_after },
      body = code and ('{"error":"%s"}'):format(code) or "",
    }
  end
end

--- What comes next, one answer a request; the last one repeats.
function methods:play(...)
  self.answers = { ... }
end

local function kind_of(url)
  return url:match "^https://[^/]+/(%w+)"
end

local function answer_of(self, request)
  local kind = kind_of(request.url)
  self.sent[kind] = (self.sent[kind] or 0) + 1
  self.last = request
  if self.delay then
    self:pass(self.delay)
  end
  local answer = self.answers_to[kind] or self.answers[1]
  if not self.answers_to[kind] and self.answers[2] then
    table.remove(self.answers, 1)
  end
  return answer(self, request)
end

--- A login here, closed by `stop`. Its pauses are none and its retries are 0 unless said.
function methods:login(options, inputs, changes)
  local all = { retries = 0, transport = function(request)
    return answer_of(self, request)
  end }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  local login = bearer.login(rehearsal.definition(changes), inputs or { password = "s3cret" }, all)
  self.logins[#self.logins + 1] = login
  return login
end

--- How many requests of a kind (`login`, `refresh`, `api`) were sent.
function methods:count(kind)
  return self.sent[kind or "login"] or 0
end

--- Both clocks move, or with `wall` each by its own step.
function methods.pass(_, seconds, wall)
  local now, time = core.now()
  core.clock(now + seconds, time + (wall or seconds))
end

--- What decides the pauses and the spread: this number each time; without, chance.
methods.jitter = jitter

--- The state that a login is brought to, by a token that lives for so long (300 s).
function methods:bring(login, state, lifetime)
  lifetime = lifetime or 300
  local parts = { fresh = 0, advisory = 0.55, mandatory = 0.85, expired = 0.97 }
  if state ~= "none" then
    self:play(self.token { lifetime = lifetime })
    local t = assert(login:token())
    self:pass(lifetime * parts[state])
    assert.equal(state, login:status().state)
    self.sent = {}
    return t
  end
end

--- As before.
function methods:stop()
  for _, login in ipairs(self.logins) do
    login:close()
  end
  self.jitter()
  core.clock()
  bearer.use "blocking"
end

--- Freeze the clocks and take the driver's place.
function rehearsal.new()
  local self = setmetatable({
    logins = {}, sent = {}, answers = {}, answers_to = {}, bought = 0,
  }, methods)
  core.clock(1000, 1700000000)
  self.jitter(0)
  bearer.use {
    blocks = true,
    wait = function(seconds)
      self:pass(math.max(seconds, 1e-6))
    end,
  }
  return self
end

return rehearsal
