-- A stuck resolver, a refused port, a black hole, a server that says nothing, slow and fast
-- endpoints: all at once, on each host.
local helper = require "spec.support.helper"
local hosts = require "spec.support.hosts"
local sandbox = require "spec.sandbox"
local settings = require "spec.support.mix_settings"
local socket = require "socket"

-- Seconds after which a timeout is too late, and a fast endpoint delayed, on a machine that does
-- not stand still itself. A quiet one keeps to 0.05 and 0.02; one that runs all specs at once,
-- under sanitizers, does not.
local tolerance = 0.25

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
    local answer = '{"access_token":"good","expires_in":3600}'
    urls = {
      fast = sb:script("fast", { body = answer }),
      slow = sb:script("slow", { body = answer, delay = 3 }),
      late = sb:script("late", { body = answer, delay = 0.25 }),
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
  local function run(host)
    local words = { states, "1", "0", "spec/support/mix.lua", host, sb.ca_file }
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

  local function check_end(ends, name, code, seconds)
    local late = ends[name][2] - seconds
    assert.equal(code, ends[name][1])
    assert.is_true(late > -0.01 and late < tolerance + ends.stall[2],
      ("%s: %.3f s late, of which %.3f the machine"):format(name, late, ends.stall[2]))
  end

  hosts.each(function(host)
    if not host then
      return
    end
    it(host.name .. ": each ends in its time, and none delays another", function()
      local ends = run(host.name)
      check_end(ends, "stuck", "timeout", settings.stuck.timeout)
      check_end(ends, "hole", "timeout", settings.hole.connect_timeout)
      check_end(ends, "mute", "timeout", settings.mute.timeout)
      check_end(ends, "slow", "timeout", settings.slow.timeout)
      check_end(ends, "late", "ok", 0.25)
      check_end(ends, "refused", "connect", 0)
      assert.is_true(tonumber(ends.fast[1]) >= 5, "the fast one was asked too seldom")
      check_end(ends, "fast", ends.fast[1], 0)
    end)
  end)
end)
