-- How long one bearer.poll() of a game loop takes with 1, 100 and 1 000 logins under way over
-- TLS: a poll a millisecond for some seconds. Each login first has to open a connection, and is
-- begun anew as soon as it has its token.
--
-- The thread that does the handshakes shares the game's core, as on the smallest of machines; the
-- server has cores of its own where there are some. Wall time holds what else the machine
-- does; CPU time is what a poll costs, and on a virtual machine holds some of that, too: beside
-- the polls, a loop of mere arithmetic shows how much. Lua's collector works within the polls, as
-- everywhere, but in small steps, as a game wants it: those of Lua 5.4 take several milliseconds
-- otherwise.
local bearer = require "bearer"
local sandbox = require "spec.sandbox"
local socket = require "socket"

local answer_after, rounds = 0.5, 3

-- The shell's parent is this process. Pinned by `make bench`, it starts a server that is not.
local function affinity(cores)
  os.execute(("taskset -cp %s $PPID >/dev/null 2>&1"):format(cores))
end

if _VERSION == "Lua 5.4" then
  collectgarbage("incremental", 200, 4, 9)
end

affinity "1-1023"
local sb = sandbox.start()
affinity "0"
bearer.use "manual"

local function url_of(name)
  return (sb:script(name, {
    body = '{"access_token":"good","expires_in":3600}', delay = answer_after,
  }))
end

-- A login, and the list that it gets into when it has its token.
local function new(url, ended)
  local login
  login = bearer.login({ name = "bench", inputs = {}, login = { url = url } }, {}, {
    ca_file = sb.ca_file, on_event = function(event)
      assert(event.event == "login", event.code)
      ended[#ended + 1] = login
    end,
  })
  return login
end

local function sorted_ms(list)
  table.sort(list)
  return function(part)
    return list[math.max(1, math.ceil(#list * part))] * 1000
  end
end

-- Poll for a while, and have `between` run after each poll; prints how long the polls took.
local function play(title, seconds, poll, between)
  local wall, cpu, till = {}, {}, socket.gettime() + seconds
  repeat
    local began, began_cpu = socket.gettime(), os.clock()
    poll()
    wall[#wall + 1], cpu[#cpu + 1] = socket.gettime() - began, os.clock() - began_cpu
    between()
    socket.sleep(0.001)
  until began > till
  local w, c = sorted_ms(wall), sorted_ms(cpu)
  print(("  %-12s %5d polls   wall: p50 %.2f p99 %.2f p99.9 %.2f worst %.2f   "
    .. "CPU: p50 %.2f p99 %.2f p99.9 %.2f worst %.2f"):format(title, #wall, w(0.5), w(0.99),
    w(0.999), w(1), c(0.5), c(0.99), c(0.999), c(1)))
end

local function close(logins)
  for _, login in ipairs(logins) do
    login:close()
  end
  while bearer.poll() > 0 do end -- luacheck: ignore
  collectgarbage()
end

-- So many logins, always under way.
local function steady(count, seconds)
  local logins, ended, url = {}, {}, url_of("steady" .. count)
  for i = 1, count do
    logins[i] = new(url, ended)
    bearer.prewarm(logins[i])
  end
  play(count == 1 and "1 login" or count .. " logins", seconds, bearer.poll, function()
    for i = #ended, 1, -1 do
      ended[i]:forget()
      bearer.prewarm(ended[i])
      ended[i] = nil
    end
  end)
  close(logins)
end

-- As long as a poll is at most, but for the steps that nobody can cut.
local function arithmetic()
  local sum, till = 0, socket.gettime() + 0.0003
  while socket.gettime() < till do
    for i = 1, 100 do
      sum = sum + i
    end
  end
  return sum
end

print(("%s, ms per bearer.poll()"):format(jit and jit.version or _VERSION))
steady(1, 2)
for _ = 1, rounds do
  play("arithmetic", 6, arithmetic, function() end)
  steady(100, 12)
end
steady(1000, 8)
sb:stop()
