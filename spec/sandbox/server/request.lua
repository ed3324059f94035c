--- Reads the request at hand, and reads its parts as strictly as a vendor might.
-- The readers return nil and a reason, which goes into the record.
local json = require "spec.sandbox.server.json"

local request = {}

local function body()
  ngx.req.read_body()
  local path = ngx.req.get_body_file()
  if not path then
    return ngx.req.get_body_data() or ""
  end
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- A header sent twice becomes one text with a comma, which no strict rule accepts.
local function headers()
  local all = {}
  for name, value in pairs(ngx.req.get_headers(0)) do
    all[name:lower()] = type(value) == "table" and table.concat(value, ", ") or value
  end
  return all
end

--- The request at hand, raw.
function request.read()
  local uri = ngx.var.request_uri
  local path, query = uri:match("^([^?]*)%??(.*)$")
  return {
    method = ngx.req.get_method(),
    uri = uri,
    path = path,
    query = query,
    headers = headers(),
    body = body(),
    tls = ngx.var.https == "on",
    time = ngx.now(),
  }
end

local function trim(text)
  return text:match("^%s*(.-)%s*$")
end

--- Whether `Accept` names this media type itself; `*/*` does not.
function request.accepts(r, media)
  for part in (r.headers.accept or ""):gmatch("[^,]+") do
    if trim(part:match("^[^;]*")):lower() == media then
      return true
    end
  end
  return false
end

-- The media type of the body; a charset other than UTF-8 is none we can read.
local function media(r)
  local header = r.headers["content-type"]
  if not header then
    return nil, "Content-Type is missing"
  end
  local charset = header:match(";%s*[cC][hH][aA][rR][sS][eE][tT]%s*=%s*\"?([^\";%s]+)")
  if charset and charset:lower() ~= "utf-8" then
    return nil, "the charset is not UTF-8"
  end
  return trim(header:match("^[^;]*")):lower()
end

local function is_utf8(text)
  local _, _, message = ngx.re.find(text, "^", "u")
  return message == nil
end

--- The body as a JSON object.
-- @tparam[opt] function is_json whether a media type will do; default: application/json only
function request.json(r, is_json)
  local kind, reason = media(r)
  if not kind then
    return nil, reason
  elseif not (kind == "application/json" or is_json and is_json(kind)) then
    return nil, "Content-Type is not application/json"
  elseif not is_utf8(r.body) then
    return nil, "the body is not UTF-8"
  end
  local value = r.body:find("^%s*{") and json.decode(r.body)
  if not value then
    return nil, "the body is not a JSON object"
  end
  return value
end

local function decode(text)
  if text:find("[^%w%-%._~%%%+%*!'%(%)]") or text:gsub("%%%x%x", ""):find("%", 1, true) then
    return nil
  end
  local plain = text:gsub("+", " "):gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end)
  return is_utf8(plain) and plain or nil
end

--- Percent-encoded text, as in a form; nil when it is not.
request.decode = decode

--- Percent-encoded pairs, as in a form or a query.
-- @tparam[opt] table many names that may come more than once: their values are a list
function request.pairs(text, many)
  local fields = {}
  for pair in (text .. "&"):gmatch("([^&]*)&") do
    local name, value = pair:match("^([^=]+)=([^=]*)$")
    name, value = name and decode(name), value and decode(value)
    if text ~= "" and not (name and value) then
      return nil, "a field is not percent-encoded"
    elseif name and many and many[name] then
      fields[name] = fields[name] or {}
      table.insert(fields[name], value)
    elseif name and fields[name] then
      return nil, ("the field %s came twice"):format(name)
    elseif name then
      fields[name] = value
    end
  end
  return fields
end

--- The body as a form.
-- @tparam[opt] table many as for `request.pairs`
function request.form(r, many)
  local kind, reason = media(r)
  if not kind then
    return nil, reason
  elseif kind ~= "application/x-www-form-urlencoded" then
    return nil, "Content-Type is not application/x-www-form-urlencoded"
  end
  return request.pairs(r.body, many)
end

local function fault(value, rule)
  local optional, kind = rule:match("^(%??)(.*)$")
  if value == nil then
    return optional == "" and "is missing" or nil
  elseif type(value) ~= kind then
    return ("is not a %s"):format(kind)
  elseif value == "" then
    return "is empty"
  end
end

--- Compare fields with rules: name -> type, or "?" and type when it may be absent.
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] string the reason
-- @treturn[2] string the field at fault
function request.check(fields, rules)
  for _, rule in ipairs(rules) do
    local name, kind = rule:match("^(%S+) (%S+)$")
    local message = fault(fields[name], kind)
    if message then
      return nil, name .. " " .. message, name
    end
    rules[name] = true
  end
  for name in pairs(fields) do
    if not rules[name] then
      return nil, ("the field %s is unknown"):format(tostring(name)), tostring(name)
    end
  end
  return true
end

--- The token of `Authorization: Bearer TOKEN`, the scheme in its canonical spelling.
function request.bearer(r)
  local header = r.headers.authorization
  if not header then
    return nil, "Authorization is missing"
  end
  local token = header:match("^Bearer ([%w%-%._~%+/=]+)$")
  if not token then
    return nil, "Authorization is not 'Bearer TOKEN'"
  end
  return token
end

return request
