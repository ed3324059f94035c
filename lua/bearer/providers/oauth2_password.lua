--- OAuth 2.0, resource owner password credentials (RFC 6749, 4.3).
return {
  name = "oauth2_password",
  title = "OAuth 2.0 password",
  docs = "https://www.rfc-editor.org/rfc/rfc6749#section-4.3",
  extends = "oauth2",
  inputs = { username = { kind = "text" }, password = { secret = true } },
  login = {
    form = { grant_type = "password", username = "${username}", password = "${password}" },
  },
}
