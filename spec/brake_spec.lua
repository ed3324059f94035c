-- The brake on logins, where an API refuses every token: what it stops, and what it must not.
local bearer = require "bearer"
local core = require "bearer.core"
local rehearsal = require "spec.support.rehearsal"

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

describe("brake:", function()
  local r

  before_each(function()
    r = rehearsal.new()
    bearer.use { -- whoever waits, yields
      can_wait = function()
        local thread, is_main = coroutine.running()
        return thread ~= nil and not is_main, "pending"
      end,
      wait = function()
        coroutine.yield()
      end,
    }
  end)

  after_each(function()
    r:stop()
  end)

  -- A login whose transport yields when `slow` says so (a text in the URL), and an API where
  -- /never is answered 401, the rest according to `good`, a set of tokens.
  local function stage(changes)
    local s = { slow = {}, good = {}, lifetime = 86400, bought = 0 }
    local function transport(request)
      local kind = request.url:match "^https://[^/]+/(%w+)"
      r.sent[kind] = r:count(kind) + 1
      while s.slow[kind] do
        coroutine.yield()
      end
      if kind == "login" or kind == "refresh" then
        if s.fails then
          return { status = 502, body = "" }
        end
        s.bought = s.bought + 1
        s.good["token" .. s.bought] = true
        return { status = 200, body = ('{"access_token":"token%d","expires_in":%d%s}'):format(
          s.bought, s.lifetime, s.refresh and ',"refresh_token":"r"' or "") }
      end
      local token = request.headers.Authorization:match "^Bearer (.*)"
      return { status = kind ~= "never" and s.good[token] and 200 or 401, body = "" }
    end
    s.login = r:login({ transport = transport }, nil, changes)
    return s
  end

  -- A call in a coroutine of its own; `call.status` is what it gets.
  local function begin(s, path)
    local call = {}
    call.thread = coroutine.create(function()
      local response, message = s.login:request { url = path }
      call.status = response and response.status or message
    end)
    assert(coroutine.resume(call.thread))
    return call
  end

  -- Somebody asks for a token, and the renewal that this begins runs in that coroutine.
  local function renew(s)
    local caller = { thread = coroutine.create(function()
      s.login:token()
    end) }
    assert(coroutine.resume(caller.thread))
    return caller
  end

  local function go_on(...)
    for _ = 1, 20 do
      bearer.poll()
      for _, call in ipairs { ... } do
        if coroutine.status(call.thread) == "suspended" then
          assert(coroutine.resume(call.thread))
        end
      end
    end
  end

  local function ask(s, path)
    local call = begin(s, path)
    go_on(call)
    return call.status
  end

  -- One endpoint has had its way: no token is bought for a refused one, for a minute.
  local function braked(lifetime, changes)
    local s = stage(changes)
    s.lifetime, s.refresh = lifetime or s.lifetime, changes ~= nil
    assert.equal(401, ask(s, "/never"))
    assert.equal(2, s.bought)
    assert.equal(401, ask(s, "/never"))
    assert.equal(2, s.bought)
    return s
  end

  local refreshing = { refresh = rehearsal.refresh }

  -- ---- what costs no login ----------------------------------------------------------------

  it("another call's 401 came through, although the login held a newer token", function()
    local s = braked()
    s.slow.api = true
    local call = begin(s, "/api")
    local refresh = { thread = coroutine.create(function()
      assert(s.login:refresh())
    end) }
    go_on(refresh)
    assert.equal(3, s.bought)
    s.good.token2, s.slow.api = nil, nil
    go_on(call)
    assert.same({ 200, 3 }, { call.status, s.bought })
  end)

  for _, kind in ipairs { "login", "refresh" } do
    it(("another call's 401 came through, although a %s was under way"):format(kind), function()
      local s = braked(50, kind == "refresh" and refreshing or nil)
      r:pass(30) -- advisory, and the brake is on for another half minute
      assert.equal("advisory", s.login:status().state)
      s.slow[kind], s.slow.api = true, true
      local renewal, call = renew(s), begin(s, "/api")
      assert.equal(1, r:count "api")
      s.good.token2, s.slow.api = nil, nil -- the server has ended it
      local others = { begin(s, "/api"), begin(s, "/api") }
      go_on(call, unpack(others))
      assert.is_nil(call.status) -- it waits for the renewal
      s.slow[kind] = nil
      go_on(renewal, call, unpack(others))
      assert.same({ 200, 200, 200, 3 },
        { call.status, others[1].status, others[2].status, s.bought })
    end)
  end

  it("a refusal stands when the renewal that was under way fails, and the token stays", function()
    local s = braked(50)
    r:pass(30)
    s.slow.login, s.fails = true, true
    local renewal, call = renew(s), begin(s, "/never")
    go_on(call)
    assert.is_nil(call.status)
    s.slow.login = nil
    go_on(renewal, call)
    assert.equal(401, call.status)
    assert.same({ "advisory", 2 }, { s.login:status().state, s.bought })
    assert.equal(200, ask(s, "/api"))
  end)

  it("login:refresh(rejected) waits for the renewal that is under way", function()
    local s = braked(50)
    r:pass(30)
    s.slow.login = true
    local renewal = renew(s)
    local old, new
    local thread = coroutine.create(function()
      old = assert(s.login:token())
      new = assert(s.login:refresh(old))
    end)
    assert(coroutine.resume(thread))
    assert.is_false(s.login:reject(old)) -- it is handed out until there is another
    s.slow.login = nil
    go_on(renewal, { thread = thread })
    assert.same({ "token2", "token3" }, { old:value(), new:value() })
  end)

  it("a refused token that was dropped in the midst of its refresh cost a login", function()
    local s = stage(refreshing)
    s.lifetime, s.refresh = 50, true
    assert.equal(200, ask(s, "/api"))
    r:pass(30)
    s.slow.refresh, s.good.token1 = true, nil
    local renewal, call = renew(s), begin(s, "/api")
    go_on(call)
    s.slow.refresh = nil
    go_on(renewal, call)
    assert.same({ 200, 1, 1 }, { call.status, r:count(), r:count "refresh" })
  end)

  -- ---- events, not callers ----------------------------------------------------------------

  local function left(s)
    local seconds
    local thread = coroutine.create(function()
      local _, _, err = s.login:refresh(assert(s.login:token()))
      seconds = err.retry_after
    end)
    assert(coroutine.resume(thread))
    return seconds
  end

  -- Five calls that meet the same refused token.
  local function five_at_once(s)
    local calls = {}
    s.slow.never = true
    for i = 1, 5 do
      calls[i] = begin(s, "/never")
    end
    s.slow.never = nil
    go_on(unpack(calls))
    return calls
  end

  it("five calls at once made 60 s into 15 min", function()
    local s = stage()
    local calls = five_at_once(s)
    for _, call in ipairs(calls) do
      assert.equal(401, call.status)
    end
    assert.equal(2, s.bought)
    assert.near(60, left(s), 1e-6)
    r:pass(61)
    for i = 1, 5 do
      calls[i] = begin(s, "/never")
    end
    go_on(unpack(calls))
    assert.equal(3, s.bought)
    assert.near(120, left(s), 1e-6)
  end)

  it("one endpoint cost a login for each of its calls, while others were accepted", function()
    local s = stage()
    assert.equal(200, ask(s, "/api"))
    for _ = 1, 10 do
      s.slow.login = true
      local never = begin(s, "/never")
      go_on(never)
      s.slow.never, s.slow.login = true, nil -- its repetition takes longer than the others
      go_on(never)
      assert.equal(200, ask(s, "/api"))
      s.slow.never = nil
      go_on(never)
      assert.equal(401, never.status)
      r:pass(1)
    end
    assert.equal(2, s.bought)
    r:pass(60)
    assert.equal(401, ask(s, "/never"))
    assert.equal(3, s.bought)
  end)

  it("a token that was accepted is replaced once it is refused, though just bought", function()
    local s = stage()
    for bought = 2, 5 do
      assert.equal(200, ask(s, "/api"))
      s.good = {} -- the server has ended it
      assert.equal(200, ask(s, "/api"))
      assert.equal(bought, s.bought)
    end
  end)

  it("status() counts the tokens that were refused, not the calls that met it", function()
    local s = stage()
    five_at_once(s)
    for _ = 1, 5 do
      ask(s, "/never")
    end
    assert.equal(2, s.login:status().refused)
    s.login:reset()
    assert.equal(401, ask(s, "/never"))
    assert.equal(3, s.login:status().refused)
  end)
end)

