--- Starts and ends the one nginx of a sandbox.
local certificate = require "spec.sandbox.certificate"
local control = require "spec.sandbox.control"
local launch = require "spec.sandbox.launch"
local nginx = require "spec.sandbox.nginx"

local process = {}

--- Start one.
-- @tparam table options `client_certificate`, `certificate_name`
-- @treturn table `dir`, `pid`, `port`, `http_port`
function process.start(options)
  local o = launch.look_around()
  local secure, plain
  secure, o.port = launch.listen()
  plain, o.http_port = launch.listen()
  o.client_certificate = options.client_certificate
  launch.write(o.dir .. "/openssl.cnf", certificate.config(options.certificate_name))
  launch.write(o.dir .. "/nginx.conf", nginx.config(o))
  launch.nginx(o, { secure, plain }, { prepare = certificate.commands(o.client_certificate) })
  local ok, message = control.ask(o.http_port, "ping")
  if not ok then
    local text = launch.log(o)
    process.stop(o)
    error(("sandbox: nginx did not start: %s\n%s"):format(message, text), 0)
  end
  return o
end

--- What nginx wrote to its error log.
function process.log(o)
  return launch.read(o.dir .. "/error.log")
end

--- End it, wait for the end, and remove its folder. Twice is fine.
function process.stop(o)
  launch.stop(o, o.http_port)
end

return process
