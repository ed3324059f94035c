-- What the first TLS connections cost one poll, with the system's own authorities. They do not
-- know the sandbox, so verification fails, as it must; it has looked for them all the same.
local bearer = require "bearer"
local sandbox = require "spec.sandbox"
local socket = require "socket"

local sb = sandbox.start()
local url = sb:script("x", { body = '{"access_token":"good"}' })
bearer.use "manual"

local function longest_poll(ca_file)
  local login = bearer.login({ name = "bench", inputs = {}, login = { url = url } }, {}, {
    ca_file = ca_file, retries = 0,
  })
  bearer.prewarm(login)
  local longest = 0
  local left
  repeat
    local began = os.clock()
    left = bearer.poll()
    longest = math.max(longest, os.clock() - began)
    socket.sleep(0.0005)
  until left == 0
  local err = login:status().last_error
  assert(ca_file or err and err.code == "tls", "nobody should trust the sandbox")
  return longest * 1000
end

print(("%s, ms of CPU of the longest bearer.poll() of one login"):format(jit and jit.version
  or _VERSION))
print(("  first TLS connection of the process     %6.2f"):format(longest_poll(sb.ca_file)))
print(("  system's authorities, first connection  %6.2f"):format(longest_poll()))
print(("  system's authorities, second connection %6.2f"):format(longest_poll()))
sb:stop()
