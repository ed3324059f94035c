--- Random histories of one login. A world has a login, a server that answers as it likes, callers,
-- and books of its own, by which spec/support/model_rules.lua judges; `world:step()` has something
-- happen in it.
local bearer = require "bearer"
local core = require "bearer.core"
local jitter = require "spec.support.jitter"
local rehearsal = require "spec.support.rehearsal"
local rules = require "spec.support.model_rules"

local model = {}
local world = {}
world.__index = world

local check = rules.check
local refresh = rehearsal.refresh

-- `rotates`: each refresh token may be sent once. `only`: it is all there is to log in with.
local kinds = {
  { name = "no refresh" },
  { name = "refresh", refresh = refresh, rotates = true },
  { name = "refresh, not rotating", refresh = refresh },
  { name = "refresh that revokes", rotates = true, revokes = true,
    refresh = { url = refresh.url, form = refresh.form, revokes = true } },
  { name = "refresh token alone", refresh = refresh, rotates = true, only = true,
    inputs = { refresh_token = { secret = true } },
    login = { url = "https://rehearsal.invalid/login", form = refresh.form } },
}

local lifetimes = { 0.5, 1, 2, 15, 15, 60, 300, 300, 3600, 86400 } -- and none: unknown
local leeways = { 0, 5, 100, 1e6 }
local clock_steps = { 0, 0.001, 0.1, 0.3, 1, 2, 7, 31, 60, 61, 150, 300, 901, 3600, 90000 }

-- ---- chance: the same on every Lua ------------------------------------------------------

local seed = 1

function model.seed(value)
  seed = value % 2147483646 + 1
end

local function chance()
  seed = seed * 16807 % 2147483647
  return (seed - 1) / 2147483646
end

