-- login:reject: a host with an HTTP client of its own says that an API refused a token.
local bearer = require "bearer"
local core = require "bearer.core"
local patience = require "spec.support.patience"
local hosts = require "spec.support.hosts"
local rehearsal = require "spec.support.rehearsal"
local sandbox = require "spec.sandbox"
local shop = require "spec.support.shop"

describe("login:reject", function()
  local r

  before_each(function()
    r = rehearsal.new()
    r:play(r.token { lifetime = 7200 })
  end)

  after_each(function()
    r:stop()
  end)

  it("drops the token and begins a renewal", function()
    local login = r:login()
    local old = assert(login:token())
    assert.is_true(login:reject(old))
    assert.equal(2, r:count()) -- before anybody asks
    local new = assert(login:token())
    assert.same({ "token-1", "token-2" }, { old:value(), new:value() })
    assert.equal(2, r:count())
    assert.equal(1, login:status().refused)
    assert.equal("Bearer token-1", select(2, old:header())) -- who holds it, holds it
  end)

  it("takes the token, the value of its header, or its text", function()
    for _, given in ipairs {
      function(t) return t end,
      function(t) return (select(2, t:header())) end,
      function(t) return t:value() end,
    } do
      local login = r:login()
      local t = assert(login:token())
      assert.is_true(login:reject(given(t)))
      assert.not_equal(t, login:token())
      login:close()
    end
  end)

  it("gives one boolean, and nothing besides", function()
    local login = r:login()
    local t = assert(login:token())
    assert.same({ 1, false }, { select("#", login:reject "x"), (login:reject "x") })
    assert.equal(1, select("#", login:reject(t)))
    assert.equal(1, select("#", login:reject(t)))
  end)

  it("of a token that is not the one handed out does nothing", function()
    local login, other = r:login(), r:login()
    local foreign = assert(other:token())
    assert.is_false(login:reject(foreign)) -- there is none yet
    assert.is_false(login:reject "Bearer token-1")
    assert.equal("none", login:status().state)
    local old = assert(login:token())
    local new = assert(login:refresh())
    local count = r:count()
    for _, stranger in ipairs {
      old, old:value(), "Bearer " .. old:value(), foreign, "", "x", "Bearer", "Bearer ",
      "Basic " .. new:value(), new:value() .. "\n", new:value():sub(1, -2), "Bearer\0token-3",
      ("x"):rep(100000),
    } do
      assert.is_false(login:reject(stranger))
    end
    assert.equal(new, login:token())
    assert.equal(count, r:count())
    assert.equal(0, login:status().refused)
  end)

  it("many times with the same token costs one renewal", function()
    local login = r:login()
    local t = assert(login:token())
    local dropped = 0
    for _ = 1, 100 do
      dropped = dropped + (login:reject(t) and 1 or 0)
    end
    assert.same({ 1, 2, 1 }, { dropped, r:count(), login:status().refused })
  end)

  it("leaves alone what had just been bought for a refused token, for a minute", function()
    local login = r:login()
    assert.is_true(login:reject(assert(login:token())))
    local second = assert(login:token())
    assert.is_false(login:reject(second))
    r:pass(59)
    assert.is_false(login:reject(second))
    assert.equal(second, login:token())
    assert.equal(2, r:count())
    assert.equal(2, login:status().refused)
    r:pass(2)
    assert.is_true(login:reject(second))
    assert.equal(3, r:count())
    assert.equal("token-3", assert(login:token()):value())
  end)

  it("of one that was bought for a refused one, but served a minute, is no exception", function()
    local login = r:login()
    for count = 1, 5 do
      assert.is_true(login:reject(assert(login:token())))
      assert.equal(count + 1, r:count())
      r:pass(61)
    end
  end)

  it("costs an API that refuses everything few logins an hour, and fewer with the hours", function()
    local login, per_hour = r:login(), {}
    for hour = 1, 6 do
      local before = r:count()
      for _ = 1, 3600 do
        login:reject(assert(login:token()))
        r:pass(1)
      end
      per_hour[hour] = r:count() - before
    end
    assert.is_true(per_hour[1] <= 8, per_hour[1])
    for hour = 2, 6 do
      assert.is_true(per_hour[hour] <= 5, per_hour[hour]) -- one in a quarter of an hour
    end
  end)

  it("shares its limit with login:request", function()
    local login = r:login()
    r.answers_to.api = r.refusal(401)
    assert.equal(401, assert(login:request { url = "/api" }).status) -- and so was the second
    assert.is_false(login:reject(assert(login:token())))
    assert.equal(2, r:count())
    local other = r:login()
    assert.is_true(other:reject(assert(other:token())))
    local count = r:count()
    assert.equal(401, assert(other:request { url = "/api" }).status)
    assert.equal(count, r:count())
  end)

  it("is as good as new after login:reset", function()
    local login = r:login()
    assert.is_true(login:reject(assert(login:token())))
    assert.is_false(login:reject(assert(login:token())))
    login:reset()
    assert.is_true(login:reject(assert(login:token())))
  end)

  it("drops the token also when the next cannot be bought, and holds", function()
    local login = r:login()
    local t = assert(login:token())
    r:play(r.refusal(403))
    assert.is_true(login:reject(t))
    local none, _, err = login:header()
    assert.is_nil(none)
    assert.same({ "http_403", 2 }, { err.code, r:count() })
    assert.is_false(login:reject(t))
    assert.equal(2, r:count())
  end)

  it("takes the renewal that is under way already", function()
    local login = r:login()
    local yielding, sent = nil, 0
    bearer.use "manual"
    local slow = r:login { transport = function()
      sent = sent + 1
      if sent > 1 then
        yielding = coroutine.running()
        coroutine.yield()
      end
      return { status = 200, body = ('{"access_token":"t%d","expires_in":300}'):format(sent) }
    end }
    bearer.prewarm(slow)
    local t = assert(slow:token())
    r:pass(160)
    assert.equal(t, slow:token()) -- renewed in the background
    assert.equal(2, sent)
    assert.is_true(slow:reject(t))
    local none, _, err = slow:token()
    assert.same({ nil, "pending", 2 }, { none, err.code, sent })
    assert(coroutine.resume(yielding))
    assert.equal("t2", assert(slow:token()):value())
    login:close()
  end)

  it("may be called from within what the login calls", function()
    local login, rejected
    r:play(r.token { lifetime = 7200 })
    login = r:login { on_event = function(event)
      if event.event == "login" and event.logins == 1 then
        rejected = login:reject((select(2, login:header())))
      end
    end }
    assert(login:token())
    assert.is_true(rejected)
    assert.same({ 2, 1 }, { assert(login:token()):generation(), login:status().refused })
    local inner
    inner = r:login { transport = function()
      assert(not inner:reject "Bearer t")
      return { status = 200, body = '{"access_token":"t"}' }
    end }
    assert.is_true(inner:reject(assert(inner:token())))
    assert.equal(2, assert(inner:token()):generation())
  end)

  it("of a closed login is false", function()
    local login = r:login()
    local t = assert(login:token())
    login:close()
    assert.is_false(login:reject(t))
    assert.is_false(login:reject "x")
    assert.equal(1, r:count())
  end)

  it("raises where the caller stands on what is neither token nor text", function()
    local login = r:login()
    for got, wrong in pairs {
      ["nil"] = function() login:reject() end,
      number = function() login:reject(3) end,
      table = function() login:reject {} end,
      boolean = function() login:reject(true) end,
      ["bearer.login"] = function() login:reject(login) end,
      ["bearer.secret"] = function() login:reject(bearer.env "X") end,
    } do
      local ok, err = pcall(wrong)
      assert.is_false(ok)
      assert.truthy(err:find("reject_spec.lua:%d+: reject: a bearer.token or the value of its "
        .. "header expected, got "), err)
      assert.truthy(err:find("got " .. got, 1, true), err)
    end
    local ok, err = pcall(function()
      login.reject({}, "x")
    end)
    assert.is_false(ok)
    assert.truthy(err:find("reject_spec.lua:%d+: reject: a bearer.login expected, got table"), err)
  end)
end)

