--- HubSoft: the password grant of a Laravel Passport server, in JSON.

-- Documented as a text ("3"), though people will give the number.
local function client_id(_, f)
  return f.text "${client_id}"
end

-- Without it the server redirects to a login page where it should answer 401.
local accept = "application/json"

return {
  name = "hubsoft",
  title = "HubSoft ERP",
  docs = "https://api-hubsoft.readthedocs.io/pt/latest/autenticacao.html",
  inputs = {
    host = { kind = "host" },
    client_id = { kind = "text" },
    client_secret = { secret = true },
    username = { kind = "text" }, -- always an e-mail address
    password = { secret = true },
  },
  base_url = "https://${host}",
  login = {
    url = "https://${host}/oauth/token",
    headers = { Accept = accept },
    json = {
      grant_type = "password",
      client_id = client_id,
      client_secret = "${client_secret}",
      username = "${username}",
      password = "${password}",
    },
  },
  -- Not in the vendor's document, but how Passport does it: each refresh token works once.
  refresh = {
    revokes = true,
    url = "https://${host}/oauth/token",
    headers = { Accept = accept },
    json = {
      grant_type = "refresh_token",
      refresh_token = "${refresh_token}",
      client_id = client_id,
      client_secret = "${client_secret}",
    },
  },
  authorize = { headers = { Authorization = "Bearer ${token}", Accept = accept } },
  error = {
    code = "error",
    message = { "error_description", "message" },
    -- A wrong password is invalid_credentials in old releases, invalid_grant in newer ones.
    denied = { "invalid_credentials", "invalid_client", "invalid_grant" },
  },
}
