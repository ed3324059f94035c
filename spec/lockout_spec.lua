-- Accounts are locked after a few wrong passwords: what a server says to one, in whatever form, is
-- asked for once, and then held.
local bearer = require "bearer"
local helper = require "spec.support.helper"
local rehearsal = require "spec.support.rehearsal"
local sandbox = require "spec.sandbox"
local shop = require "spec.support.shop"

describe("lockout:", function()
  local r

  before_each(function()
    r = rehearsal.new()
  end)

  after_each(function()
    r:stop()
  end)

  local function says(status, body, headers)
    return function()
      return { status = status, headers = headers or {}, body = body }
    end
  end

  -- A program that asks each second, for so long: how often was the server asked?
  local function asked(login, seconds)
    for _ = 1, seconds do
      login:token()
      r:pass(1)
    end
    return r:count()
  end

  -- ---- a 2xx without a token ------------------------------------------------------------

  local refusals = {
    ["a code and words"] = '{"error":"bad_login","error_description":"wrong password"}',
    ["words alone"] = '{"error_description":"wrong password"}',
    ["words of its own"] = '{"success":false,"reason":"wrong password"}',
    ["a token that is null"] = '{"access_token":null,"ok":0}',
    ["a token that is empty"] = '{"access_token":"","ok":0}',
    ["a token that is false"] = '{"access_token":false}',
    ["a token that is a table"] = '{"access_token":{"why":"wrong password"}}',
    ["a sentence as the token"] = '{"access_token":"wrong password"}',
    ["an empty object"] = "{}", ["an empty list"] = "[]", ["a number"] = "0", ["false"] = "false",
  }

  for what, body in pairs(refusals) do
    it("five wrong passwords in 20 s, where a 2xx answers " .. what, function()
      r:play(says(200, body))
      local login = r:login { retries = 2 }
      assert.equal(1, asked(login, 50))
      local _, _, err = login:token()
      assert.same({ "terminal", 200, true }, { err.class, err.status, err.held })
    end)
  end

  it("five wrong passwords in 20 s, where a text that is no token answers", function()
    r:play(says(200, "wrong password", { ["content-type"] = "text/plain" }))
    local login = r:login({ retries = 2 }, nil, { token = { value = "$" } })
    assert.equal(1, asked(login, 50))
    local _, _, err = login:token()
    assert.same({ "no_token", "terminal" }, { err.code, err.class })
  end)

  it("a 2xx without a token is told in the server's own words", function()
    r:play(says(200, '{"success":false,"error_description":"Your password is too old.","left":2}'))
    local _, message, err = r:login():token()
    assert.same({ "no_token", "Your password is too old.", 2, "login" },
      { err.code, err.description, err.details.left, err.step })
    assert.truthy(message:find("failed: Your password is too old. (no_token, HTTP 200", 1, true))
  end)

  it("a 2xx without a token and words says that there is none, and shows no secret", function()
    r:play(says(200, '{"success":false,"echo":"s3cret","session":{"refresh_token":"r3fresh"}}'))
    local _, message, err = r:login():token()
    assert.equal("no_token", err.code)
    assert.matches("holds no token", message)
    assert.equal("***", err.details.echo)
    assert.is_nil(err.details.session.refresh_token)
  end)

  it("a living token showed in the details, where the definition looks in another place", function()
    local jwt = "eyJhbGciOiJub25lIn0.eyJleHAiOjE3MDAwMDM2MDB9.x"
    r:play(says(200, ([[{"jwt":"%s","data":{"id":"0f8c2f0e-6f0d-4b1e-9c3e-2a55d1a7e0b1",
      "ids":["%s"]},"state":"ok","until":"2027-01-01T00:00:00Z","left":12345678901234567890,
      "message":"%s"}]]):format(jwt, jwt, jwt)))
    local _, message, err = r:login():token()
    local data = { id = "***", ids = { "***" } }
    assert.same({ jwt = "***", data = data, state = "ok", ["until"] = "***",
      left = 12345678901234567890, message = "***" }, err.details)
    assert.equal("the answer holds no token at access_token; it has: data.id, data.ids, jwt, "
      .. "left, message, state, until", err.description)
    assert.is_nil(message:find("eyJ", 1, true))
  end)

  it("a greeting hid that there was no token where it was looked for", function()
    r:play(says(200, '{"jwt":"abc","message":"Welcome back"}'))
    local _, message, err = r:login():token()
    assert.same({ "no_token", "Welcome back" }, { err.code, err.description })
    assert.truthy(message:find("the answer holds no token at access_token; it has: jwt, message",
      1, true))
  end)

  it("a sentence where the token should be masked words of our own", function()
    r:play(says(200, '{"access_token":"sorry, no token"}'))
    local _, _, err = r:login():token()
    assert.equal("the answer holds a token, but it is no text that a header can carry",
      err.description)
  end)

  it("a 2xx without a token that asks to come later is believed", function()
    r:play(says(200, '{"status":"busy"}', { ["retry-after"] = "7" }))
    local login = r:login()
    local _, _, err = login:token()
    assert.same({ "no_token", "throttled", 7 }, { err.code, err.class, err.retry_after })
    assert.equal(7, login:status().hold)
  end)

  it("five wrong passwords in 20 s, where a 2xx that holds no token says Retry-After: 1", function()
    r:play(says(200, '{"ok":false}', { ["retry-after"] = "1" }))
    assert.equal(2, asked(r:login(), 60)) -- it is believed once
  end)

  it("five wrong passwords in 20 s, where the first of two requests is refused by a 2xx", function()
    local changes = { login = {
      { url = "https://rehearsal.invalid/login", form = { password = "${password}" },
        keep = { sid = "sid" } },
      { url = "https://rehearsal.invalid/session", form = { sid = "${sid}" } },
    } }
    r:play(says(200, '{"ok":false,"error_description":"wrong password"}'))
    local login = r:login({ retries = 2 }, nil, changes)
    assert.equal(1, asked(login, 50))
    local _, _, err = login:token()
    assert.same({ "no_token", "terminal", "wrong password", 200 },
      { err.code, err.class, err.description, err.status })
    assert.equal(0, r:count "session")
  end)

  it("five wrong passwords in 20 s, where calls need what the answer does not hold", function()
    r:play(says(200, '{"access_token":"guest"}'))
    local login = r:login(nil, nil, {
      token = { keep = { tenant = "tenant" } },
      authorize = { headers = { ["X-Key"] = "${tenant}.${token}" } },
    })
    assert.equal(1, asked(login, 50))
    local _, _, err = login:token()
    assert.same({ "no_token", "terminal" }, { err.code, err.class })
    assert.matches("'tenant'", err.description)
  end)

  it("a refresh that is answered without a token is followed by one login", function()
    r:play(r.token { lifetime = 300, refresh = "r1" })
    local login = r:login({ retries = 2 }, nil, { refresh = rehearsal.refresh })
    assert(login:token())
    r.answers_to = { refresh = says(200, "{}"), login = says(200, "{}") }
    r.sent = {}
    local _, _, err = login:refresh()
    assert.same({ "no_token", "login" }, { err.code, err.step })
    assert.same({ 1, 1 }, { r:count "refresh", r:count() })
  end)

  -- ---- answers that are broken ----------------------------------------------------------

  for what, body in pairs {
    ["is empty"] = "", ["is HTML"] = "<html>back soon</html>",
    ["breaks off"] = '{"access_token":"t',
    ["is no JSON"] = "{nonsense}", ["is a bare text"] = "upstream timeout",
  } do
    it("a password that is sent three times in one call, when the answer " .. what, function()
      r:play(says(200, body))
      local login = r:login { retries = 2 }
      local _, _, err = login:token()
      assert.same({ "bad_answer", "transient" }, { err.code, err.class })
      assert.equal(1, r:count())
      assert.equal(1, login:status().hold) -- and may be there in a second
    end)
  end

  it("a one-time code that is sent three times, when the server dies with 500, is new each time",
    function()
      local codes = 0
      r:play(says(500, ""), says(503, ""), r.token { lifetime = 300 })
      local login = r:login({ retries = 2 }, { password = "p", code = function()
        codes = codes + 1
        return "code" .. codes
      end })
      assert(login:token())
      assert.same({ 3, 3 }, { r:count(), codes })
      assert.matches("code=code3", r.last.body)
    end)

  -- ---- 503 -------------------------------------------------------------------------------

  it("a 503 without Retry-After failed the call at once", function()
    r:play(says(503, ""), says(503, ""), r.token { lifetime = 300 })
    local login = r:login { retries = 2 }
    assert(login:token())
    assert.equal(3, r:count())
  end)

  it("a 503 that says when is not asked again before", function()
    for _, after in ipairs { "2.5", "2.5, 2.5" } do
      r.sent = {}
      r:play(says(503, "", { ["retry-after"] = after }))
      local login = r:login { retries = 2 }
      local _, _, err = login:token()
      assert.same({ "throttled", 2.5, 1 }, { err.class, err.retry_after, r:count() })
    end
  end)

  it("two headers Retry-After, as hosts with lists give them", function()
    r:play(says(429, "", { ["retry-after"] = { "7", "7" } }))
    local _, _, err = r:login():token()
    assert.equal(7, err.retry_after)
  end)
end)

