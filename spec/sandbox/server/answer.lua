--- Answers: tables of `status`, `headers`, `body`, and `refused` (the reason, for the record).
local json = require "spec.sandbox.server.json"
local state = require "spec.sandbox.server.state"

local answer = {}

--- An answer. A body that is no string is printed as JSON.
function answer.new(status, body, headers)
  local a = { status = status, headers = headers or {}, body = body }
  if type(body) ~= "string" then
    a.body = json.encode(body)
    a.headers["Content-Type"] = a.headers["Content-Type"] or "application/json"
  end
  return a
end

--- Note why an answer is a refusal.
function answer.refuse(a, reason)
  a.refused = reason
  return a
end

local function announced(settings, name, value)
  if name ~= "expires_in" and name ~= "expiresIn" then
    return value
  elseif settings.expires_in_as == "string" then
    return ("%.14g"):format(value)
  end
  return value
end

local function omitted(settings, name)
  for _, other in ipairs(settings.omit or {}) do
    if other == name then
      return true
    end
  end
  return false
end

--- The fields of a token answer, in order, after `omit`, `expires_in_as` and `fields`.
function answer.token(settings, ...)
  local list, seen = {}, {}
  local fields = settings.fields or {}
  local function add(name, value)
    if value ~= nil and not omitted(settings, name) then
      local n = #list
      list[n + 1], list[n + 2] = name, value
    end
    seen[name] = true
  end
  for i = 1, select("#", ...), 2 do
    local name, value = select(i, ...)
    local other = fields[name]
    if other == nil and value ~= nil then
      other = announced(settings, name, value)
    end
    add(name, other)
  end
  for name, value in pairs(fields) do
    if not seen[name] then
      add(name, value)
    end
  end
  return json.fields(list)
end

--- Send one.
function answer.send(a)
  ngx.status = a.status
  if state.offset ~= 0 then
    ngx.header["Date"] = ngx.http_time(state.now())
  end
  for name, value in pairs(a.headers) do
    ngx.header[name] = value
  end
  ngx.header["Content-Length"] = #a.body
  ngx.print(a.body)
  return ngx.exit(ngx.HTTP_OK)
end

return answer
