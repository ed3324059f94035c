--- The sandbox in the foreground: says where it is and how to log in, until Ctrl-C.
local socket = require "socket"

local console = {}

local function literal(text)
  local body = text:gsub('[%c"\\]', function(c)
    return ("\\%03d"):format(c:byte())
  end)
  return '"' .. body .. '"'
end

local function names(t)
  local list = {}
  for name in pairs(t) do
    list[#list + 1] = name
  end
  table.sort(list)
  return list
end

local function quote(text)
  return "'" .. text:gsub("'", [['\'']]) .. "'"
end

-- The Lua that runs this, and where it would find bearer: in this clone, which is not installed.
local function environment(root)
  local i = 0
  while arg and arg[i - 1] do
    i = i - 1
  end
  local lua = arg and arg[i] or "lua5.4"
  local built = package.cpath:match("^(/[^;]*/build/[^;]*%?%.so)")
    or ("%s/build/%s/?.so"):format(root, lua:match "[^/]*$")
  return ("LUA_PATH=%s \\\nLUA_CPATH=%s \\\n%s"):format(
    quote(("%s/lua/?.lua;%s/lua/?/init.lua;;"):format(root, root)), quote(built .. ";;"), lua)
end

-- A whole script for a shell: log in, show the header, call.
local function paste(sb, provider, inputs)
  local call, lines = sb.calls[provider], {}
  for _, name in ipairs(names(inputs)) do
    lines[#lines + 1] = ("  %s = %s,\n"):format(name, literal(inputs[name]))
  end
  return ([[
%s - <<'END'
local bearer = require "bearer"
local login = bearer.login(%q, {
%s}, { ca_file = %s })
print(assert(login:header()))
local response = assert(login:request { method = %q, url = %q })
print(response.status, response.body)
END]]):format(environment(sb.process.root), provider, table.concat(lines), literal(sb.ca_file),
    call.method, call.url)
end

--- What a person needs to use it.
function console.text(sb)
  local parts = {
    "The sandbox answers at " .. sb.url .. " and " .. sb.http_url,
    "CA file: " .. sb.ca_file,
    "Each of these is a whole script, for another shell in whatever folder:",
  }
  for _, name in ipairs(names(sb.credentials)) do
    parts[#parts + 1] = paste(sb, (name:gsub("_pass_code$", "")), sb.credentials[name])
  end
  return table.concat(parts, "\n\n")
end

--- Print it and wait for Ctrl-C, which may come at any moment. Short naps, since a signal does
-- not end a long one.
function console.run(sb)
  pcall(function()
    print(console.text(sb) .. "\n\nCtrl-C ends it.")
    io.stdout:flush()
    while true do
      socket.sleep(0.2)
    end
  end)
  sb:stop()
end

return console
