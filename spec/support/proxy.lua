-- An HTTP proxy that can only CONNECT, one connection at a time, and writes down what it was told:
-- proxy.lua RECORD [STATUS]
local socket = require "socket"

local server = assert(socket.bind("127.0.0.1", 0))
local record = assert(io.open(arg[1], "wb"))
record:setvbuf("no")
print((select(2, server:getsockname())))
io.stdout:flush()

local function pump(a, b)
  local to = { [a] = b, [b] = a }
  while true do
    for _, from in ipairs(socket.select({ a, b }, nil)) do
      from:settimeout(0)
      local data, why, part = from:receive(8192)
      local bytes = data or part
      if bytes ~= "" then
        to[from]:settimeout(5)
        to[from]:send(bytes)
      end
      if why == "closed" then
        return
      end
    end
  end
end

while true do
  local client = server:accept()
  local line, port
  repeat
    line = client:receive("*l") or ""
    record:write(line, "\n")
    port = port or line:match("^CONNECT 127%.0%.0%.1:(%d+) HTTP")
  until line == ""
  if arg[2] or not port then
    client:send(("HTTP/1.1 %s No\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n")
      :format(arg[2] or 405))
  else
    local upstream = assert(socket.connect("127.0.0.1", tonumber(port)))
    client:send("HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nAge: 9\r\n\r\n")
    pump(client, upstream)
    upstream:close()
  end
  client:close()
end
