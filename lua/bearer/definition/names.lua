--- Which names a text may use, and where.
-- @module bearer.definition.names
-- @local
local words = require "bearer.definition.words"

local names = {}

--- The built-in names.
names.builtins = {
  token = true, refresh_token = true, uuid = true, now = true, login_url = true,
}

-- Those that only some stages of a login know.
local builtins_of = {
  after = { "token" },
  authorize = { "token" },
  refresh = { "token", "refresh_token" },
  logout = { "token", "refresh_token" },
}

-- The definition is not checked yet when this runs: anything may stand anywhere.
local function add_keys(set, map)
  if type(map) == "table" then
    for name in next, map do
      if words.is_identifier(name) then
        set[name] = true
      end
    end
  end
end

local function add_keeps(set, requests, count)
  if type(requests) ~= "table" then
    return
  end
  local list = requests[1] ~= nil and requests or { requests }
  for i = 1, count or #list do
    if type(list[i]) == "table" then
      add_keys(set, list[i].keep)
    end
  end
end

local function add_all_kept(set, def)
  add_keeps(set, def.login)
  add_keeps(set, def.token)
  add_keeps(set, def.after)
end

--- The set of names that are known in one place.
-- @tparam table def the merged definition
-- @tparam string stage `login`, `after`, `refresh`, `logout`, `authorize` or `base_url`
-- @tparam[opt=1] int index which request of the stage's list
function names.known(def, stage, index)
  local set = { uuid = true, now = true, login_url = true }
  add_keys(set, def.inputs)
  add_keys(set, def.sign)
  if stage == "after" then
    add_keeps(set, def.login)
    add_keeps(set, def.token)
  elseif stage ~= "login" then
    add_all_kept(set, def)
  end
  add_keeps(set, def[stage], (index or 1) - 1)
  for _, name in ipairs(builtins_of[stage] or {}) do
    set[name] = true
  end
  return set
end

--- The set without one of its names.
function names.without(set, name)
  local rest = {}
  for key in next, set do
    rest[key] = key ~= name or nil
  end
  return rest
end

--- All names that are known in some place.
function names.all(def)
  local set = names.known(def, "refresh")
  add_keeps(set, def.refresh)
  add_keeps(set, def.logout)
  return set
end

return names
