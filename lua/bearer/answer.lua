--- What an answer says. It was written by a stranger: nothing here raises, whatever is in it.
-- @module bearer.answer
local json = require "bearer.json"
local lifetime = require "bearer.lifetime"
local path = require "bearer.path"
local refusal = require "bearer.refusal"

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
  local value = json.decode(body)
  local could_be = bare ~= "" and not kind:find("html", 1, true) and not bare:find('^[<{%["]')
  if value == nil and could_be then
    return bare
  end
  return value
end

--- The headers of an answer, their names in lower case.
-- @tparam table raw `{status, head, body}` of libcurl's, or with `headers` of a transport's
-- @treturn table
function answer.headers(raw)
  return raw.headers or parse_head(raw.head)
end

--- An answer, ready to be read.
-- @tparam table raw as for `answer.headers`
-- @treturn table `{status, headers, body, root}`; root is the decoded JSON, a bare text, or nil
function answer.read(raw)
  local headers = answer.headers(raw)
  return {
    status = raw.status, headers = headers, body = raw.body,
    root = root_of(raw.body, headers),
  }
end

local function as_text(value)
  return type(value) == "number" and json.number(value) or type(value) == "string" and value or nil
end

-- Some hosts, nginx among them, have a list where there are several of one name.
local function header_text(value)
  if type(value) ~= "table" then
    return as_text(value)
  end
  local texts = {}
  for _, item in ipairs(value) do
    texts[#texts + 1] = as_text(item)
  end
  return texts[1] and table.concat(texts, ", ")
end

--- Check what a transport of the caller's gave. Raises what a metamethod of it raises.
-- @treturn[1] table as `answer.read` takes it
-- @treturn[2] nil
function answer.from_transport(given)
  local status = type(given) == "table" and given.status
  if type(status) ~= "number" or status % 1 ~= 0 or status < 100 or status > 999 then
    return nil
  end
  local headers = {}
  for name, value in pairs(type(given.headers) == "table" and given.headers or {}) do
    if type(name) == "string" then
      headers[name:lower()] = header_text(value)
    end
  end
  if given.body ~= nil and type(given.body) ~= "string" then
    return nil
  end
  return { status = math.floor(status), headers = headers, body = given.body or "" }
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
    if not refusal.is_one_of(path.find(root, { where }), wanted) then
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
    return nil, refusal.new(a, def, scope)
  end
  if r.expect then
    local fine, code, message = as_expected(a.root, r.expect)
    if not fine then
      if type(a.root) ~= "table" and not code then
        return nil, refusal.broken(a.status, "the answer is not what was expected")
      end
      return nil, refusal.new(a, def, scope, code, message)
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
  if refusal.code(a.root, def) then -- a refusal with a friendly status
    return nil, refusal.new(a, def, scope), true
  elseif a.root == nil then
    return nil, refusal.unreadable(a)
  end
  return nil, refusal.broken(a.status, "the answer holds no token"), true
end

local function unusable(a, why)
  return nil, refusal.broken(a.status, "the answer holds a token, but " .. why), true
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
  local life
  life, why = lifetime.of(a, t, value)
  if why then
    return unusable(a, why)
  end
  local refresh = optional_text(a.root, t.refresh_token)
  return {
    value = value, type = scheme, scope = scope_text(a.root, t.scope),
    refresh_token = refresh and is_safe(refresh) and refresh or nil,
    lifetime = life,
  }
end

return answer
