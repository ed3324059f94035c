--- Which names the texts of a definition use. Anything may stand anywhere: it is not checked yet.
-- @module bearer.definition.usage
-- @local
local usage = {}

-- Where no text stands.
local silent = { name = true, title = true, docs = true, inputs = true, one_of = true }

-- Functions that are given an answer, and no names.
local judges = { expect = true, is = true }

--- The names in a text, one after the other.
function usage.names(text)
  local at = 1
  return function()
    local from = text:find("${", at, true)
    local to = from and text:find("}", from, true) -- no pattern: `${${${…` would be dear
    at = to and to + 1 or #text + 1
    return to and text:sub(from + 2, to - 1)
  end
end

--- Does a text use one of these names?
function usage.mentions(text, names)
  for name in usage.names(text) do
    if names[name] then
      return true
    end
  end
  return false
end

local function walk(node, used)
  for key, value in next, node do
    if type(value) == "string" then
      for name in usage.names(value) do
        used.names[name] = true
      end
    elseif type(value) == "table" then
      walk(value, used)
    elseif type(value) == "function" and not judges[key] then
      used.by_functions = true
    end
  end
end

--- What a definition uses.
-- @tparam table def
-- @treturn table `{names = {name = true}, by_functions = …}`; what a function asks for is not known
function usage.of(def)
  local used = { names = {}, by_functions = false }
  for key, value in next, def do
    if not silent[key] then
      walk({ [key] = value }, used)
    end
  end
  return used
end

return usage