describe("lockout, on the wire:", function()
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

  local function login_at(url, options)
    options.ca_file = sb.ca_file
    return bearer.login(shop.definition { login = { url = url, form = { a = "b" } } }, {}, options)
  end

  for what, answer in pairs {
    ["a body shorter than announced"] = { body = '{"access_token":"t"}', truncate = true },
    ["bytes that are no gzip"] = { gzip = "this is no gzip" },
    ["more than max_response"] = { body = (" "):rep(5000) .. '{"access_token":"t"}' },
  } do
    it("a login is sent three times in one call after " .. what, function()
      local url = sb:script("x", answer)
      local login = login_at(url, { retries = 2, max_response = 4096 })
      local token, _, err = login:token()
      assert.is_nil(token)
      assert.equal("transient", err.class)
      assert.equal(1, sb:count("x"))
      login:close()
    end)
  end

  for what, source in pairs {
    ["one-time code"] = { code = { secret = true, optional = true } },
    ["refresh token"] = { refresh_token = { secret = true } },
  } do
    it(("a %s was sent again, as the request after it could not leave"):format(what), function()
      local name = next(source)
      local first = sb:script("x", { body = '{"session":"s"}' })
      local login = bearer.login(shop.definition {
        inputs = source,
        login = {
          { url = first, form = { [name] = "${" .. name .. "}" }, keep = { session = "session" } },
          { url = "https://127.0.0.1:1/", form = { session = "${session}" } },
        },
      }, { [name] = function() return "c0de" end }, { ca_file = sb.ca_file, retries = 2 })
      local _, _, err = login:token()
      assert.same({ "connect", "POST https://127.0.0.1:1/" }, { err.code, err.request })
      assert.equal(1, sb:count("x"))
      login:close()
    end)
  end

  -- ---- the proxy's password -------------------------------------------------------------

  local function proxy(record, status)
    local next_line = helper.spawn(helper.command { helper.interpreter, "spec/support/proxy.lua",
      record, status })
    return "http://user:wrong@127.0.0.1:" .. assert(next_line())
  end

  local function count(path, word)
    local file = assert(io.open(path))
    local text = file:read "*a"
    file:close()
    return select(2, text:gsub(word, ""))
  end

  it("fifteen wrong passwords of a proxy in 20 s", function()
    local record = os.tmpname()
    local login = login_at(sb:script("x", { body = '{"access_token":"t"}' }),
      { retries = 2, proxy = proxy(record, "407") })
    local token, message, err = login:token()
    assert.is_nil(token)
    assert.same({ "proxy", "terminal", 407, false }, { err.code, err.class, err.status,
      err.held or false })
    assert.matches("407", message)
    assert.is_true(login:status().hold > 50)
    for _ = 1, 5 do
      assert.is_true(select(3, login:token()).held)
    end
    assert.equal(1, count(record, "CONNECT"))
    login:close()
    os.remove(record)
  end)

  it("a wrong password of a proxy, sent by the refresh and by the login after it", function()
    local record = os.tmpname()
    local url = proxy(record, "407")
    local asks = 0
    local login = bearer.login(shop.definition {
      login = { url = (sb:script("x", { body = "{}" })), form = { a = "b" } },
      refresh = { url = (sb:script("y", { body = "{}" })), form = { r = "${refresh_token}" } },
    }, {}, { ca_file = sb.ca_file, proxy = url, transport = function(request, send)
      asks = asks + 1
      if asks > 1 then
        return send(request)
      end
      return { status = 200, body = '{"access_token":"t","refresh_token":"r","expires_in":900}' }
    end })
    assert(login:token())
    local _, _, err = login:refresh()
    assert.same({ "proxy", "terminal", 407, "refresh" }, { err.code, err.class, err.status,
      err.step })
    assert.equal(1, count(record, "CONNECT"))
    assert.equal("t", assert(login:token()):value())
    login:close()
    os.remove(record)
  end)
end)
