--- OAuth 2.0, starting from a refresh token that the caller has (RFC 6749, 6).
return {
  name = "oauth2_refresh_token",
  title = "OAuth 2.0 refresh token",
  docs = "https://www.rfc-editor.org/rfc/rfc6749#section-6",
  extends = "oauth2",
  inputs = { refresh_token = { secret = true } },
  login = { -- with the caller's; the refresh that follows takes the newest that the server gave
    form = { grant_type = "refresh_token", refresh_token = "${refresh_token}" },
  },
}
