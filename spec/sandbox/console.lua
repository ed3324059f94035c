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

local function paste(provider, inputs, ca_file)
  local lines = { ("bearer.login(%q, {"):format(provider) }
  for _, name in ipairs(names(inputs)) do
    lines[#lines + 1] = ("  %s = %s,"):format(name, literal(inputs[name]))
  end
  lines[#lines + 1] = ("}, { ca_file = %s })"):format(literal(ca_file))
  return table.concat(lines, "\n")
end

--- What a person needs to use it.
function console.text(sb)
  local parts = {
    "The sandbox answers at " .. sb.url .. " and " .. sb.http_url,
    "CA file: " .. sb.ca_file,
  }
  for _, name in ipairs(names(sb.credentials)) do
    local provider = name:gsub("_pass_code$", "")
    local call = sb.calls[provider]
    parts[#parts + 1] = ("-- then: %s %s\n%s"):format(call.method, call.url,
      paste(provider, sb.credentials[name], sb.ca_file))
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
