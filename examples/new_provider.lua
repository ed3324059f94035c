--- A provider that bearer does not know yet, described here. In a program of its own the table
-- would be the file `bearer/providers/acme.lua`, and `bearer.login("acme", …)` would find it.
--
--     ACME_KEY=… lua5.4 examples/new_provider.lua https://api.acme.example [CA_FILE]
local bearer = require "bearer"

local acme = {
  name = "acme",
  title = "Acme, in two steps",
  inputs = {
    base_url = { kind = "url" },
    shop = {},
    key = { secret = true },
  },
  base_url = "${base_url}",
  login = {
    { -- a ticket for the key …
      url = "${base_url}/tickets",
      basic = { "${shop}", "${key}" },
      expect = { status = "granted" }, -- this server says no with a 200
      keep = { ticket = "ticket.id", region = "ticket.region" },
    },
    { -- … and a session for the ticket
      url = "${base_url}/${region}/sessions",
      json = { ticket = "${ticket}", request_id = "${uuid}" },
    },
  },
  token = { value = "session.id", expires_in = "session.minutes", unit = "min" },
  authorize = { headers = { ["X-Acme-Session"] = "${token}" } },
  error = { code = "reason", message = "text", denied = { "unknown_key" } },
}

local base_url, ca_file = arg[1], arg[2]
if not base_url then
  io.stderr:write("new_provider.lua URL [CA_FILE]\n")
  os.exit(2)
end

local shop = bearer.login(acme, {
  base_url = base_url,
  shop = "lisbon",
  key = bearer.env "ACME_KEY",
}, { ca_file = ca_file })

local token, message = shop:token()
if not token then
  io.stderr:write(message, "\n")
  os.exit(1)
end
print(("a session in %s, for %d minutes"):format(token:get "region",
  math.floor(token:expires_in() / 60 + 0.5)))

local orders = assert(shop:request { url = "/orders", query = { open = true } })
print("HTTP " .. orders.status, orders.json()[1].number)

shop:close()
