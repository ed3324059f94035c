--- What an answer says. It was written by a stranger: nothing here raises, whatever is in it.
-- @module bearer.answer
local core = require "bearer.core"
local errors = require "bearer.errors"
local json = require("cjson").new() -- private: the settings of `require "cjson"` are shared
local path = require "bearer.path"

json.decode_max_depth(100)
json.decode_invalid_numbers(false) -- NaN and Infinity are not JSON

local answer = {}

-- ---- reading ------------------------------------------------------------------

-- One end after the other: a pattern for both tries every space of a long run.
local function trim(text)
  return text:match("^%s*(.*)$"):match("^(.*%S)") or ""
end

local function parse_head(head)
  local lists, headers = {}, {}
  for line in head:gmatch("[^\r\n]+") do
    local name, value = line:match("^([^:]+):(.*)$")
    if name then
      name = name:lower()
      lists[name] = lists[name] or {}
      table.insert(lists[name], trim(value))
    end
  end
  for name, list in pairs(lists) do
    headers[name] = table.concat(list, ", ")
  end
  return headers
end

--- Decode JSON.
-- @treturn[1] any the value; JSON's null is a light userdata
-- @treturn[2] nil
function answer.decode(text)
  local ok, value = pcall(json.decode, text)
  if ok and not text:find("\0", 1, true) then -- cjson takes a NUL for the end
    return value
  end
end

local function media_type(headers)
  local value = headers["content-type"]
  return type(value) == "string" and value:lower():match("^[^;%s]+") or ""
end

-- A bare text is an answer as well: "eyJ…" with quotes is JSON, eyJ… without is text/plain.
local function root_of(body, headers)
  body = body:gsub("^\239\187\191", "") -- a byte order mark
  local kind = media_type(headers)
  local bare = trim(body)
  if kind == "text/plain" and not bare:find('^["{%[]') then
    return bare
  end
  local value = answer.decode(body)
  local could_be = bare ~= "" and not kind:find("html", 1, true) and not bare:find('^[<{%["]')
  if value == nil and could_be then
    return bare
  end
  return value
end

--- An answer of libcurl's, ready to be read.
-- @tparam table raw `{status, head, body}`
-- @treturn table `{status, headers, body, root}`; root is the decoded JSON, a bare text, or nil
function answer.read(raw)
  local headers = raw.headers or parse_head(raw.head)
  return {
    status = raw.status, headers = headers, body = raw.body,
    root = root_of(raw.body, headers),
  }
end

--- Check what a transport of the caller's gave.
-- @treturn[1] table as `answer.read` takes it
-- @treturn[2] nil
function answer.from_transport(given)
  local status = type(given) == "table" and given.status
  if type(status) ~= "number" or status % 1 ~= 0 or status < 100 or status > 999 then
    return nil
  end
  local headers = {}
  for name, value in pairs(type(given.headers) == "table" and given.headers or {}) do
    if type(name) == "string" and (type(value) == "string" or type(value) == "number") then
      headers[name:lower()] = tostring(value)
    end
  end
  if given.body ~= nil and type(given.body) ~= "string" then
    return nil
  end
  return { status = math.floor(status), headers = headers, body = given.body or "" }
end

-- ---- refusals -----------------------------------------------------------------

local function plain(number)
  return ("%.14g"):format(number)
end

local function find_text(root, paths)
  for _, one in ipairs(paths) do
    local value = path.find(root, { one })
    if type(value) == "number" then
      value = plain(value)
    end
    if type(value) == "string" and value ~= "" then
      return value, one
    end
  end
end

local function is_one_of(value, wanted)
  for _, want in ipairs(type(wanted) == "table" and wanted or { wanted }) do
    if value == want then
      return true
    end
  end
  return false
end

-- CRM.COM has "OK" where the code of an error would be.
local function says_all_is_well(def, code, where)
  for _, requests in ipairs { def.login, def.refresh or {} } do
    for _, r in ipairs(requests) do
      if type(r.expect) == "table" and is_one_of(code, r.expect[where]) then
        return true
      end
    end
  end
  return false
end

