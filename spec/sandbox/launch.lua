--- Starts an nginx in a temporary folder of its own: what the sandbox and the nginx that hosts
-- bearer in the specs have in common.
local control = require "spec.sandbox.control"
local socket = require "socket"

local launch = {}

-- This file's own folder is spec/sandbox: the repository is two above it.
local source = debug.getinfo(1, "S").source:match("^@(.*)$")
local folder = source:match("^(.*)[/\\]") or "."

local function quote(text)
  return "'" .. text:gsub("'", [['\'']]) .. "'"
end

--- Run a script; what it prints.
function launch.shell(script)
  local pipe = assert(io.popen(script, "r"))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

function launch.write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

--- A file's text; empty when there is no such file.
function launch.read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a") or ""
  return file and file:close() and text or text
end

-- nginx lives in a folder that ordinary users often lack on their PATH.
local path = "PATH=$PATH:/usr/sbin:/usr/local/sbin:/usr/local/openresty/nginx/sbin; export PATH; "

-- One shell finds out all that Lua cannot: $PPID is this very process.
local survey = path .. [[
umask 077
mktemp -d || exit
(cd %s/../.. && pwd -P)
nginx -V 2>&1 | sed -n 's/.*--modules-path=\([^ ]*\).*/\1/p'
echo
echo "parent $PPID"
test "$(id -u)" != 0 || echo "user $(id -un) $(id -gn)"
]]

--- Make a folder and look around.
-- @treturn table `dir`; `root` of the repository; `modules`, nginx's folder of them; `parent`, this
--   process; `user`, nil unless it is root
function launch.look_around()
  local text = launch.shell(survey:format(quote(folder)))
  local dir, root, rest = text:match("^([^\n]+)\n([^\n]+)\n(.*)$")
  assert(dir, "sandbox: cannot make a temporary folder")
  return {
    dir = dir,
    root = root,
    modules = rest:match("^([^\n]*)\n"),
    parent = rest:match("parent (%d+)"),
    user = rest:match("user ([^\n]+)"), -- root's nginx would otherwise change to nobody
  }
end

--- A listening socket on 127.0.0.1: the kernel names the port, and the socket is handed to nginx,
-- so nobody can take it between.
-- @treturn table the socket
-- @treturn integer the port
function launch.listen()
  local listener = assert(socket.bind("127.0.0.1", 0, 511))
  local _, port = listener:getsockname()
  return listener, tonumber(port)
end

-- nginx's way to inherit listening sockets is this variable, made for its upgrade in place.
local start = path .. [[
cd %s && mkdir tmp && { %s; } >prepare.log 2>&1 || { echo failed; exit; }
NGINX='%s;' %s setsid %s nginx -p %s/ -e error.log -c nginx.conf \
  </dev/null >/dev/null 2>nginx.log &
echo "pid $!"
]]

local function assignments(environment)
  local words = {}
  for name, value in pairs(environment or {}) do
    words[#words + 1] = name .. "=" .. quote(value)
  end
  return table.concat(words, " ")
end

--- Start nginx on the `nginx.conf` in `o.dir`; its pid goes to `o.pid`.
-- @tparam table o `dir`
-- @tparam {table,…} listeners the sockets; they are closed here
-- @tparam[opt] table more `prepare` (shell commands to run before), `environment`, `wrapper` (a
--   command that runs nginx)
function launch.nginx(o, listeners, more)
  more = more or {}
  local dir, fds = quote(o.dir), {}
  for i, listener in ipairs(listeners) do
    fds[i] = ("%d"):format(listener:getfd())
  end
  local text = launch.shell(start:format(dir, more.prepare or ":", table.concat(fds, ";"),
    assignments(more.environment), more.wrapper or "", dir))
  for _, listener in ipairs(listeners) do
    listener:close()
  end
  o.pid = text:match("pid (%d+)")
end

--- All that was written by the start and by nginx.
function launch.log(o)
  return launch.read(o.dir .. "/prepare.log") .. launch.read(o.dir .. "/nginx.log")
    .. launch.read(o.dir .. "/error.log")
end

--- Send a signal to the master.
function launch.signal(o, name)
  launch.shell(("kill -%s %s 2>/dev/null"):format(name, o.pid))
end

--- End it, wait for the end, and remove its folder. Twice is fine.
-- @tparam table o
-- @tparam integer port one that it listens on
function launch.stop(o, port)
  if o.stopped then
    return
  end
  o.stopped = true
  if o.pid then
    launch.signal(o, "TERM")
    if not control.wait_for_end(port, 10) then
      launch.signal(o, "KILL")
    end
  end
  launch.shell("rm -rf " .. quote(o.dir))
end

return launch
