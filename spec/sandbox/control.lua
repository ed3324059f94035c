--- Talks to a running sandbox: JSON over the plain listener, one connection per call.
-- cjson passes every byte of a string through, so bodies may hold any, NUL included.
local socket = require "socket"
local cjson = require("cjson").new()

cjson.encode_keep_buffer(false)
cjson.encode_sparse_array(true)

local control = {}

local head = "POST /_sandbox/%s HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n" ..
  "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"

local function exchange(port, text)
  local connection = assert(socket.tcp())
  connection:settimeout(300)
  local ok, message = connection:connect("127.0.0.1", port)
  if ok then
    ok, message = connection:send(text)
  end
  local answer
  if ok then
    answer, message = connection:receive("*a")
  end
  connection:close()
  return answer, message
end

--- Ask the sandbox.
-- @treturn[1] any what the verb answers
-- @treturn[2] nil
-- @treturn[2] string why there is none
function control.ask(port, verb, question)
  local body = cjson.encode(question or {})
  local answer, message = exchange(port, head:format(verb, #body) .. body)
  local status, text = (answer or ""):match("^HTTP/1%.1 (%d+).-\r\n\r\n(.*)$")
  if not status then
    return nil, message or "no answer from the sandbox"
  elseif status ~= "200" then
    return nil, text
  end
  return cjson.decode(text).answer
end

--- Wait until nobody listens on `port` any more: master and worker share the socket.
-- @treturn boolean false when somebody still does after so many seconds
function control.wait_for_end(port, seconds)
  local limit = socket.gettime() + seconds
  repeat
    local connection = socket.connect("127.0.0.1", port)
    if not connection then
      return true
    end
    connection:close()
    socket.sleep(0.002)
  until socket.gettime() > limit
  return false
end

return control
