--- OAuth 2.0, client credentials (RFC 6749, 4.4).
return {
  name = "oauth2_client_credentials",
  title = "OAuth 2.0 client credentials",
  docs = "https://www.rfc-editor.org/rfc/rfc6749#section-4.4",
  extends = "oauth2",
  login = { form = { grant_type = "client_credentials" } },
  refresh = false, -- 4.4.3: this grant gives no refresh token, and needs none
  token = { refresh_token = false },
}
