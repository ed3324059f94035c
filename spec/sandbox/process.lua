--- Starts and ends the one nginx of a sandbox.
local socket = require "socket"
local certificate = require "spec.sandbox.certificate"
local control = require "spec.sandbox.control"
local nginx = require "spec.sandbox.nginx"

local process = {}

-- This file's own folder is spec/sandbox: the repository is two above it.
local source = debug.getinfo(1, "S").source:match("^@(.*)$")
local folder = source:match("^(.*)[/\\]") or "."

local function quote(text)
  return "'" .. text:gsub("'", [['\'']]) .. "'"
end

local function shell(script)
  local pipe = assert(io.popen(script, "r"))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a") or ""
  return file and file:close() and text or text
end

-- nginx lives in a folder that ordinary users often lack on their PATH.
local path = "PATH=$PATH:/usr/sbin:/usr/local/sbin:/usr/local/openresty/nginx/sbin; export PATH; "

-- One shell finds out all that Lua cannot: $PPID is this very process.
local survey = path .. [[
umask 077
mktemp -d "${TMPDIR:-/tmp}/bearer-sandbox.XXXXXX"
(cd %s/../.. && pwd -P)
nginx -V 2>&1 | sed -n 's/.*--modules-path=\([^ ]*\).*/\1/p'
echo
echo "parent $PPID"
test "$(id -u)" != 0 || echo "user $(id -un) $(id -gn)"
]]

local function look_around()
  local text = shell(survey:format(quote(folder)))
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

-- The kernel names the port and this socket is handed to nginx, so nobody can take it between.
local function listen()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  return listener, tonumber(port)
end

-- nginx's way to inherit listening sockets is this variable, made for its upgrade in place.
local launch = path .. [[
cd %s && mkdir tmp && { %s; } >openssl.log 2>&1 || { echo failed; exit; }
NGINX='%d;%d;' setsid nginx -p %s/ -e error.log -c nginx.conf \
  </dev/null >/dev/null 2>nginx.log &
echo "pid $!"
]]

local function start_nginx(o, listeners)
  local dir = quote(o.dir)
  local make = certificate.commands(o.client_certificate)
  local text = shell(launch:format(dir, make, listeners[1]:getfd(), listeners[2]:getfd(), dir))
  listeners[1]:close()
  listeners[2]:close()
  return text:match("pid (%d+)")
end

local function log(dir)
  return read(dir .. "/openssl.log") .. read(dir .. "/nginx.log") .. read(dir .. "/error.log")
end

--- Start one.
-- @tparam table options `client_certificate`, `certificate_name`
-- @treturn table `dir`, `pid`, `port`, `http_port`
function process.start(options)
  local o = look_around()
  local secure, plain
  secure, o.port = listen()
  plain, o.http_port = listen()
  o.client_certificate = options.client_certificate
  write(o.dir .. "/openssl.cnf", certificate.config(options.certificate_name))
  write(o.dir .. "/nginx.conf", nginx.config(o))
  o.pid = start_nginx(o, { secure, plain })
  local ok, message = control.ask(o.http_port, "ping")
  if not ok then
    local text = log(o.dir)
    process.stop(o)
    error(("sandbox: nginx did not start: %s\n%s"):format(message, text), 0)
  end
  return o
end

--- What nginx wrote to its error log.
function process.log(o)
  return read(o.dir .. "/error.log")
end

--- End it, wait for the end, and remove its folder. Twice is fine.
function process.stop(o)
  if o.stopped then
    return
  end
  o.stopped = true
  if o.pid then
    shell(("kill -TERM %s 2>/dev/null"):format(o.pid))
    if not control.wait_for_end(o.http_port, 3) then
      shell(("kill -KILL %s 2>/dev/null"):format(o.pid))
    end
  end
  shell("rm -rf " .. quote(o.dir))
end

return process
