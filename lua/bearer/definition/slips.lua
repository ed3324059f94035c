--- What is no fault, and yet hardly what was meant: told by `bearer.warn` when a definition is
-- loaded.
-- @module bearer.definition.slips
-- @local
local usage = require "bearer.definition.usage"
local words = require "bearer.definition.words"

local slips = {}

-- A name that is known in this place, or like one: `{host}`, `{hots}`.
local function meant(c, name)
  if c.names[name] then
    return name
  end
  return #name > 3 and c.suggest(name, c.names, true):match("'(.*)'") or nil
end

-- A GraphQL query declares its variables: `$user: String`.
local function is_declared(value, name)
  return value:find("%$" .. name .. "%s*:") ~= nil
end

-- What stands before braces that mean themselves: GraphQL's `me{email}` and `login(…) {token}`.
local function opens_selection(before)
  return before:find("^[%w_)]") ~= nil or before == " )"
end

local function check_braces(c, path, value)
  local seen = {}
  for at, name in value:gmatch("(){([%a_][%w_]*)}") do
    local before = value:sub(at - 2, at - 1):reverse()
    local is_own = before:sub(1, 1) == "$" or opens_selection(before)
    local found = not is_own and not seen[name] and meant(c, name)
    seen[name] = seen[name] or not is_own
    if found then
      c.slipped[found] = true
      c.warn(path, ("'{%s}' is sent as it stands; did you mean '${%s}'?"):format(name, found))
    end
  end
end

local function check_dollars(c, path, value)
  local seen = {}
  for at, name, after in value:gmatch("()%$([%a_][%w_]*)(=?)") do
    local is_key = after == "=" and value:find("^[?&]", at - 1) -- OData's `?$filter=`
    local is_slip = c.names[name] and not seen[name] and not is_key
      and not is_declared(value, name)
    seen[name] = seen[name] or not is_key
    if is_slip then
      c.slipped[name] = true
      c.warn(path, ("'$%s' is sent as it stands; did you mean '${%s}'?"):format(name, name))
    end
  end
end

--- A name in a text that lacks its `$` or its braces.
function slips.check_text(c, path, value)
  if #value <= 4096 and not c.partial then
    check_braces(c, path, "  " .. value)
    check_dollars(c, path, value)
  end
end

--- An input of kind text where a host stands: it is encoded there, and could be anything.
function slips.check_host(c, path, value)
  local inputs = type(c.def.inputs) == "table" and c.def.inputs or {}
  local host = value:match("^%a+://([^/?#]*)") or ""
  for name in usage.names(host) do
    local input = inputs[name]
    if type(input) == "table" and (input.kind or "text") == "text" and not input.enum
      and input.fixed == nil then
      local is_all = host:gsub(":%d+$", "") == "${" .. name .. "}"
      c.warn(path, ("'${%s}' of kind text stands in the host; did you mean kind '%s'?")
        :format(name, is_all and "host" or "label"))
    end
  end
end

--- Inputs of the definition's own that nothing uses.
-- @tparam table c the check that is under way
-- @tparam table own names that the definition gives itself, rather than inherits
function slips.check_inputs(c, own)
  local used = usage.of(c.def)
  for _, name in ipairs(words.sorted(c.def.inputs)) do
    if own[name] and not used.by_functions and not used.names[name] and not c.slipped[name] then
      c.warn(words.path("inputs", name),
        ("nothing uses it; did you mean to write '${%s}' somewhere?"):format(name))
    end
  end
end

return slips
