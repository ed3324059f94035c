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

local driver

--- Set how this host waits.
function loop.use(chosen)
  driver = chosen
end

--- Tell what there is no caller to tell. Replaced by `init.lua`.
function loop.warn() end

-- ---- functions of the host's ------------------------------------------------------------

local jit = rawget(_G, "jit")

-- What was raised, for people: errors are texts, most often.
local function text_of(raised)
  local metatable = type(raised) == "table" and getmetatable(raised)
  if core.type(raised) == "bearer.error"
    or type(metatable) == "table" and rawget(metatable, "__tostring") then
    local ok, text = pcall(tostring, raised)
    raised = ok and text or nil
  end
  return type(raised) == "string" and raised or type(raised)
end

local function told(ok, ...)
  if not ok then
    return false, text_of((...))
  end
  return true, ...
end

-- Plain Lua 5.1 cannot yield across a pcall.
local function needs_care()
  return not jit and _VERSION == "Lua 5.1" and core.can_yield()
end

-- Call what may yield. Gives true and what it gives, or false and the text of what it raised.
local function protected(f, ...)
  if needs_care() then
    return true, f(...)
  end
  return told(pcall(f, ...))
end

-- Likewise, where nobody wants what it gives.
local function attempt(f, ...)
  if needs_care() then
    return told(coroutine.resume(coroutine.create(f), ...))
  end
  return told(pcall(f, ...))
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

local telling = false

local function tell_some(count)
  for _ = 1, count do
    local listener, event = core.next_event()
    if listener then
      apart(function()
        local ok, why = attempt(listener, event)
        if not ok then
          loop.warn("bearer: on_event: " .. why)
        end
      end)
    end
  end
end

-- Tell those events that there are now: what they cause is told the next time, so that a
-- listener that asks its login goes round in no circle.
local function tell()
  local count = core.events()
  if count > 0 and not telling then
    telling = true
    local ok, why = pcall(tell_some, count)
    telling = false
    if not ok then
      error(why, 0)
    end
  end
end

-- ---- what a step needs ------------------------------------------------------------------

local weak = { __mode = "k" }
local notes = setmetatable({}, weak) -- the drivers', by job
local callers = setmetatable({}, weak) -- the coroutine that runs a function of the host's, by job
local owned = setmetatable({}, weak) -- jobs that are moved by the one who waits for them
local needs = setmetatable({}, weak) -- what such a job needs, when a poll has stepped it

local function note_of(job)
  local note = notes[job]
  if not note then
    note = {}
    notes[job] = note
  end
  return note
end

local sender, go_on

-- Call a function of the host's; it may yield. Gives what core.answer does.
local function call_host(job, turn, f, request, options)
  callers[job] = coroutine.running() or true
  if options then
    return core.answer(job, turn, protected(f, request, sender(options)))
  end
  return core.answer(job, turn, protected(f))
end

-- Tell those who wait for a job that has ended, and those who listen.
local function announce()
  local job = core.ended()
  while job do
    if driver.wake then
      driver.wake(notes[job] or {})
    end
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
    if driver.wake then
      driver.wake(note_of(job))
    end
  else
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
  local till = core.turn(work)
  local job, need, turn, what, request, options = core.next()
  while job do
    go_on(job, need, turn, what, request, options)
    job, need, turn, what, request, options = core.next()
  end
  announce()
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

-- A function of the host's has yielded in another coroutine: only that one can go on.
local function wait_for_host(job)
  local caller = callers[job]
  if caller == (coroutine.running() or true) or driver.blocks and not core.can_yield() then
    return "pending"
  elseif type(caller) == "thread" and not driver.guards
    and coroutine.status(caller) == "dead" then
    core.abandon(job) -- it is gone, and an answer with it
    move(job)
  elseif driver.blocks then
    coroutine.yield()
  else
    driver.wait(0.05, note_of(job))
  end
end

-- Wait until a job has ended, or needs something of the one who waits for it. Nil, or a code:
-- why it cannot be waited for here.
local function wait(job)
  local state = core.state(job)
  while state ~= "ended" and not needs[job] do
    local code = state == "stepping" and "pending" or cannot_wait() -- asked for by its own step
    if not code and state == "calling" then
      code = wait_for_host(job)
    elseif not code then
      driver.wait(math.min(loop.due() or longest_wait, longest_wait),
        not driver.blocks and note_of(job) or nil)
    end
    if code then
      return code
    end
    nudge()
    state = core.state(job)
  end
end

-- ---- tokens -----------------------------------------------------------------------------

-- The token to hand out, waited for.
local function acquire(login, method)
  local token, job, err = core.acquire(login, method, cannot_begin())
  if token and job then -- renewed in the background; perhaps the new one is there already
    move(job)
    nudge()
    token, job, err = core.acquire(login, method, cannot_begin(), job)
  end
  while token == false do
    move(job)
    local code = wait(job)
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
      wait(job)
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
  while token == false do
    move(job)
    local code = wait(job)
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
    typedef struct { int frozen; } bearer_frozen;
    int clock_gettime(int clock, void *time);
  ]]) -- known already when this module is loaded anew
  local coarse = 6 -- CLOCK_MONOTONIC_COARSE
  -- The seconds and nanoseconds of a timespec; of longs their low halves, as a number of 64 bits
  -- would be an object.
  local now = ffi.new(ffi.abi "64bit" and "struct { int s, s_high, ns, ns_high; }"
    or "struct { int s, ns; }")
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
