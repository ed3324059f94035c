--- From a definition's request to one that can be sent. Lua walks the definition; the values
-- are put in by the core, so that no secret becomes a Lua string on its way.
-- @module bearer.request
local core = require "bearer.core"
local json = require("cjson").new() -- private: the settings of `require "cjson"` are shared
local words = require "bearer.definition.words"

json.encode_keep_buffer(false) -- what was encoded is not kept
json.encode_sparse_array(true)

local request = {}

--- What stops an expansion: `{kind = "unknown" | "unsafe" | "definition", what = text}`.
-- Raised within this module, returned by `request.build`.
local function stop(kind, what)
  error({ kind = kind, what = what }, 0)
end

-- A text that a definition's function wants expanded below Lua.
local text_mt = {}

local function primitives(scope)
  local f = {}
  for name, primitive in pairs(core.primitives) do
    f[name] = primitive
  end
  f.json = json.encode
  function f.text(text)
    return not scope:missing(text) and setmetatable({ text = text }, text_mt) or nil
  end
  return f
end

local function view(scope)
  return setmetatable({}, {
    __index = function(_, name)
      return scope:get(name)
    end,
    __metatable = false,
  })
end

local function call(context, node)
  local ok, value = pcall(node, view(context.scope), primitives(context.scope))
  if not ok then
    stop("definition", type(value) == "string" and value or "a function of it failed")
  end
  return value
end

local function is_optional(context, name)
  return context.def.inputs[name] ~= nil
end

local function resolve_text(context, text)
  local scope = context.scope
  local name = text:match("^%${([^}]*)}$")
  local typed = name and scope:typed(name)
  if typed ~= nil then
    return "value", typed
  end
  local missing = scope:missing(text)
  if not missing then
    return "text", text
  elseif not is_optional(context, missing) then
    stop("unknown", missing)
  end
end

local resolve

