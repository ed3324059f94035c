-- Ten thousand logins to a few hundred endpoints at once, through one state.
local bearer = require "bearer"
local helper = require "spec.support.helper"
local sandbox = require "spec.sandbox"
local socket = require "socket"

local endpoints = 300

-- Sanitizers and valgrind are slow, and look for something else; plain Lua 5.1 is not our host.
local checked = (os.getenv "LD_PRELOAD" or os.getenv "SUITE_CHILD" or "") ~= ""
local few = checked or _VERSION == "Lua 5.1" and not jit -- luacheck: globals jit
local count = few and 500 or jit and 3000 or 10000

if (os.getenv "LD_PRELOAD" or ""):find "vgpreload" then
  return -- its processes would not be under valgrind
end

describe("very many logins at once", function()
  local sb, states, urls

  setup(function()
    sb, urls = sandbox.start(), {}
    states = helper.build_host "states"
    for i = 1, endpoints do
      urls[i] = helper.quote(sb:script("many" .. i, {
        body = ('{"access_token":"token-%d","expires_in":3600}'):format(i), delay = 0.1,
      }))
    end
  end)

  teardown(function()
    sb:stop()
  end)

  it("all succeed, each with its own token, and leave no descriptor behind", function()
    local text = helper.must(("ulimit -n 1024; %s 1 0 spec/support/many.lua %d %s %s")
      :format(states, count, helper.quote(sb.ca_file), table.concat(urls, " ")))
    print("# " .. text:match("^[^\n]*"))
    assert.equal(count, tonumber(text:match("succeeded (%d+)")), text)
    assert.is_true(tonumber(text:match("under way at once (%d+)")) > 0.9 * count)
    assert.is_true(tonumber(text:match("at most (%d+)")) < 300) -- the host wants some, too
    assert.is_true(tonumber(text:match("idle (%d+)")) < 300)
    assert.equal("0", text:match("(%-?%d+) descriptors left"))
  end)

  it("to a host that does not answer leave room for another host", function()
    local mute, logins = assert(socket.bind("127.0.0.1", 0)), {}
    local function new(url, timeout)
      logins[#logins + 1] = bearer.login({ name = "x", inputs = {}, login = { url = url } }, {},
        { ca_file = sb.ca_file, timeout = timeout, connect_timeout = timeout, retries = 0 })
      bearer.prewarm(logins[#logins])
      return logins[#logins]
    end
    finally(function()
      for _, login in ipairs(logins) do
        login:close()
      end
      mute:close()
      bearer.use "blocking"
    end)
    bearer.use "manual"
    for _ = 1, 400 do
      new("https://127.0.0.1:" .. select(2, mute:getsockname()), 60)
    end
    local quick = new(sb:script("quick", { body = '{"access_token":"t","expires_in":300}' }), 10)
    repeat until bearer.poll(10) <= 400
    assert(quick:token())
  end)
end)
