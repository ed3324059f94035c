local stage = require "spec.support.provider_stage"

describe("cambyopro", function()
  local s

  setup(function()
    s = stage.open "cambyopro"
  end)

  teardown(function()
    s:stop()
  end)

  after_each(function()
    s:clear()
  end)

  it("logs in with camelCase JSON and renders an opaque token for a day", function()
    local login = s:login()
    local name, value = login:header()
    assert.equal("Authorization", name)
    assert.matches("^Bearer atk_%w+$", value)
    local t = s:token(login)
    assert.same({ "Bearer", 1 }, { t:type(), t:generation() })
    assert.is_nil(t:claims())
    assert.near(86400, t:expires_in(), 30)
    local asked = s:last "login"
    assert.matches('"clientId":"b2b-0042"', asked.body, nil, true)
    assert.same({ "application/json", "application/json" },
      { asked.headers.accept, asked.headers["content-type"] })
    assert.is_nil(asked.headers.authorization)
  end)

  it("calls with it, asking for no second login", function()
    local login = s:login()
    for _ = 1, 2 do
      local response = assert(s:call(login))
      assert.equal(200, response.status)
      assert.is_true(response.json().success)
    end
    assert.equal("1 login 0 refresh 2 call", s:traffic())
  end)

  it("logs in again ahead of the end: there is no refresh", function()
    local login = s:login()
    local first = s:token(login)
    s:pass(86400 - 30)
    local second = s:token(login)
    assert.not_equal(first:value(), second:value())
    assert.equal(2, second:generation())
    assert.equal("2 login 0 refresh 0 call", s:traffic())
    assert.same({ 2, 0 }, { login:status().logins, login:status().refreshes })
  end)

  it("logs in once and repeats once when a call answers 401", function()
    s:check_one_repeat(s:login())
  end)

  it("takes a second 401 for the answer", function()
    s:check_no_third_try(s:login())
  end)

  it("has no logout: forgets the token", function()
    local login = s:login()
    s:token(login)
    assert.is_true(login:logout())
    assert.same({ "none", 0 }, { login:status().state, s:count "logout" })
  end)

  it("says why wrong credentials are refused, and asks once", function()
    local login = s:login { client_secret = "not the right secret" }
    local err = s:check_refused(login, { code = "http_401", class = "terminal", status = 401,
      description = "Invalid credentials." })
    assert.same({ success = false, message = "Invalid credentials." }, err.details)
    assert.equal(1, s:count("login", 401))
  end)

  it("takes success:false in a 200 for a refusal, its message readable in any script", function()
    for _, escaped in ipairs { false, true } do
      s.sb:tell("cambyopro", { success = false, escaped = escaped,
        fields = { accessToken = "atk_not-to-be-shown" } })
      s:hide { "atk_not-to-be-shown" }
      local login = s:login()
      s:check_refused(login, { code = "refused", class = "terminal", status = 200,
        description = "Cliente de API autenticado com sucesso para Empresa Fictícia" })
    end
  end)

  it("takes a missing success for a refusal", function()
    s.sb:tell("cambyopro", { omit = { "success" } })
    s:check_refused(s:login(), { code = "refused", class = "terminal", status = 200 })
  end)

  it("believes the answer's lifetime, a text as well; without one it is a day", function()
    for _, case in ipairs {
      { { lifetime = 600 }, 600 },
      { { lifetime = 600, expires_in_as = "string" }, 600 },
      { { omit = { "expiresIn" } }, 86400 },
    } do
      s.sb:reset()
      s.sb:tell("cambyopro", case[1])
      assert.near(case[2], s:token(s:login()):expires_in(), 30)
    end
  end)

  it("writes Bearer, whatever the case of tokenType, or without one", function()
    for _, changes in ipairs { { fields = { tokenType = "bearer" } },
      { omit = { "tokenType" } } } do
      s.sb:reset()
      s.sb:tell("cambyopro", changes)
      local login = s:login()
      assert.matches("^Bearer atk_", select(2, login:header()))
      assert.equal(200, assert(s:call(login)).status)
    end
  end)

  it("finds a login whose path was read another way", function()
    local path = "/api/no_auth/authentication/v1/login"
    s.sb:tell("cambyopro", { path = path })
    local login = s:login()
    local t, _, err = login:token()
    assert.is_nil(t)
    s:check_error(login, err, { code = "http_404", class = "terminal", status = 404 })
    assert.equal(1, s:token(s:login { path = path }):generation())
  end)

  it("sends awkward secrets unharmed, out of a file too", function()
    local bearer = require "bearer"
    local path = os.tmpname()
    finally(function() os.remove(path) end)
    local file = assert(io.open(path, "wb"))
    file:write(s:inputs().client_secret, "\n")
    file:close()
    local login = s:login { client_secret = bearer.file(path) }
    s:hide { s:inputs().client_secret }
    assert.equal(200, assert(s:call(login)).status)
  end)

  it("takes a base URL that ends in a slash", function()
    local login = s:login { base_url = s:inputs().base_url .. "/" }
    assert.equal(200, assert(s:call(login)).status)
  end)
end)
