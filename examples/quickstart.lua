--- The shortest login: HubSoft, one header, one call.
--
--     HUBSOFT_CLIENT_ID=3 HUBSOFT_SECRET=… HUBSOFT_USERNAME=ana@example.com HUBSOFT_PASSWORD=… \
--       lua5.4 examples/quickstart.lua erp.example.com [CA_FILE]
local bearer = require "bearer"

local host, ca_file = arg[1], arg[2]
if not host then
  io.stderr:write("quickstart.lua HOST [CA_FILE]\n")
  os.exit(2)
end

local erp = bearer.login("hubsoft", {
  host = host,
  client_id = os.getenv "HUBSOFT_CLIENT_ID",
  client_secret = bearer.env "HUBSOFT_SECRET", -- read when the login is sent, and not before
  username = os.getenv "HUBSOFT_USERNAME",
  password = bearer.env "HUBSOFT_PASSWORD",
}, { ca_file = ca_file })

local name, value = erp:header()
if not name then
  io.stderr:write(value, "\n") -- a sentence: names the provider, the step and the code; no secret
  os.exit(1)
end
print(name, value:sub(1, 12) .. "…") -- a token is a secret as well

local clients = assert(erp:request { url = "/api/v1/integracao/cliente" })
print("HTTP " .. clients.status, ("%d bytes"):format(#clients.body))

erp:close() -- wipes what it knows
