--- Looks for secrets where none may be: in texts, tables, errors, whatever tostring shows.
local core = require "bearer.core"

local secrets = {}

local FIELDS = {
  "code", "class", "status", "provider", "step", "description", "retry_after", "details",
  "message", "request",
}

local walk

-- The fields of a bearer.error, and what else a value says when it is printed or concatenated.
local function walk_object(value, needle, where, seen)
  local found = walk(tostring(value), needle, "tostring(" .. where .. ")", seen)
  if found then return found end
  if core.type(value) ~= "bearer.error" then return nil end
  found = walk("" .. value, needle, '"" .. ' .. where, seen)
  for _, field in ipairs(FIELDS) do
    found = found or walk(value[field], needle, where .. "." .. field, seen)
  end
  return found
end

local function walk_table(value, needle, where, seen)
  if seen[value] then return nil end
  seen[value] = true
  for key, inner in pairs(value) do
    local name = where .. "[" .. type(key) .. "]"
    if type(key) == "string" and not key:find(needle, 1, true) then name = where .. "." .. key end
    local found = walk(key, needle, "a key of " .. where, seen) or walk(inner, needle, name, seen)
    if found then return found end
  end
  local metatable = debug.getmetatable(value)
  return metatable and metatable.__tostring
    and walk(tostring(value), needle, "tostring(" .. where .. ")", seen)
end

function walk(value, needle, where, seen)
  local kind = type(value)
  if kind == "string" or kind == "number" then
    return tostring(value):find(needle, 1, true) and where
  end
  if kind == "table" then return walk_table(value, needle, where, seen) end
  if kind == "userdata" and debug.getmetatable(value) then
    return walk_object(value, needle, where, seen)
  end
  return nil
end

--- Where in `value` the secret was found ("value.details.message"), or nil.
function secrets.find(value, secret)
  assert(type(secret) == "string" and #secret > 0, "a secret to look for must be a text")
  return walk(value, secret, "value", {})
end

--- Raises when one of the secrets is found anywhere in `value`: a text, a number, a table (keys
-- too, also cyclic), a bearer.error with all its fields, or any userdata's tostring. Never shows
-- one.
function secrets.assert_absent(value, list)
  assert(type(list) == "table" and #list > 0, "no secrets to look for")
  for index, secret in ipairs(list) do
    local where = secrets.find(value, secret)
    if where then error(("secret %d of %d shows in %s"):format(index, #list, where), 2) end
  end
end

return secrets
