-- An HTTP proxy, one connection at a time, that writes down what it was told. Whatever host is
-- named, it is 127.0.0.1 that it connects to: proxy.lua RECORD [WHAT]
-- WHAT: a status, which it answers to all; or basic, digest or ntlm: how user "joe" with password
-- "pass word" has to name himself.
local socket = require "socket"

local server = assert(socket.bind("127.0.0.1", 0))
local record = assert(io.open(arg[1], "wb"))
local what = arg[2]
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

local function output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

local function md5(text)
  return output("printf '%s' '" .. text .. "' | md5sum"):match "^%x+"
end

local ways = {}

function ways.basic(given)
  return given == "Basic am9lOnBhc3Mgd29yZA==", 'Basic realm="x"'
end

function ways.digest(given, line)
  local field = function(name)
    return given:match(name .. '="?([^",]+)')
  end
  local method, uri = line:match "^(%S+) (%S+)"
  local right = given:find "^Digest " and md5(table.concat({
    md5 "joe:x:pass word", "n0nce", field "nc", field "cnonce", "auth", md5(method .. ":" .. uri),
  }, ":"))
  return right and field "response" == right,
    'Digest realm="x", nonce="n0nce", qop="auth", algorithm=MD5'
end

-- The second message is a challenge of 32 bytes, the third is believed.
function ways.ntlm(given)
  local message = given:match "^NTLM (.+)$" or ""
  if message:find "^TlRMTVNTUAAD" then
    return true
  end
  return false, message:find "^TlRMTVNTUAAB"
    and "NTLM TlRMTVNTUAACAAAAAAAAACgAAAABggAAASNFZ4mrze8AAAAAAAAAAA==" or "NTLM"
end

-- Read one head. Its first line and its fields, or nil at the end.
local function read_head(client)
  local first, fields = client:receive "*l", {}
  local line = first
  while line and line ~= "" do
    record:write(line, "\n")
    local name, value = line:match "^([^:%s]+): *(.*)$"
    if name then
      fields[name:lower()] = value
    end
    line = client:receive "*l"
  end
  return line and first, fields
end

local function refuse(client, status, challenge)
  client:send(("HTTP/1.1 %s No\r\nRetry-After: 5\r\n%sContent-Length: 0\r\n\r\n"):format(status,
    challenge and "Proxy-Authenticate: " .. challenge .. "\r\n" or ""))
end

local function connect(client, port)
  local upstream = assert(socket.connect("127.0.0.1", tonumber(port)))
  client:send("HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nAge: 9\r\n\r\n")
  pump(client, upstream)
  upstream:close()
end

local function serve(client)
  while true do
    local line, fields = read_head(client)
    if not line then
      return
    end
    local port, ok, challenge = line:match "^CONNECT [%w.]+:(%d+) HTTP", true, nil
    if ways[what] then
      ok, challenge = ways[what](fields["proxy-authorization"] or "", line)
    end
    if not ok then
      refuse(client, 407, challenge)
    elseif not port or (what and not ways[what]) then
      refuse(client, not ways[what] and what or 405)
      return
    else
      return connect(client, port)
    end
  end
end

while true do
  local client = server:accept()
  serve(client)
  client:close()
end
