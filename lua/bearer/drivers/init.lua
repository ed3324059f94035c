--- The drivers that come with bearer, by name: how a host waits. See the README beside this file.
-- @module bearer.drivers
-- @local
local words = require "bearer.definition.words"

-- Some hosts take it away later. What is loaded then finds none itself, so those drivers that need
-- no foreign library are loaded now.
local require = require
require "bearer.drivers.blocking"
require "bearer.drivers.manual"

local drivers = {}

local names = { blocking = true, resty = true, cqueues = true, luv = true, manual = true }

--- A driver. It is loaded when it is asked for: it may need what this host does not have.
-- @tparam string name
-- @treturn table
-- @raise on another name, and when it cannot be loaded
function drivers.load(name)
  if not names[name] then
    local near = words.suggester()(name, names, true)
    error(("bearer: no driver %s%s%s"):format(words.quote(name), near, words.there_are(names)), 0)
  end
  local ok, found = pcall(require, "bearer.drivers." .. name)
  if not ok then
    error(("bearer: driver '%s': %s"):format(name, tostring(found)), 0)
  end
  return found
end

--- The driver that is meant.
-- @tparam string|table given its name, or one of the host's own
-- @treturn table
-- @raise when it is none
function drivers.of(given)
  if type(given) == "string" then
    return drivers.load(given)
  elseif type(given) == "table" and type(given.wait) == "function" then
    return given
  end
  words.check_dot(given, "use")
  error("bearer: a driver's name or a driver table with a function `wait` expected"
    .. words.there_are(names), 0)
end

return drivers
