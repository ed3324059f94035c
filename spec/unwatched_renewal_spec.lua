-- A program that calls once in a while, and nothing polls in between: what was begun in the
-- background has long come to its end when it is looked at.
local bearer = require "bearer"
local core = require "bearer.core"
local sandbox = require "spec.sandbox"
local shop = require "spec.support.shop"

describe("a renewal in the background that nobody has looked at for an hour", function()
  local sb, login

  setup(function()
    sb = sandbox.start()
  end)

  teardown(function()
    sb:stop()
  end)

  before_each(function()
    sb:reset()
    core.clock(1000, 1700000000)
  end)

  after_each(function()
    login:close()
    core.clock()
  end)

  local function token(value)
    return { body = ('{"access_token":"%s","expires_in":300,"refresh_token":"r-%s"}'):format(value,
      value) }
  end

  -- A login in whose advisory window such a refresh (nil: a login) was begun; an hour later.
  local function leave(logins, refreshes)
    login = bearer.login(shop.definition {
      login = { url = (sb:script("login", logins)), form = { a = "b" } },
      refresh = refreshes and { url = (sb:script("refresh", refreshes)),
        form = { r = "${refresh_token}" } } or nil,
    }, {}, { ca_file = sb.ca_file, retries = 0 })
    assert.equal("one", assert(login:token()):value())
    core.clock(1200, 1700000200)
    assert.equal("advisory", login:status().state)
    core.step(core.prewarm(login)) -- as a call does, which looks for an answer as well
    core.clock(4600, 1700003600)
  end

  it("had failed, and the call got the old error, though the server was well", function()
    leave { token "one", { status = 503 }, token "two" }
    assert.equal("two", assert(login:token()):value())
    assert.equal(3, sb:count "login")
  end)

  it("had been refused: that is told, and held from now on", function()
    leave { token "one", { status = 401 }, token "two" }
    local _, _, err = login:token()
    assert.equal("http_401", err.code)
    assert.near(60, login:status().hold, 1e-6)
    assert.equal(2, sb:count "login")
  end)

  it("was a refresh that had failed, and the call was told that its time was over", function()
    leave({ token "one", token "two" }, { { status = 503 } })
    assert.equal("two", assert(login:token()):value())
    assert.same({ 2, 1 }, { sb:count "login", sb:count "refresh" })
  end)

  it("had brought a token that was over by then, and the call got that as an error", function()
    leave({ token "one" }, { token "two", token "three" })
    assert.equal("three", assert(login:token()):value())
    assert.same({ 1, 2 }, { sb:count "login", sb:count "refresh" })
  end)

  it("is followed by one login, whose failure is told", function()
    leave { token "one", { status = 503 }, { status = 502 } }
    local _, _, err = login:token()
    assert.same({ "http_502", false }, { err.code, err.held or false })
    assert.is_true(select(3, login:token()).held)
    assert.equal(3, sb:count "login")
  end)
end)
