--- The engine of the checker: shapes, and how they are walked.
-- A shape is a function `(c, path, value)` that reports to `c.fault(path, message)`. `c` is what
-- a check knows: `fault`, `warn`, `slipped` (names that a warning was about), `suggest`, `def` (all
-- of the definition), `stage` and `names` (those known there), `everywhere` (those known
-- somewhere), `unsupported`, and `partial` (a part of an `extends` chain is missing, so nothing
-- can be said about what is not there).
-- @module bearer.definition.shape
-- @local
local copy = require "bearer.definition.copy"
local words = require "bearer.definition.words"

local shape = {}

--- Walk one value, unless it was reported already.
function shape.visit(c, path, value, checker)
  if value ~= copy.faulty then
    checker(c, path, value)
  end
end

--- Report a value of the wrong kind.
function shape.expected(c, path, what, value)
  c.fault(path, ("expected %s, got %s"):format(what, words.kind(value)))
end

-- What this version leaves out: an entry is `true`, or tells by the value.
local function is_unsupported(c, title, key, value)
  local entry = c.unsupported[title .. "." .. key]
  if type(entry) == "function" then
    return entry(value)
  end
  return entry
end

local function check_fields(c, path, value, title, fields)
  for _, key in ipairs(words.sorted(value)) do
    local at = words.path(path, key)
    if type(key) == "number" or not fields[key] then
      c.fault(at, "unknown field" .. c.suggest(key, fields))
    elseif value[key] ~= copy.faulty and is_unsupported(c, title, key, value[key]) then
      c.fault(at, "not supported by this version of bearer")
    else
      shape.visit(c, at, value[key], fields[key])
    end
  end
end

--- A table with fixed fields.
-- @tparam string title what it is, for faults and for the table of what is not supported
-- @tparam table fields name -> shape
-- @tparam[opt] table required list of fields that must be there
-- @tparam[opt] function also a shape of the whole, for what fields say about each other
function shape.record(title, fields, required, also)
  return function(c, path, value)
    if type(value) ~= "table" then
      return shape.expected(c, path, "a table (" .. title .. ")", value)
    end
    check_fields(c, path, value, title, fields)
    for _, key in ipairs(required or {}) do
      if value[key] == nil and not c.partial then
        c.fault(words.path(path, key), "is missing")
      end
    end
    if also then
      also(c, path, value)
    end
  end
end

--- A table from names to values of one shape.
-- @tparam function key called with `c`, path and name: reports a name that will not do
-- @tparam function item shape of the values
function shape.map(key, item)
  return function(c, path, value)
    if type(value) ~= "table" then
      return shape.expected(c, path, "a table", value)
    end
    for _, name in ipairs(words.sorted(value)) do
      local at = words.path(path, name)
      if type(name) == "number" then
        c.fault(at, "expected a table with names, not a list")
      else
        key(c, at, name)
        shape.visit(c, at, value[name], item)
      end
    end
  end
end

--- A list whose items have one shape.
-- @tparam string what the list, for faults: "a list of codes"
-- @tparam function item
function shape.list(what, item)
  return function(c, path, value)
    if type(value) ~= "table" then
      return shape.expected(c, path, what, value)
    end
    for _, key in ipairs(words.sorted(value)) do
      local at = words.path(path, key)
      if type(key) == "number" then
        shape.visit(c, at, value[key], item)
      else
        c.fault(at, "a name in " .. what)
      end
    end
  end
end

--- A list that holds something.
function shape.filled(what, item)
  local list = shape.list(what, item)
  return function(c, path, value)
    if type(value) == "table" and next(value) == nil then
      return c.fault(path, "is an empty list")
    end
    list(c, path, value)
  end
end

--- One value, or a list of them.
function shape.some(what, item)
  local list = shape.filled(what, item)
  return function(c, path, value)
    return (type(value) == "table" and list or item)(c, path, value)
  end
end

--- A value of one Lua type.
function shape.of(kind, what)
  return function(c, path, value)
    if type(value) ~= kind then
      shape.expected(c, path, what, value)
    end
  end
end

--- One of the texts of a set.
function shape.choice(set)
  return function(c, path, value)
    if type(value) ~= "string" then
      shape.expected(c, path, words.choices(set), value)
    elseif not set[value] then
      c.fault(path, ("%s is not one of %s%s"):format(words.quote(value),
        words.choices(set), c.suggest(value, set, true)))
    end
  end
end

--- A text, a number or a boolean.
function shape.scalar(c, path, value)
  if type(value) == "table" or type(value) == "function" then
    shape.expected(c, path, "a text, a number or a boolean", value)
  end
end

--- A text or a number.
function shape.word(c, path, value)
  if type(value) ~= "string" and type(value) ~= "number" then
    shape.expected(c, path, "a text or a number", value)
  end
end

--- Any name.
function shape.any_name(c, path, name)
  if name == "" then
    c.fault(path, "the name is empty")
  end
end

return shape