describe("a required secret from a function that changes each time", function()
  local r, asked, secrets

  before_each(function()
    r = rehearsal.new()
    asked, secrets = {}, 0
    r:play(function()
      asked[#asked + 1] = core.now() - 1000
      return { status = 401, headers = {}, body = "" }
    end)
  end)

  after_each(function()
    r:stop()
  end)

  local function changing()
    secrets = secrets + 1
    return "secret" .. secrets
  end

  it("lifted every hold: 3000 wrong logins in ten minutes", function()
    local login = r:login({ retries = 2 }, { password = changing })
    for _ = 1, 3000 do
      login:token()
      r:pass(0.2)
    end
    assert.is_true(#asked <= 11, #asked)
    for i = 3, #asked do
      assert.is_true(asked[i] - asked[i - 1] >= 60 - 1e-6, asked[i])
    end
    assert.is_true(secrets <= 2 * #asked, secrets) -- nor is it asked for in vain
  end)

  it("lifts the first hold at once: somebody has put it right", function()
    local login = r:login(nil, { password = changing })
    assert.is_nil((login:token()))
    r:play(r.token { lifetime = 300 })
    assert(login:token())
  end)

  it("is told that it is held, in the minute after that, until reset() lifts it", function()
    local login = r:login(nil, { password = changing })
    login:token()
    login:token()
    assert.equal(2, #asked)
    local _, _, err = login:token()
    assert.same({ true, "terminal" }, { err.held, err.class })
    assert.is_true(login:status().hold > 60)
    r:play(r.token { lifetime = 300 })
    assert.is_nil((login:token()))
    login:reset()
    assert(login:token())
  end)

  it("lifts a hold again a minute later, though it is held for longer", function()
    local login = r:login(nil, { password = changing })
    login:token()
    login:token()
    r:pass(59.9)
    assert.is_nil((login:token()))
    assert.equal(2, #asked)
    r:pass(0.2)
    r:play(r.token { lifetime = 300 })
    assert(login:token())
  end)
end)
