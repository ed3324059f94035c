--- `make demo`: brings the sandbox up, logs in to every provider in it, shows what that gives, and
-- stops what it started, also when something fails. The tokens are shown shortened.
local bearer = require "bearer"
local sandbox = require "spec.sandbox"

local providers = { "cambyopro", "cobuilder", "oracle_commerce", "oracle_commerce_user",
  "crm_com", "hubsoft" }

local function say(...)
  print(("  %-8s %s"):format(...))
end

-- All of it is never needed to see that it is there.
local function shortened(text, value)
  local first, last = text:find(value, 1, true)
  return text:sub(1, first - 1) .. value:sub(1, 8) .. "…" .. text:sub(last + 1)
end

-- The first bytes of a text, cut between two characters.
local function beginning(text)
  if #text <= 40 then
    return text
  end
  return text:sub(1, 40):gsub("[\192-\255][\128-\191]*$", "") .. "…"
end

local function lifetime(seconds)
  for _, unit in ipairs { { 86400, "days" }, { 3600, "hours" }, { 60, "minutes" } } do
    if seconds and seconds > 1.5 * unit[1] then
      return ("good for %.0f %s"):format(seconds / unit[1], unit[2])
    end
  end
  return seconds and ("good for %.0f seconds"):format(seconds) or "good until it is refused"
end

-- Most tokens travel in a header; CRM.COM's is a parameter.
local function show_token(token)
  local request = token:authorize { url = "/" }
  local value = token:value()
  if request.query then
    say("query", shortened("token=" .. request.query.token, value) .. ", " ..
      lifetime(token:expires_in()))
  else
    local name, text = token:header()
    say("header", ("%s: %s, %s"):format(name, shortened(text, value),
      lifetime(token:expires_in())))
  end
end

local function show_call(login, call)
  local response = assert(login:request { method = call.method, url = call.url })
  say("call", ("%s %s → %d %s"):format(call.method, call.url, response.status,
    beginning(response.body)))
  assert(response.status == 200, "the call was refused")
end

local function show_refresh(login, token)
  local before = login:status()
  local new = assert(login:refresh(token))
  local after = login:status()
  assert(after.generation == before.generation + 1, "the token was not renewed")
  say("refresh", ("%s, generation %d"):format(after.refreshes > before.refreshes and "refreshed"
    or "logged in again (it has no refresh)", new:generation()))
end

local function show(sb, name)
  print(name)
  local login = bearer.login(name, sb.credentials[name], { ca_file = sb.ca_file })
  local token = assert(login:token())
  show_token(token)
  show_call(login, sb.calls[name])
  show_refresh(login, token)
  login:close()
end

local function show_all(sb)
  local good = 0
  print(("The stand-ins answer at %s."):format(sb.url))
  for _, name in ipairs(providers) do
    local ok, err = pcall(show, sb, name)
    if not ok and tostring(err):find("interrupted!", 1, true) then
      error(err, 0)
    elseif not ok then
      say("FAILED", tostring(err))
    end
    good = good + (ok and 1 or 0)
  end
  return good
end

local started, sb = pcall(sandbox.start)
if not started then
  print("The sandbox does not start: " .. tostring(sb))
  os.exit(1, true)
end
local ran, good = pcall(show_all, sb)
sb:stop()
if not ran then
  print(tostring(good))
  good = 0
end
print(("%d of %d logins work; the stand-ins are stopped."):format(good, #providers))
os.exit(good == #providers and 0 or 1, true)
