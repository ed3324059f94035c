local stage = require "spec.support.provider_stage"

describe("oracle_commerce_user", function()
  local s

  setup(function()
    s = stage.open("oracle_commerce_user", "oracle_commerce")
  end)

  teardown(function()
    s:stop()
  end)

  after_each(function()
    s:clear()
  end)

  local function path()
    return s:last("login").path
  end

  it("logs an administrator in with a one-time code, for fifteen minutes", function()
    local login = s:login()
    local name, value = login:header()
    assert.equal("Authorization", name)
    assert.matches("^Bearer eyJ", value)
    assert.near(900, s:token(login):expires_in(), 30)
    assert.equal("/ccadmin/v1/mfalogin", path())
    assert.is_nil(s:last("login").headers.authorization)
    assert.equal(200, assert(s:call(login)).status)
  end)

  it("logs an administrator in without a code at the older page", function()
    assert.equal(200, assert(s:call(s:login { totp_code = false })).status)
    assert.equal("/ccadmin/v1/login", path())
  end)

  it("asks the same page when base_url ends in a slash", function()
    for _, code in ipairs { s:inputs().totp_code, false } do
      s:token(s:login { base_url = s:inputs().base_url .. "/", totp_code = code })
      assert.equal(code and "/ccadmin/v1/mfalogin" or "/ccadmin/v1/login", path())
    end
  end)

  it("logs shoppers and agents in", function()
    for _, api in ipairs { "ccstore", "ccagent" } do
      local login = s:login { totp_code = false, api = api }
      assert.equal(200, assert(s:call(login, { url = ("/%s/v1/products"):format(api) })).status)
      assert.equal(("/%s/v1/login"):format(api), path())
    end
  end)

  it("sends a shopper's code along with the password, to the one page there is", function()
    local login = s:login { api = "ccstore" }
    assert.equal(200, assert(s:call(login, { url = "/ccstore/v1/products" })).status)
    assert.equal("/ccstore/v1/login", path())
    assert.matches("totp_code=" .. s:inputs().totp_code, s:last("login").body, nil, true)
  end)

  it("refuses an API that has no users, and an application key", function()
    assert.error_matches(function() s:login { api = "ccapp" } end, "inputs.api: one of ccadmin")
    assert.error_matches(function() s:login { app_key = "x" } end, "unknown input 'app_key'")
  end)

  it("asks a function for one new code per login", function()
    local codes, right = 0, s:inputs().totp_code
    local login = s:login { totp_code = function()
      codes = codes + 1
      return right
    end }
    s:hide { right }
    s:token(login)
    s:pass(901)
    s:token(login)
    assert.same({ 2, 2, 0 }, { codes, s:count "login", s:count "refresh" })
  end)

  it("asks for no code for a refresh", function()
    local codes, right = 0, s:inputs().totp_code
    local login = s:login { totp_code = function()
      codes = codes + 1
      return right
    end }
    s:token(login)
    assert(login:refresh())
    assert.same({ 1, 1 }, { codes, s:count "refresh" })
  end)

  it("refreshes with the old token while it lives", function()
    local login = s:login()
    local old = s:token(login)
    s:pass(900 - 30)
    assert.equal(2, s:token(login):generation())
    assert.equal("1 login 1 refresh 0 call", s:traffic())
    assert.equal("Bearer " .. old:value(), s:last("refresh").headers.authorization)
  end)

  it("gives fifteen minutes to a token that tells nothing at all", function()
    s.sb:tell("oracle_commerce", { omit = { "expires_in" }, fields = { access_token = "opaque" } })
    assert.near(900, s:token(s:login()):expires_in(), 30)
  end)

  it("logs in once and repeats once when a call answers 401", function()
    s:check_one_repeat(s:login())
  end)

  it("logs out at the provider", function()
    local login = s:login()
    s:token(login)
    assert.is_true(login:logout())
    assert.equal(1, s:count("logout", 200))
  end)

  it("says why a wrong password is refused, and asks once", function()
    s:check_refused(s:login { password = "not the password" }, { code = "21009",
      class = "terminal", status = 401, description = "Authentication failed" })
  end)

  it("says why a wrong code is refused, and asks once", function()
    s:check_refused(s:login { totp_code = "000000" }, { code = "83041", class = "terminal",
      status = 401, description = "One-Time Passcode is not valid" })
  end)

  it("does not try a wrong password again because the code is a new one", function()
    local n = 0
    local login = s:login { password = "not the password", totp_code = function()
      n = n + 1
      return ("49203%d"):format(n)
    end }
    s:check_refused(login, { code = "21009", status = 401 })
  end)

  it("takes the demand for a code that a person has to read for a refusal", function()
    s.sb:tell("oracle_commerce", { mfa = true })
    local login = s:login { api = "ccstore", totp_code = false }
    local err = s:check_refused(login, { code = "mfa_required", class = "terminal", status = 200,
      description = "this account wants a code that was just sent to its owner" })
    assert.is_nil(err.details and err.details.validation_token)
  end)

  it("takes a null token beside the demand for a refusal", function()
    s.sb:tell("oracle_commerce", { body = '{"access_token":null,"validation_token":"v-4711-v"}' })
    s:hide { "v-4711-v" }
    s:check_refused(s:login(), { code = "mfa_required", class = "terminal", status = 200 })
  end)
end)
