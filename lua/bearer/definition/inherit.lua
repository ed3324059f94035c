--- `extends`: a definition laid over the one that it starts from.
-- @module bearer.definition.inherit
-- @local
local copy = require "bearer.definition.copy"
local usage = require "bearer.definition.usage"
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

-- ---- inputs that are gone --------------------------------------------------------------------

-- Those of the parent that the child removes.
local function removed_from(parent, child)
  local gone = {}
  for name, input in next, type(child.inputs) == "table" and child.inputs or {} do
    if input == false and type(parent.inputs) == "table" and parent.inputs[name] ~= nil then
      gone[name] = true
    end
  end
  return gone
end

-- A pair of `basic` or `cert` goes when its first text does; an empty text stands for its second.
local function prune_pair(pair, is_gone)
  if is_gone(pair[1]) then
    return nil
  end
  pair[2] = is_gone(pair[2]) and "" or pair[2]
  return pair
end

local prune

local function prune_list(list, is_gone)
  local rest = {}
  for _, item in ipairs(list) do
    if not is_gone(item) then
      rest[#rest + 1] = prune(item, is_gone)
    end
  end
  return #rest > 0 and rest or nil
end

-- What a text without its input is, is no text: its key goes, as if an optional input were not
-- given. A URL stays, and is a fault unless the child has another.
function prune(node, is_gone)
  if type(node) ~= "table" then
    return node
  elseif node[1] ~= nil then
    return prune_list(node, is_gone)
  end
  for _, key in ipairs(words.sorted(node)) do
    if key == "basic" or key == "cert" then
      node[key] = type(node[key]) == "table" and prune_pair(node[key], is_gone) or nil
    elseif is_gone(node[key]) and key ~= "url" and key ~= "base_url" then
      node[key] = nil
    else
      node[key] = prune(node[key], is_gone)
    end
  end
  return node
end

-- A group must be given whole: without one of its inputs there is none; unless nobody is asked for
-- that one (is_smaller).
local function prune_groups(groups, lost, is_smaller)
  local rest = {}
  for _, group in ipairs(type(groups) == "table" and groups or {}) do
    local kept = {}
    for _, name in ipairs(type(group) == "table" and group or {}) do
      kept[#kept + 1] = not lost[name] and name or nil
    end
    if type(group) ~= "table" or #kept == #group then
      rest[#rest + 1] = group
    elseif is_smaller and #kept > 0 then
      rest[#rest + 1] = kept
    end
  end
  return #rest > 0 and rest or nil
end

-- The parent without what was made of these inputs.
local function without(parent, gone)
  if next(gone) == nil then
    return parent
  end
  local inputs = parent.inputs
  parent.inputs = nil
  parent.one_of = prune_groups(parent.one_of, gone)
  parent = prune(parent, function(value)
    return type(value) == "string" and usage.mentions(value, gone)
  end)
  parent.inputs = inputs
  return parent
end

-- Inherited inputs that a text of the parent used, and none of the child does: nobody is asked
-- for them. They may be given all the same: a function could use them.
local function release_unused(def, names, before)
  local after, unused = usage.of(def), {}
  for _, name in ipairs(type(def.inputs) == "table" and names or {}) do
    local input = def.inputs[name]
    if type(input) == "table" and before.names[name] and not after.names[name] then
      unused[name] = true
      input.optional = true
    end
  end
  if next(unused) ~= nil then
    def.one_of = prune_groups(def.one_of, unused, true)
  end
end

-- Names of inputs that a definition has from its parent alone.
local function inherited(parent, child)
  local own, names = type(child.inputs) == "table" and child.inputs or {}, {}
  for name in next, type(parent.inputs) == "table" and parent.inputs or {} do
    names[#names + 1] = own[name] == nil and name or nil
  end
  return names
end

-- ---- the chain -------------------------------------------------------------------------------

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
  local names, before = inherited(base, def), usage.of(base)
  local merged = merge(without(base, removed_from(base, def)), def, rules)
  release_unused(merged, names, before)
  return merged, whole
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
