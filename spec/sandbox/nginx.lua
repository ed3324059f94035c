--- The nginx configuration of one sandbox.
local nginx = {}

-- One worker, so its Lua tables are the one place for the state. (`master_process off` would be
-- simpler still, but nginx 1.22 crashes when it inherits sockets that way.)
local config = [==[
@LOAD@
daemon off;
@USER@
worker_processes 1;
pid nginx.pid;
error_log error.log warn;
events { worker_connections 4096; }

http {
  access_log off;
  client_body_temp_path tmp/body;
  proxy_temp_path tmp/proxy;
  fastcgi_temp_path tmp/fastcgi;
  uwsgi_temp_path tmp/uwsgi;
  scgi_temp_path tmp/scgi;

  # a stand-in sees what was sent, not what nginx would make of it
  merge_slashes off;
  ignore_invalid_headers off;
  underscores_in_headers on;
  large_client_header_buffers 8 64k;
  client_body_buffer_size 1m;
  client_max_body_size 0;
  keepalive_requests 100000000;
  keepalive_time 24h;
  keepalive_timeout 24h; # a slow machine is no reason to lose a connection
  default_type "";
  server_tokens off;

  lua_package_path "@ROOT@/?.lua;@ROOT@/?/init.lua;;";
  lua_max_pending_timers 64;
  init_by_lua_block { require "spec.sandbox.server.router" }
  init_worker_by_lua_block {
    require("spec.sandbox.server.watchdog").start(@PARENT@, [[@DIR@]])
  }

  server {
    listen 127.0.0.1:@PORT@ ssl;
    ssl_certificate server.pem;
    ssl_certificate_key server.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    @CLIENT@
    location / { content_by_lua_block { require("spec.sandbox.server.router").serve() } }
  }

  server {
    listen 127.0.0.1:@HTTP_PORT@;
    location / { content_by_lua_block { require("spec.sandbox.server.router").serve() } }
    location /_sandbox/ {
      content_by_lua_block { require("spec.sandbox.server.control").serve() }
    }
  }
}
]==]

local modules = { "ndk_http_module.so", "ngx_http_lua_module.so" } -- in the order they need

local function exists(path)
  local file = io.open(path, "rb")
  return file ~= nil and file:close()
end

--- The lines that load the Lua module from nginx's folder of modules. An nginx with Lua built in
-- (OpenResty's own) has no module to load.
function nginx.load_lines(folder)
  local lines = {}
  for _, name in ipairs(modules) do
    local path = ("%s/%s"):format(folder, name)
    if exists(path) then
      lines[#lines + 1] = ("load_module %q;"):format(path)
    end
  end
  return table.concat(lines, "\n")
end

--- The configuration's text.
-- @tparam table o `dir`, `root`, `modules`, `parent`, `user`, `port`, `http_port`,
--   `client_certificate`
function nginx.config(o)
  local verify = "ssl_client_certificate ca.pem; ssl_verify_client on;"
  local values = {
    LOAD = nginx.load_lines(o.modules),
    ROOT = o.root,
    DIR = o.dir,
    PARENT = tostring(o.parent),
    PORT = tostring(o.port),
    HTTP_PORT = tostring(o.http_port),
    USER = o.user and ("user %s;"):format(o.user) or "",
    CLIENT = o.client_certificate and verify or "",
  }
  return (config:gsub("@([A-Z_]+)@", values))
end

return nginx