local function pick(list)
  return list[math.floor(chance() * #list) + 1]
end

local function happens(probability)
  return chance() < probability
end

-- ---- requests ---------------------------------------------------------------------------

local function token_answer(self, request)
  local lifetime = not happens(0.1) and pick(lifetimes) or nil
  self.bought = self.bought + 1
  local value = "token" .. self.bought
  local body = { ('"access_token":"%s"'):format(value) }
  body[#body + 1] = lifetime and ('"expires_in":%.17g'):format(lifetime)
  if self.kind.refresh and (self.kind.rotates or self.bought == 1 or happens(0.3)) then
    self.offered = "next" .. self.bought
    body[#body + 1] = ('"refresh_token":"%s"'):format(self.offered)
  end
  self.tokens[value] = rules.times(self, request.sent_at, lifetime)
  self.answered = self.tokens[value]
  return { status = 200, headers = {}, body = "{" .. table.concat(body, ",") .. "}" }, value
end

local refusals = {
  { 400 }, { 401, code = "invalid_grant" }, { 403 }, { 404 }, { 500 }, { 502 }, { 429 },
  { 429, after = "7" }, { 503, after = "99999" }, { 503 }, { 200 }, { 200, body = "<html>" },
  { 200, body = '{"ok":false}' },
}

-- The refresh token was not spent, says the server; or else nobody will ever know.
local function forgive(self, request, r)
  if request.token and (r[1] == 429 or r.after or self.kind.only and r[1] >= 300) then
    self.spent[request.token] = nil
  end
end

-- What this request is answered; nil: the connection is lost.
local function decide(self, request)
  if happens(0.55) then
    return (token_answer(self, request))
  elseif happens(0.3) then
    return nil, "lost"
  end
  local r = pick(refusals)
  forgive(self, request, r)
  request.is_final = r[1] < 500 or r.after ~= nil -- an answer, however broken
  return {
    status = r[1], headers = { ["retry-after"] = r.after },
    body = r.body or r.code and ('{"error":"%s"}'):format(r.code) or "",
  }
end

local function serve(self, request)
  local kind = request.url:match "^https://[^/]+/(%w+)"
  if kind == "api" then
    local status = happens(0.3) and 401 or 200
    self.unsure = self.unsure or status == 401 -- it may be dropped now
    return { status = status, headers = {}, body = "" }
  end
  local ok, made = pcall(rules.arrive, self, kind, request)
  if not ok then
    self.fault = self.fault or made -- an error here would be the transport's
    return nil
  end
  while made.thread and not made.answered do -- the main program cannot yield
    coroutine.yield()
  end
  if made.raises then
    made.over = true
    error "the transport broke"
  end
  if core.now() < made.till then
    local answer, why = decide(self, made)
    made.over = true
    return answer, why
  end
  made.over = true
  return nil, "timeout"
end

-- ---- callers ----------------------------------------------------------------------------

local calls = {
  token = function(self)
    local t, _, err = self.login:token()
    return t and t:value(), err, t
  end,
  header = function(self)
    local name, value, err = self.login:header()
    if name then
      return value:match "^Bearer (.*)$"
    end
    return nil, err
  end,
  headers = function(self)
    local headers, _, err = self.login:headers()
    return headers and headers.Authorization:match "^Bearer (.*)$", err
  end,
  authorize = function(self)
    local request, _, err = self.login:authorize { url = "/api" }
    return request and request.headers.Authorization:match "^Bearer (.*)$", err
  end,
  refresh = function(self)
    local rejected = happens(0.5) and self.seen or nil
    local t, _, err = self.login:refresh(rejected)
    check(not t or t ~= rejected, "the rejected token was given back")
    return t and t:value(), err, t
  end,
}

local names = { "token", "header", "headers", "authorize", "refresh" }

local function ask(self)
  if happens(0.1) then
    return self.login:request { url = "/api" }
  end
  local method = pick(names)
  local value, err, t = calls[method](self)
  self.seen = t or self.seen
  if value then
    rules.given(self, value)
  else
    rules.refused(self, method, err)
  end
end

local function resume(self, at)
  local thread = self.callers[at]
  local ok, why = coroutine.resume(thread)
  check(ok, "%s", tostring(why))
  if coroutine.status(thread) == "dead" then
    table.remove(self.callers, at)
  end
end

-- In plain Lua 5.1 nothing that may yield can be protected.
local can_raise = jit or _VERSION ~= "Lua 5.1"

-- ---- what may happen --------------------------------------------------------------------

local function pass(self, seconds, wall)
  local now, time = core.now()
  core.clock(now + seconds, time + (wall or seconds))
  self.passed = now
end

local acts = {
  { 30, function(self)
    if #self.callers < 6 then
      self.callers[#self.callers + 1] = coroutine.create(function()
        ask(self)
      end)
      resume(self, #self.callers)
    end
  end },
  { 30, function(self)
    if #self.callers > 0 then
      resume(self, math.floor(chance() * #self.callers) + 1)
    end
  end },
  { 25, function(self) -- an answer comes, and is read when its coroutine goes on
    local made = self.requests[#self.requests]
    if made then
      made.answered, made.raises = true, can_raise and happens(0.05)
    end
  end },
  { 20, function(self)
    pass(self, pick(clock_steps) * (0.5 + chance()))
  end },
  { 2, function(self)
    pass(self, 0, happens(0.5) and 86400 or -86400) -- somebody sets the wall clock
  end },
  { 6, function(self) -- killed; on LuaJIT: never resumed again
    if #self.callers > 0 then
      local thread = table.remove(self.callers, math.floor(chance() * #self.callers) + 1)
      if coroutine.close then
        coroutine.close(thread)
      end
    end
  end },
  { 8, function(self) -- from the main program, which can wait for nobody
    ask(self)
  end },
  { 5, function()
    bearer.poll()
  end },
  { 1, function(self)
    self.login:reset()
    self.hold, self.held_times, self.spent = nil, {}, {}
    self.lifted = -math.huge
  end },
  { 1, function(self)
    self.login:forget()
    self.dropped = true
  end },
  { 2, function(self)
    self.secret = ("secret%d"):format(math.floor(chance() * 1e9))
  end },
  { 0.3, function(self)
    self.login:close()
    self.closed = true
  end },
}

local total = 0
for _, act in ipairs(acts) do
  total = total + act[1]
end

local function act(self)
  local at = chance() * total
  for _, candidate in ipairs(acts) do
    at = at - candidate[1]
    if at < 0 then
      return candidate[2](self)
    end
  end
end

--- One thing happens. Raises what is wrong.
function world:step()
  act(self)
  check(not self.fault, "%s", tostring(self.fault))
  rules.status(self)
end

--- Whoever still waits gets an outcome, in reasonable time.
function world:finish()
  for round = 1, 300 do
    for _, made in ipairs(self.requests) do
      made.answered = true
    end
    pass(self, 0.5)
    for at = #self.callers, 1, -1 do
      resume(self, at)
    end
    bearer.poll()
    check(not self.fault, "%s", tostring(self.fault))
    if #self.callers == 0 then
      break
    end
    check(round < 300, "%d callers wait for ever", #self.callers)
  end
  self.login:close()
end

-- ---- worlds -----------------------------------------------------------------------------

local driver = {
  can_wait = function()
    local thread, is_main = coroutine.running()
    if not thread or is_main then
      return false, "pending"
    end
    return true
  end,
  wait = function()
    coroutine.yield()
  end,
}

local function inputs_of(self)
  local function secret()
    return self.secret
  end
  return self.kind.only and { refresh_token = secret } or { password = secret }
end

--- A world with a login that has asked for nothing yet.
-- @tparam table tally counts what happens in it: each kind of event, class and code of failure
function model.new(tally)
  local kind = pick(kinds)
  local self = setmetatable({
    kind = kind, retries = math.floor(chance() * 3), timeout = pick { 1, 10, 30 },
    jitter = happens(0.5) and 0 or chance(), leeway = happens(0.3) and pick(leeways) or nil,
    secret = "secret0", bought = 0,
    generation = 0, latest = 0, requests = {}, callers = {}, tokens = {}, spent = {},
    lifted = -math.huge, tries = {}, held_times = {}, tally = tally,
  }, world)
  core.clock(1000, 1700000000)
  jitter(self.jitter)
  bearer.use(driver)
  self.login = bearer.login(rehearsal.definition {
    refresh = kind.refresh, inputs = kind.inputs, login = kind.login,
  }, inputs_of(self), {
    retries = self.retries, timeout = self.timeout, leeway = self.leeway,
    transport = function(request)
      return serve(self, request)
    end,
    on_event = function(event)
      local ok, why = pcall(rules.hear, self, event)
      self.fault = self.fault or not ok and why or nil
    end,
  })
  return self
end

return model
