--- Calling functions of the host's: they may yield, raise anything, and be interrupted.
-- @module bearer.drivers.calls
-- @local
local core = require "bearer.core"

local calls = {}

-- What was raised, for people: errors are texts, most often.
local function text_of(raised)
  local metatable = type(raised) == "table" and getmetatable(raised)
  if core.type(raised) == "bearer.error"
    or type(metatable) == "table" and rawget(metatable, "__tostring") then
    local ok, text = pcall(tostring, raised)
    raised = ok and text or nil
  end
  return type(raised) == "string" and raised or type(raised)
end

local function told(ok, ...)
  if not ok then
    return false, text_of((...))
  end
  return true, ...
end

-- Plain Lua 5.1 cannot yield across a pcall.
local function needs_care()
  return not rawget(_G, "jit") and _VERSION == "Lua 5.1" and core.can_yield()
end

--- Call what may yield.
-- @tparam function f
-- @param ... its arguments
-- @treturn[1] boolean true, and what it gives
-- @treturn[2] boolean false
-- @treturn[2] string the text of what it raised; in a coroutine of plain Lua 5.1 that is raised
function calls.protected(f, ...)
  if needs_care() then
    return true, f(...)
  end
  return told(pcall(f, ...))
end

--- Likewise, where nobody wants what it gives: so nothing is raised on any Lua.
function calls.attempt(f, ...)
  if needs_care() then
    return told(coroutine.resume(coroutine.create(f), ...))
  end
  return told(pcall(f, ...))
end

return calls
