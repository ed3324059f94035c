-- Logs in, in a process of its own: login.lua HOW URL CA_FILE [TIMES]
-- What goes wrong is raised.
local at_the_end -- runs when the state is closed, after all that was made later is gone
if arg[1] == "finalizer" then
  local newproxy = rawget(_G, "newproxy")
  local object = newproxy and newproxy(true) or setmetatable({}, { __gc = true })
  getmetatable(object).__gc = function()
    at_the_end()
  end
  rawset(_G, "object", object)
end

local bearer = require "bearer"
local core = require "bearer.core"
local helper = require "spec.support.helper"
local fork, wait, leave = rawget(_G, "fork"), rawget(_G, "wait"), rawget(_G, "leave") -- of states.c
local how, url, ca_file, times = arg[1], arg[2], arg[3], tonumber(arg[4] or 1)

local definition = {
  name = "shop", inputs = {}, login = { url = url, form = { a = "b" } },
}

local function new(options)
  options = options or {}
  options.ca_file = ca_file ~= "" and ca_file or nil
  options.retries = options.retries or 0
  return bearer.login(definition, {}, options)
end

local acts = {}

--- So many logins, one after the other.
function acts.plain()
  for _ = 1, times do
    local login = new()
    assert(login:header())
    login:close()
  end
end

--- A login that cannot succeed within its time.
function acts.stuck()
  local socket = require "socket"
  local from = socket.gettime()
  local token, _, err = new({ timeout = 0.3 }):token()
  assert(not token and err.code == "timeout", tostring(err))
  print(("answered in %.0f ms"):format((socket.gettime() - from) * 1000))
end

--- Nobody waits for the login that is under way when the state is closed.
function acts.left()
  bearer.prewarm(new())
end

