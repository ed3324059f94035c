--- Oracle Commerce Cloud, with an application key.
return {
  name = "oracle_commerce",
  title = "Oracle Commerce Cloud (application key)",
  docs = "https://docs.oracle.com/cd/E91846_01/Cloud.12-17/RESTAPI/html/"
    .. "op-ccadmin-v1-login-post.html",
  inputs = {
    base_url = { kind = "url" }, -- there is no shared host
    app_key = { secret = true }, -- itself a JWT, and long-lived
    api = { default = "ccadmin", enum = { "ccadmin", "ccapp", "ccappagent" } },
  },
  base_url = "${base_url}",
  login = {
    url = "${base_url}/${api}/v1/login",
    bearer = "${app_key}",
    form = { grant_type = "client_credentials" },
  },
  token = {
    -- expires_in may be missing, or be a text; and 300 s is what an application key buys,
    -- although the samples say 930
    lifetime = 300,
    scope = false,
    refresh_token = false,
  },
  refresh = { -- there is no refresh token: the old access token asks, while it lives
    url = "${base_url}/${api}/v1/refresh",
    bearer = "${token}",
    json = {},
  },
  logout = {
    url = "${base_url}/${api}/v1/logout",
    bearer = "${token}",
    json = {},
    expect = { result = true }, -- false means that it failed, still with a 200
  },
  error = { -- several errors at once leave no errorCode at the top; clients have met OAuth's too
    code = { "errorCode", "errors[1].errorCode", "error" },
    message = { "message", "errors[1].message", "error_description" },
  },
}
