--- Cobuilder: a JSON login whose answer is the token itself.
return {
  name = "cobuilder",
  title = "Cobuilder Authentication API",
  docs = "https://developer.cobuilder.com/docs/services/authentication-V1/operations/"
    .. "OAuth_GetToken",
  inputs = {
    client_id = { kind = "text" },
    client_secret = { secret = true },
    -- a URI, but sent as data: nothing is asked there
    audience_url = { kind = "text", optional = true },
    base_url = { kind = "url", default = "https://api.cobuilder.com" },
  },
  base_url = "${base_url}",
  login = {
    -- not RFC 6749, whatever the path says: JSON, camelCase, no grant_type
    url = "${base_url}/authentication/api/v1/oauth2/token",
    headers = { Accept = "application/json" }, -- else the same text may come as text/plain
    json = {
      clientId = "${client_id}",
      clientSecret = "${client_secret}",
      audienceUrl = "${audience_url}",
    },
  },
  token = { -- a bare text, in quotes or not; no lifetime is documented, a JWT tells its own
    value = "$",
    type = false,
    scope = false,
    refresh_token = false,
    expires_in = false,
  },
  error = { code = false, message = { "detail", "title" } }, -- problem details (RFC 9457)
}
