--- An nginx that hosts bearer on LuaJIT, whatever Lua runs the spec: one server on 127.0.0.1, in a
-- temporary folder of its own.
--
--     local host = nginx_host.start {
--       init = [[ bearer = require "bearer"; erp = bearer.login(…) ]],
--       server = [[ location /x { content_by_lua_block { … } } ]],
--     }
--     print(host:get("/x").body)
--     host:stop()
local launch = require "spec.sandbox.launch"
local nginx = require "spec.sandbox.nginx"
local patience = require "spec.support.patience"
local socket = require "socket"

local nginx_host = {}
local methods = {}
methods.__index = methods

local config = [==[
@LOAD@
daemon off;
@USER@
worker_processes @WORKERS@;
pid nginx.pid;
error_log error.log notice;
@MAIN@
events { worker_connections 1024; }

http {
  access_log off;
  client_body_temp_path tmp/body;
  proxy_temp_path tmp/proxy;
  fastcgi_temp_path tmp/fastcgi;
  uwsgi_temp_path tmp/uwsgi;
  scgi_temp_path tmp/scgi;
  lua_package_path "@ROOT@/lua/?.lua;@ROOT@/lua/?/init.lua;;";
  lua_package_cpath "@ROOT@/build/luajit/?.so;;";
  @HTTP@
  init_by_lua_block { @INIT@ }
  init_worker_by_lua_block { @INIT_WORKER@ }
  server {
    listen 127.0.0.1:@PORT@ @LISTEN@;
    @SERVER@
  }
}
]==]

local function text_of(o, given)
  local values = {
    LOAD = nginx.load_lines(o.modules), ROOT = o.root, PORT = tostring(o.port),
    USER = o.user and ("user %s;"):format(o.user) or "",
    WORKERS = tostring(given.workers or 1), MAIN = given.main or "", HTTP = given.http or "",
    INIT = given.init or "", INIT_WORKER = given.init_worker or "", SERVER = given.server,
    LISTEN = given.listen or "",
  }
  return (config:gsub("@([A-Z_]+)@", values))
end

-- The nginx runs without the sanitizers and without valgrind, so a run under them shows nothing
-- new.
local function is_instrumented()
  return os.getenv "UBSAN_OPTIONS" ~= nil
    or (os.getenv "LD_PRELOAD" or ""):find("vgpreload", 1, true) ~= nil
end

--- Is there a module for it to load, and something to be learnt?
function nginx_host.is_wanted()
  local file = io.open("build/luajit/bearer/core.so", "rb")
  return file ~= nil and file:close() and not is_instrumented()
end

