local stage = require "spec.support.provider_stage"

describe("cobuilder", function()
  local s

  setup(function()
    s = stage.open "cobuilder"
  end)

  teardown(function()
    s:stop()
  end)

  after_each(function()
    s:clear()
  end)

  it("logs in with camelCase JSON, and the answer is the token", function()
    local login = s:login()
    local name, value = login:header()
    assert.equal("Authorization", name)
    assert.matches("^Bearer eyJ[%w_.-]+$", value)
    local t = s:token(login)
    assert.near(3600, t:expires_in(), 30) -- the JWT's own exp - iat
    assert.equal("https://api.cobuilder.example", t:claims().iss)
    local asked = s:last "login"
    assert.matches('"audienceUrl":"https:', asked.body, nil, true)
    assert.equal("application/json", asked.headers.accept)
    assert.is_nil(asked.body:find("grant_type", 1, true))
  end)

  it("calls with it, for the audience that was asked for", function()
    local login = s:login()
    local response = assert(s:call(login))
    assert.same({ 200, s:inputs().audience_url }, { response.status, response.json().audience })
  end)

  it("leaves out an audience that was not given", function()
    local login = s:login { audience_url = false }
    assert.is_nil(assert(s:call(login)).json().audience)
    assert.is_nil(s:last("login").body:find("audienceUrl", 1, true))
  end)

  for _, form in ipairs { "json", "text", "text_newline", "bom" } do
    it("reads the token as " .. form, function()
      s.sb:tell("cobuilder", { form = form })
      local login = s:login()
      assert.matches("^eyJ[%w_-]+%.[%w_-]+%.[%w_-]+$", s:token(login):value())
      assert.equal(200, assert(s:call(login)).status)
    end)
    it("reads it so whatever media type is said to be " .. form, function()
      for _, other in ipairs { "text/json", "application/json; charset=utf-8",
        "text/plain; charset=utf-8", "application/octet-stream" } do
        s.sb:tell("cobuilder", { form = form, content_type = other })
        assert.equal(200, assert(s:call(s:login())).status, other)
      end
    end)
  end

  it("reads a token with a byte order mark before its quotes", function()
    local token = s:token(s:login()):value()
    s.sb:tell("cobuilder", { body = '\239\187\191"' .. token .. '"\n' })
    assert.equal(token, s:token(s:login()):value())
  end)

  it("uses a token that tells no lifetime until it is refused", function()
    s.sb:tell("cobuilder", { jwt = false })
    local login = s:login()
    local t = s:token(login)
    assert.is_nil(t:expires_in())
    assert.is_nil(t:expires_at())
    s:pass(3500)
    assert.equal(t, login:token())
    s:pass(200) -- over, at the server
    assert.equal(200, assert(s:call(login)).status)
    assert.equal("2 login 0 refresh 2 call", s:traffic())
  end)

  it("logs in again ahead of the end of a JWT: there is no refresh", function()
    local login = s:login()
    s:token(login)
    s:pass(3600 - 30)
    assert.equal(2, s:token(login):generation())
    assert.equal("2 login 0 refresh 0 call", s:traffic())
  end)

  it("logs in once and repeats once when a call answers 401", function()
    s:check_one_repeat(s:login())
  end)

  it("takes a second 401 for the answer", function()
    s:check_no_third_try(s:login())
  end)

  it("tells the problem details of wrong credentials, and asks once", function()
    local login = s:login { client_secret = "not the right secret" }
    local err = s:check_refused(login, { code = "http_401", class = "terminal", status = 401,
      description = "Invalid client credentials." })
    assert.same({ "Unauthorized", 401, "00-sandbox-00" },
      { err.details.title, err.details.status, err.details.traceId })
  end)

  it("tells which field was not valid", function()
    local err = s:check_refused(s:login { audience_url = "not-absolute" }, { code = "http_400",
      class = "terminal", status = 400, description = "One or more validation errors occurred." })
    assert.same({ "audienceUrl is not an absolute URI" }, err.details.errors.audienceUrl)
  end)

  it("falls back to the title when there is no detail, or says the status", function()
    for body, description in pairs {
      ['{"type":null,"title":"Unauthorized","status":401,"detail":null}'] = "Unauthorized",
      ['{"title":null,"extensions":{"a":1}}'] = "the server answered HTTP 401",
      [""] = "the server answered HTTP 401",
    } do
      s.sb:reset()
      s.sb:tell("cobuilder", { status = 401, body = body })
      s:check_refused(s:login(), { code = "http_401", class = "terminal", status = 401,
        description = description })
    end
  end)

  it("survives the empty answer of a 500", function()
    s.sb:tell("cobuilder", { status = 500 })
    local login = s:login(nil, { retries = 0 })
    s:check_refused(login, { code = "http_500", class = "transient", status = 500,
      details = false })
  end)

  it("takes no page and no object for a token", function()
    for body, media in pairs {
      ["<html>Down for maintenance</html>"] = "text/html", ["{}"] = "application/json",
      ['""'] = "application/json", ["null"] = "application/json", ["two words"] = "text/plain",
      ["eyJ\r\nX-Evil: 1"] = "text/plain", ["[\"eyJ\"]"] = "application/json",
    } do
      s.sb:reset()
      s.sb:tell("cobuilder", { body = body, content_type = media })
      local login = s:login(nil, { retries = 0 })
      local is_page = media == "text/html"
      s:check_refused(login, { code = is_page and "bad_answer" or "no_token",
        class = is_page and "transient" or "terminal", status = 200 })
    end
  end)
end)
