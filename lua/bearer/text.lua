--- What stands in a place of a definition: a text with names in it, a value, or nothing. The
-- names are replaced by the core, so that no secret becomes a Lua string on its way.
-- @module bearer.text
local core = require "bearer.core"
local json = require "bearer.json"
local words = require "bearer.definition.words"

local text = {}

--- Stop the expansion. Raised here and in `bearer.request`, returned by `request.build`.
-- @tparam string kind `unknown`, `unsafe` or `definition`
-- @tparam string what
function text.stop(kind, what)
  error({ kind = kind, what = what }, 0)
end

-- A text that a definition's function wants expanded below Lua.
local deferred = {}

local function is_deferred(value)
  return getmetatable(value) == deferred
end

local function primitives(scope)
  local f = {}
  for name, primitive in pairs(core.primitives) do
    f[name] = primitive
  end
  f.json = json.encode
  function f.text(template)
    return not scope:missing(template) and setmetatable({ template = template }, deferred) or nil
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
    text.stop("definition", type(value) == "string" and value or "a function of it failed")
  end
  return value
end

local function resolve_text(context, template)
  local scope = context.scope
  local name = template:match("^%${([^}]*)}$")
  local typed = name and scope:typed(name)
  if typed ~= nil then
    return "value", typed
  end
  local missing = scope:missing(template)
  if not missing then
    return "text", template
  elseif not context.def.inputs[missing] then
    text.stop("unknown", missing)
  end
end

-- A list where one text is expected: the first whose names are all known.
local function resolve_list(context, list)
  for _, node in ipairs(list) do
    if type(node) ~= "string" or not context.scope:missing(node) then
      local kind, value = text.resolve(context, node)
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

local function resolve_result(context, value)
  if is_deferred(value) then
    return resolve_text(context, value.template)
  elseif value ~= nil then
    return "value", value
  end
end

--- What stands in a place.
-- @tparam table context `{def, scope}`
-- @param node text, number, boolean, function, list of these, or what a function gave
-- @treturn[1] string "text"
-- @treturn[1] string the text, all of whose names are known
-- @treturn[2] string "value"
-- @treturn[2] any a value that is what it is
-- @treturn[3] nil the key is dropped
function text.resolve(context, node)
  if type(node) == "function" then
    return resolve_result(context, call(context, node))
  elseif type(node) == "string" then
    return resolve_text(context, node)
  elseif type(node) == "table" and not is_deferred(node) then
    return resolve_list(context, node)
  end
  return resolve_result(context, node)
end

--- Is this one place, or a table of places (in `json`)?
function text.is_branch(value)
  return type(value) == "table" and not is_deferred(value)
end

--- A value that is no template, as a text.
function text.plain(value)
  if type(value) == "number" then
    return json.number(value)
  elseif type(value) == "string" or type(value) == "boolean" then
    return tostring(value)
  end
  text.stop("definition", "a text expected, got " .. words.kind(value))
end

--- The text in a place as a Lua string: for what the caller asked to have.
-- @tparam table context `{def, scope}`
-- @param node
-- @tparam boolean for_url encode the values for a URL
-- @treturn ?string nil when a name in it is not known, or nothing stands there
function text.expand(context, node, for_url)
  local ok, kind, value = pcall(text.resolve, context, node)
  if not ok or not kind then
    return nil
  end
  return kind == "text" and context.scope:expand(value, for_url) or kind == "value" and value
    or nil
end

return text
