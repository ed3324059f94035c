-- Run by rock.sh against an installed rock: rock.lua TREE. Logs in to the sandbox as the README
-- does, with the modules of the tree alone; of this repository only spec.sandbox is read.
local tree = assert(arg[1], "rock.lua TREE")
local root = (arg[0]:match("^(.*)[/\\]") or ".") .. "/../.."

-- `LUA_PATH` names the tree first. What is searched for spec.sandbox holds no bearer.
package.path = ("%s;%s/?.lua;%s/?/init.lua"):format(package.path, root, root)
local bearer = require "bearer"
local sandbox = require "spec.sandbox"

-- Where `require` finds a module. (Lua 5.1 has no package.searchpath.)
local function origin(name)
  local path = (package.path .. ";" .. package.cpath):gsub("%?", (name:gsub("%.", "/")))
  for candidate in path:gmatch("[^;]+") do
    local file = io.open(candidate, "rb")
    if file then
      file:close()
      return candidate
    end
  end
  return "nowhere"
end

-- Every module of bearer that was loaded came out of the tree.
local function check_origins()
  local count = 0
  for name in pairs(package.loaded) do
    if name:find("^bearer") then
      local found = origin(name)
      assert(found:sub(1, #tree) == tree, ("%s is loaded from %s"):format(name, found))
      count = count + 1
    end
  end
  return count
end

local function log_in(sb)
  local c = sb.credentials.hubsoft
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(c.password, "\n")
  file:close()
  local erp = bearer.login("hubsoft", {
    host = c.host,
    client_id = "3", client_secret = c.client_secret,
    username = c.username, password = bearer.file(path),
  }, { ca_file = sb.ca_file })
  local name, value = erp:header()
  os.remove(path)
  assert(name, value)
  assert(name == "Authorization" and value:find("^Bearer eyJ"),
    "the header is another one")
  local clients = assert(erp:request { url = "/api/v1/integracao/cliente" })
  assert(clients.status == 200 and clients.json().status == "success", clients.body)
  assert(sb:count("hubsoft", "login") == 1)
  erp:close()
end

local function log_in_to_all(sb)
  for _, name in ipairs { "cambyopro", "cobuilder", "oracle_commerce", "oracle_commerce_user",
    "crm_com", "oauth2_client_credentials", "oauth2_password", "oauth2_refresh_token" } do
    local login = bearer.login(name, sb.credentials[name], { ca_file = sb.ca_file })
    local answer = assert(login:request { url = sb.calls[name].url })
    assert(answer.status == 200, name .. ": " .. answer.body)
    login:close()
  end
end

local sb = sandbox.start()
local ok, message = pcall(function()
  log_in(sb)
  log_in_to_all(sb)
  return check_origins()
end)
sb:stop()
assert(ok, message)
print(("bearer %s out of %s: %d modules, 9 logins"):format(bearer._VERSION, tree, message))
