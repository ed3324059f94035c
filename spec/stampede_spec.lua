-- One login, however many ask: with libcurl, on a driver that only yields, the sandbox counts.
local bearer = require "bearer"
local core = require "bearer.core"
local patience = require "spec.support.patience"
local rehearsal = require "spec.support.rehearsal"
local stage = require "spec.support.provider_stage"

-- Under the sanitizers and valgrind each costs more.
local is_slow = os.getenv "SUITE_CHILD" or (os.getenv "LD_PRELOAD" or ""):find "vgpreload"
local many = is_slow and 200 or 1000
local delay = is_slow and 0.5 or 0.2 -- of an answer, in seconds: it comes when all have asked

local close = coroutine.close or function() end -- LuaJIT: it is never resumed again

local function start(count, f)
  local threads = {}
  for i = 1, count do
    threads[i] = coroutine.create(f)
  end
  return threads
end

-- Resume all that are not done, turn by turn; gives what each returned.
local function run(threads)
  local results, left, rounds = {}, #threads, 0
  while left > 0 do
    left, rounds = 0, rounds + 1
    assert(rounds < 1e6, "nobody gets on")
    for i, thread in ipairs(threads) do
      if coroutine.status(thread) == "suspended" then
        results[i] = { assert(coroutine.resume(thread)) }
        left = left + (coroutine.status(thread) == "suspended" and 1 or 0)
      end
    end
    bearer.poll(left > 0 and 1 or 0)
  end
  return results
end

