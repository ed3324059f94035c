-- A host that reads no undeclared global, as strict.lua has it, and takes `require` away.
-- strict.lua HOW: what is found wrong is raised.
local how = arg and arg[1] or ...
local exempt = { _PROMPT = true, _PROMPT2 = true, _THREAD = true } -- looks of Lua's and of luv's

-- What the interpreter or a library of the host's has declared stays.
local declared = {}
for name in pairs(_G) do
  declared[name] = true
end
setmetatable(_G, {
  __index = function(_, name)
    if not exempt[name] then
      error("variable '" .. tostring(name) .. "' is not declared", 2)
    end
  end,
  __newindex = function(_, name)
    error("assign to undeclared variable '" .. tostring(name) .. "'", 2)
  end,
})

local bearer = require "bearer"
for name in pairs(_G) do
  assert(declared[name], "a global was made: " .. tostring(name))
end

local function transport(request)
  return {
    status = 200, body = request.url:find "clients" and "{}"
      or '{"success":true,"accessToken":"atk_1","access_token":"t","expiresIn":86400}',
  }
end

local inputs = { client_id = "b2b", client_secret = "s" }

local function works(name)
  local login = bearer.login(name or "cambyopro", inputs, { transport = transport })
  assert(login:header())
  assert(login:headers())
  assert(login:request { url = "/api/clients" })
  assert(login:reject((assert(login:token()))))
  assert(login:refresh())
  assert(login:status().state == "fresh")
  login:logout()
  login:close()
end

local definition = {
  name = "mine", inputs = { client_id = {}, client_secret = { secret = true } },
  base_url = "https://mine.example",
  login = { url = "https://mine.example/", form = { a = "${client_id}", b = function(v, f)
    return f.base64(v.client_secret .. f.uuid():sub(1, 0))
  end } },
}

local acts = {}

--- Everything, below strict.lua.
function acts.strict()
  works()
  works(definition)
  local names = bearer.providers()
  assert(#names >= 10)
  for _, name in ipairs(names) do
    assert(bearer.provider(name))
  end
  assert(not pcall(bearer.login, "none_such", {}))
  assert(not pcall(bearer.provider, { name = "x" }))
  assert(not pcall(bearer.use, "none_such"))
  for _, name in ipairs { "manual", "cqueues", "luv", "resty", "blocking" } do
    local ok, why = pcall(bearer.use, name)
    assert(ok or not tostring(why):find("not declared", 1, true) or name == "resty", why)
  end
  bearer.use "manual"
  local done
  coroutine.wrap(function()
    works()
    done = true
  end)()
  assert(done)
  bearer.defaults { timeout = 3 }
  bearer.defaults()
  bearer.warn ""
  bearer.env "X"
  bearer.file("x", { json = "y" })
  assert(bearer.poll() == 0)
  bearer.fd()
  bearer.timeout()
end

--- The host takes require away, and what it looks with.
function acts.taken()
  works()
  bearer.provider "hubsoft"
  rawset(_G, "require", nil)
  local path, cpath, package = package.path, package.cpath, package
  works() -- what has been loaded
  works(definition)
  assert(bearer.provider "crm_com") -- by the require that was kept
  bearer.use "manual"
  bearer.use "blocking"
  package.path, package.cpath = nil, nil
  collectgarbage()
  collectgarbage()
  works() -- is loaded still
  assert(bearer.provider "hubsoft")
  works(definition)
  local ok, why = pcall(bearer.provider, "cobuilder")
  assert(not ok and why:find("bearer: provider 'cobuilder': ", 1, true), why)
  assert(#bearer.providers() == 0)
  package.path, package.cpath = path, cpath
  assert(bearer.provider "cobuilder")
  rawset(_G, "package", nil)
  rawset(_G, "io", nil)
  rawset(_G, "os", nil)
  rawset(_G, "debug", nil)
  collectgarbage()
  works()
  works(definition)
  ok, why = pcall(bearer.provider, "none_such")
  assert(not ok and why:find("no such provider", 1, true), why)
  bearer.warn ""
end

acts[how]()
