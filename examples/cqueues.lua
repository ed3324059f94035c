--- A cqueues program: ten workers share one login and make calls side by side, while a clock ticks.
--
--     HUBSOFT_CLIENT_ID=3 HUBSOFT_SECRET=… HUBSOFT_USERNAME=ana@example.com HUBSOFT_PASSWORD=… \
--       lua5.4 examples/cqueues.lua erp.example.com [CA_FILE]
local bearer = require "bearer"
local cqueues = require "cqueues"

local host, ca_file = arg[1], arg[2]
if not host then
  io.stderr:write("cqueues.lua HOST [CA_FILE]\n")
  os.exit(2)
end

bearer.use "cqueues" -- waiting lets the controller's other coroutines run

local erp = bearer.login("hubsoft", {
  host = host,
  client_id = os.getenv "HUBSOFT_CLIENT_ID",
  client_secret = bearer.env "HUBSOFT_SECRET",
  username = os.getenv "HUBSOFT_USERNAME",
  password = bearer.env "HUBSOFT_PASSWORD",
}, { ca_file = ca_file })

local loop = cqueues.new()
local workers, ticks = 10, 0

for i = 1, 10 do
  loop:wrap(function()
    local clients, message = erp:request { url = "/api/v1/integracao/cliente" }
    print(("worker %d: %s"):format(i, clients and "HTTP " .. clients.status or message))
    workers = workers - 1
  end)
end

loop:wrap(function()
  while workers > 0 do
    cqueues.sleep(0.01)
    ticks = ticks + 1
  end
end)

assert(loop:loop())
print(("%d login, %d ticks of the clock meanwhile"):format(erp:status().logins, ticks))
erp:close()
