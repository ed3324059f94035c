--- `make demo`: logs in to every stand-in, and makes one call with each token.
local bearer = require "bearer"
local sandbox = require "spec.sandbox"

local sb = sandbox.start()

local function try(provider, inputs)
  local login = bearer.login(provider, inputs, { ca_file = sb.ca_file })
  local answer, err = login:request {
    method = sb.calls[provider].method,
    url = sb.calls[provider].url,
  }
  local state = login:status()
  login:close()
  if not answer then
    return false, tostring(err)
  end
  return answer.status == 200, ("%d %s (good for %.0f s)"):format(answer.status, answer.body,
    state.expires_in or 0)
end

local failed = 0
for _, name in ipairs { "cambyopro", "cobuilder", "oracle_commerce", "oracle_commerce_user",
  "crm_com", "crm_com_pass_code", "hubsoft" } do
  local ran, ok, text = pcall(try, (name:gsub("_pass_code$", "")), sb.credentials[name])
  if not (ran and ok) then
    failed = failed + 1
  end
  print(("%-21s %s %s"):format(name, ran and ok and "ok" or "FAILED", tostring(ran and text or ok)))
end

sb:stop()
os.exit(failed == 0 and 0 or 1, true)
