--- The header that a login hands out while its token is fresh: found in nanoseconds, without
-- I/O and without garbage. Lua 5.3 and later do this in C. LuaJIT does not compile classic C
-- calls, so there it is done in Lua, on the same coarse clock.
-- @module bearer.served
-- @local
local core = require "bearer.core"

local served = {}

local on_change = function() end

--- Let header() answer by itself until this instant.
-- @tparam bearer.login login
-- @tparam number instant on the monotonic clock
-- @tparam string name
-- @tparam string value
function served.until_due(login, instant, name, value)
  core.serve(login, instant, name, value)
  on_change(login, name, value)
end

--- Have header() look for a token again.
function served.no_more(login)
  core.serve(login)
  on_change(login)
end

-- Plain Lua 5.1 and 5.2: two calls, but no C frame that a yield would have to cross.
local function plain_method(slow)
  return function(self)
    local name, value = core.fresh_header(self)
    if name then
      return name, value
    end
    return slow(self)
  end
end

local function jit_method(slow)
  local ffi = require "ffi"
  pcall(ffi.cdef, [[
    typedef struct { long s; long ns; } bearer_timespec;
    typedef struct { int frozen; } bearer_frozen;
    int clock_gettime(int clock, void *time);
  ]]) -- known already when this module is loaded anew
  local coarse = 6 -- CLOCK_MONOTONIC_COARSE
  local now = ffi.new "bearer_timespec"
  local clock = ffi.cast("const bearer_frozen *", core.clock_address())
  local entries = setmetatable({}, { __mode = "k" }) -- by login

  function on_change(login, name, value)
    entries[login] = name and { name = name, value = value, s = 0, ns = 0 }
  end

  return function(self)
    local entry = entries[self]
    if entry and clock.frozen == 0 then
      ffi.C.clock_gettime(coarse, now)
      local s, ns = tonumber(now.s), tonumber(now.ns)
      if s == entry.s and ns == entry.ns then
        return entry.name, entry.value
      elseif core.fresh_header(self) then
        entry.s, entry.ns = s, ns
        return entry.name, entry.value
      end
    end
    return slow(self)
  end
end

--- The method `login:header()`.
-- @tparam function slow what to do when no fresh header is at hand
-- @treturn function
function served.method(slow)
  if core.header_method then
    return core.header_method(slow)
  elseif jit and jit.os == "Linux" and pcall(require, "ffi") then
    return jit_method(slow)
  end
  return plain_method(slow)
end

return served