local function error_code(root, def)
  local code, where
  if type(root) == "table" then
    code, where = find_text(root, def.error.code)
  end
  if code and says_all_is_well(def, code, where) then
    return nil
  end
  return code and #code <= 64 and code:find("^[%w_.:/-]+$") and code or nil
end

-- Fields that could hold what nobody may see are not copied.
local function tells_a_secret(name)
  name = name:lower()
  return name:find("token") or name:find("secret") or name:find("passw") or name:find("assertion")
    or name:find("code$") and name:find("auth")
end

local function copy_details(value, scope, depth, budget)
  local kind = type(value)
  budget.left = budget.left - 1
  if kind == "string" then
    return errors.clean(value, scope)
  elseif kind == "number" then
    local cleaned = errors.clean(plain(value), scope)
    return cleaned == plain(value) and value or cleaned -- a PIN comes back as a number
  elseif kind == "boolean" then
    return value
  elseif kind ~= "table" or depth > 3 then
    return nil
  end
  local copy = {}
  for name, item in pairs(value) do
    if budget.left > 0 and (type(name) == "number" or not tells_a_secret(name)) then
      local key = type(name) == "string" and errors.clean(name, scope) or name
      copy[key] = copy_details(item, scope, depth + 1, budget)
    end
  end
  return copy
end

-- What the answer would have been used for must not show in the error about it.
local function hide_found(root, def, scope)
  local t = def.token
  for _, paths in ipairs { t.value, t.refresh_token } do
    for _, one in ipairs(paths) do
      local found = path.find(root, { one })
      if type(found) == "string" and #found > 1 and one ~= "$" then
        scope:hide(found)
      end
    end
  end
end

local refusing = { [400] = true, [401] = true, [403] = true }

local function class_of(status, code, def, headers)
  if code and def.error.denied[code] then
    return "terminal"
  elseif code and def.error.throttled[code] or status == 429 or status == 503
    or headers["retry-after"] then
    return "throttled"
  elseif refusing[status] or status < 300 then
    return "terminal"
  elseif status >= 500 or status == 408 or status == 425 then
    return "transient"
  end
  return "terminal" -- a wrong address, a redirect: sending it again changes nothing
end

--- Seconds that a Retry-After asks for, within 1 s and 1 h.
-- @treturn ?number nil when there is none that makes sense
function answer.retry_after(headers)
  local value = headers["retry-after"]
  if type(value) ~= "string" then
    return nil
  end
  local seconds = value:match("^%s*%d+%s*$") and tonumber(value)
  if not seconds then
    local at = core.date(value)
    local date = core.date(headers.date or "") or select(2, core.now())
    seconds = at and at - date
  end
  return seconds and seconds == seconds and math.max(1, math.min(3600, seconds)) or nil
end

--- The error of a refusal.
-- @tparam table a the answer
-- @tparam table def
-- @tparam bearer.scope scope whose secrets to mask
-- @tparam ?string code, when an `expect` function gave one
-- @tparam ?string message likewise
-- @treturn table fields of a `bearer.error`
function answer.refusal(a, def, scope, code, message)
  hide_found(a.root, def, scope)
  local is_table = type(a.root) == "table"
  local given = code or error_code(a.root, def)
  local told = message or is_table and find_text(a.root, def.error.message)
  if given and errors.clean(given, scope) ~= given then
    given = nil -- a secret in it
  end
  return {
    code = given or a.status < 300 and "refused" or "http_" .. a.status,
    class = class_of(a.status, given, def, a.headers),
    status = a.status,
    description = errors.clean(told or ("the server answered HTTP %d"):format(a.status), scope),
    retry_after = answer.retry_after(a.headers),
    details = is_table and copy_details(a.root, scope, 0, { left = 50 }) or nil,
  }
end

--- The error of an answer that cannot be used.
-- @treturn table fields of a `bearer.error`
function answer.broken(status, description)
  return { code = "bad_answer", class = "transient", status = status, description = description }
end

-- ---- expectations -------------------------------------------------------------

local function as_expected(root, expect)
  if type(expect) == "function" then
    local ok, fine, code, message = pcall(expect, root)
    if not ok then
      return false
    end
    code, message = type(code) == "string" and code, type(message) == "string" and message
    return fine, code or nil, message or nil
  end
  for where, wanted in pairs(expect) do
    if not is_one_of(path.find(root, { where }), wanted) then
      return false
    end
  end
  return true
