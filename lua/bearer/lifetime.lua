--- How long a token lives: as the answer says it, or the token itself, or the definition.
-- @module bearer.lifetime
local core = require "bearer.core"
local json = require "bearer.json"
local path = require "bearer.path"

local lifetime = {}

local longest_life = 100 * 366 * 86400

local longest_number = 40 -- in characters; an instant with its zone is one, too

local units = { s = 1, ms = 0.001, min = 60 }

local function number_of(value)
  if type(value) == "string" then
    value = #value <= longest_number and value:match("^%s*(%-?%d+%.?%d*)%s*$")
  end
  return type(value) ~= "boolean" and tonumber(value) or nil
end

local function clock_time(value)
  local h, m, s = tostring(value):match("^(%d+):(%d%d):(%d%d)$")
  return h and h * 3600 + m * 60 + s
end

local function seconds(value, unit)
  if unit == "clock" then
    return clock_time(value)
  end
  local n = number_of(value)
  return n and n * units[unit]
end

local function iso_8601(text)
  local y, m, d, time, zone =
    text:match("^(%d%d%d%d)-(%d%d)-(%d%d)[Tt ](%d%d:%d%d:%d%d)%.?%d*%s*([Zz]?[+-]?[%d:]*)$")
  if not y then
    return text
  end
  zone = zone:gsub(":", "")
  return ("%s%s%s %s %s"):format(y, m, d, time, zone:find("%d") and zone or "GMT")
end

local function instant(value, unit)
  local n = number_of(value)
  if n then
    return unit == "ms" and n / 1000 or n
  end
  local readable = type(value) == "string" and #value <= longest_number
  return readable and core.date(iso_8601(value)) or nil
end

-- The server's own time of the answer, so that a clock that is off on either side is no matter.
local function server_time(headers)
  local date = type(headers.date) == "string" and core.date(headers.date)
  if not date then
    return (select(2, core.now()))
  end
  return date + (number_of(headers.age) or 0)
end

--- The claims of a JWT, unverified.
-- @tparam string token
-- @treturn ?table
function lifetime.claims(token)
  local payload = core.jwt_payload(token)
  local claims = payload and json.decode(payload)
  return type(claims) == "table" and claims or nil
end

local function jwt_lifetime(value, headers)
  local claims = lifetime.claims(value)
  local ends = claims and number_of(claims.exp) -- CRM.COM has texts here
  if ends then
    local life = ends - (number_of(claims.iat) or server_time(headers))
    return life > 0 and life < longest_life and life or nil
  end
end

local function stated_lifetime(a, t)
  local value = path.find(a.root, t.expires_in)
  local life
  if value ~= nil then
    life = seconds(value, t.unit)
    if life == 0 then -- neither "for ever" nor "dead already"
      return nil
    end
  else
    value = path.find(a.root, t.expires_at)
    if value == nil then
      return nil
    end
    local ends = instant(value, t.unit)
    life = ends and ends - server_time(a.headers)
  end
  if not life or life ~= life or life <= 0 or life > longest_life then
    return nil, "its lifetime makes no sense"
  end
  return life
end

--- The lifetime of a token.
-- @tparam table a the answer that holds it
-- @tparam table t the `token` part of a compiled definition
-- @tparam string value the token
-- @treturn[1] ?number seconds; nil when it is not known
-- @treturn[2] nil
-- @treturn[2] string what is wrong with the one that is stated
function lifetime.of(a, t, value)
  local life, why = stated_lifetime(a, t)
  if why then
    return nil, why
  end
  return life or jwt_lifetime(value, a.headers) or t.lifetime
end

return lifetime