-- A list where one text is expected: the first whose names are all known.
local function resolve_list(context, list)
  for _, node in ipairs(list) do
    if type(node) ~= "string" or not context.scope:missing(node) then
      local kind, value = resolve(context, node)
      if kind then
        return kind, value
      end
    end
  end
  local last = list[#list]
  if type(last) == "string" then
    return resolve_text(context, last) -- says which name is missing, or drops the key
  end
end

--- What stands in a place of a definition.
-- @treturn[1] "text" and the text, all of whose names are known
-- @treturn[2] "value" and a value that is what it is
-- @treturn[3] nil: the key is dropped
function resolve(context, node)
  if type(node) == "function" then
    node = call(context, node)
    if getmetatable(node) == text_mt then
      return resolve_text(context, node.text)
    elseif node ~= nil then
      return "value", node
    end
  elseif type(node) == "string" then
    return resolve_text(context, node)
  elseif type(node) == "table" then
    return resolve_list(context, node)
  elseif node ~= nil then
    return "value", node
  end
end

local function plain(value)
  if type(value) == "number" then
    return value % 1 == 0 and ("%.0f"):format(value) or ("%.14g"):format(value)
  elseif type(value) == "string" or type(value) == "boolean" then
    return tostring(value)
  end
  stop("definition", "a text expected, got " .. words.kind(value))
end

-- Hand the text in this place to put(scope, text); put's answer tells what it refused.
local function place(context, node, put)
  local kind, value = resolve(context, node)
  if not kind then
    return false
  end
  local ok, why, what
  if kind == "text" then
    ok, why, what = put(context.scope, value)
  else
    ok, why, what = put(nil, plain(value))
  end
  if not ok then
    stop(why, what)
  end
  return true
end

-- As `place`; a list of values is put one by one (RFC 8707 repeats `resource`).
local function place_each(context, node, put)
  local kind, value = resolve(context, node)
  if kind == "value" and type(value) == "table" then
    for _, item in ipairs(value) do
      put(nil, plain(item))
    end
  else
    place(context, node, put)
  end
end

local function each(map, visit)
  for _, key in ipairs(words.sorted(map or {})) do
    visit(key, map[key])
  end
end

local function put_url(context, req, r)
  local there = place(context, r.url, function(scope, text)
    return req:url(scope, text)
  end)
  if not there then
    stop("definition", "it has no url")
  end
  each(r.query, function(key, node)
    place_each(context, node, function(scope, text)
      return req:query(key, scope, text)
    end)
  end)
end

local function put_header(context, req, name, node)
  place(context, node, function(scope, text)
    return req:header(name, scope, text)
  end)
end

local function put_basic(context, req, basic)
  local kind, user = resolve(context, basic[1])
  if not kind then
    return
  end
  local password_kind, password = resolve(context, basic[2])
  local ok, why, what = req:basic(basic.encode, context.scope,
    kind == "text" and context.scope or nil, kind == "text" and user or plain(user),
    password_kind == "text" and context.scope or nil,
    password_kind == "text" and password or plain(password_kind and password or ""))
  if not ok then
    stop(why, what)
  end
end

local function put_bearer(context, req, node)
  local kind, value = resolve(context, node)
  if kind == "text" then
    put_header(context, req, "Authorization", "Bearer " .. value)
  elseif kind then
    put_header(context, req, "Authorization", function()
      return "Bearer " .. plain(value)
    end)
  end
end

-- ---- bodies -----------------------------------------------------------------

-- The table with a marker for each text, and the texts. cjson lays it out; the core puts the
-- texts in, escaped.
local function lay_out(context, node, texts, scopes, marker)
  local function mark(scope, text)
    texts[#texts + 1], scopes[#scopes + 1] = text, scope or false
    return marker .. #texts
  end
  local function visit(value)
    if type(value) == "table" and getmetatable(value) ~= text_mt then
      local copy, is_list = {}, value[1] ~= nil
      for key, item in (is_list and ipairs or pairs)(value) do
        copy[is_list and #copy + 1 or key] = visit(item)
      end
      return copy
    end
    local kind, result = resolve(context, value)
    if kind == "text" then
      return mark(context.scope, result)
    elseif kind and type(result) == "string" then
      return mark(nil, result)
    end
    return result
  end
  return visit(node)
end

local function put_json(context, req, node)
  local texts, scopes = {}, {}
  local marker = core.primitives.hex(core.primitives.random(12)) .. ":"
  local ok, skeleton = pcall(json.encode, lay_out(context, node, texts, scopes, marker))
  if not ok then
    stop("definition", "json: " .. tostring(skeleton))
  end
  local done, why, what = req:json(skeleton, marker, scopes, texts)
  if not done then
    stop(why, what)
  end
end

local function put_form(context, req, form)
  req:body()
  each(form, function(key, node)
    place_each(context, node, function(scope, text)
      return req:form(key, scope, text)
    end)
  end)
end

local function put_body(context, req, r)
  if r.json ~= nil then
    put_json(context, req, r.json)
    return "application/json"
  elseif r.form ~= nil then
    put_form(context, req, r.form)
    return "application/x-www-form-urlencoded"
  elseif r.body ~= nil then
    place(context, r.body, function(scope, text)
      return req:body(scope, text)
    end)
    return r.content_type
  end
end

local function default_header(req, name, value)
  if value and not req:has_header(name) then
    req:header(name, nil, value)
  end
end

local function fill(context, req, r)
  put_url(context, req, r)
  each(r.headers, function(name, node)
    put_header(context, req, name, node)
  end)
  if r.basic then
    put_basic(context, req, r.basic)
  end
  if r.bearer then
    put_bearer(context, req, r.bearer)
  end
  default_header(req, "Content-Type", put_body(context, req, r))
  default_header(req, "Accept", "application/json")
  return req
end

--- Build a request.
-- @tparam table r of a compiled definition
-- @tparam table def the definition
-- @tparam bearer.scope scope what its names stand for
-- @tparam boolean allow_http
-- @treturn[1] bearer.request
-- @treturn[2] nil
-- @treturn[2] {kind=string,what=string} why not: a name that is `unknown`, a value that is
--   `unsafe` in a header, a bad `url`, or a fault of the `definition`
function request.build(r, def, scope, allow_http)
  local req = core.request(r.method)
  local ok, fault = pcall(fill, { def = def, scope = scope }, req, r)
  if ok then
    local fit, why = req:check(allow_http)
    if fit then
      return req
    end
    fault = { kind = "url", what = why }
  end
  req:clear()
  if type(fault) ~= "table" then
    error(fault, 0) -- out of memory, or ours
  end
  return nil, fault
end

--- One text of a definition as a Lua string: for what the caller asked to have.
-- @tparam table def
-- @tparam bearer.scope scope
-- @param node text, list or function
-- @treturn ?string nil when a name in it is not known
function request.text(def, scope, node)
  local ok, kind, value = pcall(resolve, { def = def, scope = scope }, node)
  if not ok or not kind then
    return nil
  end
  return kind == "text" and scope:expand(value) or kind == "value" and value or nil
end

return request
