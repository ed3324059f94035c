-- What each method of a login and of a token gives.
local bearer = require "bearer"
local core = require "bearer.core"
local secrets = require "spec.support.secrets"
local shop = require "spec.support.shop"

local T0 = 1700000000

after_each(function()
  core.clock()
end)

local function open(...)
  core.clock(0, T0)
  return shop.login(...)
end

local function pass(seconds)
  core.clock(seconds, T0 + seconds)
end

local bought = {
  access_token = "tok-1", token_type = "bearer", scope = "a b", refresh_token = "ref-1",
  expires_in = 3600, user = { id = 7 },
}

describe("login:", function()
  it("does nothing until it is asked, then logs in once", function()
    local login, sent = open()
    assert.equal(0, #sent)
    local token = assert(login:token())
    assert.equal(token, login:token())
    assert.equal("Authorization", (login:header()))
    assert.same({ Authorization = "Bearer t1" }, login:headers())
    assert.equal(1, #sent)
  end)
  it("header() is two texts", function()
    local login = open(nil, nil, { { body = bought } })
    for _ = 1, 3 do
      local name, value, more = login:header()
      assert.same({ "Authorization", "Bearer tok-1" }, { name, value, more })
    end
    assert.equal(1, select("#", login:status()))
  end)
  it("headers(t) adds to t, and gives t", function()
    local login = open { authorize = {
      headers = { Authorization = "Token ${token}", ["X-Site"] = "shop" },
    } }
    local t = { Accept = "text/html", Authorization = "old" }
    assert.equal(t, login:headers(t))
    assert.same({ Accept = "text/html", Authorization = "Token t1", ["X-Site"] = "shop" }, t)
    assert.same({ "Authorization", "Token t1" }, { login:header() })
  end)
  it("headers() gives a new table each time", function()
    local login = open()
    login:headers().Authorization = "spoilt"
    assert.equal("Bearer t1", login:headers().Authorization)
  end)

  local ways = {
    headers = {
      nil, { url = "/x" }, { url = "/x", headers = { Authorization = "Bearer t1" } },
    },
    ["headers beside others"] = {
      { headers = { ["X-Key"] = "${token}" } }, { headers = { a = "b" } },
      { headers = { a = "b", ["X-Key"] = "t1" } },
    },
    query = {
      { query = { token = "${token}" } }, { query = { q = "1" } },
      { query = { q = "1", token = "t1" } },
    },
    ["json when there is a JSON body"] = {
      { query = { token = "${token}" }, json = { token = "${token}" } }, { json = { a = 1 } },
      { json = { a = 1, token = "t1" } },
    },
    ["query when there is none"] = {
      { query = { token = "${token}" }, json = { token = "${token}" } }, { form = { a = 1 } },
      { form = { a = 1 }, query = { token = "t1" } },
    },
    ["query beside a JSON list"] = {
      { query = { t = "${token}" }, json = { t = "${token}" } }, { json = { 1 } },
      { json = { 1 }, query = { t = "t1" } },
    },
  }
  for where, case in pairs(ways) do
    it("authorize puts the token into the " .. where .. " and gives the same table", function()
      local login = open { authorize = case[1] }
      local request = case[2]
      assert.equal(request, login:authorize(request))
      assert.same(case[3], request)
      assert.same(case[3], login:token():authorize(request)) -- again: the same once more
    end)
  end

  it("forget drops the token; the next call logs in", function()
    local login, sent = open(nil, nil, { { body = bought } })
    local token = assert(login:token())
    assert.is_nil(login:forget())
    assert.equal("none", login:status().state)
    assert.not_equal(token, assert(login:token()))
    assert.equal(2, #sent)
    assert.equal("Bearer tok-1", select(2, login:header()))
  end)
  it("forget lets header() hand out no forgotten one", function()
    local login, sent = open()
    assert.equal("Bearer t1", select(2, login:header()))
    login:forget()
    assert.equal("Bearer t2", select(2, login:header()))
    assert.equal(2, #sent)
  end)

  it("logout ends the token at the provider, and forgets it", function()
    local login, sent = open({ logout = {
      url = "https://shop.example/logout", bearer = "${token}", form = { rt = "${refresh_token}" },
    } }, nil, { { body = bought }, { status = 204, body = "" } })
    assert.is_true(login:logout()) -- nothing to end
    assert.equal(0, #sent)
    assert(login:token())
    assert.is_true(login:logout())
    assert.equal("https://shop.example/logout", sent[2].url)
    assert.equal("Bearer tok-1", sent[2].headers.Authorization)
    assert.equal("rt=ref-1", sent[2].body)
    assert.equal("none", login:status().state)
    assert.is_true(login:logout())
    assert.equal(2, #sent)
  end)
  it("logout where there is none just forgets", function()
    local login, sent = open()
    assert(login:token())
    assert.is_true(login:logout())
    assert.equal("none", login:status().state)
    assert.equal(1, #sent)
  end)
  for what, answer in pairs {
    http_500 = { status = 500, body = { error_description = "not now tok-1" } }, network = "gone",
    refused = { body = { ok = false } },
  } do
    it("logout that fails forgets all the same, and says so: " .. what, function()
      local login = open({ logout = {
        url = "https://shop.example/logout", bearer = "${token}", expect = { ok = true },
      } }, nil, { { body = bought }, answer })
      assert(login:token())
      local ok, _, err = login:logout()
      assert.is_nil(ok)
      assert.equal(what, err.code)
      assert.equal("logout", err.step)
      assert.equal("shop", err.provider)
      secrets.assert_absent(err, { "tok-1", "ref-1" })
      assert.equal("none", login:status().state)
    end)
  end

  it("status tells all, and no secret", function()
    local login = open(nil, nil, { { body = bought }, { status = 401, body = {} } })
    assert.same({
      state = "none", generation = 0, logins = 0, refreshes = 0, failures = 0, refused = 0,
    }, login:status())
    assert(login:token())
    pass(600)
    assert.same({
      state = "fresh", expires_in = 3000, generation = 1, logins = 1, refreshes = 0, failures = 0,
      refused = 0,
    }, login:status())
    login:forget()
    local _, _, err = login:token()
    local status = login:status()
    assert.equal(1, status.failures)
    assert.equal(60, status.hold)
    assert.equal(err.code, status.last_error.code)
    secrets.assert_absent(status, { "tok-1", "ref-1" })
  end)
  it("state follows the token's age", function()
    local login = open(nil, nil, { { body = bought }, "gone" })
    assert(login:token())
    for seconds, state in pairs {
      [0] = "fresh", [3000] = "fresh", [3400] = "advisory", [3550] = "mandatory",
      [3595] = "expired",
      [99999] = "expired",
    } do
      pass(seconds)
      assert.equal(state, login:status().state)
      assert.matches("^bearer%.login %(shop, " .. state .. "%)$", tostring(login))
    end
  end)
  it("tostring shows no secret", function()
    local login = open({ inputs = { p = { secret = true } } }, { p = "hunter22" },
      { { body = bought } })
    local token = assert(login:token())
    assert.equal("bearer.login (shop, fresh)", tostring(login))
    assert.equal("bearer.token (shop, generation 1, fresh)", tostring(token))
    assert.equal("bearer.provider (shop)", tostring(bearer.provider(shop.definition())))
    secrets.assert_absent({ login, token }, { "hunter22", "tok-1", "ref-1" })
  end)

  describe("closed:", function()
    it("twice is fine; each call answers nil, a sentence and an error with code closed", function()
      local login, sent = open(nil, nil, { { body = bought } })
      local token = assert(login:token())
      assert(login:header())
      login:close()
      login:close()
      for _, method in ipairs { "token", "header", "headers", "refresh", "logout" } do
        local none, _, err = login[method](login)
        assert.is_nil(none, method)
        assert.equal("closed", err.code)
        assert.equal("closed", err.class)
        assert.equal("shop", err.provider)
        assert.matches("the login is closed", tostring(err))
      end
      assert.equal("closed", select(3, login:authorize { url = "/" }).code)
      assert.equal("closed", select(3, login:request { url = "https://shop.example/" }).code)
      assert.equal("closed", select(3, token:refresh()).code)
      login:forget()
      login:reset()
      assert.equal("closed", login:status().state)
      assert.equal("bearer.login (shop, closed)", tostring(login))
      assert.equal(1, #sent)
    end)
    it("its tokens live on", function()
      local login = open(nil, nil, { { body = bought } })
      local token = assert(login:token())
      login:close()
      assert.equal("Bearer tok-1", select(2, token:header()))
    end)
    it("while it logs in: the answer comes too late", function()
      local login
      login = open(nil, nil, function()
        login:close()
        return { body = bought }
      end)
      local token, _, err = login:token()
      assert.is_nil(token)
      assert.equal("closed", err.code)
    end)
  end)

  it("is collected with its token when nobody holds it", function()
    local weak = setmetatable({}, { __mode = "v" })
    local function use()
      local login = open()
      weak.token = assert(login:token())
      assert(login:header())
      weak.login = login
    end
    use()
    for _ = 1, 4 do
      collectgarbage()
    end
    assert.is_nil(weak.login)
    assert.is_nil(weak.token)
  end)
  it("stays alive as long as a token of it, which may refresh", function()
    local token = assert((open()):token())
    for _ = 1, 4 do
      collectgarbage()
    end
    assert.equal("t2", assert(token:refresh()):value())
  end)

  it("methods want a login", function()
    local login = open()
    local token = assert(login:token())
    for _, method in ipairs {
      "token", "header", "headers", "authorize", "request", "refresh", "logout", "forget", "reset",
      "status", "close",
    } do
      for _, odd in ipairs { {}, 3, "x", token, io.stdout } do
        local ok, err = pcall(login[method], odd, {})
        assert.is_false(ok, method)
        assert.truthy(tostring(err):find("bearer.login expected", 1, true), method .. ": " .. err)
      end
    end
  end)
  it("a wrong self raises where the caller stands, and names the method", function()
    local login = open()
    local token = assert(login:token())
    for _, method in ipairs {
      "token", "header", "headers", "authorize", "request", "refresh", "logout", "forget", "reset",
      "status", "close",
    } do
      for got, odd in pairs { number = 42, table = {}, ["bearer.token"] = token } do
        local line = debug.getinfo(1, "l").currentline + 1
        local ok, err = pcall(function() local _ = login[method](odd, {}) end)
        assert.is_false(ok)
        assert.truthy(err:find(("login_spec.lua:%d: %s: a bearer.login expected, got %s")
          :format(line, method, got), 1, true), err)
      end
    end
  end)
  it("argument mistakes raise where the caller stands", function()
    local login = open()
    assert(login:token())
    for message, mistake in pairs {
      ["headers: a table expected, got string"] = function() local _ = login:headers "x" end,
      ["authorize: a request table expected, got nil"] = function() local _ = login:authorize() end,
      ["refresh: a bearer.token expected, got table"] = function() local _ = login:refresh {} end,
      ["request: a table expected, got string"] = function() local _ = login:request "x" end,
    } do
      local ok, err = pcall(mistake)
      assert.is_false(ok)
      assert.truthy(err:find("login_spec.lua:%d+: " .. message:gsub("%.", "%%.")), err)
    end
  end)
end)
