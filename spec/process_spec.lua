-- States in threads, processes that fork, states that are closed in the middle of things.
local helper = require "spec.support.helper"
local patience = require "spec.support.patience"
local sandbox = require "spec.sandbox"

local answer = '{"access_token":"good","expires_in":3600}'

if (os.getenv "LD_PRELOAD" or ""):find "vgpreload" then
  return -- its processes would not be under valgrind
end

-- LSan itself falls over threads that begin or end while it looks.
local without_leaks = os.getenv "ASAN_OPTIONS" and ("ASAN_OPTIONS=%s:detect_leaks=0 ")
  :format(os.getenv "ASAN_OPTIONS") or ""

describe("in a process of its own,", function()
  local sb, url, states

  setup(function()
    sb = sandbox.start()
    states = helper.build_host "states"
  end)

  before_each(function()
    sb:reset()
    url = sb:script("x", { body = answer })
  end)

  teardown(function()
    sb:stop()
  end)

  local function start(command)
    local text = helper.must(helper.command(command))
    assert.equal("0", text:match("(%-?%d+) descriptors left"))
    return text, tonumber(text:match("closed in (%d+) ms"))
  end

  local function run(count, seconds, ...)
    local text, closing = start {
      "timeout", 600, states, count, seconds, "spec/support/login.lua", ...
    }
    assert.is_true(closing < 50000, "closing took " .. closing .. " ms") -- it would hang
    return text
  end

  -- Where lookups and files hang: neither the closing nor what it prints may take as long as that.
  local function run_stuck(how, at, ca_file)
    patience.longer(function(times)
      local text, closing = start { "env", "STUCK_SECONDS=" .. 2 * times, "timeout", 600, states, 1,
        3 * times, "spec/support/login.lua", how, at, ca_file }
      local answered = tonumber(text:match("answered in (%d+) ms") or 0)
      return closing < 1500 * times and answered < 1500 * times
    end)
  end

  it("a stuck DNS lookup outlasts neither the timeout nor the state", function()
    run_stuck("stuck", "https://stuck.example/", sb.ca_file)
  end)

  it("closing leaves a login under way behind", function()
    url = sb:script("x", { body = answer, delay = 120 })
    run(1, 0, "left", url, sb.ca_file)
    run_stuck("left", "https://stuck.example/", sb.ca_file)
  end)

  it("logins leave no descriptor behind", function()
    run(1, 0, "plain", url, sb.ca_file, 20)
  end)

  it("states in threads log in side by side", function()
    run(8, 0, "plain", url, sb.ca_file, 20)
    assert.equal(160, sb:count("x"))
  end)

  it("a child of fork leaves its parent's connections alone", function()
    run(1, 0, "forked", url, sb.ca_file)
    assert.equal(6, sb:count("x"))
  end)

  it("a child of fork does not wait for its parent's login", function()
    url = sb:script("x", { body = answer, delay = 0.3 })
    run(1, 0, "forked_in_flight", url, sb.ca_file)
    assert.equal(2, sb:count("x"))
  end)

  it("a fork in the midst of handshakes leaves no lock locked in the child", function()
    if os.getenv "ASAN_OPTIONS" then
      return pending "gcc's ASan leaves its own locks locked"
    end
    run(1, 0, "forked_often", url, sb.ca_file, 5)
    assert.equal(5 * (8 + 4), sb:count("x"))
  end)

  it("a thread is there from the first login until the state is closed", function()
    local text = run(1, 0, "threads", url, sb.ca_file)
    assert.matches("threads afterwards: 1\n", text, 1, true)
  end)

  it("no signal of the host's goes to that thread", function()
    url = sb:script("x", { body = answer, delay = 2 })
    run(1, 0, "signals", url, sb.ca_file)
  end)

  it("a child of fork that watches the descriptor hears of its parent's login", function()
    url = sb:script("x", { body = answer, delay = 0.5 })
    run(1, 0, "forked_loop", url, sb.ca_file)
  end)

  it("logins that are closed under way let go of their connections", function()
    url = sb:script("x", { body = answer, delay = 120 })
    run(1, 0, "closed", url, sb.ca_file, 3)
  end)

  it("a finalizer may ask for a token when the state is closing", function()
    local text = run(1, 2, "finalizer", url, sb.ca_file)
    assert.matches("the Lua state is closing", text, 1, true)
  end)

  it("logins work where the system grants no thread", function()
    run(1, 0, "without_threads", url, sb.ca_file)
    assert.equal(4, sb:count("x"))
  end)

  it("a login that gets no descriptors says so", function()
    local text = helper.must("ulimit -n 64; " .. helper.command {
      "timeout", 600, states, 1, 0, "spec/support/login.lua", "without_descriptors", url,
      sb.ca_file,
    })
    assert.is_true(tonumber(text:match("said so (%d+) times")) >= 2, text) -- a pipe's two ends
  end)

  it("a fork in the midst of a process's first login is no trouble", function()
    if os.getenv "ASAN_OPTIONS" then
      return pending "gcc's ASan leaves its own locks locked"
    end
    for _ = 1, 5 do
      run(1, 0, "forked_often", url, sb.ca_file, 1)
    end
    assert.equal(5 * (8 + 4), sb:count("x"))
  end)

  it("programs of the host's inherit none of our sockets", function()
    url = sb:script("x", { body = answer, delay = 0.2 })
    run(1, 0, "children", url, sb.ca_file)
  end)

  it("a daemon that closes all descriptors keeps the log files that it opens then", function()
    url = sb:script("x", { body = answer, delay = 0.2 })
    local log = helper.must("mktemp"):gsub("%s+$", "")
    run(1, 0, "daemon", url, sb.ca_file, log)
    os.remove(log)
  end)

  it("a file of certificates that hangs holds up nobody but its own login", function()
    run_stuck("hanging_file", url, sb.ca_file)
  end)

  it("a process may exit while states in other threads are at work", function()
    for _ = 1, 8 do
      helper.must(without_leaks .. helper.command {
        "timeout", 600, states, 6, 0, "spec/support/login.lua", "exits_beside_others", url,
        sb.ca_file,
      })
    end
  end)

  it("a program may exit in the midst of handshakes", function()
    for _ = 1, 10 do
      helper.must(without_leaks .. helper.command {
        "timeout", 600, helper.interpreter, "spec/support/login.lua", "exits", url, sb.ca_file,
      })
    end
  end)
end)