--- A child of a process that has a connection leaves it alone.
function acts.forked()
  local before = new()
  assert(before:header())
  local port = tonumber(url:match(":(%d+)"))
  local connection = helper.connections(port)[1]
  local pid = fork()
  assert(before:header()) -- still fresh on both sides
  assert(new():header())
  assert(before:refresh())
  if pid ~= 0 then
    assert(wait(pid) == 0, "the child failed")
    assert(new():header())
    local now = helper.connections(port)
    assert(#now == 1 and now[1] == connection, "not on the connection of before")
  end
end

--- A child does not wait for what its parent has under way.
function acts.forked_in_flight()
  local login = new { retries = 2 }
  bearer.prewarm(login)
  bearer.poll(50)
  local pid = fork()
  assert(login:header())
  if pid == 0 then
    login:close()
    leave(0)
  end
  assert(wait(pid) == 0, "the child failed")
end

--- Children of a process whose logins are in the midst of their handshakes work at once.
function acts.forked_often()
  for _ = 1, times do
    local logins, children = {}, {}
    for i = 1, 8 do
      logins[i] = new()
    end
    bearer.prewarm(logins[1], logins[2], logins[3], logins[4], logins[5], logins[6], logins[7],
      logins[8])
    for i = 1, 4 do
      children[i] = fork()
      if children[i] == 0 then
        local login = new { timeout = 20 }
        local ok = pcall(function()
          assert(core.type(assert(login:token())) == "bearer.token")
        end)
        login:close()
        leave(ok and 0 or 1)
      end
    end
    for i = 1, 4 do
      assert(wait(children[i]) == 0, "a child failed")
    end
    for i = 1, 8 do
      assert(logins[i]:header())
      logins[i]:close()
    end
  end
end

local function tasks()
  local pipe = assert(io.popen "ls /proc/$PPID/task | wc -l")
  local count = pipe:read "*n"
  pipe:close()
  return count
end

--- There is one thread, however many logins there were.
function acts.threads()
  local before = tasks()
  for _ = 1, 3 do
    local login = new()
    assert(login:header())
    login:close()
  end
  local socket = require "socket"
  local limit = socket.gettime() + 300
  while tasks() > before + 1 and socket.gettime() < limit do -- one may still read a file
    socket.sleep(0.01)
  end
  print("threads afterwards: " .. tasks() - before)
end

--- A child that watches the descriptor hears that what was under way is not its own.
function acts.forked_loop()
  local login = new { retries = 2 }
  bearer.prewarm(login)
  bearer.poll(50)
  local pid = fork()
  if pid == 0 then
    local socket = require "socket"
    local due, fd = bearer.timeout(), bearer.fd() -- either is enough for a loop
    local watched = { getfd = function() return fd end, dirty = function() return false end }
    local heard = due == 0 and #socket.select({ watched }, nil, 300) == 1
    login:close()
    leave(heard and 0 or 1)
  end
  assert(wait(pid) == 0, "the child heard nothing")
  assert(login:header())
end

--- Logins that are closed let go of their connections, also in the midst of the mover's steps.
function acts.closed()
  local port = tonumber(url:match(":(%d+)"))
  local socket = require "socket"
  for _ = 1, times do
    local logins = {}
    for i = 1, 12 do
      logins[i] = new()
      bearer.prewarm(logins[i])
    end
    socket.sleep(0.4) -- libcurl's own short timers have run out: nothing but an alarm wakes it
    rawget(_G, "slow_steps")(true)
    for _, login in ipairs(logins) do
      login:close()
      socket.sleep(0.005)
    end
    rawget(_G, "slow_steps")(false)
    local limit = socket.gettime() + 300
    while #helper.connections(port) > 0 do
      assert(socket.gettime() < limit, "a connection stays")
      socket.sleep(0.01)
    end
  end
end

--- What is finalized last still asks for a token.
function acts.finalizer()
  local login = new()
  assert(login:header())
  rawget(_G, "leaks")() -- Lua does not finalize what finalizers make then
  at_the_end = function()
    local other = new()
    local token, _, err = other:token()
    print(tostring(token or err))
    other:close()
  end
end

--- When there are too many threads, the callers do it; later there are fewer.
function acts.without_threads()
  local out_of_threads = rawget(_G, "out_of_threads")
  local before = tasks()
  out_of_threads(true)
  for _ = 1, 3 do
    local login = new()
    assert(login:header())
    login:close()
  end
  assert(tasks() == before, "there is a thread")
  out_of_threads(false)
  local login = new()
  assert(login:header())
  login:close()
end

--- As long as descriptors are wanting, the calls say so; later there are enough.
function acts.without_descriptors()
  local files, said = {}, 0
  for i = 1, 1024 do
    files[i] = io.open "/dev/null"
  end
  local login = new()
  repeat
    local token, _, err = login:token()
    if err then
      assert(err.code ~= "memory" or tostring(err):find "Too many open files", tostring(err))
      said = said + (err.code == "memory" and 1 or 0)
      assert(table.remove(files), tostring(err)):close()
      login:reset()
    end
  until token
  print("said so " .. said .. " times")
end

--- The thread leaves the host's signals to the host, but not those of its own faults.
function acts.signals()
  local login = new()
  bearer.prewarm(login)
  bearer.poll(50)
  local low
  local function is_blocked(signal)
    return math.floor(low / 2 ^ (signal - 1)) % 2 == 1
  end
  local limit = core.now() + 300
  repeat -- while a thread begins, all are blocked
    local pipe = assert(io.popen "grep -h -A99 '^Name:.bearer$' /proc/$PPID/task/*/status")
    local blocked = pipe:read("*a"):match("SigBlk:%s*(%x+)") or ("f"):rep(8)
    pipe:close()
    low = tonumber(blocked:sub(-8), 16)
  until not is_blocked(4) or core.now() > limit
  for _, signal in ipairs { 1, 2, 13, 14, 15, 17 } do -- HUP INT PIPE ALRM TERM CHLD
    assert(is_blocked(signal), signal)
  end
  for _, signal in ipairs { 4, 6, 8, 11 } do -- ILL ABRT FPE SEGV
    assert(not is_blocked(signal), signal)
  end
  assert(login:header())
end

--- The program exits while logins are in the midst of their handshakes.
function acts.exits()
  for _ = 1, 20 do
    bearer.prewarm(new())
  end
  os.exit(0)
end

--- What a program of the host's finds open: none of our sockets.
function acts.children()
  local function sockets()
    local pipe = assert(io.popen "ls -l /proc/self/fd | grep -c socket:")
    local count = pipe:read "*n"
    pipe:close()
    return count
  end
  local before = sockets()
  local login, other = new(), new()
  assert(login:header())
  bearer.prewarm(other) -- and another is in the midst of it
  bearer.poll(20)
  assert(sockets() == before, "sockets are inherited")
  assert(other:header())
  login:close()
  other:close()
end

--- A daemon closes all descriptors when it has forked, and opens its log files.
function acts.daemon()
  local login, other = new(), new()
  assert(login:header())
  bearer.prewarm(other)
  bearer.poll(20)
  local pid = fork()
  if pid == 0 then
    rawget(_G, "close_all")()
    local logs = {}
    for i = 1, 40 do
      logs[i] = assert(io.open(arg[4], "a"))
    end
    login:close()
    other:close()
    local own = new()
    local ok = own:header()
    own:close()
    for i = 1, 40 do
      ok = ok and logs[i]:write("x") and logs[i]:close()
    end
    leave(ok and 0 or 1)
  end
  assert(wait(pid) == 0, "the child failed")
  assert(other:header())
  local file = assert(io.open(arg[4]))
  assert(file:read("*a") == ("x"):rep(40), "somebody wrote into the log")
  file:close()
end

--- The process exits in the midst of what states in other threads are at.
function acts.exits_beside_others()
  local socket = require "socket"
  local limit = socket.gettime() + 0.15
  repeat
    local login = new()
    login:token()
    login:close()
  until socket.gettime() > limit
  os.exit(0)
end

--- A file that cannot be read holds up nobody but its own login, and that for its timeout.
function acts.hanging_file()
  local socket = require "socket"
  local from = socket.gettime()
  local hangs = ca_file:match("^.*/") .. "hangs" -- states.c sees to that
  helper.must("mkdir -p " .. helper.quote(hangs) .. " && cp " .. helper.quote(ca_file) .. " "
    .. helper.quote(hangs))
  local hanging = bearer.login(definition, {}, { ca_file = hangs .. "/ca.pem", timeout = 0.4,
    retries = 0 })
  bearer.prewarm(hanging)
  local login = new()
  assert(login:header())
  local results = { hanging:token() }
  local err = results[#results]
  assert(results[1] == nil and err.code == "timeout", tostring(err))
  print(("answered in %.0f ms"):format((socket.gettime() - from) * 1000))
  bearer.prewarm(bearer.login(definition, {}, { ca_file = hangs .. "/ca.pem" })) -- and is left
  bearer.poll(20)
end

acts[how]()
