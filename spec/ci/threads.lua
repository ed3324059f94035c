-- What threads.sh runs: threads.lua FOLDER, with the module and the program `states` in it.
local helper = require "spec.support.helper"
local sandbox = require "spec.sandbox"

local folder, threads, times = arg[1], 12, 20
local answer = '{"access_token":"good","expires_in":3600}'

local function run(how, url, seconds, ca_file)
  io.write(how, ": ", helper.must(helper.command {
    "env", ("LUA_CPATH=%s/?.so;;"):format(folder), folder .. "/states", threads, seconds,
    "spec/support/login.lua", how, url, ca_file, times,
  }))
end

local sb = sandbox.start()
local ok, message = pcall(function()
  run("plain", sb:script("plain", { body = answer }), 0, sb.ca_file)
  run("left", sb:script("left", { body = answer, delay = 5 }), 0, sb.ca_file)
  run("stuck", "https://stuck.example/", 3, sb.ca_file)
  run("left", "https://stuck.example/", 3, sb.ca_file)
  assert(sb:count("plain") == threads * times)
end)
sb:stop()
if not ok then
  io.stderr:write(tostring(message), "\n")
  os.exit(1)
end
