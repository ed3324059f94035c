--- A private copy of a definition. What is no plain data is reported and left out, so that
-- all that follows walks a finite tree of tables without metatables.
-- @module bearer.definition.copy
-- @local
local words = require "bearer.definition.words"

local copy = {}

-- Levels, keys and values, and the bytes of all texts: far beyond any honest definition.
local deepest, most_values, most_bytes = 100, 20000, 1024 * 1024

--- Stands where something was left out: reported already, so nobody looks at it again.
function copy.faulty() end

local plain = { string = true, number = true, boolean = true, ["function"] = true }

local function key_fault(t, key)
  if type(key) == "string" then
    return nil
  end
  if type(key) ~= "number" or key < 1 or key % 1 ~= 0 or key > most_values then
    return ("a key that is %s; keys are texts"):format(words.kind(key))
  end
  if key > 1 and rawget(t, key - 1) == nil then
    return "a list with holes"
  end
  return nil
end

-- Also stops a few tables that hold each other many times over.
local function is_too_large(c, path, v)
  c.values = c.values + 1
  c.bytes = c.bytes + (type(v) == "string" and #v or 0)
  if c.values <= most_values and c.bytes <= most_bytes then
    return false
  end
  if not c.full then
    c.full = true
    c.fault(path, "the definition is too large from here on")
  end
  return true
end

local value

-- The children, and one fault for each kind of bad key: a flood of them says nothing more.
local function children(c, path, t)
  local result, said = {}, {}
  for key, child in next, t do
    if is_too_large(c, path, key) then
      break
    end
    local fault = key_fault(t, key)
    if not fault then
      result[key] = value(c, words.path(path, key), child)
    elseif not said[fault] then
      said[fault] = true
      c.fault(path, fault)
    end
  end
  return result
end

local function refuse(c, path, fault)
  c.fault(path, fault)
  return copy.faulty
end

local function branch(c, path, t)
  if getmetatable(t) ~= nil then
    return refuse(c, path, "has a metatable; a definition is plain data")
  end
  if c.open[t] then
    return refuse(c, path, "contains itself")
  end
  if c.depth >= deepest then
    return refuse(c, path, "is nested too deep")
  end
  c.open[t], c.depth = true, c.depth + 1
  local result = children(c, path, t)
  c.open[t], c.depth = nil, c.depth - 1
  return result
end

function value(c, path, v)
  if is_too_large(c, path, v) then
    return copy.faulty
  end
  if type(v) == "table" then
    return branch(c, path, v)
  end
  if not plain[type(v)] then
    return refuse(c, path, ("may not be %s"):format(words.kind(v)))
  end
  if type(v) == "number" and (v ~= v or v == math.huge or v == -math.huge) then
    return refuse(c, path, "is not a finite number")
  end
  return v
end

--- Copy a table.
-- @tparam table def
-- @tparam function fault called with path and message for each part that is left out
-- @treturn table the copy, or `copy.faulty`
function copy.tree(def, fault)
  local c = { fault = fault, open = {}, depth = 0, values = 0, bytes = 0 }
  local result = branch(c, "", def)
  return c.full and copy.faulty or result -- half a definition would only raise more faults
end

return copy