--- A Lua table of texts, numbers and booleans, as Lua.
function nginx_host.literal(t)
  local fields = {}
  for name, value in pairs(t) do
    local text = type(value) == "string" and ("%q"):format(value) or tostring(value)
    fields[#fields + 1] = ("[%q] = %s"):format(name, text)
  end
  return "{ " .. table.concat(fields, ", ") .. " }"
end

-- ---- asking it -------------------------------------------------------------------------

--- Send a request, and do not wait for the answer.
-- @tparam string path
-- @tparam[opt] string headers each with its line end
-- @treturn table the connection, for `receive`
function methods:send(path, headers)
  local connection = assert(socket.tcp())
  connection:settimeout(patience.limit)
  assert(connection:connect("127.0.0.1", self.port))
  assert(connection:send(("GET %s HTTP/1.1\r\nHost: host\r\nConnection: close\r\n%s\r\n")
    :format(path, headers or "")))
  return connection
end

local function unchunk(text)
  local pieces, at = {}, 1
  while true do
    local size, start = text:match("^(%x+)\r\n()", at)
    if not size or size == "0" then
      return table.concat(pieces)
    end
    at = start + tonumber(size, 16)
    pieces[#pieces + 1], at = text:sub(start, at - 1), at + 2
  end
end

local function parse(text)
  local status, head, body = text:match("^HTTP/1%.1 (%d+)[^\r]*\r\n(.-)\r\n\r\n(.*)$")
  local headers = {}
  for name, value in (head or ""):gmatch("([^\r\n:]+): ([^\r\n]*)") do
    headers[name:lower()] = value
  end
  local chunked = headers["transfer-encoding"] == "chunked"
  return {
    status = tonumber(status), headers = headers,
    body = chunked and unchunk(body) or body,
  }
end

--- The answer on a connection.
-- @tparam table connection
-- @tparam[opt] number seconds to wait for it
-- @treturn table `status` (nil when there was none), `headers`, `body`
function methods.receive(_, connection, seconds)
  connection:settimeout(seconds or patience.limit)
  local text, _, partial = connection:receive("*a")
  connection:close()
  return parse(text or partial)
end

--- Ask, and wait for the answer.
function methods:get(path, headers)
  return self:receive(self:send(path, headers))
end

--- Ask so many times at once.
-- @treturn {table,…} the answers
function methods:get_all(path, count, headers)
  local connections, answers = {}, {}
  for i = 1, count do
    connections[i] = self:send(path, headers)
  end
  local limit = socket.gettime() + patience.limit
  for i, connection in ipairs(connections) do
    answers[i] = self:receive(connection, math.max(0, limit - socket.gettime()))
  end
  return answers
end

-- ---- the process -----------------------------------------------------------------------

--- Wait until `condition()` holds.
function nginx_host.wait_until(condition, seconds)
  local limit = socket.gettime() + (seconds or patience.limit)
  repeat
    local result = condition()
    if result then
      return result
    end
    socket.sleep(0.005)
  until socket.gettime() > limit
  return nil
end

--- The error log.
function methods:log()
  return launch.read(self.dir .. "/error.log")
end

--- The lines of the error log that tell of trouble; `notice` and `warn` do not.
function methods:troubles()
  local found = {}
  for line in launch.log(self):gmatch("[^\n]+") do
    if line:find("%[%l+%]") and not line:find("%[notice%]") and not line:find("%[warn%]") then
      found[#found + 1] = line
    end
  end
  return found
end

--- Send a signal to the master.
function methods:signal(name)
  launch.signal(self, name)
end

--- Wait until the master is gone, and all of its workers before it.
-- @treturn boolean false when it is still there
function methods:wait_for_end(seconds)
  return nginx_host.wait_until(function()
    return launch.read(self.dir .. "/nginx.pid") == ""
  end, seconds) ~= nil
end

--- How many workers have ended, in order.
function methods:ended_workers()
  return (select(2, self:log():gsub("exited with code 0", "")))
end

--- Have the master read its configuration again; the new workers are there after that.
function methods:reload()
  local before = select(2, self:log():gsub("start worker process ", ""))
  self:signal "HUP"
  assert(nginx_host.wait_until(function()
    return select(2, self:log():gsub("start worker process ", "")) >= before + self.workers
  end), "nginx does not reload")
end

--- Wait until so many workers have ended in order.
-- @treturn boolean
function methods:wait_for_workers(count, seconds)
  return nginx_host.wait_until(function()
    return self:ended_workers() >= count
  end, seconds) ~= nil
end

--- End it and remove its folder. Twice is fine.
function methods:stop()
  launch.stop(self, self.port)
end

-- Ends it, and removes its folder, when the process that started it is gone.
local guard = "setsid sh -c 'while kill -0 %s; do kill -0 %s || exit; sleep 1; done; " ..
  "kill %s; rm -rf \"%s\"' </dev/null >/dev/null 2>&1 &"

--- Start one.
-- @tparam table given `server` (what is in the server block), and what else goes into the
--   configuration: `init`, `init_worker` (Lua), `http`, `main`, `listen`, `workers` (1);
--   `environment`; `wrapper`, a command that runs it; `before`, a function that is given the
--   host when it has its `dir` and `port`; `config`, one that then returns the whole text
function nginx_host.start(given)
  local self = setmetatable(launch.look_around(), methods)
  local listener
  listener, self.port = launch.listen()
  self.workers = given.workers or 1
  if given.before then
    given.before(self)
  end
  launch.write(self.dir .. "/nginx.conf", (given.config or text_of)(self, given))
  launch.nginx(self, { listener }, given)
  launch.shell(guard:format(self.parent, self.pid, self.pid, self.dir))
  local started = nginx_host.wait_until(function()
    return launch.read(self.dir .. "/nginx.pid") ~= "" or nil
  end)
  if not started then
    local text = launch.log(self)
    self:stop()
    error("nginx did not start:\n" .. text, 0)
  end
  return self
end

return nginx_host
