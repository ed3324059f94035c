--- What each stand-in knows its customer by: the right inputs, without an address.
-- Shared by the Lua process that starts the sandbox and by the nginx that plays it.
-- The secrets hold every character that a careless encoder gets wrong. None of them is real.
local awkward = [[p&ss+w=rd %41"\/;#?é ü]]

return {
  cambyopro = {
    client_id = "b2b-0042",
    client_secret = "cambyo " .. awkward,
  },
  cobuilder = {
    client_id = "cob-client",
    client_secret = "cobuilder " .. awkward,
    audience_url = "https://products.cobuilder.example/",
  },
  oracle_commerce = { -- an application key is itself a padded JWT
    app_key = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." ..
      "eyJzdWIiOiJzYW5kYm94IiwiaXNzIjoiYXBwbGljYXRpb25BdXRoIn0=." ..
      "c2FuZGJveC/hcHBsaWNhdGlvbitrZXkgbm90IHJlYWw=",
  },
  oracle_commerce_user = {
    username = "ana+admin@example.com",
    password = "oracle " .. awkward,
    totp_code = "492039",
  },
  crm_com = {
    api_key = "0123456789ABCDEF0123456789ABCDEF",
    authentication_code = "p_sandbox1! " .. awkward,
    unit = "1",
  },
  -- the other way to say who the consumer is, for the same provider
  crm_com_pass_code = {
    identifier = "0040001",
    pass_code = "crm " .. awkward,
  },
  hubsoft = {
    client_id = "3",
    client_secret = "hubsoft " .. awkward,
    username = "ana+teste@exemplo.com.br",
    password = "senha " .. awkward,
  },
  -- of a standard token endpoint; the colon must be encoded before it goes into Basic
  oauth2_client_credentials = {
    client_id = "https://client.example/?a=1&b",
    client_secret = "oauth2 : " .. awkward,
    scope = "read write",
  },
  oauth2_password = {
    username = "ana+oauth@example.com",
    password = "oauth2 password " .. awkward,
  },
  oauth2_refresh_token = { -- bought elsewhere, before
    refresh_token = "sandbox-refresh/token+bought~elsewhere=",
  },
}
