--- From a definition's request to one that can be sent. Lua walks the definition; the values
-- are put in by the core.
-- @module bearer.request
local core = require "bearer.core"
local json = require "bearer.json"
local text = require "bearer.text"
local words = require "bearer.definition.words"

local request = {}

local resolve, plain, stop = text.resolve, text.plain, text.stop

-- What resolve gave, as the core wants it: the scope to expand from (none: as it stands) and
-- the text.
local function source(context, kind, value)
  if kind == "text" then
    return context.scope, value
  end
  return nil, plain(value)
end

local function must(ok, why, what)
  if not ok then
    stop(why, what)
  end
end

-- Hand the text in this place to put(scope, text); put's answer tells what it refused.
-- False: the key is dropped.
local function place(context, node, put)
  local kind, value = resolve(context, node)
  if not kind then
    return false
  end
  must(put(source(context, kind, value)))
  return true
end

-- As `place`; a list of values is put one by one (RFC 8707 repeats `resource`).
local function place_each(context, node, put)
  local kind, value = resolve(context, node)
  if kind == "value" and type(value) == "table" and (value[1] ~= nil or next(value) == nil) then
    for _, item in ipairs(value) do
      must(put(nil, plain(item)))
    end
  elseif kind then
    must(put(source(context, kind, value)))
  end
end

local function each(map, visit)
  for _, key in ipairs(words.sorted(map or {})) do
    visit(key, map[key])
  end
end

-- ---- above the body -----------------------------------------------------------

local function put_url(context, req, r)
  local there = place(context, r.url, function(scope, url)
    return req:url(scope, url)
  end)
  if not there then
    stop("definition", "it has no url")
  end
  each(r.query, function(key, node)
    place_each(context, node, function(scope, value)
      return req:query(key, scope, value)
    end)
  end)
end

local function put_header(context, req, name, node)
  place(context, node, function(scope, value)
    return req:header(name, scope, value)
  end)
end

local function put_basic(context, req, basic)
  local kind, user = resolve(context, basic[1])
  if not kind then
    return
  end
  local user_scope, user_text = source(context, kind, user)
  local password_kind, password = resolve(context, basic[2])
  if not password_kind then
    password_kind, password = "value", ""
  end
  must(req:basic(basic.encode, context.scope, user_scope, user_text,
    source(context, password_kind, password)))
end

local function put_bearer(context, req, node)
  place(context, node, function(scope, value)
    return req:header("Authorization", scope, "Bearer " .. value)
  end)
end

-- ---- bodies -------------------------------------------------------------------

local deepest = 1000 -- as cjson has it: a function may give a table that holds itself

local function mark(layout, scope, value)
  local n = #layout.texts + 1
  layout.texts[n], layout.scopes[n] = value, scope or false
  return layout.marker .. n
end

local lay_out

local function lay_out_all(layout, map, literal, depth)
  if depth > deepest then
    stop("definition", "json: it is nested too deep")
  end
  local copy, is_list = {}, map[1] ~= nil
  for key, item in (is_list and ipairs or pairs)(map) do
    copy[is_list and #copy + 1 or key] = lay_out(layout, item, literal, depth + 1)
  end
  return copy
end

-- The tree with a marker for each text. cjson encodes that; the core puts the texts in, escaped.
-- literal: what is no template, but within a value that somebody gave.
function lay_out(layout, node, literal, depth)
  if text.is_branch(node) then
    return lay_out_all(layout, node, literal, depth)
  elseif literal and type(node) == "string" then
    return mark(layout, nil, node)
  end
  local kind, value = resolve(layout.context, node)
  if text.is_branch(value) then
    return lay_out_all(layout, value, true, depth)
  elseif type(value) == "string" then
    return mark(layout, source(layout.context, kind, value))
  end
  return value
end

local function put_json(context, req, node)
  local layout = {
    context = context, texts = {}, scopes = {},
    marker = core.primitives.hex(core.primitives.random(12)) .. ":", -- no text holds it
  }
  local ok, skeleton = pcall(json.encode, lay_out(layout, node, false, 1))
  if not ok then
    stop("definition", "json: " .. tostring(skeleton))
  end
  must(req:json(skeleton, layout.marker, layout.scopes, layout.texts))
end

local function put_form(context, req, form)
  req:body()
  each(form, function(key, node)
    place_each(context, node, function(scope, value)
      return req:form(key, scope, value)
    end)
  end)
end

-- Gives the content type of what it put, which may be a text with names.
local function put_body(context, req, r)
  if r.json ~= nil then
    put_json(context, req, r.json)
    return "application/json"
  elseif r.form ~= nil then
    put_form(context, req, r.form)
    return "application/x-www-form-urlencoded"
  elseif r.body ~= nil then
    local there = place(context, r.body, function(scope, value)
      return req:body(scope, value)
    end)
    return there and r.content_type or nil
  end
end

local function default_header(context, req, name, node)
  if node and not req:has_header(name) then
    put_header(context, req, name, node)
  end
end

-- ---- the whole ----------------------------------------------------------------

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
  default_header(context, req, "Content-Type", put_body(context, req, r))
  default_header(context, req, "Accept", "application/json")
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

local explained = {
  unknown = "the value of '%s' is not known: no answer gave it",
  unsafe = "the value for header '%s' would split it",
  url = "its URL %s",
  definition = "its definition failed: %s",
}

--- A fault of `request.build` as a sentence.
-- @tparam table fault
-- @treturn string
function request.explain(fault)
  return explained[fault.kind]:format(fault.what)
end

--- One text of a definition as a Lua string: for what the caller asked to have.
-- @tparam table def
-- @tparam bearer.scope scope
-- @param node text, list or function
-- @treturn ?string nil when a name in it is not known
function request.text(def, scope, node)
  return text.expand({ def = def, scope = scope }, node, false)
end

--- A URL of a definition as a Lua string; values in it are encoded as in one that is sent.
-- @tparam table def
-- @tparam bearer.scope scope
-- @param node text, list or function
-- @treturn ?string nil when a name in it is not known
function request.url(def, scope, node)
  return text.expand({ def = def, scope = scope }, node, true)
end

return request