describe("login:reject, where the token is", function()
  local function rejects(changes, value_of)
    local login, sent = shop.login(changes)
    local t = assert(login:token())
    assert.is_false(login:reject "stranger")
    assert.is_true(login:reject(value_of(t)))
    assert.equal(2, #sent)
    assert.equal("t2", assert(login:token()):value())
    login:close()
  end

  local function header_value(t)
    return (select(2, t:header()))
  end

  local function value(t)
    return t:value()
  end

  it("a header of another name", function()
    local changes = { authorize = { headers = { ["X-Session"] = "id=${token}; v=1" } } }
    rejects(changes, header_value)
    rejects(changes, value)
  end)

  it("a header that a function makes, another one each time that it is asked", function()
    rejects({ authorize = { headers = { ["X-Key"] = function(v, f)
      return v.token .. f.uuid()
    end } } }, header_value)
  end)

  it("a query parameter or a JSON field, as CRM.COM has it", function()
    local fields = { token = "${token}" }
    rejects({ authorize = { query = fields, json = fields } }, value)
  end)

  it("a header of a scheme that the answer tells", function()
    local def = shop.definition()
    local transport, sent = shop.transport(function(_, count)
      return { body = { access_token = "t" .. count, token_type = "Token" } }
    end)
    local login = bearer.login(def, {}, { transport = transport })
    local name, given = login:header()
    assert.equal("Authorization", name)
    assert.is_true(login:reject(given))
    assert.equal(2, #sent)
  end)
end)

describe("login:reject, by driver:", function()
  local sb

  setup(function()
    sb = sandbox.start()
  end)

  before_each(function()
    sb:reset()
  end)

  after_each(function()
    bearer.use "blocking"
  end)

  teardown(function()
    sb:stop()
  end)

  local function new()
    return bearer.login("hubsoft", sb.credentials.hubsoft, { ca_file = sb.ca_file, retries = 0 })
  end

  hosts.each(function(host, why)
    if not host then
      return pending(tostring(why))
    end

    it(host.name .. " begins the renewal, and does not wait for it", function()
      host.use()
      local login = new()
      host.run(function()
        assert(login:header())
      end)
      local rounds = 1
      patience.longer(function(times)
        sb:tell("hubsoft", { delay = 0.6 * times })
        local took
        host.run(function()
          local _, given = assert(login:header())
          local from = core.now()
          assert.is_true(login:reject(given))
          assert.is_false(login:reject(given))
          took = core.now() - from
        end)
        login:reset() -- no limit
        host.run(function()
          assert(login:header())
        end)
        rounds = rounds + 1
        assert.same({ rounds, rounds, rounds - 1 }, { sb:count("hubsoft", "login"),
          login:status().logins, login:status().refused })
        return took < 0.4 * times
      end)
      login:close()
    end)

    it(host.name .. " moves it though nobody asks", function()
      if host.name == "blocking" then
        host.use()
        local login = new()
        assert(login:reject(assert(login:token())))
        local limit = core.now() + patience.limit
        while bearer.poll(50) > 0 do
          assert(core.now() < limit)
        end
        assert.equal("fresh", login:status().state)
        return login:close()
      end
      host.use()
      local login = new()
      host.run(function()
        assert.is_true(login:reject(assert(login:token())))
      end)
      host.settle(function()
        return login:status().state == "fresh"
      end)
      assert.equal(2, login:status().logins)
      login:close()
    end)
  end)

  it("manual, outside of coroutines", function()
    bearer.use "manual"
    local login = new()
    bearer.prewarm(login)
    while bearer.poll(20) > 0 do end -- luacheck: ignore
    local t = assert(login:token())
    sb:tell("hubsoft", { delay = 0.3 })
    assert.is_true(login:reject(t))
    local none, _, err = login:header()
    assert.same({ nil, "pending" }, { none, err.code })
    while bearer.poll(20) > 0 do end -- luacheck: ignore
    assert(login:header())
  end)
end)
