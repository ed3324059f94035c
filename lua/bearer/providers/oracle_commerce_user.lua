--- Oracle Commerce Cloud, as a user: administrator, shopper or agent.

-- Administrators have a page of their own for logins with a one-time code; the others take the
-- code as one more field.
local function login_page(v, f)
  local with_code = v.api == "ccadmin" and f.text "${totp_code}" ~= nil
  return f.text("${base_url}/${api}/v1/" .. (with_code and "mfalogin" or "login"))
end

local function is_text(value)
  return type(value) == "string"
end

-- A shopper's account with a second factor is answered with a 200 and no token in it: the code is
-- e-mailed then, for a person to read.
local function no_challenge(answer)
  if type(answer) == "table" and not is_text(answer.access_token)
    and is_text(answer.validation_token) then
    return false, "mfa_required", "this account wants a code that was just sent to its owner"
  end
  return true
end

return {
  name = "oracle_commerce_user",
  title = "Oracle Commerce Cloud (user)",
  docs = "https://docs.oracle.com/cd/E91846_01/Cloud.12-17/RESTAPI/html/"
    .. "op-ccadmin-v1-mfalogin-post.html",
  extends = "oracle_commerce",
  inputs = {
    app_key = false,
    username = { kind = "text" },
    password = { secret = true },
    totp_code = { secret = true, optional = true }, -- as a function: a new one for each login
    api = { enum = { "ccadmin", "ccstore", "ccagent" } },
  },
  login = {
    url = login_page,
    bearer = false,
    form = {
      grant_type = "password",
      username = "${username}",
      password = "${password}",
      totp_code = "${totp_code}",
    },
    expect = no_challenge,
  },
  token = { lifetime = 900 },
  error = { denied = { "mfa_required" } }, -- asking again would only send more codes
}
