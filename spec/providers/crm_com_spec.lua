local cjson = require "cjson"
local mime = require "mime"
local stage = require "spec.support.provider_stage"

describe("crm_com", function()
  local s

  setup(function()
    s = stage.open "crm_com"
  end)

  teardown(function()
    s:stop()
  end)

  after_each(function()
    s:clear()
  end)

  it("logs in with the key as a Basic user, and the consumer in JSON", function()
    local login = s:login()
    local t = s:token(login)
    local asked, inputs = s:last "login", s:inputs()
    assert.equal("Basic " .. (mime.b64(inputs.api_key .. ":")), asked.headers.authorization)
    assert.same({ access_token_identifier = { authentication_code = inputs.authentication_code },
      unit = "1" }, cjson.decode(asked.body))
    assert.equal("application/json", asked.headers["content-type"])
    assert.equal(1, t:generation())
  end)

  it("logs in with an identifier and its pass code", function()
    local inputs = s:inputs(nil, "crm_com_pass_code")
    local login = s:login_with(inputs)
    assert.equal(200, assert(s:call(login)).status)
    assert.same({ access_token_identifier = { identifier = inputs.identifier,
      pass_code = inputs.pass_code } }, cjson.decode(s:last("login").body))
  end)

  it("takes exactly one way to say who the consumer is, whole", function()
    for _, changes in ipairs {
      { authentication_code = false }, { identifier = "1" }, { pass_code = "x" },
      { identifier = "1", pass_code = "x" }, { authentication_code = false, identifier = "1" },
      { authentication_code = false, pass_code = "x" },
    } do
      assert.error_matches(function() s:login(changes) end, "give exactly one of these, whole")
    end
    assert.equal(0, s:count())
  end)

  it("sends unit and identifier as texts, and no unit that was not given", function()
    s:token(s:login { unit = 7 })
    assert.equal("7", cjson.decode(s:last("login").body).unit)
    s:token(s:login { unit = false })
    assert.is_nil(cjson.decode(s:last("login").body).unit)
    local login = s:login_with(s:inputs({ identifier = 40001 }, "crm_com_pass_code"))
    s.sb:tell("crm_com", { credentials = { identifier = "40001" } })
    s:token(login)
  end)

  it("sends a number as the text that people mean: no 7.0, no 4.1111111111111e+15", function()
    s:token(s:login { unit = 7.0 })
    assert.equal("7", cjson.decode(s:last("login").body).unit)
    s.sb:tell("crm_com", { credentials = { identifier = "4111111111111111" } })
    for _, identifier in ipairs { 4111111111111111, 4111111111111111.0 } do
      s:token(s:login_with(s:inputs({ identifier = identifier }, "crm_com_pass_code")))
    end
  end)

  it("reads two hours out of claims that are texts", function()
    s.sb:tell("crm_com", { lifetime = 5400 })
    local t = s:token(s:login())
    assert.is_string(t:claims().exp)
    assert.near(5400, t:expires_in(), 30)
  end)

  it("gives two hours to a token from before there were claims", function()
    s.sb:tell("crm_com", { fields = { token = "0123456789abcdef0123456789abcdef" } })
    local t = s:token(s:login())
    assert.near(7200, t:expires_in(), 30)
    assert.is_nil(t:claims())
  end)

  it("puts the token into the query of a GET, and nowhere else", function()
    local login = s:login()
    local response = assert(s:call(login, { query = { page = 2 } }))
    assert.same({ 200, "OK" }, { response.status, response.json().status.code })
    local asked = s:last "call"
    assert.matches("token=eyJ", asked.query, nil, true)
    assert.matches("page=2", asked.query, nil, true)
    assert.is_nil(asked.headers.authorization)
  end)

  it("puts the token into the JSON of a POST, and nowhere else", function()
    local login = s:login()
    local fields = { name = "x" }
    local response = assert(s:call(login, { method = "POST", json = fields }))
    assert.equal(200, response.status)
    local asked = s:last "call"
    assert.same({ token = login:token():value(), name = "x" }, cjson.decode(asked.body))
    assert.same({ "", nil }, { asked.query, asked.headers.authorization })
    assert.same({ name = "x" }, fields) -- the caller's own stays as it was
  end)

  it("puts it where login:authorize and token:authorize are asked to", function()
    local login = s:login()
    local t = s:token(login)
    for _, holder in ipairs { login, t } do
      assert.same({ url = "/x", query = { token = t:value() } }, holder:authorize { url = "/x" })
      assert.same({ url = "/x", json = { a = 1, token = t:value() } },
        holder:authorize { url = "/x", json = { a = 1 } })
    end
  end)

  it("logs in again ahead of the end: there is no refresh", function()
    local login = s:login()
    s:token(login)
    s:pass(7200 - 30)
    assert.equal(2, s:token(login):generation())
    assert.equal("2 login 0 refresh 0 call", s:traffic())
  end)

  it("logs in once and repeats once when a call answers 401", function()
    s:check_one_repeat(s:login())
  end)

  it("does so for the JSON of a POST, with the new token in it", function()
    local login = s:login()
    s:token(login)
    s.sb:revoke "crm_com"
    local response = assert(s:call(login, { method = "POST", json = { name = "x" } }))
    assert.equal(200, response.status)
    assert.equal("2 login 0 refresh 2 call", s:traffic())
  end)

  it("takes a second 401 for the answer", function()
    s:check_no_third_try(s:login())
  end)

  it("leaves it to the caller which failure in a 200 means that the token is over", function()
    local function refused(response)
      local answer = response.json()
      return type(answer) == "table" and answer.status.code == "INVALID_TOKEN"
    end
    s.sb:tell("crm_com", { call_failure_http = 200 })
    local login = s:login(nil, { refused = refused })
    s:token(login)
    s.sb:revoke "crm_com"
    assert.equal("OK", assert(s:call(login)).json().status.code)
    assert.equal("2 login 0 refresh 2 call", s:traffic())
  end)

  it("takes a failure inside a 200 for what it is, and asks once", function()
    local err = s:check_refused(s:login { authentication_code = "not the code" }, {
      code = "INVALID_ACCESS_TOKEN_IDENTIFIER", class = "terminal", status = 200,
      description = "The request failed" })
    assert.equal("INVALID_ACCESS_TOKEN_IDENTIFIER", err.details.status.code)
    s:check_refused(s:login { api_key = "FEDCBA9876543210FEDCBA9876543210" }, {
      code = "INVALID_WEB_API_KEY", class = "terminal", status = 200 })
  end)

  it("takes any code but OK for a failure, with data null, absent or empty, and null texts",
    function()
      for _, data in ipairs { false, "absent", "empty" } do
        for code, nulls in pairs { MADE_UP = false, ["-17"] = true, Ok_Not = false } do
          s.sb:reset()
          s.sb:tell("crm_com", { failure_status = code, data = data, nulls = nulls })
          s:check_refused(s:login(), { code = code, class = "terminal", status = 200,
            description = nulls and "the answer is not what was expected at status.code"
              or "The request failed" })
        end
      end
    end)

  it("takes no token out of an answer that says it failed", function()
    s.sb:tell("crm_com", { body = '{"data":{"token":"not-to-be-shown"},"status":{"code":"NO"}}' })
    s:hide { "not-to-be-shown" }
    s:check_refused(s:login(), { code = "NO", class = "terminal", status = 200 })
  end)

  it("reads the failure of another HTTP status likewise", function()
    s.sb:tell("crm_com", { failure_http = 400 })
    s:check_refused(s:login { authentication_code = "not the code" }, {
      code = "INVALID_ACCESS_TOKEN_IDENTIFIER", class = "terminal", status = 400 })
  end)

  it("takes OK in any case, and the older order with nulls", function()
    s.sb:tell("crm_com", { nulls = true })
    assert.equal(200, assert(s:call(s:login())).status)
    local token = s:token(s:login()):value()
    local body = '{"status":{"code":"ok"},"data":{"token":"%s"}}'
    s.sb:tell("crm_com", { body = body:format(token) })
    assert.equal(token, s:token(s:login()):value())
  end)

  it("takes OK without a token for a refusal", function()
    for _, body in ipairs { '{"status":{"code":"OK"}}', '{"status":{"code":"OK"},"data":null}',
      '{"status":{"code":"OK"},"data":{"token":null}}',
      '{"status":{"code":"OK"},"data":{"token":""}}' } do
      s.sb:reset()
      s.sb:tell("crm_com", { body = body })
      local login = s:login(nil, { retries = 0 })
      local t, _, err = login:token()
      assert.is_nil(t)
      s:check_error(login, err, { code = "no_token", class = "terminal", status = 200 })
    end
  end)

  it("finds a login that is elsewhere", function()
    local path = "/crmapi/rest/v2/authentication/access_token/token"
    s.sb:tell("crm_com", { path = path })
    assert.equal(200, assert(s:call(s:login { path = path })).status)
  end)

  it("has no logout: forgets the token", function()
    local login = s:login()
    s:token(login)
    assert.is_true(login:logout())
    assert.same({ "none", 1 }, { login:status().state, s:count() })
  end)

  it("takes a base URL that ends in a slash", function()
    local login = s:login { base_url = s:inputs().base_url .. "/" }
    assert.equal(200, assert(s:call(login)).status)
  end)
end)
