--- A luv (libuv) program: ten workers share one login and make calls side by side, while a clock
-- ticks. Whoever waits is a coroutine.
--
--     HUBSOFT_CLIENT_ID=3 HUBSOFT_SECRET=… HUBSOFT_USERNAME=ana@example.com HUBSOFT_PASSWORD=… \
--       lua5.4 examples/luv.lua erp.example.com [CA_FILE]
local bearer = require "bearer"
local uv = require "luv"

local host, ca_file = arg[1], arg[2]
if not host then
  io.stderr:write("luv.lua HOST [CA_FILE]\n")
  os.exit(2)
end

bearer.use "luv" -- the loop moves everything, and resumes those who wait

local erp = bearer.login("hubsoft", {
  host = host,
  client_id = os.getenv "HUBSOFT_CLIENT_ID",
  client_secret = bearer.env "HUBSOFT_SECRET",
  username = os.getenv "HUBSOFT_USERNAME",
  password = bearer.env "HUBSOFT_PASSWORD",
}, { ca_file = ca_file })

local workers, ticks = 10, 0
local clock = uv.new_timer()

local function work(i)
  local clients, message = erp:request { url = "/api/v1/integracao/cliente" }
  print(("worker %d: %s"):format(i, clients and "HTTP " .. clients.status or message))
  workers = workers - 1
  if workers == 0 then
    clock:close()
  end
end

clock:start(10, 10, function()
  ticks = ticks + 1
end)
for i = 1, 10 do
  coroutine.wrap(work)(i)
end

uv.run() -- ends when nothing is under way any more
print(("%d login, %d ticks of the clock meanwhile"):format(erp:status().logins, ticks))
erp:close()
