local core = require "bearer.core"
local stage = require "spec.support.provider_stage"

describe("oracle_commerce", function()
  local s

  setup(function()
    s = stage.open "oracle_commerce"
  end)

  teardown(function()
    s:stop()
  end)

  after_each(function()
    s:clear()
  end)

  it("logs in with the application key and a form, and says Bearer for bearer", function()
    local login = s:login()
    local name, value = login:header()
    assert.equal("Authorization", name)
    assert.matches("^Bearer [%w+/]+%.[%w+/]+=%.[%w+/]+=$", value) -- padded, as the samples
    local t = s:token(login)
    assert.equal("Bearer", t:type())
    assert.near(300, t:expires_in(), 30)
    assert.equal("110558", t:claims().sub)
    local asked = s:last "login"
    assert.equal("grant_type=client_credentials", asked.body)
    assert.equal("Bearer " .. s:inputs().app_key, asked.headers.authorization)
    assert.matches("^application/x%-www%-form%-urlencoded", asked.headers["content-type"])
  end)

  it("logs in to each API, whose tokens are its own", function()
    for _, api in ipairs { "ccadmin", "ccapp", "ccappagent" } do
      local login = s:login { api = api }
      assert.equal(200, assert(s:call(login, { url = ("/%s/v1/products"):format(api) })).status)
      assert.matches("^/" .. api .. "/v1/login$", s:last("login").path)
    end
  end)

  it("refreshes with the old access token, while it lives, again and again", function()
    local login = s:login()
    local last = s:token(login)
    for generation = 2, 4 do
      s:pass(270) -- 30 of 300 seconds are left
      local t = s:token(login)
      assert.equal(generation, t:generation())
      local asked = s:last "refresh"
      assert.equal("Bearer " .. last:value(), asked.headers.authorization)
      assert.same({ "{}", "application/json" }, { asked.body, asked.headers["content-type"] })
      last = t
    end
    assert.equal("1 login 3 refresh 0 call", s:traffic())
    assert.equal(200, assert(s:call(login)).status)
  end)

  it("logs in when the token is over: it cannot ask for the next one", function()
    local login = s:login()
    s:token(login)
    s:pass(301)
    assert.equal(2, s:token(login):generation())
    assert.equal("2 login 0 refresh 0 call", s:traffic())
  end)

  it("logs in when a refresh is refused", function()
    local login = s:login()
    local old = s:token(login)
    s.sb:revoke("oracle_commerce")
    local t = assert(login:refresh())
    s:check_secrets(login)
    assert.not_equal(old:value(), t:value())
    assert.equal("2 login 1 refresh 0 call", s:traffic())
    assert.same({ 2, 0, 0 }, { login:status().logins, login:status().refreshes,
      login:status().failures })
  end)

  it("refreshes also where that ends the old token at once", function()
    s.sb:tell("oracle_commerce", { revoke_old_on_refresh = true })
    local login = s:login()
    s:token(login)
    assert(login:refresh())
    assert.equal(200, assert(s:call(login)).status)
    assert.equal("1 login 1 refresh 1 call", s:traffic())
  end)

  it("reads expires_in as number or text; without, the token itself says it", function()
    for _, case in ipairs {
      { { lifetime = 930 }, 930 }, { { lifetime = 930, expires_in_as = "string" }, 930 },
      { { lifetime = 930, omit = { "expires_in" } }, 930 },
    } do
      s.sb:reset()
      s.sb:tell("oracle_commerce", case[1])
      assert.near(case[2], s:token(s:login()):expires_in(), 30)
    end
  end)

  it("gives five minutes to a token that tells nothing at all", function()
    s.sb:tell("oracle_commerce", { omit = { "expires_in" }, fields = { access_token = "opaque" } })
    assert.near(300, s:token(s:login()):expires_in(), 30)
  end)

  it("minds no further fields of the answer", function()
    s.sb:tell("oracle_commerce", { links = true, content_type = "application/json;charset=UTF-8",
      headers = { ["OracleCommerceCloud-Version"] = "17.6" } })
    assert.equal(200, assert(s:call(s:login())).status)
  end)

  it("logs in once and repeats once when a call answers 401", function()
    s:check_one_repeat(s:login())
    assert.equal(0, s:count "refresh") -- the token is dead: nothing to refresh with
  end)

  it("takes a second 401 for the answer, and a 403 without a second try", function()
    s:check_no_third_try(s:login())
    s.sb:reset()
    s.sb:tell("oracle_commerce", { call = { status = 403 } })
    assert.equal(403, assert(s:call(s:login())).status)
    assert.equal("1 login 0 refresh 1 call", s:traffic())
  end)

  it("logs out at the provider", function()
    local login = s:login()
    local t = s:token(login)
    assert.is_true(login:logout())
    assert.same({ 1, "none" }, { s:count("logout", 200), login:status().state })
    assert.equal("Bearer " .. t:value(), s:last("logout").headers.authorization)
    assert.is_true(login:logout()) -- nothing left to end
    assert.equal(1, s:count "logout")
    assert.equal(200, assert(s:call(login)).status)
    assert.equal(2, s:count "login")
  end)

  it("takes result:false in a 200 for a logout that failed, and forgets all the same", function()
    s.sb:tell("oracle_commerce", { logout_result = false })
    local login = s:login()
    s:token(login)
    local ok, _, err = login:logout()
    assert.is_nil(ok)
    s:check_error(login, err, { code = "refused", step = "logout", status = 200,
      class = "terminal" })
    assert.same({ "none", 1 }, { login:status().state, s:count "logout" })
  end)

  it("says what a logout was answered", function()
    s.sb:tell("oracle_commerce", { logout = { status = 401 } })
    local login = s:login()
    s:token(login)
    local ok, _, err = login:logout()
    assert.is_nil(ok)
    s:check_error(login, err, { code = "20401", step = "logout", status = 401,
      class = "terminal" })
  end)

  it("says why a wrong key is refused, by Oracle's own code, and asks once", function()
    local login = s:login { app_key = "eyJhbGciOiJIUzI1NiJ9.e30=.bm90IHRoZSBrZXk=" }
    local err = s:check_refused(login, { code = "21009", class = "terminal", status = 401,
      description = "Authentication failed" })
    assert.same({ "401", "21009" }, { err.details.status, err.details.errorCode }) -- texts
  end)

  it("reads the errors of an array, of OAuth, and none in a page", function()
    for form, expected in pairs {
      multi = { code = "21009", description = "Authentication failed" },
      oauth = { code = "invalid_grant", description = "Authentication failed" },
      html = { code = "http_401", description = "the server answered HTTP 401", details = false },
    } do
      s.sb:reset()
      s.sb:tell("oracle_commerce", { error_form = form })
      expected.class, expected.status = "terminal", 401
      local err = s:check_refused(s:login { app_key = "not the key" }, expected)
      if form == "multi" then
        assert.equal("21009", err.details.errors[1].errorCode)
      end
    end
  end)

  it("reads an array of errors that stands alone", function()
    s.sb:tell("oracle_commerce", { status = 400,
      body = '{"errors":[{"errorCode":"82001","message":"First"},{"message":"Second"}]}' })
    s:check_refused(s:login(), { code = "82001", class = "terminal", status = 400,
      description = "First" })
  end)

  it("takes an error in a 200 for a failure", function()
    s.sb:tell("oracle_commerce", { body = '{"errorCode":"21009","message":"No","status":"401"}' })
    s:check_refused(s:login(), { code = "21009", class = "terminal", status = 200,
      description = "No" })
  end)

  it("takes a base URL that ends in a slash", function()
    local login = s:login { base_url = s:inputs().base_url .. "/" }
    assert.equal(200, assert(s:call(login)).status)
  end)

  it("keeps a living token while refreshes and logins fail", function()
    local login = s:login(nil, { retries = 0 })
    local old = s:token(login)
    s.sb:tell("oracle_commerce", { status = 503 })
    s:pass(270)
    assert.equal(old, login:token())
    assert.equal("20503", login:status().last_error.code) -- the answer's own, at a 503
    s:check_secrets(login)
    s:pass(40)
    local t, _, err = login:token()
    assert.is_nil(t)
    s:check_error(login, err, { class = "transient", status = 503 })
  end)

  it("counts from the moment of sending", function()
    core.clock(1000, 1700000000)
    local login = s:login()
    assert.equal(300, s:token(login):expires_in())
    assert.equal(1700000300, login:token():expires_at())
  end)
end)
