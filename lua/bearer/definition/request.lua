--- The shapes of requests: `login`, `refresh`, `after`, `logout`, and what `authorize` shares.
-- @module bearer.definition.request
-- @local
local names = require "bearer.definition.names"
local paths = require "bearer.definition.paths"
local shape = require "bearer.definition.shape"
local text = require "bearer.definition.text"
local words = require "bearer.definition.words"

local request = {}

local methods = {
  GET = true, HEAD = true, POST = true, PUT = true, PATCH = true, DELETE = true, OPTIONS = true,
}

-- Two texts, and the named fields of `also`.
local function pair(also)
  return function(c, path, value)
    if type(value) ~= "table" then
      return shape.expected(c, path, "a list of two texts", value)
    end
    for _, key in ipairs(words.sorted(value)) do
      local at = words.path(path, key)
      if also[key] or key == 1 or key == 2 then
        shape.visit(c, at, value[key], also[key] or text.any)
      else
        c.fault(at, type(key) == "number" and "one text too many"
          or "unknown field" .. c.suggest(key, also))
      end
    end
    if value[2] == nil then
      c.fault(path, "expected two texts, got " .. (value[1] == nil and "none" or "one"))
    end
  end
end

-- The first request's own URL is what `login_url` names.
local function url(c, path, value)
  local known = c.names
  if c.stage == "login" then
    c.names = names.without(known, "login_url")
  end
  text.url(c, path, value)
  c.names = known
end

local header_map = shape.map(text.header_name, text.header)

--- `headers`: their names differ in more than case.
function request.headers(c, path, value)
  header_map(c, path, value)
  local seen = {}
  for _, name in ipairs(type(value) == "table" and words.sorted(value) or {}) do
    local plain = tostring(name):lower()
    if seen[plain] then
      c.fault(words.path(path, name), "given twice, in different case")
    end
    seen[plain] = true
  end
end

--- `query` and `form`: name -> text.
request.fields = shape.map(shape.any_name, text.any)

local function is_map(value)
  return type(value) == "table" and value[1] == nil
end

-- A table with names is a form, or JSON.
local function body_text(c, path, value)
  if is_map(value) then
    c.fault(path, "expected a text, got a table; did you mean json or form?")
  else
    text.any(c, path, value)
  end
end

local function says_content_type(value)
  local headers = type(value.headers) == "table" and value.headers or {}
  for name in next, headers do
    if tostring(name):lower() == "content-type" then
      return true
    end
  end
  return value.content_type ~= nil
end

local function check_content_type(c, path, value)
  local at = words.path(path, "content_type")
  if c.partial then
    return
  elseif value.content_type ~= nil and value.body == nil then
    c.fault(at, "only 'body' needs it, and there is none")
  elseif value.body ~= nil and not is_map(value.body) and not says_content_type(value) then
    c.fault(at, "is missing: it says what 'body' is")
  end
end

local function check_body(c, path, value)
  local first
  for _, body in ipairs { "json", "form", "body" } do
    if value[body] ~= nil and first then
      c.fault(words.path(path, body), ("there is %s already; a request has one body")
        :format(words.quote(first)))
    elseif value[body] ~= nil then
      first = body
    end
  end
  check_content_type(c, path, value)
end

local function check(c, path, value)
  check_body(c, path, value)
  if value.revokes == true and value.prolongs == true then
    c.fault(words.path(path, "revokes"), "'prolongs' says that the old token lives on")
  end
end

-- What only a refresh can do.
local function of_refresh(c, path, value)
  if type(value) ~= "boolean" then
    shape.expected(c, path, "true or false", value)
  elseif c.stage ~= "refresh" then
    c.fault(path, "only a refresh can do that")
  end
end

local function encode(c, path, value)
  if type(value) ~= "boolean" and type(value) ~= "function" then
    shape.expected(c, path, "true or false, or a function that says so", value)
  end
end

local function of_last_refresh(c, path, value)
  of_refresh(c, path, value)
  if c.is_followed then
    c.fault(path, "the last request brings the token, or prolongs it")
  end
end

local one = shape.record("request", {
  method = shape.choice(methods),
  url = url,
  query = request.fields,
  headers = request.headers,
  basic = pair { encode = encode },
  bearer = text.header,
  cert = pair {},
  json = text.json,
  form = request.fields,
  body = body_text,
  content_type = text.header,
  expect = paths.expect,
  keep = paths.kept,
  prolongs = of_last_refresh,
  revokes = of_refresh,
}, { "url" }, check)

--- One request, or a list that is run in order: each knows what those before it kept.
-- @tparam string stage which names they know
function request.list(stage)
  return function(c, path, value)
    c.stage, c.is_followed = stage, false
    if type(value) ~= "table" or value[1] == nil then
      c.names = names.known(c.def, stage)
      return one(c, path, value)
    end
    for _, key in ipairs(words.sorted(value)) do
      local at = words.path(path, key)
      if type(key) == "number" then
        c.names, c.is_followed = names.known(c.def, stage, key), value[key + 1] ~= nil
        shape.visit(c, at, value[key], one)
      else
        c.fault(at, "a field beside a list of requests")
      end
    end
  end
end

return request
