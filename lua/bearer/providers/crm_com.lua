--- CRM.COM: a Web API key and a consumer's identification for a session token of two hours.
-- The token travels as a parameter, not in a header.

-- Documented as texts, though people will give numbers.
local function as_text(name)
  return function(_, f)
    return f.text("${" .. name .. "}")
  end
end

return {
  name = "crm_com",
  title = "CRM.COM Web API",
  docs = "https://crmdevelopment.atlassian.net/wiki/spaces/V4/pages/952820/access_token_identifier",
  inputs = {
    base_url = { kind = "url" },
    api_key = { secret = true },
    authentication_code = { secret = true },
    identifier = { kind = "text" },
    pass_code = { secret = true },
    unit = { kind = "text", optional = true },
    -- The vendor's page leaves the resource URL empty; this is the family's usual one.
    path = { kind = "path", default = "/crmapi/rest/v2/authentication/token" },
  },
  one_of = { { "authentication_code" }, { "identifier", "pass_code" } },
  base_url = "${base_url}",
  login = {
    url = "${base_url}${path}",
    basic = { "${api_key}", "" },
    json = {
      access_token_identifier = {
        authentication_code = "${authentication_code}",
        identifier = as_text "identifier",
        pass_code = "${pass_code}",
      },
      unit = as_text "unit",
    },
    -- A failure may well come as a 200. No other code is documented, nor is its case certain.
    expect = { ["status.code"] = { "OK", "Ok", "oK", "ok" } },
  },
  token = { -- the JWT's own times are texts; two hours either way, used or not
    value = "data.token",
    type = false,
    scope = false,
    refresh_token = false,
    expires_in = false,
    lifetime = 7200,
  },
  authorize = { query = { token = "${token}" }, json = { token = "${token}" } },
  error = { code = "status.code", message = { "status.message", "status.description" } },
}