end

--- Did the server do what it was asked?
-- @tparam table a the answer
-- @tparam table r the request, of a compiled definition
-- @tparam table def the definition
-- @tparam bearer.scope scope whose secrets to mask
-- @treturn[1] true
-- @treturn[2] nil
-- @treturn[2] table fields of a `bearer.error`
function answer.judge(a, r, def, scope)
  if a.status < 200 or a.status > 299 then
    return nil, answer.refusal(a, def, scope)
  end
  if r.expect then
    local fine, code, message = as_expected(a.root, r.expect)
    if not fine then
      if type(a.root) ~= "table" and not code then
        return nil, answer.broken(a.status, "the answer is not what was expected")
      end
      return nil, answer.refusal(a, def, scope, code, message)
    end
  end
  return true
end

--- Put what a request keeps of its answer into the scope.
function answer.keep(a, keep, scope)
  local kept = {}
  for name, paths in pairs(keep) do
    local value = path.find(a.root, paths)
    local ok = value ~= nil and pcall(scope.set, scope, name, value, "opener", true)
    if ok then
      kept[name] = value
    end
  end
  return kept
end

-- ---- tokens -------------------------------------------------------------------

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
function answer.claims(token)
  local payload = core.jwt_payload(token)
  local claims = payload and answer.decode(payload)
  return type(claims) == "table" and claims or nil
end

local function jwt_lifetime(value, headers)
  local claims = answer.claims(value)
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

local function is_safe(value)
  return type(value) == "string" and value ~= "" and not value:find("[^\33-\126]")
end

local function scheme_of(a, t)
  local value = path.find(a.root, t.type)
  if value == nil then
    return "Bearer"
  elseif not is_safe(value) then
    return nil, "its token type is no text that a header can carry"
  end
  local scheme = value:match("^%a[%w-]*$") -- RFC 8693's N_A and URNs are no schemes
  return (not scheme or scheme:lower() == "bearer") and "Bearer" or scheme
end

local function optional_text(root, paths)
  local value = path.find(root, paths)
  return type(value) == "string" and value ~= "" and value or nil
end

local function scope_text(root, paths)
  local value = path.find(root, paths)
  if type(value) == "table" then
    local texts = {}
    for _, item in ipairs(value) do
      texts[#texts + 1] = type(item) == "string" and item or nil
    end
    return table.concat(texts, " ")
  end
  return type(value) == "string" and value or nil
end

local function no_token(a, def, scope)
  if error_code(a.root, def) then -- a refusal with a friendly status
    return nil, answer.refusal(a, def, scope), true
  elseif a.root == nil then
    return nil, answer.broken(a.status, a.body == "" and "the answer is empty"
      or "the answer is not JSON")
  end
  return nil, answer.broken(a.status, "the answer holds no token"), true
end

local function unusable(a, why)
  return nil, answer.broken(a.status, "the answer holds a token, but " .. why), true
end

--- The token in an answer.
-- @tparam table a the answer
-- @tparam table def a compiled definition
-- @tparam bearer.scope scope whose secrets to mask
-- @treturn[1] table `{value, type, scope, refresh_token, lifetime}`
-- @treturn[2] nil
-- @treturn[2] table fields of a `bearer.error`
-- @treturn[2] boolean is it the server's considered answer, which repeating would not change?
function answer.token(a, def, scope)
  local t = def.token
  local value = path.find(a.root, t.value)
  if value == nil then
    return no_token(a, def, scope)
  elseif not is_safe(value) then
    return unusable(a, "it is no text that a header can carry")
  end
  local scheme, why = scheme_of(a, t)
  if not scheme then
    return unusable(a, why)
  end
  local life, senseless = stated_lifetime(a, t)
  if senseless then
    return unusable(a, senseless)
  end
  local refresh = optional_text(a.root, t.refresh_token)
  return {
    value = value, type = scheme, scope = scope_text(a.root, t.scope),
    refresh_token = refresh and is_safe(refresh) and refresh or nil,
    lifetime = life or jwt_lifetime(value, a.headers) or t.lifetime,
  }
end

return answer
