--- Keeps API tokens fresh.
--
--    local bearer = require "bearer"
--    local erp = bearer.login("hubsoft", { host = "erp.example.com", … })
--    print(assert(erp:header()))
--
-- The world's refusals are `nil`, a sentence and a `bearer.error`; the caller's mistakes raise.
-- @module bearer
local catalogue = require "bearer.definition.catalogue"
local core = require "bearer.core"
local drivers = require "bearer.drivers"
local loop = require "bearer.loop"

local io = io -- some hosts take it away later
local ngx = rawget(_G, "ngx") -- inside nginx alone

local bearer = { _VERSION = core.version }

-- ---- providers --------------------------------------------------------------------------

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
  return (at_caller(catalogue.provider, given)) -- no tail call: levels are counted
end

--- A login. Nothing goes over the network here.
-- @tparam string|table|bearer.provider provider
-- @tparam table inputs what the provider asks for; a secret may be `bearer.env`, `bearer.file`
--   or a function that returns it
-- @tparam[opt] table options see the README
-- @treturn bearer.login
-- @raise on a bad definition, on missing, unknown or mistyped inputs and options, and on a
--   certificate file that cannot be read
function bearer.login(provider, inputs, options)
  return core.login(at_caller(catalogue.provider, provider), inputs, options)
end

--- Options of all logins made from now on, where they name none of their own.
-- @tparam[opt] table options as of `bearer.login`; none: bearer's own again
-- @raise on an unknown option or a wrong type
function bearer.defaults(options)
  core.defaults(options)
  return nil
end

--- The names of the providers found on `package.path`.
-- @treturn {string,…} sorted
function bearer.providers()
  return catalogue.names()
end

--- A secret in an environment variable, read when a login is sent.
-- @function env
-- @tparam string name
-- @treturn bearer.secret_ref
bearer.env = core.env

--- A secret in a file, read anew when a login is sent; its last newline is dropped. A relative
-- path is looked for below `$CREDENTIALS_DIRECTORY` first, where systemd sets it.
-- @function file
-- @tparam string path
-- @tparam[opt] table options `{ json = "field" }`: one field of a JSON file
-- @treturn bearer.secret_ref
bearer.file = core.file

-- ---- waiting ------------------------------------------------------------------------------

--- Set how this host waits.
-- @tparam string|table driver a name, or a table with `wait(seconds)`: suspend the caller for
--   that long, or shorter when there is news on `bearer.fd()`
function bearer.use(driver)
  loop.use(at_caller(drivers.of, driver))
  return nil
end

--- Advance every transfer of this Lua state: for loops of the host's own, once a frame.
-- @tparam[opt=0] number max_ms to wait at most for news
-- @treturn integer how many transfers and renewals are under way
function bearer.poll(max_ms)
  if max_ms ~= nil and type(max_ms) ~= "number" then
    error("poll: a number expected, got " .. type(max_ms), 2)
  end
  return loop.poll(max_ms or 0)
end

--- The descriptor to watch for reading.
-- @function fd
-- @treturn ?integer nil when the process may have no more descriptors
bearer.fd = core.fd

--- Milliseconds until `bearer.poll` is due although the descriptor is silent.
-- @treturn ?number nil when nothing is due
function bearer.timeout()
  local due = loop.due()
  return due and math.ceil(due * 1000) or nil
end

--- Start these logins ahead, and return at once.
-- @function prewarm
-- @tparam bearer.login ...
bearer.prewarm = loop.prewarm

--- Send a request by the built-in transport, with the options of `bearer.defaults`. It may wait.
-- @tparam table request `{method, url, headers, query, json, form, body, timeout}`
-- @treturn[1] table `{status, headers, body, json()}`
-- @treturn[2] nil
-- @treturn[2] string
-- @treturn[2] bearer.error
function bearer.transport(request)
  return loop.send(request)
end

--- Told what there is no caller to tell, such as an error in an `on_event`, and what looks like a
-- slip in a definition. Writes to nginx's error log, or to stderr. May be replaced: it is looked up
-- at each call, and its own errors are dropped.
-- @tparam string text
function bearer.warn(text)
  if ngx and ngx.log then
    ngx.log(ngx.ERR, text)
  else
    io.stderr:write(text, "\n")
  end
end

function loop.warn(text)
  pcall(bearer.warn, text)
end
catalogue.warn = loop.warn

if not loop.driver() then -- loaded anew, it waits as before
  loop.use(drivers.load(ngx and ngx.get_phase and ngx.timer and "resty" or "blocking"))
end

return bearer
