-- An error that is raised at any instruction, by a debug hook that limits a program's time say: the
-- same login answers within its timeout, and nothing stays under way.
local bearer = require "bearer"
local core = require "bearer.core"
local patience = require "spec.support.patience"
local sandbox = require "spec.sandbox"

local jit = rawget(_G, "jit")
local is_slow = os.getenv "SUITE_CHILD" or (os.getenv "LD_PRELOAD" or ""):find "vgpreload"
local stride = tonumber(os.getenv "BEARER_STRIDE") or is_slow and 23 or jit and 17 or 5
local timeout = 0.05 -- seconds

local function answer()
  return { status = 200, headers = {}, body = '{"access_token":"t","refresh_token":"r"}' }
end

local function new(url, options)
  options.timeout, options.retries = timeout, 0
  return bearer.login({
    name = "shop",
    inputs = { password = { secret = true } },
    base_url = url,
    login = {
      url = url, json = { p = "${password}" },
      expect = function()
        return true
      end,
    },
    refresh = { url = url .. "?refresh", json = { r = "${refresh_token}" } },
    logout = { url = url .. "?logout", json = { t = "${token}" } },
  }, {
    password = function()
      return "p"
    end,
  }, options)
end

-- Run f, with an error at its count-th instruction. Was there one?
local function interrupted(count, f)
  local fired = false
  local function fire()
    debug.sethook()
    if not fired then
      fired = true
      error("the time is over", 0)
    end
  end
  pcall(function()
    debug.sethook(fire, "", count)
    f()
    debug.sethook()
  end)
  debug.sethook()
  return fired
end

-- What a login answers, for as long as it may take.
local function ask(login)
  local look = patience.of(timeout + 1.5)
  local token, _, err
  repeat
    token, _, err = login:token()
    bearer.poll(1)
    look("no answer: " .. tostring(err))
  until token or err.code ~= "pending"
  return token, err
end

local function ask_in_coroutine(login)
  local token, err, is_done
  local co = coroutine.create(function()
    token, err = ask(login)
    is_done = true
  end)
  assert(coroutine.resume(co))
  local look = patience.of(timeout + 1.5)
  while not is_done do
    bearer.poll(1)
    look "no answer in a coroutine"
  end
  return token, err
end

local drivers = {
  blocking = { run = function(f) f() end, ask = ask },
  manual = {
    run = function(f)
      local co = coroutine.create(f)
      local ok, why = coroutine.resume(co)
      local limit = core.now() + 1
      while coroutine.status(co) ~= "dead" and bearer.poll(100) > 0 and core.now() < limit do
        assert(ok, why)
      end
    end,
    ask = ask_in_coroutine,
  },
}

local acts = {
  ["a login"] = function(login) assert(login:token()) end,
  ["a header"] = function(login) assert(login:header()) end,
  ["a refresh"] = function(login) assert(login:token()) assert(login:refresh()) end,
  ["a request"] = function(login) assert(login:request { url = "/x" }) end,
  ["a logout"] = function(login) assert(login:token()) assert(login:logout()) end,
  ["a reject"] = function(login)
    assert(login:reject(assert(login:token())))
    bearer.poll()
  end,
  ["prewarming"] = function(login) bearer.prewarm(login) bearer.poll() end,
}

describe("an error at any instruction of", function()
  local sb, url

  setup(function()
    sb = sandbox.start()
    url = sb:script("x", { body = answer().body })
    bearer.warn = function() end
    if jit then
      jit.off() -- hooks are called by the interpreter
    end
  end)

  local warn = bearer.warn

  teardown(function()
    bearer.warn = warn
    sb:stop()
    if jit then
      jit.on()
    end
  end)

  before_each(function()
    patience.settle(5)
  end)

  after_each(function()
    debug.sethook()
    bearer.use "blocking"
  end)

  local function survives(how, act, address, options, times)
    local driver = drivers[how]
    bearer.use(how)
    local count = 1
    repeat
      local login = new(address, options())
      local fired = interrupted(count, function()
        driver.run(function()
          pcall(act, login)
        end)
      end)
      local token, err = driver.ask(login)
      assert.is_true(token ~= nil or err ~= nil)
      local look = patience.of(1)
      while not token do -- a machine that is busy may miss the timeout, time and again
        look(tostring(err))
        login:reset()
        token, err = driver.ask(login)
      end
      login:close()
      count = count + stride * (times or 1)
    until not fired or count > 1500 -- the longer it takes, the more often it is polled
    patience.settle(2 * timeout + 2) -- a request that nobody waits for ends by itself
  end

  for how in pairs(drivers) do
    for name, act in pairs(acts) do
      it(("%s, by a transport, %s"):format(name, how), function()
        survives(how, act, "https://shop.example/", function()
          return { transport = answer, on_event = function() end }
        end)
      end)

      local by_libcurl = (name == "a refresh" or name == "a request") and it or function() end
      by_libcurl(("%s, by libcurl, %s"):format(name, how), function()
        survives(how, act, url, function()
          return { ca_file = sb.ca_file, on_event = function() end }
        end, 5)
      end)
    end
  end

  it("a listener leaves the others theirs", function()
    for count = 1, 400, stride do
      local told = 0
      local login = new("https://shop.example/", {
        transport = answer, on_event = function() told = told + 1 end,
      })
      interrupted(count, function() login:token() end)
      ask(login)
      login:reset()
      assert(ask(login))
      assert(login:refresh())
      bearer.poll()
      assert.is_true(told >= 1, "no event is told any more")
      login:close()
    end
  end)
end)
