--- All the sandbox remembers: clock, settings, issued tokens, scripts, records.
-- nginx runs as one process here, so plain tables do; nothing has to be shared.
local known = require "spec.sandbox.credentials"

local state = {}

-- The oldest are forgotten beyond this, so that a benchmark does not eat the memory.
local capacity = 10000

local aliases = {
  oracle_commerce_user = "oracle_commerce",
  crm_com_pass_code = "crm_com",
  oauth2_client_credentials = "oauth2",
  oauth2_password = "oauth2",
  oauth2_refresh_token = "oauth2",
}

local own = { -- all inputs a provider's stand-in compares with
  cambyopro = { "cambyopro" },
  cobuilder = { "cobuilder" },
  oracle_commerce = { "oracle_commerce", "oracle_commerce_user" },
  crm_com = { "crm_com", "crm_com_pass_code" },
  hubsoft = { "hubsoft" },
  oauth2 = { "oauth2_client_credentials", "oauth2_password", "oauth2_refresh_token" },
}

state.seeds = {} -- functions that put into a fresh state what was there from the start

local function merge(into, from)
  for k, v in pairs(from) do
    into[k] = v
  end
  return into
end

local function queue()
  return { first = 1, last = 0 }
end

local function push(list, item)
  list.last = list.last + 1
  list[list.last] = item
  if list.last - list.first >= capacity then
    local oldest = list[list.first]
    list[list.first] = nil
    list.first = list.first + 1
    return oldest
  end
end

--- As just started.
function state.reset()
  state.offset = 0
  state.settings, state.tokens, state.issued = {}, {}, {}
  state.scripts, state.records, state.counts = {}, {}, {}
  for name, sources in pairs(own) do
    local credentials = {}
    for _, source in ipairs(sources) do
      merge(credentials, known[source])
    end
    state.settings[name] = { credentials = credentials }
    state.tokens[name], state.issued[name] = {}, queue()
  end
  for _, seed in ipairs(state.seeds) do
    seed()
  end
end

--- The sandbox's own time, which `advance` moves.
function state.now()
  return ngx.now() + state.offset
end

--- The provider a name stands for, or nil.
function state.provider(name)
  name = aliases[name] or name
  return own[name] and name
end

--- Merge settings; `credentials` are merged one by one.
function state.tell(name, settings)
  local s = state.settings[name]
  for key, value in pairs(settings) do
    if key == "credentials" then
      merge(s.credentials, value)
    else
      s[key] = value
    end
  end
end

--- Remember a token. `token.value`, `token.use` ("access" or "refresh") and what the provider adds.
function state.issue(name, token, lifetime)
  if token.use == "access" and state.settings[name].single_session then
    state.revoke(name, "access")
  end
  token.expires = state.now() + lifetime
  state.tokens[name][token.value] = token
  local oldest = push(state.issued[name], token)
  if oldest then
    state.tokens[name][oldest.value] = nil
  end
  return token
end

--- The values of the tokens that a provider issued, living or not.
function state.issued_values(name)
  local values = {}
  for value in pairs(state.tokens[name]) do
    values[#values + 1] = value
  end
  return values
end

--- A living token, or nil and the reason.
function state.find(name, use, value)
  local token = state.tokens[name][value]
  if not token or token.use ~= use then
    return nil, "the token was never issued here"
  elseif token.revoked then
    return nil, "the token was revoked", token
  elseif token.expires <= state.now() then
    return nil, "the token has expired", token
  end
  return token
end

--- Revoke all tokens of a provider, or those of one use.
function state.revoke(name, use)
  for _, token in pairs(state.tokens[name]) do
    if not use or token.use == use then
      token.revoked = true
    end
  end
end

local function bump(name, key)
  local counts = state.counts[name] or {}
  state.counts[name] = counts
  counts[key] = (counts[key] or 0) + 1
end

--- Remember a request under one or more names.
function state.arrived(names, record)
  for _, name in ipairs(names) do
    state.records[name] = state.records[name] or queue()
    push(state.records[name], record)
    bump(name, "all")
    bump(name, record.kind)
  end
end

--- Remember how it was answered.
function state.answered(names, record, status)
  record.status = status
  for _, name in ipairs(names) do
    bump(name, "all:" .. status)
    bump(name, record.kind .. ":" .. status)
  end
end

--- The records of a name, oldest first.
function state.list(name)
  local list, found = state.records[name] or queue(), {}
  for i = list.first, list.last do
    found[#found + 1] = list[i]
  end
  return found
end

--- How many requests of a kind (answered with that status).
function state.count(name, kind, status)
  local key = kind or "all"
  if status then
    key = ("%s:%d"):format(key, status)
  end
  return (state.counts[name] or {})[key] or 0
end

state.reset()

return state
