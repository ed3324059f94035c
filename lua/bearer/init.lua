--- Keeps API tokens fresh.
--
--    local bearer = require "bearer"
--    local erp = bearer.login("hubsoft", { host = "erp.example.com", … })
--    print(assert(erp:header()))
--
-- @module bearer
local core = require "bearer.core"
local definition = require "bearer.definition"
local engine = require "bearer.engine"
local login = require "bearer.login"
local renewal = require "bearer.renewal"
local words = require "bearer.definition.words"

local bearer = {
  _VERSION = "0.1.0",
}

-- ---- providers --------------------------------------------------------------------------

local PROVIDER = "bearer.provider"
local prefix = "bearer.providers."

core.metatable(PROVIDER).__tostring = function(self)
  return ("bearer.provider (%s)"):format(core.fields(self, PROVIDER).def.name)
end

local function is_name(name)
  return name:find("^[%w_]+$") ~= nil
end

local function load(name)
  if not is_name(name) then
    return nil, "not the name of a provider"
  end
  local ok, result = pcall(require, prefix .. name)
  if ok and type(result) == "table" then
    return result
  elseif ok then
    return nil, "its module returns no table"
  end
  local absent = ("module '%s' not found"):format(prefix .. name)
  return nil, tostring(result):find(absent, 1, true) and "no such provider" or tostring(result)
end

local function names_on_path()
  local found = {}
  for _, name in ipairs(bearer.providers()) do
    found[name] = true
  end
  return found
end

local function find(name)
  local def, why = load(name)
  if def then
    return def
  end
  local hint = why == "no such provider" and words.suggester()(name, names_on_path()) or ""
  error(("bearer: provider %s: %s%s"):format(words.quote(name), why, hint), 0)
end

local compiled = setmetatable({}, { __mode = "v" }) -- providers by name

local function compile(def)
  local result, faults = definition.compile(def, load)
  if not result then
    error("bearer: the definition has faults:\n  " .. table.concat(faults, "\n  "), 0)
  end
  return core.object(PROVIDER, { def = result })
end

local function provider_of(given)
  if core.type(given) == PROVIDER then
    return given
  elseif type(given) == "string" then
    compiled[given] = compiled[given] or compile(find(given))
    return compiled[given]
  elseif type(given) == "table" then
    return compile(given)
  end
  error("bearer: a provider's name, definition or provider expected, got " .. type(given), 0)
end

-- Run f and have what it raises point to the caller's line.
local function at_caller(f, ...)
  local ok, result = pcall(f, ...)
  if not ok then
    error(result, type(result) == "string" and 3 or 0)
  end
  return result
end

--- A checked, compiled definition.
-- @tparam string|table given a name found on `package.path` as `bearer.providers.NAME`, or a
--   definition table
-- @treturn bearer.provider immutable; any number of logins may share it
-- @raise with every fault of a bad definition, each with its path
function bearer.provider(given)
  return (at_caller(provider_of, given)) -- no tail call: levels are counted
end

local function new_login(given, inputs, options)
  local provider = provider_of(given)
  return login.new(provider, core.fields(provider, PROVIDER).def, inputs, options,
    bearer._VERSION)
end

--- A login. No I/O happens here.
-- @tparam string|table|bearer.provider provider
-- @tparam table inputs what the provider asks for; a secret may be `bearer.env`, `bearer.file`
--   or a function that returns it
-- @tparam[opt] table options see the README
-- @treturn bearer.login
-- @raise on a bad definition, and on missing, unknown or mistyped inputs and options
function bearer.login(provider, inputs, options)
  return (at_caller(new_login, provider, inputs, options))
end

--- The names of the providers found on `package.path`.
-- @treturn {string,…} sorted
function bearer.providers()
  return require("bearer.catalogue").names()
end

--- A secret in an environment variable, read when a login is sent.
-- @function env
-- @tparam string name
-- @treturn bearer.reference
bearer.env = core.env

--- A secret in a file, read anew when a login is sent; its last newline is dropped.
-- @function file
-- @tparam string path
-- @treturn bearer.reference
bearer.file = core.file

-- ---- waiting ------------------------------------------------------------------------------

local drivers = { blocking = true, resty = true, cqueues = true, luv = true, manual = true }

local function load_driver(name)
  if not drivers[name] then
    local hint = words.suggester()(name, drivers)
    error(("bearer: no driver %s%s"):format(words.quote(name), hint), 0)
  end
  local ok, found = pcall(require, "bearer.drivers." .. name)
  if not ok then -- it needs what this host does not have
    error(("bearer: driver '%s': %s"):format(name, tostring(found)), 0)
  end
  return found
end

local function driver_of(driver)
  if type(driver) == "string" then
    return load_driver(driver)
  elseif type(driver) == "table" and type(driver.wait) == "function" then
    return driver
  end
  error("bearer: a driver's name or a driver table with a function `wait` expected", 0)
end

--- Set how this host waits.
-- @tparam string|table driver a name, or a table with `wait(seconds)`: suspend the caller for
--   that long, or shorter when there is news on `bearer.fd()`
function bearer.use(driver)
  engine.use(at_caller(driver_of, driver))
  return nil
end

--- Advance every transfer of this Lua state: for loops of the host's own, once a frame.
-- @tparam[opt=0] number max_ms to wait at most for news
-- @treturn integer how many transfers and renewals are under way
function bearer.poll(max_ms)
  if max_ms ~= nil and type(max_ms) ~= "number" then
    error("poll: a number expected, got " .. type(max_ms), 2)
  end
  return engine.poll(max_ms)
end

--- The descriptor to watch for reading.
-- @treturn ?integer nil when the process may have no more descriptors
function bearer.fd()
  return core.fd()
end

--- Milliseconds until `bearer.poll` is due although the descriptor is silent.
-- @treturn ?number nil when nothing is due
function bearer.timeout()
  local due = engine.due()
  return due and math.ceil(due * 1000)
end

local function login_fields(login_object)
  return (core.fields(login_object, "bearer.login", "prewarm")) -- no tail call, as above
end

--- Start these logins ahead, and return at once.
-- @tparam bearer.login ...
function bearer.prewarm(...)
  local all = {}
  for i = 1, select("#", ...) do
    all[i] = login_fields((select(i, ...)))
  end
  for _, fields in ipairs(all) do -- all are logins: none is begun when one is not
    local _, state = renewal.living(fields)
    if not fields.closed and state ~= "fresh" then
      renewal.nudge(fields)
    end
  end
  engine.nudge() -- off they go
  return nil
end

local in_nginx = type(ngx) == "table" and ngx.get_phase and ngx.timer
engine.use(require(in_nginx and "bearer.drivers.resty" or "bearer.drivers.blocking"))

return bearer
