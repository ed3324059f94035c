-- Ten thousand logins to a few hundred endpoints at once, through one state.
local bearer = require "bearer"
local helper = require "spec.support.helper"
local patience = require "spec.support.patience"
local sandbox = require "spec.sandbox"
local socket = require "socket"

local endpoints = 300
local answer = '{"access_token":"t","expires_in":300}'

-- Sanitizers and valgrind are slow, and look for something else; plain Lua 5.1 is not our host.
local checked = (os.getenv "LD_PRELOAD" or os.getenv "SUITE_CHILD" or "") ~= ""
local few = checked or _VERSION == "Lua 5.1" and not jit -- luacheck: globals jit
local count = few and 500 or jit and 3000 or 10000

if (os.getenv "LD_PRELOAD" or ""):find "vgpreload" then
  return -- its processes would not be under valgrind
end

describe("very many logins at once", function()
  local sb, states, mute, mute_url, logins

  setup(function()
    sb = sandbox.start()
    states = helper.build_host "states"
  end)

  before_each(function()
    mute, logins = assert(socket.bind("127.0.0.1", 0)), {}
    mute_url = "https://127.0.0.1:" .. select(2, mute:getsockname())
    bearer.use "manual"
  end)

  after_each(function()
    for _, login in ipairs(logins) do
      login:close()
    end
    mute:close()
    bearer.use "blocking"
  end)

  teardown(function()
    sb:stop()
  end)

  -- So many logins, which have so many seconds.
  local function begin(number, url, timeout)
    local begun = {}
    for i = 1, number do
      begun[i] = bearer.login({ name = "x", inputs = {}, login = { url = url } }, {},
        { ca_file = sb.ca_file, timeout = timeout, connect_timeout = timeout, retries = 0 })
      bearer.prewarm(begun[i])
      logins[#logins + 1] = begun[i]
    end
    return begun
  end

  -- The first answer of each takes a while, so that all are begun by then.
  local function endpoints_that_wait(seconds)
    local urls = {}
    for i = 1, endpoints do
      local body = ('{"access_token":"token-%d","expires_in":3600}'):format(i)
      urls[i] = helper.quote(sb:script("many" .. i, {
        { body = body, delay = seconds }, { body = body, delay = 0.1 },
      }))
    end
    return table.concat(urls, " ")
  end

  it("all succeed, each with its own token, and leave no descriptor behind", function()
    local text
    patience.longer(function(times)
      text = helper.must(("ulimit -n 1024; %s 1 0 spec/support/many.lua %d %s %s")
        :format(states, count, helper.quote(sb.ca_file), endpoints_that_wait(0.5 * times)))
      print("# " .. text:match("^[^\n]*"))
      assert.equal(count, tonumber(text:match("succeeded (%d+)")), text)
      return tonumber(text:match("under way at once (%d+)")) > 0.9 * count
    end)
    assert.is_true(tonumber(text:match("at most (%d+)")) < 300) -- the host wants some, too
    assert.is_true(tonumber(text:match("idle (%d+)")) < 300)
    assert.equal("0", text:match("(%-?%d+) descriptors left"))
  end)

  it("to a host that does not answer leave room for another host", function()
    begin(400, mute_url, 900)
    local quick = begin(300, sb:script("quick", { body = answer, delay = 0.05 }), 900)
    repeat until bearer.poll(10) <= 400
    for _, login in ipairs(quick) do
      assert.equal("fresh", login:status().state)
    end
  end)

  it("that time out while they wait their turn are all told so at once", function()
    begin(300, mute_url, 900)
    patience.longer(function(times)
      local late = begin(3000, mute_url, 2 * times)
      local slow = { body = answer, delay = 3 * times }
      local other = begin(1, sb:script("other" .. times, slow), 900)[1]
      repeat
        bearer.poll(10)
      until other:status().state == "fresh"
      local told = 0
      for _, login in ipairs(late) do
        local err = login:status().last_error
        told = told + (err and err.code == "timeout" and 1 or 0)
      end
      return told == #late
    end)
  end)
end)
