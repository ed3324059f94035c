--- What the specs of bearer in nginx need: a sandbox, nginxes with a login to it, and an eye on
-- their error logs.
--
--     local s
--     setup(function() s = nginx_stage.open() end)
--     teardown(function() s:close() end)
--     after_each(function() s:clear() end)
--     s:start { server = [[ location /x { … } ]] }
--     s.host:get "/x"
local assert = require "luassert"
local nginx_host = require "spec.support.nginx_host"
local sandbox = require "spec.sandbox"

local nginx_stage = {}
local methods = {}
methods.__index = methods

--- A password that is refused, and that no log may show.
nginx_stage.wrong_password = [[senha errada %41+&"\/]]

-- What Lua in nginx knows: how to make a login, a login, and the word for what it gives.
local prelude = [[
  bearer = require "bearer"
  function new_login(options, changes, provider)
    local inputs = @INPUTS@
    for name, value in pairs(changes or {}) do
      inputs[name] = value
    end
    options = options or {}
    options.ca_file = @CA_FILE@
    return bearer.login(provider or "hubsoft", inputs, options)
  end
  function word(name, value, err)
    return name and name .. " " .. #value or err.code
  end
  function header()
    return word(erp:header())
  end
  erp = new_login()
]]

--- Locations that most nginxes of these specs have.
nginx_stage.locations = [[
  location = /header { content_by_lua_block { ngx.print(header()) } }
  location = /forget { content_by_lua_block { erp:forget() } }
  location = /status { content_by_lua_block { ngx.print(erp:status().state) } }
  location = /fast { content_by_lua_block { ngx.print "fast" } }
]]

function nginx_stage.open()
  return setmetatable({ sb = sandbox.start(), hosts = {} }, methods)
end

function methods:close()
  for _, host in ipairs(self.hosts) do
    host:stop()
  end
  self.sb:stop()
end

--- Start an nginx; see `nginx_host.start`. `init` comes after what every one knows.
function methods:start(given)
  local values = {
    INPUTS = nginx_host.literal(self.sb.credentials.hubsoft),
    CA_FILE = ("%q"):format(self.sb.ca_file),
  }
  given.init = prelude:gsub("@([A-Z_]+)@", values) .. (given.init or "")
  given.server = nginx_stage.locations .. (given.server or "")
  return self:start_as(given)
end

--- Start an nginx that knows nothing but what it is given.
function methods:start_as(given)
  self.host = nginx_host.start(given)
  table.insert(self.hosts, self.host)
  return self.host
end

--- Logins that the sandbox was asked for.
function methods:logins()
  return self.sb:count("hubsoft", "login")
end

--- Wait until the sandbox was asked for so many.
function methods:await_logins(count)
  assert.is_true(nginx_host.wait_until(function()
    return self:logins() >= count
  end), "no login came")
end

--- Wait until Lua in the nginx finds this login fresh.
function methods:await_fresh()
  assert.is_true(nginx_host.wait_until(function()
    return self.host:get("/status").body == "fresh"
  end), "no token came")
end

--- An answer with a header in it.
function methods.check_header(_, answer)
  assert.matches("^Authorization %d+$", answer.body)
  assert.equal(200, answer.status)
end

-- What is wrong with how it ran.
local function judge(self, host, expected)
  local known, faults = self.sb.credentials.hubsoft, {}
  host:signal "QUIT" -- so that the log is whole
  if not host:wait_for_end() then
    faults[1] = "it does not end"
  end
  local hidden = { known.client_secret, known.password, nginx_stage.wrong_password, "eyJ" }
  for _, secret in ipairs(hidden) do
    if host:log():find(secret, 1, true) then
      faults[#faults + 1] = "a secret shows in the error log"
    end
  end
  for _, line in ipairs(host:troubles()) do
    if not expected or not line:find(expected) then
      faults[#faults + 1] = line
    end
  end
  return faults
end

--- End the nginxes, have the sandbox as new: nothing went wrong, and nothing secret was written.
-- @tparam[opt] string expected a pattern: lines of trouble that are no surprise
function methods:clear(expected)
  local hosts, faults = self.hosts, {}
  self.hosts, self.host = {}, nil
  for i, host in ipairs(hosts) do
    faults[i] = judge(self, host, expected)
    host:stop()
  end
  self.sb:reset()
  for _, list in ipairs(faults) do
    assert.same({}, list)
  end
end

return nginx_stage
