-- What is read from an answer: expectations, kept values, the token, its lifetime, refusals.
local core = require "bearer.core"
local cjson = require "cjson"
local encode = require "spec.support.encode"
local shop = require "spec.support.shop"

local SHOP = "https://shop.example/login"
local DATE = "Tue, 14 Nov 2023 22:13:20 GMT" -- 1700000000

-- The token of one answer, or nil, a sentence and the error.
local function token_of(token, body, headers)
  local login = shop.login({ token = token }, nil, { { body = body, headers = headers } })
  return login:token()
end

describe("expect:", function()
  local function judge(expect, body)
    local login, sent = shop.login({ login = { url = SHOP, expect = expect } }, nil,
      { { body = body } })
    local token, _, err = login:token()
    return token ~= nil, err, #sent
  end
  it("as a map: each path must lead to its value, or one of them", function()
    local expect = { ["status.code"] = { "OK", "ok" }, ["list[2]"] = true }
    for _, case in ipairs {
      { true, { code = "OK" }, { false, true } }, { true, { code = "ok" }, { 1, true } },
      { false, { code = "Ok" }, { 1, true } }, { false, { code = "OK" }, { true } },
      { false, "OK", { 1, true } }, { false, cjson.null, cjson.null },
      { false, { code = { "OK" } } },
    } do
      local ok, err = judge(expect, { access_token = "t", status = case[2], list = case[3] })
      assert.equal(case[1], ok)
      assert.equal(case[1], err == nil)
    end
  end)
  it("that is not met is a refusal with the provider's own code and words", function()
    local ok, err, count = judge({ success = true },
      { success = false, error = "no_seats", error_description = "All taken" })
    assert.is_false(ok)
    assert.equal("no_seats", err.code)
    assert.equal("terminal", err.class)
    assert.equal("All taken", err.description)
    assert.equal(200, err.status)
    assert.equal(1, count)
  end)
  it("as a function: ok, or nothing, a code and a message", function()
    local function is_fine(answer)
      return answer.fine
    end
    assert.is_true((judge(is_fine, { access_token = "t", fine = 1 })))
    local ok, err = judge(function() return false, "mfa_required", "a code is needed" end, {})
    assert.is_false(ok)
    assert.equal("mfa_required", err.code)
    assert.equal("a code is needed", err.description)
  end)
  for how, f in pairs {
    ["raises"] = function(answer) return answer.a.b.c end,
    ["gives nothing"] = function() end,
    ["gives odd things"] = function() return nil, {}, print end,
  } do
    it("as a function that " .. how .. " is not met", function()
      local ok, err = judge(f, { access_token = "t" })
      assert.is_false(ok)
      assert.equal("string", type(err.code))
    end)
  end
end)

describe("keep:", function()
  it("of a request is known in the ones after it, with its type", function()
    local login, sent = shop.login({
      login = {
        { url = "https://shop.example/1", keep = { sid = { "x.y", "session[1].id" }, all = "o" } },
        {
          url = "https://shop.example/2", json = { sid = "${sid}", all = "${all}" },
          keep = { n = "n" },
        },
        { url = "https://shop.example/3", json = { n = "${n}", sid = "s=${sid}" } },
      },
      authorize = { headers = { ["X-Session"] = "${sid}/${token}" } },
    }, nil, {
      { body = { session = { { id = "S1" } }, o = { a = { 1, true } } } },
      { body = { n = 5 } }, {},
    })
    local token = assert(login:token())
    assert.same({ sid = "S1", all = { a = { 1, true } } }, cjson.decode(sent[2].body))
    assert.same({ n = 5, sid = "s=S1" }, cjson.decode(sent[3].body))
    assert.equal("S1/t3", token:headers()["X-Session"])
    assert.equal("S1", token:get "sid")
    assert.same({ a = { 1, true } }, token:get "all")
    assert.equal(5, token:get "n")
    assert.is_nil(token:get "nothing")
    assert.is_nil(token:get "token")
  end)
  it("of the token is known in refresh, logout, authorize and base_url", function()
    local login, sent = shop.login({
      token = { keep = { api = "instance_url", id = { "none", "user.id" } } },
      base_url = "${api}/v2",
      refresh = { url = "${api}/refresh", form = { id = "${id}", rt = "${refresh_token}" } },
      logout = { url = "${api}/logout", form = { id = "${id}" } },
      authorize = { headers = { Authorization = "Token ${token}", ["X-User"] = "${id}" } },
    }, nil, { { body = {
      access_token = "t", refresh_token = "r",
      instance_url = "https://eu.example", user = { id = 7 },
    } } })
    assert(login:request { url = "items" })
    assert.equal("https://eu.example/v2/items", sent[2].url)
    assert.equal("7", sent[2].headers["X-User"])
    assert.equal("Token t", sent[2].headers.Authorization)
    assert(login:refresh())
    assert.equal("https://eu.example/refresh", sent[3].url)
    assert.equal("id=7&rt=r", sent[3].body)
    assert(login:logout())
    assert.equal("https://eu.example/logout", sent[4].url)
    assert.equal("id=7", sent[4].body)
  end)
  it("survives a refresh that does not tell it again", function()
    local login, sent = shop.login({
      token = { keep = { api = "api" } },
      refresh = { url = "${api}/refresh", form = { rt = "${refresh_token}" } },
    }, nil, {
      { body = { access_token = "a", refresh_token = "r", api = "https://eu.example" } },
      { body = { access_token = "b" } },
    })
    assert(login:token())
    assert.equal("https://eu.example", assert(login:refresh()):get "api")
    assert(login:refresh())
    assert.equal("https://eu.example/refresh", sent[3].url)
  end)
end)

