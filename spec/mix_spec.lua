-- A stuck resolver, a refused port, a black hole, a server that says nothing, slow and fast
-- endpoints: all at once, on each host.
local helper = require "spec.support.helper"
local hosts = require "spec.support.hosts"
local patience = require "spec.support.patience"
local sandbox = require "spec.sandbox"
local settings = require "spec.support.mix_settings"
local socket = require "socket"

-- Seconds after which a timeout is too late, and a fast endpoint delayed, on a machine that does
-- not stand still itself. A quiet one keeps to 0.05 and 0.02; for a busy one all is made longer.
local tolerance = 0.25

local answer = '{"access_token":"good","expires_in":3600}'

describe("good and bad endpoints at once, on", function()
  local sb, states, hole, mute, queue, urls

  setup(function()
    sb = sandbox.start()
    states = helper.build_host "states"
    hole, mute = assert(socket.bind("127.0.0.1", 0, 0)), assert(socket.bind("127.0.0.1", 0))
    queue = {} -- fill its queue, so that it takes no more
    for i = 1, 4 do
      queue[i] = socket.tcp()
      queue[i]:settimeout(0)
      queue[i]:connect("127.0.0.1", (select(2, hole:getsockname())))
    end
    local gone = assert(socket.bind("127.0.0.1", 0))
    local function at(listener)
      return "https://127.0.0.1:" .. select(2, listener:getsockname()) .. "/"
    end
    urls = {
      fast = sb:script("fast", { body = answer }),
      stuck = "https://stuck.example/", hole = at(hole), mute = at(mute), refused = at(gone),
    }
    gone:close()
  end)

  teardown(function()
    sb:stop()
    hole:close()
    mute:close()
    for _, connection in ipairs(queue) do
      connection:close()
    end
  end)

  -- How each login ended, by name: {code, seconds}.
  local function run(host, times)
    urls.slow = sb:script("slow", { body = answer, delay = 3 * times })
    urls.late = sb:script("late", { body = answer, delay = 0.25 * times })
    local words = { states, "1", "0", "spec/support/mix.lua", host, sb.ca_file, times }
    for name, url in pairs(urls) do
      words[#words + 1] = name .. "=" .. url
    end
    local ends = {}
    for name, code, seconds in helper.must(helper.command(words))
      :gmatch("(%a+) ([%w_]+) ([%d.]+)\n") do
      ends[name] = { code, tonumber(seconds) }
    end
    return ends
  end

  -- Were all in time?
  local function check_ends(ends, times, expected)
    local in_time = tonumber(ends.fast[1]) >= 5 -- which is asked as long as any other is under way
    for name, how in pairs(expected) do
      local late = ends[name][2] - how[2] * times
      assert.equal(how[1], ends[name][1], name)
      assert.is_true(late > -0.01, name .. " came early")
      in_time = in_time and late < tolerance * times + ends.stall[2]
    end
    return in_time
  end

  hosts.each(function(host)
    if not host then
      return
    end
    it(host.name .. ": each ends in its time, and none delays another", function()
      patience.longer(function(times)
        local ends = run(host.name, times)
        return check_ends(ends, times, {
          stuck = { "timeout", settings.stuck.timeout },
          hole = { "timeout", settings.hole.connect_timeout },
          mute = { "timeout", settings.mute.timeout },
          slow = { "timeout", settings.slow.timeout },
          late = { "ok", 0.25 }, refused = { "connect", 0 }, fast = { ends.fast[1], 0 },
        })
      end)
    end)
  end)
end)
