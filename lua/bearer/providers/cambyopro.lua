--- CambyoPro Cloudbreak: a JSON login with a client id and secret, good for 24 hours.
return {
  name = "cambyopro",
  title = "CambyoPro Cloudbreak",
  docs = "https://docs.cloudbreak.com.br/login",
  inputs = {
    client_id = { kind = "text" },
    client_secret = { secret = true },
    base_url = { kind = "url", default = "https://cloudbreak.cambyopro.com" },
    -- The published page lost its punctuation ("no auth"), so the hyphen is a reading of it:
    -- whoever knows better says so here.
    path = { kind = "path", default = "/api/no-auth/authentication/v1/login" },
  },
  base_url = "${base_url}",
  login = {
    url = "${base_url}${path}",
    headers = { Accept = "application/json" },
    -- camelCase is a reading of the same page: it printed these names in lower case, and
    -- without the gap that it left for every underscore.
    json = { clientId = "${client_id}", clientSecret = "${client_secret}" },
    expect = { success = true }, -- said in the body too; a 200 alone is not enough
  },
  token = { -- opaque (atk_…): no claims to read an expiry from
    value = "accessToken",
    type = "tokenType",
    expires_in = "expiresIn",
    scope = false,
    refresh_token = false,
    lifetime = 86400,
  },
  error = { code = false, message = "message" }, -- no codes: the HTTP status speaks
}
