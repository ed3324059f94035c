local cjson = require "cjson"
local core = require "bearer.core"
local stage = require "spec.support.provider_stage"

local month = 2592000

describe("hubsoft", function()
  local s

  setup(function()
    s = stage.open "hubsoft"
  end)

  teardown(function()
    s:stop()
  end)

  after_each(function()
    s:clear()
  end)

  it("logs in with a password, in JSON, for thirty days", function()
    local login = s:login()
    local name, value = login:header()
    assert.equal("Authorization", name)
    assert.matches("^Bearer eyJ", value)
    assert.near(month, s:token(login):expires_in(), 30)
    local asked, inputs = s:last "login", s:inputs()
    assert.same({ grant_type = "password", client_id = "3", client_secret = inputs.client_secret,
      username = inputs.username, password = inputs.password }, cjson.decode(asked.body))
    assert.same({ "application/json", "application/json" },
      { asked.headers.accept, asked.headers["content-type"] })
    assert.is_nil(asked.headers.authorization)
  end)

  it("sends a client id given as a number as a text: 3, not 3.0", function()
    for _, id in ipairs { 3, 3.0 } do
      local login = s:login { client_id = id }
      s:token(login)
      assert.equal("3", cjson.decode(s:last("login").body).client_id)
      assert(login:refresh())
      assert.equal("3", cjson.decode(s:last("refresh").body).client_id)
    end
  end)

  it("calls with Accept, without which the server redirects to a login page", function()
    local login = s:login()
    assert.equal("application/json", assert(login:headers()).Accept)
    local response = assert(s:call(login))
    assert.same({ 200, "success" }, { response.status, response.json().status })
    assert.equal("application/json", s:last("call").headers.accept)
  end)

  it("follows no redirect: the caller sees it", function()
    local login = s:login()
    s.sb:tell("hubsoft", { call = { status = 302,
      headers = { Location = s.sb.url .. "/login" } } })
    assert.equal(302, assert(s:call(login)).status)
    assert.equal(0, s:count "other")
  end)

  it("writes Bearer, whatever the case of token_type, or without one", function()
    for _, changes in ipairs { { fields = { token_type = "bearer" } }, { omit = { "token_type" } },
      { fields = { token_type = "BEARER" } } } do
      s.sb:reset()
      s.sb:tell("hubsoft", changes)
      assert.equal(200, assert(s:call(s:login())).status)
    end
  end)

  it("refreshes ahead of the end, each refresh token once", function()
    local login = s:login()
    s:token(login)
    local spent = {}
    for generation = 2, 4 do
      s:pass(month - 30)
      assert.equal(generation, s:token(login):generation())
      local asked = cjson.decode(s:last("refresh").body)
      assert.same({ "refresh_token", "3", nil },
        { asked.grant_type, asked.client_id, asked.password })
      assert.is_nil(spent[asked.refresh_token])
      spent[asked.refresh_token] = true
    end
    assert.equal("1 login 3 refresh 0 call", s:traffic())
    assert.equal(200, assert(s:call(login)).status)
  end)

  it("keeps the refresh token that the answer does not replace", function()
    s.sb:tell("hubsoft", { rotate = false })
    local login = s:login()
    s:token(login)
    for _ = 1, 3 do
      assert(login:refresh())
    end
    s:check_secrets(login)
    assert.equal("1 login 3 refresh 0 call", s:traffic())
  end)

  it("refreshes also after the end: the refresh token outlives the access token", function()
    local login = s:login()
    s:token(login)
    s:pass(month + 1)
    assert.equal(2, s:token(login):generation())
    assert.equal("1 login 1 refresh 0 call", s:traffic())
  end)

  it("compares and refreshes: a rejected token that was replaced costs nothing", function()
    local login = s:login()
    local old = s:token(login)
    local new = assert(old:refresh())
    assert.equal(new, old:refresh())
    assert.equal(new, login:refresh(old))
    assert.equal("1 login 1 refresh 0 call", s:traffic())
  end)

  it("logs in once and repeats once when a call answers 401 before the end", function()
    local login = s:login()
    s:check_one_repeat(login)
    assert.equal(0, s:count "refresh") -- straight to the password, as the vendor says
  end)

  it("takes a second 401 for the answer", function()
    s:check_no_third_try(s:login())
    assert.equal(0, s:count "refresh")
  end)

  it("has no logout: forgets the token, and its refresh token", function()
    local login = s:login()
    s:token(login)
    assert.is_true(login:logout())
    assert.equal("none", login:status().state)
    s:token(login)
    assert.equal("2 login 0 refresh 0 call", s:traffic())
  end)

  it("takes a lifetime that the server computed late, as number or text", function()
    for _, fields in ipairs { { expires_in = month - 1 }, { expires_in = "2591999" } } do
      s.sb:tell("hubsoft", { fields = fields })
      assert.near(month - 1, s:token(s:login()):expires_in(), 30)
    end
  end)

  it("takes a login without a refresh token, and logs in again", function()
    s.sb:tell("hubsoft", { omit = { "refresh_token" } })
    local login = s:login()
    s:token(login)
    s:pass(month - 30)
    assert.equal(2, s:token(login):generation())
    assert.equal("2 login 0 refresh 0 call", s:traffic())
  end)

  -- What the two generations of the server's library answer.
  local answers = {
    ["7"] = { password = { "invalid_credentials", 401 }, message = true },
    ["9"] = { password = { "invalid_grant", 400 }, message = false },
  }

  for personality, expected in pairs(answers) do
    describe("at a server of league " .. personality, function()
      before_each(function()
        s.sb:tell("hubsoft", { personality = personality })
      end)

      it("says why a wrong password is refused, and asks once", function()
        local err = s:check_refused(s:login { password = "not the password" }, {
          code = expected.password[1], status = expected.password[2], class = "terminal",
          description = "The user credentials were incorrect." })
        assert.equal(expected.message, err.details.message ~= nil)
      end)

      it("says why a wrong client is refused, and asks once", function()
        s:check_refused(s:login { client_secret = "not the secret", password = "nor this" }, {
          code = "invalid_client", status = 401, class = "terminal",
          description = "Client authentication failed" })
      end)

      it("logs in, refreshes, and calls", function()
        local login = s:login()
        s:token(login)
        assert(login:refresh())
        assert.equal(200, assert(s:call(login)).status)
        assert.equal("1 login 1 refresh 1 call", s:traffic())
      end)

      it("logs in with the password when the refresh token was revoked", function()
        local login = s:login()
        s:token(login)
        s.sb:revoke("hubsoft", "refresh")
        local t = assert(login:refresh())
        s:check_secrets(login, t)
        assert.equal("2 login 1 refresh 0 call", s:traffic())
        assert.equal(personality == "9" and 400 or 401, s:last("refresh").status)
        local status = login:status()
        assert.same({ 2, 0, 0 }, { status.logins, status.refreshes, status.failures })
        assert.equal(200, assert(s:call(login)).status)
      end)

      it("logs in when somebody else spent the refresh token", function()
        local login = s:login()
        local first = s:token(login)
        s.sb:tell("hubsoft", { lose_next = 1 }) -- acted on, and the answer lost
        local t = assert(login:refresh(first))
        s:check_secrets(login, t)
        assert.equal("2 login 1 refresh 0 call", s:traffic())
        assert.equal(200, assert(s:call(login)).status)
      end)
    end)
  end

  it("never sends a refresh token twice, not even after a 500", function()
    local login = s:login()
    s:token(login)
    s.sb:tell("hubsoft", { refresh = { status = 500 } })
    assert(login:refresh())
    s:check_secrets(login)
    assert.equal("2 login 1 refresh 0 call", s:traffic())
  end)

  it("fails when neither the refresh nor the password goes through", function()
    local login = s:login()
    s:token(login)
    s.sb:revoke "hubsoft"
    s.sb:tell("hubsoft", { credentials = { password = "changed" } })
    local t, _, err = login:refresh()
    assert.is_nil(t)
    s:check_error(login, err, { code = "invalid_credentials", status = 401, step = "login" })
    assert.equal("2 login 1 refresh 0 call", s:traffic())
  end)

  it("reads the plain text of a 500, and how long to wait at a 429", function()
    s.sb:tell("hubsoft", { status = 500 })
    s:check_refused(s:login(nil, { retries = 0 }), { code = "http_500", class = "transient",
      status = 500, details = false })
    s.sb:reset()
    s.sb:tell("hubsoft", { status = 429, retry_after = 17 })
    local err = s:check_refused(s:login(), { code = "http_429", class = "throttled",
      status = 429, description = "Too Many Attempts." })
    assert.near(17, err.retry_after, 5)
  end)

  it("reads no token out of the documented sample, which is no JSON", function()
    s.sb:tell("hubsoft", { body = '{ token_type: "Bearer" expires_in: 2592000 }' })
    s:check_refused(s:login(nil, { retries = 0 }), { code = "bad_answer", class = "transient",
      status = 200 })
  end)

  it("refuses a host that could lead the password elsewhere", function()
    for _, host in ipairs { "h/x", "h?x", "u@h", "https://h", "h:99999", "h#x", "" } do
      assert.error_matches(function() s:login { host = host } end, "inputs.host: ")
    end
    assert.equal(0, s:count())
  end)

  it("counts from the moment of sending", function()
    core.clock(1000, 1700000000)
    assert.equal(month, s:token(s:login()):expires_in())
  end)
end)