describe("a stampede", function()
  local s

  setup(function()
    s = stage.open "oauth2_client_credentials"
  end)

  teardown(function()
    s:stop()
  end)

  before_each(function()
    bearer.use { wait = function()
      coroutine.yield()
    end }
    s.sb:tell("oauth2", { lifetime = 300, delay = delay })
  end)

  after_each(function()
    bearer.use "blocking"
    s:clear()
  end)

  local function count()
    return s.sb:count "oauth2"
  end

  local function all_the_same(results)
    local t = results[1][2]
    assert.equal("bearer.token", core.type(t), results[1][3])
    for _, result in ipairs(results) do
      assert.equal(t, result[2])
    end
    return t
  end

  it("at the start and at every renewal is one request", function()
    local login = s:login()
    local function ask()
      return login:token()
    end
    local generation = 1
    assert.equal(1, all_the_same(run(start(many, ask))):generation())
    assert.equal(1, count())
    for _, seconds in ipairs { 299, 245, 300, 3600 } do -- expired, mandatory, expired …
      s:pass(seconds)
      generation = generation + 1
      assert.equal(generation, all_the_same(run(start(many, ask))):generation())
      assert.equal(generation, count())
    end
    s:pass(200) -- advisory: nobody waits
    local results = run(start(many, ask))
    assert.equal(generation, results[1][2]:generation())
    run(start(1, function()
      repeat
        coroutine.yield()
      until login:token():generation() > generation
    end))
    assert.equal(generation + 1, count())
  end)

  it("by every method is one request", function()
    local login = s:login()
    local methods = { "token", "header", "headers", "refresh" }
    local threads = {}
    for i = 1, 40 do
      threads[i] = coroutine.create(function()
        return login[methods[i % #methods + 1]](login)
      end)
    end
    for _, result in ipairs(run(threads)) do
      assert.is_truthy(result[2], result[3])
    end
    assert.equal(1, count())
  end)

  it("that fails is one request, and one error for all", function()
    s.sb:tell("oauth2", { status = 401 })
    local login = s:login()
    for _, result in ipairs(run(start(many, function()
      return login:token()
    end))) do
      assert.is_nil(result[2])
      assert.equal(401, result[4] and result[4].status)
    end
    assert.equal(1, count())
  end)

  it("whose starter is killed while it waits is still one request", function()
    s.sb:tell("oauth2", { delay = 0.1 })
    local login = s:login()
    local threads = start(20, function()
      return login:token()
    end)
    for _ = 1, 3 do
      for _, thread in ipairs(threads) do
        coroutine.resume(thread)
      end
    end
    local killed = table.remove(threads, 1)
    assert.equal("suspended", coroutine.status(killed))
    close(killed)
    all_the_same(run(threads))
    assert.equal(1, count())
  end)

  it("whose waiters are all killed ends by the next call, still one request", function()
    s.sb:tell("oauth2", { delay = 0.05 })
    local login = s:login()
    local threads = start(20, function()
      return login:token()
    end)
    for _, thread in ipairs(threads) do
      coroutine.resume(thread)
      close(thread)
    end
    all_the_same(run(start(1, function()
      return login:token()
    end)))
    assert.equal(1, count())
  end)

  it("of refused tokens is one login", function()
    local login = s:login()
    run(start(1, function()
      return login:token()
    end))
    s.sb:revoke("oauth2", "access")
    for _, result in ipairs(run(start(50, function()
      return login:request { url = s.sb.calls.oauth2_client_credentials.url }
    end))) do
      assert.equal(200, result[2] and result[2].status, result[3])
    end
    assert.equal(2, s.sb:count("oauth2", "login"))
  end)

  it("on two logins is two requests", function()
    local one, other = s:login(), s:login()
    local turn = 0
    run(start(100, function()
      turn = turn + 1
      return (turn % 2 == 0 and one or other):token()
    end))
    assert.equal(2, count())
    assert.not_equal(one:token(), other:token())
  end)

  it("of rejected tokens is one request", function()
    local login = s:login()
    local old = all_the_same(run(start(1, function()
      return login:token()
    end)))
    assert.equal(2, all_the_same(run(start(many, function()
      return login:refresh(old)
    end))):generation())
    assert.equal(2, count())
  end)
end)

describe("an advisory renewal with the blocking driver", function()
  local s

  setup(function()
    s = stage.open "oauth2_client_credentials"
  end)

  teardown(function()
    s:stop()
  end)

  after_each(function()
    s:clear()
  end)

  it("gives the token at once, long before the answer, and is moved on by later calls", function()
    s.sb:tell("oauth2", { lifetime = 300 })
    local login = s:login()
    local old = s:token(login)
    s.sb:tell("oauth2", { delay = 0.3 })
    s:pass(200)
    assert.equal(old, login:token())
    assert.equal(1, s.sb:count("oauth2", "login", 200)) -- the first
    local calls, began = 0, os.time()
    while login:token() == old and os.time() - began < patience.limit do
      calls = calls + 1
    end
    assert.is_true(calls > 1)
    assert.equal(2, login:token():generation())
    assert.equal(2, s.sb:count "oauth2")
  end)

  it("that fails leaves the token, and is not tried again while it is held", function()
    s.sb:tell("oauth2", { lifetime = 300 })
    local login = s:login(nil, { retries = 0 })
    local old = s:token(login)
    s.sb:tell("oauth2", { status = 502 })
    s:pass(200)
    local began = os.time()
    repeat
      assert.equal(old, login:token())
    until login:status().failures == 1 or os.time() - began > patience.limit
    for _ = 1, 100 do
      assert.equal(old, login:token())
      assert(login:header())
    end
    assert.equal(2, s.sb:count "oauth2")
  end)
end)

describe("a transport that yields", function()
  local r

  before_each(function()
    r = rehearsal.new()
  end)

  after_each(function()
    r:stop()
  end)

  -- Yields until `r.open`; counts those that are at it.
  local function yielding(answer)
    return r:login { retries = 2, transport = function(request)
      r.sent.login = r:count() + 1
      r.at_work = coroutine.running()
      while not r.open do
        coroutine.yield(request)
      end
      return answer(r)
    end }
  end

  local function resume_all(threads)
    local results = {}
    for i, thread in ipairs(threads) do
      if coroutine.status(thread) == "suspended" then
        results[i] = { assert(coroutine.resume(thread)) }
      end
    end
    return results
  end

  it("is called once for many", function()
    local login = yielding(r.token { lifetime = 300 })
    local threads = start(many, function()
      return login:token()
    end)
    resume_all(threads)
    resume_all(threads)
    r.open = true
    for _, result in ipairs(resume_all(threads)) do
      assert.equal(1, result[2]:generation())
    end
    assert.equal(1, r:count())
  end)

  it("and raises has failed: the next call finds a hold, no flight that hangs", function()
    if _VERSION == "Lua 5.1" and not jit then
      return -- there nothing can be caught that may yield
    end
    local login = r:login { transport = function()
      r.sent.login = r:count() + 1
      error "s3cret: out of order"
    end }
    for _ = 1, 3 do
      local t, _, err = login:token()
      assert.is_nil(t)
      assert.same({ "network", "transient" }, { err.code, err.class })
      assert.is_nil(tostring(err):find("s3cret", 1, true))
    end
    assert.equal(1, r:count())
  end)

  it("and asks its own login gets an error, and the login goes on", function()
    local login, inner
    login = r:login { transport = function()
      r.sent.login = r:count() + 1
      inner = { login:token() }
      return r.token { lifetime = 300 }(r)
    end }
    assert(login:token())
    assert.is_nil(inner[1])
    assert.equal("pending", inner[3].code)
    login:forget()
    local _, t = coroutine.resume(coroutine.create(function()
      return login:token()
    end))
    assert.equal(2, t:generation())
    assert.equal("pending", inner[3].code)
    assert.equal(2, r:count())
  end)

  it("and asks another login gets its token", function()
    local inner = r:login()
    r:play(r.token { lifetime = 300 })
    local outer = r:login { transport = function()
      assert(inner:token())
      return r.token { lifetime = 300 }(r)
    end }
    assert(outer:token())
    assert.equal(1, inner:status().logins)
  end)

  it("in a coroutine that is gone: another one takes over", function()
    local login = yielding(r.token { lifetime = 300 })
    local threads = start(3, function()
      return login:token()
    end)
    resume_all(threads)
    local killed = table.remove(threads, 1)
    close(killed)
    r.open = true
    r:pass(coroutine.close and 0 or 32) -- LuaJIT: nobody knows until the time is up
    for _ = 1, 5 do
      resume_all(threads)
    end
    for _, thread in ipairs(threads) do
      assert.equal("dead", coroutine.status(thread))
    end
    if coroutine.close then
      assert.same({ "fresh", 2 }, { login:status().state, r:count() })
    else
      assert.same({ "none", 1, 1 }, { login:status().state, r:count(), login:status().failures })
      r:pass(2)
    end
    assert(login:token())
    assert.equal(2, r:count())
  end)

  if coroutine.close then
    it("in coroutines that are killed one after the other is taken over each time", function()
      local login = yielding(r.token { lifetime = 300 })
      local threads = start(4, function()
        return login:token()
      end)
      for i = 1, 3 do
        for _ = 1, 3 do
          resume_all(threads)
        end
        -- whoever is at it
        assert.equal(i, r:count())
        for at, thread in ipairs(threads) do
          if r.at_work == thread then
            close(table.remove(threads, at))
            break
          end
        end
      end
      assert.equal(1, #threads)
      r.open = true
      for _ = 1, 3 do
        resume_all(threads)
      end
      -- two retries are all there are
      assert.same({ "dead", "none", "lost" }, { coroutine.status(threads[1]), login:status().state,
        login:status().last_error.code })
    end)
  end

  it("and comes back after another took over changes nothing", function()
    local login = yielding(r.token { lifetime = 300 })
    local threads = start(2, function()
      return login:token()
    end)
    resume_all(threads)
    r:pass(32)
    local _, t, _, err = coroutine.resume(threads[2])
    assert.is_nil(t)
    assert.equal("lost", err.code)
    r.open = true
    r:pass(2)
    t = assert(login:token())
    resume_all(threads) -- the first one's answer comes now
    assert.equal(t, login:token())
    assert.same({ 1, 1, "fresh" }, { t:generation(), login:status().logins, login:status().state })
  end)
end)