describe("token paths:", function()
  local cases = {
    { "$", '"tok"', "tok" }, { "$", "tok", "tok" }, { "a.b", { a = { b = "tok" } }, "tok" },
    { "a[1].b", { a = { { b = "tok" } } }, "tok" }, { "a[2]", { a = { "x", "tok" } }, "tok" },
    { { "x", "a.x", "b" }, { a = { x = cjson.null }, b = "tok" }, "tok" },
    { { "b", "c" }, { b = "tok", c = "other" }, "tok" },
  }
  for i, case in ipairs(cases) do
    it("find the value (" .. i .. ")", function()
      local headers = case[2] == "tok" and { ["content-type"] = "text/plain" } or nil
      assert.equal(case[3], assert(token_of({ value = case[1] }, case[2], headers)):value())
    end)
  end
  for i, case in ipairs {
    { "a.b", { a = "b" } }, { "a[1]", { a = { x = 1 } } }, { "a", { a = cjson.null } },
    { "a", "[]" },
    { "a", { a = { "t" } } }, { "a", { a = 5.5 } }, { "a", { a = true } }, { "a", { a = "" } },
  } do
    it("that lead to no text are no token (" .. i .. ")", function()
      local token, _, err = token_of({ value = case[1] }, case[2])
      assert.is_nil(token)
      assert.equal("no_token", err.code)
    end)
  end
  it("find type, scope and refresh token, or are false", function()
    local body = { access_token = "t", token_type = "mac", scope = "a b", refresh_token = "r" }
    local token = assert(token_of(nil, body))
    assert.equal("mac", token:type())
    assert.equal("a b", token:scope())
    token = assert(token_of({ type = false, scope = false }, body))
    assert.equal("Bearer", token:type())
    assert.is_nil(token:scope())
    body = { t = { v = "t", type = "bEARER", s = { "a", "b" } } }
    token = assert(token_of({ value = "t.v", type = "t.type", scope = { "x", "t.s" } }, body))
    assert.equal("Bearer", token:type())
    assert.equal("a b", token:scope())
  end)
end)

