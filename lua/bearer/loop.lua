--- What is under way, and how this host waits for it: a login, a refresh, a call of an API. What
-- each of these *jobs* does is in the core, which steps it; a step says what it needs (a transfer
-- to end, an instant to come, a function of the host's to be called), and that is seen to here.
-- The methods that may wait have their face here, too.
--
-- A *driver* tells how a host waits. `job` is a table for its own notes.
--
--    wait(seconds, job)   suspend the caller until the job has ended, for so many seconds at
--                         most; earlier is fine
--    wake(job)            optional: the job has ended
--    start()              optional: something is under way; have it polled though nobody waits
--    can_wait()           optional: true, or false and a code: is this a place to wait?
--    can_begin()          optional: likewise, to begin something that others wait for
--    apart(f)             optional: run f soon, in a coroutine of its own
--    guards               optional: true when nobody can end those coroutines
--    turn(till), left()   optional, for a driver whose `wake` only takes note: let those whose job
--                         has ended go on, until that instant; how many have yet to
--    moves                optional: true when the host does all the polling
--    blocks               optional: true when no other coroutine runs while this one waits
--
-- @module bearer.loop
-- @local
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

local notes = weakly "notes" -- the drivers', by job
local callers = weakly "callers" -- the coroutine that runs a function of the host's, by job
local owned = weakly "owned" -- jobs that are moved by the one who waits for them
local needs = weakly "needs" -- what such a job needs, when a poll has stepped it
local calling = weakly "calling" -- the functions in which the host's are run
local telling = weakly "telling" -- likewise, its listeners
local drivers = weakly "drivers" -- the one by which a job is waited for
local tellers = setmetatable({}, { __mode = "v" }) -- the last coroutine that told events

local driver = shared.driver

--- Set how this host waits.
function loop.use(chosen)
  driver = chosen
  shared.driver = chosen
end

--- How this host waits; nil when nobody has said so.
function loop.driver()
  return driver
end

--- Tell what there is no caller to tell. Replaced by `init.lua`.
function loop.warn() end

-- ---- functions of the host's ------------------------------------------------------------

local jit = rawget(_G, "jit")

-- pcall, where what it calls may yield.
local protected = (jit or _VERSION ~= "Lua 5.1") and pcall or function(f, ...)
  return true, f(...)
end

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
    local listener, event = core.next_event()
    if listener then
      apart(function()
        local ok, why = protected(listener, event)
        if not ok then
          loop.warn("bearer: on_event: " .. (type(why) == "string" and why or type(why)))
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

-- Tell those events that there are now: what they cause is told the next time, so that a
-- listener that asks its login goes round in no circle.
local function tell()
  local count = core.events()
  if count > 0 and not is_told() then
    tellers[1] = core.thread()
    tell_some(count)
  end
end

-- ---- what a step needs ------------------------------------------------------------------

local function note_of(job)
  local note = notes[job]
  if not note or drivers[job] ~= driver then
    note = {}
    notes[job] = note
    drivers[job] = driver
  end
  return note
end

local function wake(job)
  local note, used = notes[job], drivers[job] or driver
  if used.wake then
    used.wake(note or {})
  end
end

local sender, go_on

-- Call a function of the host's; it may yield. Gives what core.answer does.
local function call_host(job, turn, f, request, options)
  callers[job] = core.thread()
  core.answer(job, -1, false, nil, nil) -- nothing, but there is stack for what will come
  if options then
    return core.answer(job, turn, protected(f, request, sender(options)))
  end
  return core.answer(job, turn, protected(f))
end

calling[call_host] = true

-- Tell those who wait for a job that has ended, and those who listen.
local function announce()
  local job = core.ended()
  while job do
    wake(job)
    notes[job], drivers[job], callers[job] = nil, nil, nil -- coroutines, which know the job
    job = core.told(job)
    tell()
  end
end

-- See to what the step of a job says that it needs, and tell what has come of it. Gives the job.
function go_on(job, need, turn, what, request, options)
  if not need then
    announce()
  elseif owned[job] then
    needs[job] = { need, turn, what, request, options }
    wake(job)
  else
    callers[job] = nil
    apart(function()
      go_on(job, call_host(job, turn, what, request, options))
    end)
  end
  return job
end

-- ---- moving -----------------------------------------------------------------------------

-- Move a job as far as it goes.
local function move(job)
  go_on(job, core.step(job))
  if driver.start and core.state(job) ~= "ended" then
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

local work = 0.0003 -- seconds in one poll

-- Advance everything that can be without waiting.
local function advance()
  local till = core.now() + work
  local job, need, turn, what, request, options = core.next()
  while job do
    go_on(job, need, turn, what, request, options)
    if core.now() > till then
      break
    end
    job, need, turn, what, request, options = core.next()
  end
  announce()
  tell() -- what listeners have caused
  if driver.turn then
    driver.turn(till)
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

-- Nil when the caller may wait here; else a code: why not.
local function cannot_wait()
  if driver.can_wait then
    local ok, code = driver.can_wait()
    return not ok and code or nil
  end
end

-- Likewise to begin something that others wait for.
local function cannot_begin()
  if driver.can_begin then
    local ok, code = driver.can_begin()
    return not ok and code or nil
  end
end

-- Is nobody in the midst of the function of the host's that a job has asked for? Its coroutine is
-- gone, or an error has passed through it before there was an answer.
local function is_lost(job)
  local caller = callers[job]
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
  elseif callers[job] == core.thread() or driver.blocks and not core.can_yield() then
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
  return state ~= "ended" and not needs[job] and state or nil
end

-- Wait until a job has ended, or needs something of the one who waits for it. Nil, or a code:
-- why it cannot be waited for here.
local function wait(job)
  local state = state_of(job)
  while state do
    local code = state == "stepping" and "pending" or cannot_wait() -- asked for by its own step
    if not code and state == "calling" then
      code = wait_for_host(job)
    elseif not code then
      driver.wait(math.min(loop.due() or longest_wait, longest_wait),
        not driver.blocks and note_of(job) or nil)
    end
    if code then
      return code
    elseif core.state(job) ~= "ended" then
      nudge()
    end
    state = state_of(job)
  end
end

-- ---- tokens -----------------------------------------------------------------------------

-- How many renewals one call waits for, when each brings a token that somebody drops meanwhile.
local most_rounds = 3

-- The token to hand out, waited for.
local function acquire(login, method)
  local rounds = 0
  local token, job, err = core.acquire(login, method, cannot_begin())
  if token and job then -- renewed in the background; perhaps the new one is there already
    move(job)
    nudge()
    token, job, err = core.acquire(login, method, cannot_begin(), job)
  end
  while token == false do
    rounds = rounds + 1
    move(job)
    local code = wait(job) or rounds >= most_rounds and "lost"
    if code then
      return core.unwaited(login, code, true)
    end
    token, job, err = core.acquire(login, method, cannot_begin(), job)
  end
  if token then
    return token
  end
  tell() -- that it is held
  return nil, job, err
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
  local found = needs[job]
  needs[job] = nil
  if found then
    return found[1], found[2], found[3], found[4], found[5]
  end
  return core.step(job)
end

-- Move a call to its end. Gives its result.
local function complete(job)
  owned[job] = true
  local need, turn, what, request, options = core.step(job)
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
-- @treturn[1] table `{status, headers, body}`
-- @treturn[2] nil
-- @treturn[2] string
-- @treturn[2] bearer.error
function loop.send(request, options)
  return complete(core.transfer(request, options, cannot_wait()))
end

function sender(options)
  return function(request)
    return loop.send(request, options)
  end
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

function login:headers(t)
  if t ~= nil and type(t) ~= "table" then
    error("headers: a table expected, got " .. type(t), 2)
  end
  local token, message, err = acquire(self, "headers")
  if not token then
    return nil, message, err
  end
  return token:headers(t)
end

function login:authorize(request)
  if type(request) ~= "table" then
    error("authorize: a request table expected, got " .. type(request), 2)
  end
  local token, message, err = acquire(self, "authorize")
  if not token then
    return nil, message, err
  end
  return token:authorize(request)
end

function login:request(request)
  local call, message, err = core.request(self, request, cannot_wait())
  if not call then
    return nil, message, err
  end
  return complete(call)
end

function login:refresh(rejected)
  local token, job, err = core.renew(self, rejected, cannot_begin())
  local rounds = 0
  while token == false do
    rounds = rounds + 1
    move(job)
    local code = wait(job) or rounds >= most_rounds and "lost"
    if code then
      return core.unwaited(self, code)
    end
    token, job, err = core.renew(self, rejected, cannot_begin(), job)
  end
  if token then
    return token
  end
  tell()
  return nil, job, err
end

function login:reject(rejected)
  local dropped, job = core.reject(self, rejected, cannot_begin())
  if job then
    move(job)
  end
  return dropped
end

function login:logout()
  local call, message, err = core.logout(self, cannot_wait())
  if not call then
    return nil, message, err
  end
  return complete(call)
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
    local job = core.prewarm(one, cannot_begin())
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
    typedef struct { long s; long ns; } bearer_timespec;
    typedef struct { int frozen; } bearer_frozen;
    int clock_gettime(int clock, void *time);
  ]]) -- known already when this module is loaded anew
  local coarse = 6 -- CLOCK_MONOTONIC_COARSE
  local now = ffi.new "bearer_timespec"
  local clock_address, served_address = core.addresses()
  local clock = ffi.cast("const bearer_frozen *", clock_address)
  local served = ffi.cast("const unsigned int *", served_address)
  local entries = setmetatable({}, weak) -- {name, value, when, which count}, by login

  local function look(self)
    local name, value = core.fresh_header(self)
    if not name then
      return find_header(self)
    end
    local entry = entries[self] or {}
    entry.name, entry.value, entry.served = name, value, served[0]
    entry.s, entry.ns = tonumber(now.s), tonumber(now.ns)
    entries[self] = entry
    return name, value
  end

  return function(self)
    ffi.C.clock_gettime(coarse, now)
    local entry = entries[self]
    if entry and clock.frozen == 0 and entry.served == served[0] and entry.ns == tonumber(now.ns)
      and entry.s == tonumber(now.s) then
      return entry.name, entry.value
    end
    return look(self)
  end
end

local function header_method()
  if core.header_method then
    return core.header_method(find_header)
  elseif jit and jit.os == "Linux" and pcall(require, "ffi") then
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
