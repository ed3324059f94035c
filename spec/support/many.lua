-- Many logins at once through one state, as a game server has them: many.lua COUNT CA_FILE URL…
-- Prints how it went, for many_spec.
local bearer = require "bearer"
local core = require "bearer.core"
local socket = require "socket"

local count, ca_file = tonumber(arg[1]), arg[2]
local urls = #arg - 2

bearer.use "manual"

local function resident() -- bytes
  local file = assert(io.open "/proc/self/statm")
  local pages = tonumber(file:read("*a"):match("^%d+ (%d+)"))
  file:close()
  return pages * 4096
end

local function descriptors()
  local pipe = assert(io.popen "ls /proc/$PPID/fd | wc -l")
  local text = pipe:read("*a")
  pipe:close()
  return tonumber(text)
end

-- Each endpoint gives its own name as the token: an answer may not end up with another login.
local providers = {}
for i = 1, urls do
  providers[i] = bearer.provider { name = "many" .. i, inputs = {}, login = { url = arg[i + 2] } }
end

local logins, settings = {}, { ca_file = ca_file, retries = 0, timeout = 3000 }
for i = 1, count do
  logins[i] = bearer.login(providers[i % urls + 1], {}, settings)
end
collectgarbage()
local before, began = resident(), socket.gettime()
for i = 1, count do
  bearer.prewarm(logins[i])
end
local under_way, memory = bearer.poll(), resident() - before
local most, longest, looked = 0, 0, 0
repeat
  local from = os.clock()
  local left = bearer.poll()
  longest = math.max(longest, os.clock() - from)
  if socket.gettime() - looked > 0.2 then
    looked, most = socket.gettime(), math.max(most, descriptors())
  end
  if left > 0 then
    socket.select(nil, nil, math.min(bearer.timeout() or 1, 1) / 1000)
  end
until left == 0

local right = 0
for i, login in ipairs(logins) do
  local t, _, err = login:token()
  if t and t:value() == "token-" .. i % urls + 1 then
    right = right + 1
  elseif err then
    io.stderr:write(tostring(err), "\n")
  end
  login:close()
end
print(("succeeded %d; under way at once %d; descriptors at most %d, idle %d; %.1f KiB a login in "
  .. "flight; %.1f s; longest poll %.1f ms of CPU"):format(right, under_way, most, descriptors(),
  memory / count / 1024, socket.gettime() - began, longest * 1000))
assert(core.poll() == 0)