describe("lifetimes:", function()
  before_each(function()
    core.clock(1000, 1700000000)
  end)
  after_each(function()
    core.clock()
  end)
  local function jwt(claims)
    return encode.jwt(cjson.encode(claims))
  end
  local function life(token, body, headers)
    body.access_token = body.access_token or "t"
    local got, _, err = token_of(token, body, headers)
    return got and got:expires_in(), err
  end

  for _, case in ipairs {
    { "s", 3600, 3600 }, { "s", "3600", 3600 }, { "s", " 90.5 ", 90.5 }, { "ms", 3600000, 3600 },
    { "min", 60, 3600 }, { "min", "1.5", 90 }, { "clock", "01:00:00", 3600 },
    { "clock", "00:01:30", 90 }, { "clock", "100:00:00", 360000 }, { nil, 3600, 3600 },
    { "h", 2, 7200 }, { "d", 1, 86400 }, { "ms", "1h", 3600 }, { "clock", "PT1H", 3600 },
  } do
    it(("expires_in %s in %s"):format(tostring(case[2]), tostring(case[1])), function()
      assert.near(case[3], life({ unit = case[1] }, { expires_in = case[2] }), 1e-6)
    end)
  end
  for _, bad in ipairs { -1, "soon", {}, true, "1e300", 1e300, "0x10", "nan", "" } do
    it("expires_in that makes no sense says nothing: " .. tostring(bad), function()
      assert.same({}, { life(nil, { expires_in = bad }) })
      assert.equal(40, life({ lifetime = 40 }, { expires_in = bad }))
    end)
  end
  for _, case in ipairs {
    { nil, 1700003600 }, { nil, "1700003600" }, { "ms", 1700003600000 },
    { nil, "2023-11-14T23:13:20Z" }, { nil, "2023-11-14T23:13:20.123Z", 0.123 },
    { nil, "2023-11-15T00:13:20+01:00" }, { nil, "2023-11-14 23:13:20" },
    { nil, "Tue, 14 Nov 2023 23:13:20 GMT" },
  } do
    it("expires_at " .. tostring(case[2]) .. " in " .. (case[1] or "s"), function()
      local token, fraction = { expires_at = "until", unit = case[1] }, case[3] or 0
      local body = { ["until"] = case[2] }
      assert.near(3600 + fraction, life(token, body), 1e-6)
      core.clock(1000, 1600000000) -- this clock is off: the server's Date counts
      assert.near(3600 + fraction, life(token, body, { date = DATE }), 1e-6)
      assert.near(3590 + fraction, life(token, body, { date = DATE, age = "10" }), 1e-6)
    end)
  end
  it("expires_at in the past is a bad answer, one that is no time says nothing", function()
    for _, past in ipairs { 1699999999, "2023-11-14T21:13:20Z" } do
      local none, err = life({ expires_at = "x" }, { x = past }, { date = DATE })
      assert.is_nil(none)
      assert.equal("bad_answer", err.code)
    end
    for _, odd in ipairs { "tomorrow", {}, 0 } do
      assert.equal(40, life({ expires_at = "x", lifetime = 40 }, { x = odd }, { date = DATE }))
    end
  end)

  it("whole numbers stay whole, in v, in texts and in token:get", function()
    local login = shop.login({
      token = { keep = { n = "n", f = "f" } },
      authorize = { headers = { ["X-Text"] = "${n} ${f}", ["X-V"] = function(v)
        return v.n .. " " .. v.f
      end } },
    }, nil, { { body = '{"access_token":"t","n":42.0,"f":1.5}' } })
    local token = assert(login:token())
    assert.equal("42 1.5", token:headers()["X-Text"])
    assert.equal("42 1.5", token:headers()["X-V"])
    assert.same({ "42", "1.5" }, { tostring(token:get "n"), tostring(token:get "f") })
  end)
  it("a JWT tells its own: exp - iat, numbers or texts, or exp against the Date", function()
    assert.equal(930, life(nil, { access_token = jwt { exp = 1414149956, iat = 1414149026 } }))
    assert.equal(7200, life(nil, { access_token = jwt { exp = "1700007200", iat = "1700000000" } }))
    assert.equal(100, life(nil, { access_token = jwt { exp = 1700000100 } }, { date = DATE }))
    for _, claims in ipairs { { exp = 5, iat = 5 }, { exp = 1, iat = 5 }, { exp = "x" }, {} } do
      assert.is_nil(life(nil, { access_token = jwt(claims) }))
    end
    assert.is_nil(life(nil, { access_token = "a.b.c" }))
  end)
  it("the first that is known counts: expires_in, expires_at, the JWT, the definition", function()
    local token = { expires_at = "at", lifetime = 40 }
    local body = { expires_in = 10, at = 1700000020, access_token = jwt { exp = 130, iat = 100 } }
    assert.equal(10, life(token, body))
    body.expires_in = nil
    assert.equal(20, life(token, body))
    body.at = nil
    assert.equal(30, life(token, body))
    body.access_token = "opaque"
    assert.equal(40, life(token, body))
    assert.is_nil(life(nil, body))
    assert.equal(40, life({ lifetime = 40 }, { expires_in = 0 })) -- neither for ever nor dead
    assert.equal(40, life({ lifetime = 40 }, { expires_in = cjson.null }))
    assert.equal(40, life({ lifetime = 40, expires_in = false }, { expires_in = 10 }))
  end)
  it("are counted from the moment of sending", function()
    local login = shop.login({}, nil, function()
      core.clock(1007, 1700000007)
      return { body = { access_token = "t", expires_in = 100 } }
    end)
    assert.equal(93, assert(login:token()):expires_in())
    assert.equal(1700000100, login:token():expires_at())
  end)
end)

