-- Logins to good and bad endpoints at once, on one host: mix.lua HOST CA_FILE TIMES NAME=URL…
-- All timeouts are so many TIMES as long. `fast` is asked again and again, as long as any other is
-- under way. Prints for each name how its login ended, after how many seconds, and for `fast` how
-- often and how long at most. Last comes `stall`: for how long the machine itself stood still.
local bearer = require "bearer"
local hosts = require "spec.support.hosts"
local settings = require "spec.support.mix_settings"
local socket = require "socket"

local function host_of(name)
  local found
  hosts.each(function(host)
    found = host and host.name == name and host or found
  end)
  return assert(found)
end

local stall = rawget(_G, "stall") -- of states.c
stall()
local host, ca_file, times = host_of(arg[1]), arg[2], tonumber(arg[3])
local logins, under_way = {}, 0

local function new(name, url)
  local began = socket.gettime()
  local options = { ca_file = ca_file, retries = 0 }
  for option, value in pairs(settings[name]) do
    options[option] = value * times
  end
  function options.on_event(event)
    if event.event ~= "held" and name ~= "fast" then
      under_way = under_way - 1
      print(("%s %s %.3f"):format(name, event.code or "ok", socket.gettime() - began))
    end
  end
  return bearer.login({ name = name, inputs = {}, login = { url = url, form = {} } }, {}, options)
end

host.use()
host.run(function()
  local fast
  for i = 4, #arg do
    local name, url = arg[i]:match("^(%w+)=(.*)$")
    if name == "fast" then
      fast = new(name, url)
      assert(fast:token()) -- its connection, its part of the code
      fast:forget()
    end
  end
  for i = 4, #arg do
    local name, url = arg[i]:match("^(%w+)=(.*)$")
    if name ~= "fast" then
      logins[#logins + 1] = new(name, url)
      under_way = under_way + 1
      bearer.prewarm(logins[#logins])
    end
  end
  local count, longest = 0, 0
  while under_way > 0 do
    local began = socket.gettime()
    assert(fast:token())
    fast:forget()
    count, longest = count + 1, math.max(longest, socket.gettime() - began)
  end
  print(("fast %d %.3f\nstall 0 %.3f"):format(count, longest, stall()))
end)
