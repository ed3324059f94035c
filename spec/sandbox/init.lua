--- The sandbox: strict stand-ins of the five providers, and an endpoint that plays a script.
-- One nginx on 127.0.0.1, over TLS with certificates made for the run. Runs on Lua 5.4 and
-- LuaJIT; needs LuaSocket, lua-cjson, nginx with its Lua module, and OpenSSL's command line.
--
--     local sandbox = require "spec.sandbox"
--     local sb = sandbox.start()
--     sb:tell("hubsoft", { lifetime = 5, delay = 0.2 })
--     …
--     sb:stop()
--
-- @module spec.sandbox
local control = require "spec.sandbox.control"
local known = require "spec.sandbox.credentials"
local process = require "spec.sandbox.process"

local sandbox = {}
local methods = {}
methods.__index = methods

-- The address and method of one protected call per provider, relative where it has a base URL.
local relative = {
  cambyopro = { method = "GET", url = "/api/clients" },
  cobuilder = { method = "GET", url = "/products/api/v1/products" },
  oracle_commerce = { method = "GET", url = "/ccadmin/v1/products" },
  oracle_commerce_user = { method = "GET", url = "/ccadmin/v1/products" },
  crm_com = { method = "GET", url = "/crmapi/rest/v2/contacts/show" },
  hubsoft = { method = "GET", url = "/api/v1/integracao/cliente" },
}

local grants = { "oauth2_client_credentials", "oauth2_password", "oauth2_refresh_token" }

local function calls(url)
  local all = {}
  for name, call in pairs(relative) do
    all[name] = call
  end
  for _, grant in ipairs(grants) do
    all[grant] = { method = "GET", url = url .. "/oauth2/resource" }
  end
  return all
end

local function copy(t)
  local new = {}
  for k, v in pairs(t) do
    new[k] = v
  end
  return new
end

-- cjson reads every number as a float on Lua 5.4: 200.0 would puzzle a reader.
local function whole(number)
  return number and math.floor(number)
end

-- The inputs of `bearer.login(name, inputs)` that log in here.
local function credentials(url, host)
  local all = {}
  for name, inputs in pairs(known) do
    all[name] = copy(inputs)
    all[name].base_url = url
  end
  all.hubsoft.base_url, all.hubsoft.host = nil, host
  all.crm_com_pass_code.api_key = known.crm_com.api_key
  for _, grant in ipairs(grants) do
    local inputs, client = all[grant], known.oauth2_client_credentials
    inputs.base_url, inputs.token_url = nil, url .. "/oauth2/token"
    inputs.client_id, inputs.client_secret = client.client_id, client.client_secret
  end
  return all
end

local function ask(self, verb, question)
  local answer, message = control.ask(self.process.http_port, verb, question)
  if answer == nil then
    error("sandbox: " .. tostring(message), 3)
  end
  return answer
end

--- Change how a provider behaves; settings add up until `reset`. README.md lists them.
function methods:tell(provider, settings)
  ask(self, "tell", { provider = provider, settings = settings })
end

--- As just started: settings, records, scripts, issued tokens, clock.
function methods:reset()
  ask(self, "reset")
  if self.personality then
    self:tell("hubsoft", { personality = self.personality })
  end
end

--- What was asked of a provider (or of a script), oldest first.
-- @treturn {table,…} `method`, `uri`, `path`, `query`, `headers` (lower-case names), `body`,
--   `status` (nil while under way), `kind`, `tls`, `refused` (why, when it was)
function methods:requests(provider)
  local list = ask(self, "requests", { provider = provider })
  for _, record in ipairs(list) do
    record.status = whole(record.status)
  end
  return list
end

--- How many requests of a kind came in.
-- @tparam string provider or the name of a script
-- @tparam[opt] string what `login`, `refresh`, `call`, `logout`, `verify`, `other`, or their plural
-- @tparam[opt] number status only those answered so
function methods:count(provider, what, status)
  return whole(ask(self, "count", { provider = provider, what = what, status = status }))
end

--- Queue answers for `/scripted/NAME`; the last one repeats.
-- @treturn string the address, over https
-- @treturn string the address, over http
function methods:script(name, answers)
  if answers[1] == nil then
    answers = { answers }
  end
  ask(self, "script", { name = name, answers = answers })
  return self.url .. "/scripted/" .. name, self.http_url .. "/scripted/" .. name
end

--- Move the sandbox's clock: what it issued grows older by so many seconds.
function methods:advance(seconds)
  ask(self, "advance", { seconds = seconds })
end

--- The tokens that a provider issued, of every use, living or not.
-- @treturn {string,…}
function methods:issued(provider)
  return ask(self, "issued", { provider = provider })
end

--- Make what a provider issued invalid.
-- @tparam[opt] string what `access` or `refresh`: only those tokens
function methods:revoke(provider, what)
  ask(self, "revoke", { provider = provider, what = what })
end

--- nginx's error log, for a person.
function methods:log()
  return process.log(self.process)
end

--- End the sandbox. Twice is fine.
function methods:stop()
  process.stop(self.process)
end

--- Start a sandbox.
-- @tparam[opt] table options `personality` ("7" or "9": HubSoft's server),
--   `client_certificate` (true: TLS callers need `sb.client_cert` and `sb.client_key`),
--   `certificate_name` (the certificate is for that name, so verification must fail)
function sandbox.start(options)
  options = options or {}
  local p = process.start(options)
  local host = "127.0.0.1:" .. p.port
  local self = setmetatable({
    process = p,
    pid = tonumber(p.pid),
    dir = p.dir,
    host = host,
    url = "https://" .. host,
    http_url = "http://127.0.0.1:" .. p.http_port,
    ca_file = p.dir .. "/ca.pem",
    credentials = credentials("https://" .. host, host),
    calls = calls("https://" .. host),
    personality = options.personality,
  }, methods)
  if options.client_certificate then
    self.client_cert, self.client_key = p.dir .. "/client.pem", p.dir .. "/client.key"
  end
  self:reset()
  return self
end

--- Start one in the foreground, for `make sandbox`.
function sandbox.run()
  require("spec.sandbox.console").run(sandbox.start())
end

return sandbox
