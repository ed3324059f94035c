--- OAuth 2.0 (RFC 6749), the base of the standard grants and of definitions that are nearly
-- standard. Itself it is the client credentials grant; others say so in `login.form`.

-- How the client names itself: as the caller says, else Basic when there is a secret. The secret
-- is only ever expanded below Lua.
local function method(v, f)
  return v.auth or f.text "${client_secret}" ~= nil and "basic" or "none"
end

local is_basic = { basic = true, basic_raw = true }

local function basic_user(v, f)
  return is_basic[method(v, f)] and f.text "${client_id}" or nil
end

-- 2.3.1: form-encoded first. Many servers do not decode it, though: for them, `basic_raw`.
local function is_encoded(v)
  return v.auth ~= "basic_raw"
end

local function form_id(v, f)
  return not is_basic[method(v, f)] and f.text "${client_id}" or nil
end

local function form_secret(v, f)
  return method(v, f) == "form" and f.text "${client_secret}" or nil
end

-- A request to the token endpoint: the grant's own fields, and what all grants share.
local function ask(form)
  form.client_id, form.client_secret = form_id, form_secret
  form.audience = "${audience}" -- not in an RFC, but widely asked for
  form.resource = "${resource}" -- RFC 8707; a list repeats the key
  return {
    url = "${token_url}",
    headers = { Accept = "application/json" },
    basic = { basic_user, "${client_secret}", encode = is_encoded },
    form = form,
  }
end

return {
  name = "oauth2",
  title = "OAuth 2.0",
  docs = "https://www.rfc-editor.org/rfc/rfc6749",
  inputs = {
    token_url = { kind = "url" },
    client_id = { kind = "text" },
    client_secret = { secret = true, optional = true },
    scope = { kind = "text", optional = true, join = " " },
    audience = { kind = "text", optional = true },
    resource = { kind = "text", optional = true },
    auth = { optional = true, enum = { "basic", "basic_raw", "form", "none" } },
  },
  login = ask { grant_type = "client_credentials", scope = "${scope}" },
  -- without scope: the one that was granted (section 6)
  refresh = ask { grant_type = "refresh_token", refresh_token = "${refresh_token}" },
  -- in no RFC; some servers have a refresh token end before the access token does
  token = { refresh_expires_in = { "refresh_expires_in", "refresh_token_expires_in" } },
  error = {
    code = "error",
    denied = { "invalid_client", "invalid_grant", "unauthorized_client" },
    throttled = { "temporarily_unavailable", "slow_down" },
  },
}
