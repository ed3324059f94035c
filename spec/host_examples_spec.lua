-- The examples of event loops and games, each run as a program of its own against the sandbox.
local helper = require "spec.support.helper"
local patience = require "spec.support.patience"
local sandbox = require "spec.sandbox"

if (os.getenv "LD_PRELOAD" or ""):find "vgpreload" then
  return -- its processes would not be under valgrind
end

describe("the example", function()
  local sb

  setup(function()
    sb = sandbox.start()
  end)

  teardown(function()
    sb:stop()
  end)

  before_each(function()
    sb:reset()
  end)

  local function run(example, ...)
    local known = sb.credentials.hubsoft
    return helper.run(helper.command {
      "env", "HUBSOFT_CLIENT_ID=" .. known.client_id, "HUBSOFT_SECRET=" .. known.client_secret,
      "HUBSOFT_USERNAME=" .. known.username, "HUBSOFT_PASSWORD=" .. known.password,
      helper.interpreter, "examples/" .. example, ...
    })
  end

  for _, package in ipairs { "cqueues", "luv" } do
    local test = pcall(require, package) and it or pending

    test(package .. ".lua: ten workers, one login, and the clock goes on", function()
      patience.longer(function(times)
        sb:reset()
        sb:tell("hubsoft", { delay = 0.3 * times })
        local output, status = run(package .. ".lua", sb.host, sb.ca_file)
        assert.equal(0, status, output)
        for i = 1, 10 do
          assert.matches(("worker %d: HTTP 200\n"):format(i), output)
        end
        local logins, ticks = output:match("(%d+) login, (%d+) ticks of the clock meanwhile\n$")
        assert.equal("1", logins)
        assert.equal(1, sb:count("hubsoft", "logins"))
        assert.equal(10, sb:count("hubsoft", "calls", 200))
        return tonumber(ticks) >= 5
      end)
    end)

    test(package .. ".lua says why a login fails", function()
      local output, status = run(package .. ".lua", sb.host)
      assert.equal(0, status)
      assert.matches("worker 10: hubsoft: [^\n]*%(tls; POST https://[^\n]*%)\n", output)
      assert.equal(0, sb:count("hubsoft", "logins"))
    end)
  end

  it("game_loop.lua: a hundred players join, and frames go on", function()
    patience.longer(function(times)
      sb:reset()
      local url = sb:script("game", {
        body = '{"access_token":"good","expires_in":3600}', delay = 0.2 * times,
      })
      local output, status = run("game_loop.lua", url, sb.ca_file, tostring(patience.limit))
      assert.equal(0, status, output)
      local joined, frames = output:match("(%d+) of 100 players joined in (%d+) frames\n$")
      assert.equal("100", joined, output)
      local counted = 0
      for count in output:gmatch("(%d+) frames\n") do
        counted = counted + tonumber(count)
      end
      assert.equal(2 * tonumber(frames), counted) -- the histogram's, and the last line's
      assert.equal(100, sb:count "game")
      return tonumber(frames) >= 20
    end)
  end)

  it("game_loop.lua ends when nobody answers", function()
    local url = sb:script("game", { body = "{}", delay = 60 })
    local output = run("game_loop.lua", url, sb.ca_file, "0.5")
    assert.matches("0 of 100 players joined", output)
  end)

  for _, example in ipairs { "cqueues.lua", "luv.lua", "game_loop.lua" } do
    it(example .. " says how it is called", function()
      local output, status = run(example)
      if not output:find("module '[^']*' not found") then
        assert.matches("^" .. example:gsub("%.", "%%.") .. " [A-Z]", output)
        assert.equal(2, status)
      end
    end)
  end
end)
