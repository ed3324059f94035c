--- The settings that `tell` takes. A misspelt one is refused, or a spec would test nothing.
local settings = {}

-- What any answer can be made to do. Said at the top it touches logins and refreshes; said in a
-- table under a kind's name (`call = { status = 429 }`), that kind.
local faults = {
  "delay", -- seconds before the answer, after the request was acted on
  "status", -- answered instead; the request is not acted on
  "fail_next", -- this many requests are answered 503
  "lose_next", -- this many are acted on, and the connection is closed without an answer
  "retry_after", -- the header, on refusals made by `status` and `fail_next`
  "body", "content_type", "headers", -- instead of the answer's own, or besides them
}

local kinds = { "login", "refresh", "call", "logout", "verify", "other" }

local others = {
  "credentials", -- the inputs accepted from now on, name by name
  "lifetime", -- seconds; what is issued from now on
  "single_session", -- true: a new token ends the ones before it
  "omit", "fields", "expires_in_as", -- of a token answer: left out, set; "string" or "number"
  "form", "jwt", -- Cobuilder: json, text, text_newline, bom; false: a token that is no JWT
  "failure_status", "nulls", "data", "failure_http", "call_failure_http", -- CRM.COM
  "personality", "family", -- HubSoft
  "rotate", "refresh_lifetime", -- HubSoft and OAuth 2.0
  "revoke_old_on_refresh", -- HubSoft and Oracle
  "mfa", "links", "error_form", "logout_result", "verify_result", -- Oracle
  "success", "escaped", -- CambyoPro
  "auth", -- OAuth 2.0: how the client has to name itself: basic, basic_raw, form, none
  "path", -- where the login is instead: CambyoPro and CRM.COM
}

local function set(...)
  local all = {}
  for _, list in ipairs({ ... }) do
    for _, name in ipairs(list) do
      all[name] = true
    end
  end
  return all
end

local is_fault, is_kind, is_known = set(faults), set(kinds), set(faults, kinds, others)

local function check(given, allowed, where)
  for name in pairs(given) do
    if not allowed[name] then
      error(("there is no setting %q%s"):format(tostring(name), where), 0)
    end
  end
end

--- Raise when a setting is unknown.
function settings.check(given)
  check(given, is_known, "")
  for name, value in pairs(given) do
    if is_kind[name] then
      check(value, is_fault, " in " .. name)
    end
  end
end

--- The faults that hold for a kind of request.
function settings.faults(s, kind)
  return s[kind] or (kind == "login" or kind == "refresh") and s or {}
end

return settings
