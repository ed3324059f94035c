-- Faults that were there once, by what was seen of them.
local bearer = require "bearer"
local core = require "bearer.core"
local rehearsal = require "spec.support.rehearsal"
local secrets = require "spec.support.secrets"
local shop = require "spec.support.shop"
local socket = require "socket"

describe("it happened once that", function()
  local r
  before_each(function()
    r = rehearsal.new()
  end)
  after_each(function()
    r:stop()
  end)

  it("a wrong password was tried every second, because the server said so", function()
    r:play(r.refusal(401, "1"))
    local login, now = r:login(), core.now()
    for second = 0, 600 do
      core.clock(now + second * 1.01, 1700000000 + second)
      login:token()
    end
    assert.is_true(r:count() <= 6, r:count() .. " attempts in ten minutes")
  end)

  it("an error said that the time was over, not what the server had said", function()
    r:play(r.refusal(500))
    r.jitter(0.99)
    local _, _, err = r:login({ timeout = 0.2, retries = 20 }):token()
    assert.equal("http_500", err.code)
  end)

  it("status() asked for the secret", function()
    local asked = 0
    r:play(r.refusal(401))
    local login = r:login(nil, { password = function()
      asked = asked + 1
      return "wrong"
    end })
    login:token()
    local before = asked
    for _ = 1, 10 do
      assert.is_number(login:status().hold)
    end
    assert.equal(before, asked)
  end)

  it("the token went into a header that the definition does not name", function()
    local login = shop.login({
      token = { keep = { sid = "sid" } },
      authorize = { headers = { ["X-Key"] = "${sid}.${token}" } },
    }, nil, { { body = { access_token = "t" } } })
    local name, _, err = login:header()
    assert.is_nil(name)
    assert.equal("no_token", err.code)
    assert.truthy(err.description:find("'sid'", 1, true))
  end)

  it("a page of maintenance in the middle of a login was taken for a wrong definition", function()
    local login = shop.login({ login = {
      { url = "https://shop.example/1", keep = { t = "t" } },
      { url = "https://shop.example/2", json = { t = "${t}" } },
    } }, nil, { { body = "<html>back soon</html>", headers = { ["content-type"] = "text/html" } } },
      { retries = 0 })
    local _, _, err = login:token()
    assert.same({ "bad_answer", "transient", 200 }, { err.code, err.class, err.status })
  end)

  it("a secret that a cut went through was shown", function()
    local secret = ("s3cr3t"):rep(20)
    for before = 0, 4000, 97 do
      local text = ("x "):rep(before) .. (secret .. " "):rep(40) .. ("y "):rep(20000)
      local login = shop.login({ inputs = { password = { secret = true } } }, { password = secret },
        { { status = 401, body = { error = "invalid_grant", error_description = text } } })
      local _, message, err = login:token()
      secrets.assert_absent({ message, err }, { "s3cr3t" })
      login:close()
    end
  end)

  it("a large whole number got an exponent in a URL", function()
    local url = shop.sends({ url = "https://shop.example/${id}" }, { id = {} },
      { id = 12345678901234567 }).url
    assert.matches("^https://shop%.example/1234567890123456%d$", url)
  end)

  it("a boolean was a password", function()
    assert.error_matches(function()
      bearer.login(rehearsal.definition(), { password = true })
    end, "inputs.password: a secret is a text")
  end)

  -- A login that refreshes in a coroutine; the answer comes when go() is called. The bodies of
  -- its logouts are in `ended`.
  local function refreshing()
    local ended, calls = {}, 0
    local definition = rehearsal.definition { refresh = rehearsal.refresh, logout = {
      url = "https://rehearsal.invalid/logout", form = { token = "${token}" },
    } }
    local login = bearer.login(definition, { password = "pw" }, { transport = function(request)
      if request.url:find("/logout", 1, true) then
        ended[#ended + 1] = request.body
        return { status = 200, headers = {}, body = "" }
      end
      calls = calls + 1
      if calls == 2 then
        coroutine.yield()
      end
      local body = '{"access_token":"t%d","refresh_token":"r%d","expires_in":3600}'
      return { status = 200, headers = {}, body = body:format(calls, calls) }
    end })
    assert(login:token())
    local refresh = coroutine.create(function() login:refresh() end)
    assert(coroutine.resume(refresh))
    return login, function() assert(coroutine.resume(refresh)) end, ended
  end

  before_each(function()
    bearer.use "blocking"
  end)

  it("a token that was forgotten came back with the refresh that was under way", function()
    local login, go = refreshing()
    login:forget()
    go()
    -- the one who had asked for the refresh got a login's token instead
    assert.equal(2, login:status().logins)
    assert.equal(3, login:status().generation)
  end)

  it("logout left the token alive that was on its way", function()
    local login, go, ended = refreshing()
    local logout = coroutine.create(function() return login:logout() end)
    assert(coroutine.resume(logout)) -- waits for the refresh
    go()
    assert.same({ true, true }, { coroutine.resume(logout) })
    assert.same({ "token=t2" }, ended)
    assert.equal("none", login:status().state)
  end)

  it("a logout that could not be sent cost the token of the refresh under way", function()
    local sb = require("spec.sandbox").start()
    sb:script("out", { { body = '{"access_token":"t1","refresh_token":"r","expires_in":300}' },
      { body = '{"access_token":"t2","refresh_token":"s","expires_in":300}', delay = 0.2 } })
    bearer.use "manual"
    core.clock()
    local url = sb.url .. "/scripted/out"
    local login = bearer.login({ name = "out", inputs = {}, login = { url = url },
      refresh = { url = url, form = { r = "${refresh_token}" } }, logout = { url = url },
    }, {}, { ca_file = sb.ca_file })
    bearer.prewarm(login)
    repeat until bearer.poll(10) == 0
    local _, _, err = login:refresh()
    assert.equal("pending", err.code)
    _, _, err = login:logout()
    assert.equal("cannot_wait", err.code)
    repeat until bearer.poll(10) == 0
    local token = login:token()
    sb:stop()
    assert.equal("t2", token and token:value())
  end)

  it("logout where nothing can be waited for brought the token back", function()
    local login, go, ended = refreshing()
    assert.is_true(login:logout())
    assert.same({ "token=t1" }, ended)
    go()
    assert.not_equal("t2", login:token():value())
  end)

  it("a login whose answer came before anybody looked for it was kept for ever", function()
    core.clock()
    r.jitter(0)
    local kept = setmetatable({}, { __mode = "v" })
    local function begin(driver, how)
      bearer.use(driver)
      for _ = 1, 20 do
        local login = bearer.login({
          name = "gone", inputs = {}, login = { url = "http://127.0.0.1:1/" }, -- nobody listens
        }, {}, { retries = 1 })
        kept[#kept + 1] = login
        how(login)
        assert.equal("connect", login:status().last_error.code)
      end
    end
    begin("blocking", function(login)
      assert.is_nil((login:token()))
    end)
    begin("manual", function(login)
      bearer.prewarm(login)
      repeat
        socket.sleep(0.005) -- its end has come before the poll
      until bearer.poll() == 0
    end)
    for _ = 1, 4 do
      collectgarbage()
    end
    assert.is_nil(next(kept))
  end)
end)