describe("error:", function()
  local def = {
    base_url = "https://shop.example",
    error = {
      code = { "err.id", "code" }, message = "err.text", denied = { "dead", 17 },
      throttled = { "slow" }, refused = { "stale", 42 },
    },
  }
  local function refusal(body, status, headers)
    local login = shop.login(def, nil, { { status = status, body = body, headers = headers } })
    local token, _, err = login:token()
    assert.is_nil(token)
    return err
  end
  it("code and message are found by their paths, numbers too", function()
    local err = refusal({ err = { id = "odd", text = "How odd" }, code = "x" }, 400)
    assert.equal("odd", err.code)
    assert.equal("How odd", err.description)
    assert.same({ id = "odd", text = "How odd" }, err.details.err)
    assert.equal("5", refusal({ code = 5 }, 400).code)
    assert.equal("http_400", refusal({}, 400).code)
    assert.equal("http_400", refusal("<html>", 400).code)
  end)
  it("message is looked for in the usual places where the definition names none", function()
    local function said(body, changes, headers)
      local login = shop.login(changes, nil, { { status = 400, body = body, headers = headers } })
      local _, _, err = login:token()
      return err.description
    end
    local body = { error_description = "1", message = "2", detail = "3", title = "4",
      error = { message = "5" }, errors = { { message = "6" } } }
    for i, name in ipairs { "error_description", "message", "detail", "title", "error",
      "errors" } do
      assert.equal(tostring(i), said(body))
      body[name] = nil
    end
    assert.equal("the server answered HTTP 400", said(body))
    assert.equal("2", said { error_description = "", message = 2 })
    assert.equal("the server answered HTTP 400", said({ message = "2" },
      { error = { message = false } }))
    assert.equal("the server answered HTTP 400", said "go away") -- unless it is asked for:
    local bare = { error = { message = { "text", "$" }, code = "$" } }
    assert.equal("go away", said(" go away\n", bare, { ["content-type"] = "text/plain" }))
    assert.equal("go away", said('"go away"', bare))
    assert.equal("more", said({ text = "more" }, bare))
    assert.equal("the server answered HTTP 400", said({ other = "less" }, bare))
  end)
  it("a bare text that may be the token is not shown", function()
    local refuse = { url = "https://shop.example/login", expect = function()
      return false
    end }
    local login = shop.login({ login = refuse, token = { value = "$" }, error = { message = "$" } },
      nil, { { body = '"t0ken-of-somebody"' } })
    assert.is_nil(select(2, login:token()):find("t0ken", 1, true))
    for value, rest in pairs { ['"Bearer t0ken-x"'] = "t0ken-x", [776655443] = "776655443" } do
      login = shop.login({ login = refuse }, nil, { {
        body = ('{"access_token":%s,"message":"no: %s"}'):format(value, rest),
      } })
      assert.is_nil(select(2, login:token()):find(rest, 1, true))
    end
  end)
  it("a bare text may be the code", function()
    local login = shop.login({ error = { code = "$", denied = { "LOCKED" } } }, nil,
      { { status = 500, body = '"LOCKED"' } })
    local _, _, err = login:token()
    assert.same({ "LOCKED", "terminal" }, { err.code, err.class })
  end)
  it("denied codes are terminal whatever the status, throttled ones throttled", function()
    assert.equal("terminal", refusal({ code = "dead" }, 500).class)
    assert.equal("terminal", refusal({ code = 17 }, 503).class)
    assert.equal("throttled", refusal({ code = "slow" }, 400).class)
    assert.equal("transient", refusal({ code = "other" }, 500).class)
  end)
  for status, class in pairs {
    [400] = "terminal", [401] = "terminal", [403] = "terminal", [404] = "terminal",
    [302] = "terminal", [408] = "transient", [429] = "throttled", [500] = "transient",
    [502] = "transient", [503] = "transient", [504] = "transient",
  } do
    it(("HTTP %d is %s"):format(status, class), function()
      local err = refusal({}, status)
      assert.equal(class, err.class)
      assert.equal("http_" .. status, err.code)
      assert.equal(status, err.status)
    end)
  end
  it("Retry-After counts in seconds or to a date, within a second and an hour", function()
    for text, seconds in pairs {
      ["7"] = 7, ["0"] = 1, ["999999"] = 3600, ["Tue, 14 Nov 2023 22:13:50 GMT"] = 30,
      ["Tue, 14 Nov 2023 22:13:10 GMT"] = 1,
    } do
      local err = refusal({}, 429, { ["retry-after"] = text, date = DATE })
      assert.equal(seconds, err.retry_after)
      assert.equal("throttled", err.class)
    end
  end)
  for _, case in ipairs {
    { true, { code = "stale" } }, { true, { code = 42 } }, { true, { err = { id = "stale" } } },
    { false, { code = "dead" } }, { false, "stale" },
  } do
    local what = cjson.encode(case[2])
    it("refused codes in an API's answer end the token: " .. what, function()
      local login, sent = shop.login(def, nil, { {}, { body = case[2], status = 200 }, {}, {} })
      assert(login:request { url = "/items" })
      assert.equal(case[1] and 4 or 2, #sent)
      assert.equal(case[1] and 2 or 1, login:status().logins)
    end)
  end
end)
