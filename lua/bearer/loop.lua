--- What is under way, and how this host waits for it: a login, a refresh, a call of an API. What
-- each of these *jobs* does is in the core, which steps it; a step says what it needs (a transfer
-- to end, an instant to come, a function of the host's to be called), and that is seen to here.
-- The methods that may wait have their face here, too.
--
-- How a host waits is told by a driver: see drivers/README.md.
-- @module bearer.loop
-- @local
local calls = require "bearer.drivers.calls"
local core = require "bearer.core"

local loop = {}

-- What outlives a reload of this module: its methods are put on living objects then, and what they
-- have under way goes on.
local shared = core.notebook "bearer.loop"
local weak = { __mode = "k" }

local function weakly(name)
  shared[name] = shared[name] or setmetatable({}, weak)
  return shared[name]
end

-- What is known of a job: its `driver`, by which it is waited for, and the driver's own `note`;
-- `caller`, the coroutine that runs a function of the host's for it; `is_owned`: it is moved by the
-- one who waits for it, and what it `needs` then, when a poll has stepped it.
local jobs = weakly "jobs"
local calling = weakly "calling" -- the functions in which the host's are run
local telling = weakly "telling" -- likewise, its listeners
local tellers = setmetatable({}, { __mode = "v" }) -- the last coroutine that told events

local driver = shared.driver

--- Set how this host waits.
function loop.use(chosen)
  driver, shared.driver = chosen, chosen
end

--- How this host waits; nil when nobody has said so.
function loop.driver()
  return driver
end

--- Tell what there is no caller to tell. Replaced by `init.lua`.
function loop.warn() end

-- ---- functions of the host's ------------------------------------------------------------

-- Run what may call functions of the host's, which may yield: apart from the caller where the
-- driver can, else in the caller's coroutine.
local function apart(f)
  if driver.apart then
    return driver.apart(f)
  end
  f()
end

-- ---- events -----------------------------------------------------------------------------

local function tell_some(count)
  for _ = 1, count do
    local listener, event, login = core.next_event()
    if listener then
      apart(function()
        local ok, why = calls.attempt(listener, event)
        if not ok then
          loop.warn("bearer: on_event: " .. core.masked(login, why))
        end
      end)
    end
  end
end

telling[tell_some] = true

-- Is this asked from within a listener? No flag could tell: an error may leave one, or a listener
-- that yields and is never resumed.
local function is_told()
  local teller = tellers[1]
  return core.runs(telling) or teller ~= nil and coroutine.status(teller) == "normal"
    and core.runs(telling, nil, teller)
end

-- Tell those events that there are now, and once more what they cause: a listener that asks its
-- login goes round in no circle.
local function tell()
  local count = core.events()
  if count > 0 and not is_told() then
    tellers[1] = core.thread()
    tell_some(count)
    tell_some(core.events())
  end
end

-- ---- what a step needs ------------------------------------------------------------------

local function known_of(job)
  local known = jobs[job]
  if not known then
    known = {}
    jobs[job] = known
  end
  return known
end

local function note_of(job)
  local known = known_of(job)
  if known.driver ~= driver then
    known.driver, known.note = driver, {}
  end
  return known.note
end

local function wake(known)
  if known.note and known.driver.wake then
    known.driver.wake(known.note)
  end
end

-- Tell those who wait for a job that has ended, and those who listen.
local function announce()
  local job = core.ended()
  while job do
    local known = jobs[job]
    if known then
      wake(known)
      jobs[job] = nil -- its coroutines know the job
    end
    job = core.told(job)
  end
  tell()
end

local go_on

-- Call a function of the host's; it may yield. Gives what core.answer does.
local function call_host(job, turn, f, request, options)
  known_of(job).caller = core.thread()
  core.answer(job, -1, false, nil, nil) -- nothing, but there is stack for what will come
  if options then
    return core.answer(job, turn, calls.protected(f, request, function(other)
      return loop.send(other, options, job)
    end))
  end
  return core.answer(job, turn, calls.protected(f))
end

calling[call_host] = true

-- See to what the step of a job says that it needs.
function go_on(job, need, turn, what, request, options)
  local known = jobs[job]
  if need and known and known.is_owned then
    known.needs = { need, turn, what, request, options }
    wake(known)
  elseif need then
    known_of(job).caller = nil
    apart(function()
      go_on(job, call_host(job, turn, what, request, options))
      announce()
    end)
  end
end

-- ---- moving -----------------------------------------------------------------------------

-- Does a caller that waits move everything itself?
local function leads()
  return driver.wait == core.wait
end

-- Move a job as far as it goes. waits: it is waited for next.
local function move(job, waits)
  go_on(job, core.step(job, waits and leads()))
  if core.state(job) == "ended" then
    announce()
  elseif driver.start then
    driver.start()
  end
end

local function left()
  return driver.left and driver.left() or 0
end

--- Seconds until something is due although no socket stirs.
-- @treturn ?number nil when nothing is
function loop.due()
  if left() > 0 then
    return 0
  end
  return core.due()
end

--- How many renewals and calls are under way, or have ended and are yet to be told of.
function loop.count()
  return core.count() + left()
end

local work = 0.0001 -- seconds in one poll

-- Advance everything that can be without waiting.
local function advance()
  local job, need, turn, what, request, options = core.next(work)
  while job do
    go_on(job, need, turn, what, request, options)
    job, need, turn, what, request, options = core.next()
  end
  announce()
  if driver.turn then
    driver.turn(core.till())
  end
end

--- Advance everything, without waiting longer than `max_ms` for news.
-- @tparam number max_ms
-- @treturn integer as `loop.count`
function loop.poll(max_ms)
  if max_ms > 0 and left() == 0 then
    local due = core.due()
    core.poll(due and math.min(due * 1000, max_ms) or max_ms)
  end
  advance()
  return loop.count()
end

-- Advance everything, unless the host sees to that.
local function nudge()
  if not driver.moves then
    advance()
  end
end

-- ---- waiting ----------------------------------------------------------------------------

local longest_wait = 1 -- seconds: a host's own timers and signals get their turn

-- Nil when a function of the driver's says yes, or there is none; else a code: why not.
local function refusal(may)
  if may then
    local ok, code = may()
    return not ok and code or nil
  end
end

-- Is nobody in the midst of the function of the host's that a job has asked for? Its coroutine is
-- gone, or an error has passed through it before there was an answer.
local function is_lost(job)
  local caller = jobs[job] and jobs[job].caller
  if driver.guards or not caller then
    return not driver.apart -- it may have yet to begin
  end
  return coroutine.status(caller) == "dead" or not core.runs(calling, job, caller)
end

-- A function of the host's has yielded in another coroutine: only that one can go on.
local function wait_for_host(job)
  if is_lost(job) then
    core.abandon(job) -- and an answer with it
    move(job)
  elseif known_of(job).caller == core.thread() or driver.blocks and not core.can_yield() then
    return "pending"
  elseif driver.blocks then
    coroutine.yield()
  else
    driver.wait(0.05, note_of(job))
  end
end

-- What a job is at; nil when it has ended, or needs something. Nobody waits for longer than it may
-- take, also where nobody polls.
local function state_of(job)
  local state, is_overdue = core.state(job)
  if is_overdue then
    loop.poll(0)
    state = core.state(job)
  end
  local known = jobs[job]
  return state ~= "ended" and not (known and known.needs) and state or nil
end

-- Wait until a job has ended, or needs something of the one who waits for it. Nil, or a code:
-- why it cannot be waited for here.
local function wait(job)
  local state = state_of(job)
  while state do
    local code = state == "stepping" and "pending" or refusal(driver.can_wait) -- by its own step
    if not code and state == "calling" then
      code = wait_for_host(job)
    elseif not code then
      local due = loop.due()
      driver.wait(due and due < longest_wait and due or longest_wait,
        not driver.blocks and note_of(job) or nil)
    end
    if code then
      return code
    end
    nudge()
    state = state_of(job)
  end
end

-- ---- tokens -----------------------------------------------------------------------------

-- How many renewals one call waits for, when each brings a token that somebody drops meanwhile.
local most_rounds = 3

-- What core.acquire and core.renew give of a login, waited for.
local function obtain(ask, self, what, takes_any)
  local rounds = 0
  local token, job, err = ask(self, what, refusal(driver.can_begin))
  if token and job then -- renewed in the background; perhaps the new one is there already
    move(job)
    nudge()
    token, job, err = ask(self, what, refusal(driver.can_begin), job)
  end
  while token == false do
    rounds = rounds + 1
    move(job, true)
    local code = wait(job) or rounds >= most_rounds and "lost"
    if code then
      return core.unwaited(self, code, takes_any)
    end
    token, job, err = ask(self, what, refusal(driver.can_begin), job)
  end
  if token then
    return token
  end
  tell() -- that it is held
  return nil, job, err
end

-- The token to hand out.
local function acquire(self, method)
  return obtain(core.acquire, self, method, true)
end

-- ---- calls ------------------------------------------------------------------------------

-- See to what a call needs, in the coroutine of the caller. Gives what core.answer does.
local function answer(job, need, turn, what, request, options)
  if need == "token" then
    local token, _, err = acquire(what, "request")
    return core.answer(job, turn, token ~= nil, token or err)
  elseif need == "job" then
    return core.answer(job, turn, wait(what) == nil)
  end
  return call_host(job, turn, what, request, options)
end

local function take_need(job)
  local known = known_of(job)
  local needs = known.needs
  known.needs = nil
  if needs then
    return needs[1], needs[2], needs[3], needs[4], needs[5]
  end
  return core.step(job, leads())
end

-- Move a call to its end. Gives its result, or why there is no call.
local function complete(job, message, err)
  if not job then
    return nil, message, err
  end
  known_of(job).is_owned = true
  local need, turn, what, request, options = core.step(job, leads())
  while core.state(job) ~= "ended" do
    if need then
      need, turn, what, request, options = answer(job, need, turn, what, request, options)
    else
      if driver.start then
        driver.start()
      end
      if wait(job) then
        core.give_up(job)
        break
      end
      need, turn, what, request, options = take_need(job)
    end
  end
  announce()
  return core.result(job)
end

--- Send a request as it stands, by the options given; the `send` that a transport gets.
-- @tparam table request `{method, url, headers, body, timeout}`
-- @param options of a login, as the core has them; nil: those of all logins
-- @param job of the login that asks
-- @treturn[1] table `{status, headers, body}`
-- @treturn[2] nil
-- @treturn[2] string
-- @treturn[2] bearer.error
function loop.send(request, options, job)
  return complete(core.transfer(request, options, refusal(driver.can_wait), job))
end

-- ---- faces ------------------------------------------------------------------------------

-- Of the methods that may wait; what they do, and their documentation, is in csrc/lua/login.c,
-- call.c and token.c.

local login = {}

function login:token()
  return acquire(self, "token")
end

-- What login:header() does when no fresh header is at hand.
local function find_header(self)
  local token, message, err = acquire(self, "header")
  if not token then
    return nil, message, err
  end
  return core.header(self, token)
end

-- What the method of the token gives that has the same name.
local function by_token(self, method, t)
  local token, message, err = acquire(self, method)
  if not token then
    return nil, message, err
  end
  return token[method](token, t)
end

function login:headers(t)
  if t ~= nil and type(t) ~= "table" then
    error("headers: a table expected, got " .. type(t), 2)
  end
  return by_token(self, "headers", t)
end

function login:authorize(request)
  if type(request) ~= "table" then
    error("authorize: a request table expected, got " .. type(request), 2)
  end
  return by_token(self, "authorize", request)
end

function login:request(request)
  return complete(core.request(self, request, refusal(driver.can_wait)))
end

function login:refresh(rejected)
  return obtain(core.renew, self, rejected)
end

function login:reject(rejected)
  local dropped, job = core.reject(self, rejected, refusal(driver.can_begin))
  if job then
    move(job)
  end
  return dropped
end

function login:logout()
  return complete(core.logout(self, refusal(driver.can_wait)))
end

--- Start these logins ahead, and return at once.
-- @tparam bearer.login ...
function loop.prewarm(...)
  local all = { ... }
  for i = 1, select("#", ...) do
    if core.type(all[i]) ~= "bearer.login" then
      core.prewarm(all[i]) -- says so
    end
  end
  for _, one in ipairs(all) do -- all are logins: none is begun when one is not
    local job = core.prewarm(one, refusal(driver.can_begin))
    if job then
      move(job)
    end
  end
  nudge() -- off they go
  return nil
end

-- ---- the header ---------------------------------------------------------------------------

-- Plain Lua 5.1 and 5.2: two calls, but no C frame that a yield would have to cross.
local function plain_header(self)
  local name, value = core.fresh_header(self)
  if name then
    return name, value
  end
  return find_header(self)
end

-- LuaJIT does not compile classic C calls. What a login hands out is remembered here, for as long
-- as the core says that nothing has changed, on the coarse clock that the core uses.
local function jit_header()
  local ffi = require "ffi"
  pcall(ffi.cdef, [[
    typedef struct { int frozen; } bearer_frozen;
    int clock_gettime(int clock, void *time);
  ]]) -- known already when this module is loaded anew
  local coarse = 6 -- CLOCK_MONOTONIC_COARSE
  -- The seconds and nanoseconds of a timespec; of longs their low halves, as a number of 64 bits
  -- would be an object.
  local now = ffi.new(ffi.abi "64bit" and "struct { int s, s_high, ns, ns_high; }"
    or "struct { int s, ns; }")
  local clock, served = core.addresses()
  clock = ffi.cast("const bearer_frozen *", clock)
  served = ffi.cast("const unsigned int *", served)
  local entries = setmetatable({}, weak) -- {name, value, when, which count}, by login

  local function look(self)
    local name, value = core.fresh_header(self)
    if not name then
      return find_header(self)
    end
    local entry = entries[self] or {}
    entry.name, entry.value, entry.served = name, value, served[0]
    entry.s, entry.ns = now.s, now.ns
    entries[self] = entry
    return name, value
  end

  return function(self)
    ffi.C.clock_gettime(coarse, now)
    local entry = entries[self]
    if entry and clock.frozen == 0 and entry.served == served[0] and entry.ns == now.ns
      and entry.s == now.s then
      return entry.name, entry.value
    end
    return look(self)
  end
end

local function header_method()
  local jit = rawget(_G, "jit")
  if core.header_method then
    return core.header_method(find_header)
  elseif jit and jit.os == "Linux" and pcall(require, "ffi") and require("ffi").abi "le" then
    return jit_header()
  end
  return plain_header
end

login.header = header_method()

for name, method in pairs(login) do
  core.method("bearer.login", name, method)
end

core.method("bearer.token", "refresh", function(self)
  return login.refresh(core.login_of(self), self)
end)

return loop
