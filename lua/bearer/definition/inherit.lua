--- `extends`: a definition laid over the one that it starts from.
-- @module bearer.definition.inherit
-- @local
local copy = require "bearer.definition.copy"
local words = require "bearer.definition.words"

local inherit = {}

local longest_chain = 16

-- `false` removes a key, except where it is a value: inside `json`, and where "none" differs
-- from "the default" (to remove the key there would bring the default back).
local VALUE, JSON = {}, {}
local request = { json = JSON }
local rules = {
  login = request, refresh = request, after = request, logout = request, authorize = request,
  token = {
    type = VALUE, scope = VALUE, refresh_token = VALUE, expires_in = VALUE, expires_at = VALUE,
    issued_at = VALUE, refresh_expires_in = VALUE,
  },
  error = { code = VALUE, message = VALUE },
}

local function below(rule, key)
  if rule == JSON or rule == VALUE then
    return VALUE
  end
  return rule and rule[key]
end

local function is_map(v)
  return type(v) == "table" and v[1] == nil
end

local function merge(parent, child, rule)
  for key, v in next, child do
    local deeper = below(rule, key)
    if v == false and deeper ~= VALUE then
      parent[key] = nil
    elseif is_map(v) and (is_map(parent[key]) or type(parent[key]) ~= "table") then
      parent[key] = merge(is_map(parent[key]) and parent[key] or {}, v, deeper)
    else -- lists and functions replace; so does an empty table that stands for an empty list
      parent[key] = v
    end
  end
  return parent
end

local function parent_of(name, c)
  if type(c.load) ~= "function" then
    return nil, "there is nothing here to load it with"
  end
  local ok, parent, message = pcall(c.load, name)
  if not ok then
    return nil, type(parent) == "string" and parent or "loading it failed"
  end
  if type(parent) ~= "table" then
    return nil, type(message) == "string" and message or "there is no such definition"
  end
  return copy.tree(parent, function(path, fault)
    c.fault("extends", ("in %s: %s%s%s"):format(words.quote(name), path,
      path == "" and "" or ": ", fault))
  end)
end

local function chain_fault(name, c)
  if type(name) ~= "string" then
    return ("expected the name of a definition, got %s"):format(words.kind(name))
  end
  if not name:find("^[%w_][%w_.-]*$") then
    return words.quote(name) .. " is not the name of a definition"
  end
  c.chain[#c.chain + 1] = name
  if c.seen[name] then
    return "goes round in a circle: " .. table.concat(c.chain, ", ")
  end
  if #c.chain > longest_chain then
    return "the chain of definitions is too long"
  end
  c.seen[name] = true
  return nil
end

local function resolve(def, c)
  local name = def.extends
  def.extends = nil
  if name == nil or name == copy.faulty then
    return def, name == nil
  end
  local fault = chain_fault(name, c)
  local parent, message
  if not fault then
    parent, message = parent_of(name, c)
    fault = not parent and ("%s: %s"):format(words.quote(name), message)
  end
  if fault then
    c.fault("extends", fault)
    return def, false
  end
  if parent == copy.faulty then
    return def, false
  end
  local base, whole = resolve(parent, c)
  base.name = nil -- stored tokens are told apart by it: each definition has its own
  return merge(base, def, rules), whole
end

--- Resolve `extends`, down to the definition that has none.
-- @tparam table def a private copy; it is used up
-- @tparam function load `name -> table | nil, message`
-- @tparam function fault called with path and message
-- @treturn table the merged definition, without `extends`
-- @treturn boolean false when a part of the chain is missing
function inherit.resolve(def, load, fault)
  return resolve(def, { load = load, fault = fault, seen = {}, chain = {} })
end

return inherit
