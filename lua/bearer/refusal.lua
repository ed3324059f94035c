--- Errors that answers make: what a server refused, and answers that cannot be used.
-- @module bearer.refusal
local core = require "bearer.core"
local errors = require "bearer.errors"
local path = require "bearer.path"

local refusal = {}

-- ---- its words ----------------------------------------------------------------

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

--- Is this value the one that is wanted, or one of them?
function refusal.is_one_of(value, wanted)
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
      if type(r.expect) == "table" and refusal.is_one_of(code, r.expect[where]) then
        return true
      end
    end
  end
  return false
end

--- The provider's own code of the error in this answer.
-- @tparam any root of the answer
-- @tparam table def
-- @treturn ?string nil when there is none, or none that can be shown
function refusal.code(root, def)
  local code, where
  if type(root) == "table" then
    code, where = find_text(root, def.error.code)
  end
  if code and says_all_is_well(def, code, where) then
    return nil
  end
  return code and #code <= 64 and code:find("^[%w_.:/-]+$") and code or nil
end

-- ---- its details --------------------------------------------------------------

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

-- ---- its class ----------------------------------------------------------------

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
function refusal.retry_after(headers)
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

-- ---- the errors ---------------------------------------------------------------

-- What to say when the server said nothing.
local function unsaid(a)
  return a.status < 300 and "the answer is not what was expected"
    or ("the server answered HTTP %d"):format(a.status)
end

--- The error of a refusal.
-- @tparam table a the answer
-- @tparam table def
-- @tparam bearer.scope scope whose secrets to mask
-- @tparam ?string code, when an `expect` function gave one
-- @tparam ?string message likewise
-- @treturn table fields of a `bearer.error`
function refusal.new(a, def, scope, code, message)
  hide_found(a.root, def, scope)
  local is_table = type(a.root) == "table"
  local given = code or refusal.code(a.root, def)
  local told = message or is_table and find_text(a.root, def.error.message)
  if given and errors.clean(given, scope) ~= given then
    given = nil -- a secret in it
  end
  return {
    code = given or a.status < 300 and "refused" or "http_" .. a.status,
    class = class_of(a.status, given, def, a.headers),
    status = a.status,
    description = errors.clean(told or unsaid(a), scope),
    retry_after = refusal.retry_after(a.headers),
    details = is_table and copy_details(a.root, scope, 0, { left = 50 }) or nil,
  }
end

--- The error of an answer that cannot be used.
-- @treturn table fields of a `bearer.error`
function refusal.broken(status, description)
  return { code = "bad_answer", class = "transient", status = status, description = description }
end

--- The error of an answer that is no JSON at all.
-- @tparam table a the answer
-- @treturn table fields of a `bearer.error`
function refusal.unreadable(a)
  local why = a.body == "" and "the answer is empty" or "the answer is not JSON"
  return refusal.broken(a.status, why)
end

return refusal
