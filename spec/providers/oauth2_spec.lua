--- The standard grants, against a plain server that is strict by RFC 6749 and 7009.
local mime = require "mime"
local stage = require "spec.support.provider_stage"

local function escape(text)
  return (text:gsub("[^%w*._-]", function(c)
    return c == " " and "+" or ("%%%02X"):format(c:byte())
  end))
end

-- What every grant does alike.
local function walk(s)
  it("names the client by Basic, form-encoded first", function()
    local login = s():login()
    s():token(login)
    local asked, inputs = s():last(), s():inputs()
    assert.equal("Basic " .. (mime.b64(escape(inputs.client_id) .. ":"
      .. escape(inputs.client_secret))), asked.headers.authorization)
    assert.is_nil(asked.body:find("client_id=", 1, true))
    assert.is_nil(asked.body:find("client_secret=", 1, true))
    assert.equal("application/x-www-form-urlencoded", asked.headers["content-type"])
    assert.equal("application/json", asked.headers.accept)
    s():hide { asked.headers.authorization:match(" (.*)") }
    s():check_secrets(login)
  end)

  it("names it by Basic as it is, for servers that do not decode, when told", function()
    s().sb:tell("oauth2", { auth = "basic_raw", credentials = { client_id = "a b+c" } })
    local login = s():login { auth = "basic_raw", client_id = "a b+c" }
    s():token(login)
    local asked, inputs = s():last(), s():inputs()
    assert.equal("Basic " .. (mime.b64("a b+c:" .. inputs.client_secret)),
      asked.headers.authorization)
    assert.is_nil(asked.body:find("client_id=", 1, true))
    assert.equal(200, assert(s():call(login)).status)
  end)

  it("says what may help when a server does not decode what was form-encoded", function()
    local hint = 'if this server does not decode it, auth = "basic_raw" helps'
    s().sb:tell("oauth2", { auth = "basic_raw" })
    local login = s():login()
    local t, message, err = login:token()
    assert.is_nil(t)
    assert.equal("invalid_client", err.code)
    assert.truthy(message:find(hint, 1, true), message)
    assert.is_nil(err.description:find(hint, 1, true))
    s():check_secrets(login, err)
    assert.truthy(select(2, login:token()):find(hint, 1, true)) -- while it is held as well
    message = select(2, s():login({ client_id = "plain", client_secret = "words" }):token())
    assert.is_nil(message:find(hint, 1, true)) -- the same in both
    message = select(2, s():login({ auth = "form" }):token())
    assert.is_nil(message:find(hint, 1, true))
  end)

  it("refuses a client whose name holds a colon where that would end it", function()
    s().sb:tell("oauth2", { auth = "basic_raw" })
    local t, _, err = s():login({ client_id = "a:b", auth = "basic_raw" }):token()
    assert.is_nil(t)
    assert.equal("bad_request", err.code)
    assert.matches("the user of 'basic' holds a colon", err.description)
    assert.equal(0, s():count())
  end)

  it("names it in the form when told", function()
    s().sb:tell("oauth2", { auth = "form" })
    s():token(s():login { auth = "form" })
    local asked, inputs = s():last(), s():inputs()
    assert.is_nil(asked.headers.authorization)
    assert.matches("client_secret=" .. escape(inputs.client_secret), asked.body, nil, true)
  end)

  it("is held to the way it was registered, and asks once", function()
    local login = s():login { auth = "form" }
    local t, _, err = login:token()
    assert.is_nil(t)
    s():check_error(login, err, { code = "invalid_client", class = "terminal", status = 401,
      step = "login", description = "the client has to use basic, not form" })
    assert.equal(1, s():count())
  end)

  it("renders Bearer for a lower-case type, and reads a lifetime that is a text", function()
    s().sb:tell("oauth2", { fields = { token_type = "bearer" }, expires_in_as = "string",
      lifetime = 1200 })
    local login = s():login()
    local name, value = login:header()
    assert.equal("Authorization", name)
    assert.matches("^Bearer %w+$", value)
    local t = s():token(login)
    assert.equal("Bearer", t:type())
    assert.near(1200, t:expires_in(), 30)
  end)

  it("uses a token that tells no lifetime until it is refused", function()
    s().sb:tell("oauth2", { omit = { "expires_in" } })
    local login = s():login()
    local t = s():token(login)
    assert.is_nil(t:expires_in())
    s():pass(3000)
    assert.equal(t, login:token())
  end)

  it("calls with it", function()
    local login = s():login()
    assert.equal(200, assert(s():call(login)).status)
    assert.equal(1, s():count "call")
  end)

  it("repeats audience and resource as they were given", function()
    local audience, resources = "https://a.example/?x=1&y", { "https://r1.example/a%20b",
      "https://r2.example/" }
    local login = s():login { audience = audience, resource = resources }
    local about = assert(s():call(login)).json()
    assert.same({ audience, resources }, { about.audience, about.resource })
  end)

  it("says why a wrong client is refused, and asks once", function()
    local login = s():login { client_secret = "not the secret" }
    local t, _, err = login:token()
    assert.is_nil(t)
    s():check_error(login, err, { code = "invalid_client", class = "terminal", status = 401,
      step = "login", description = "the client is wrong" })
    t = login:token()
    assert.is_nil(t)
    assert.equal(1, s():count())
    assert.matches("^https://", err.details.error_uri)
  end)

  it("tells a plea to wait from a refusal, by status or by code", function()
    s().sb:tell("oauth2", { status = 429, retry_after = 9 })
    local login = s():login()
    local t, _, err = login:token()
    assert.is_nil(t)
    s():check_error(login, err, { code = "slow_down", class = "throttled", status = 429 })
    assert.near(9, err.retry_after, 5)
    for _, code in ipairs { "slow_down", "temporarily_unavailable" } do
      s().sb:tell("oauth2", { status = 400, retry_after = false,
        body = ('{"error":"%s"}'):format(code) })
      t, _, err = s():login():token()
      assert.is_nil(t)
      s():check_error(login, err, { code = code, class = "throttled", status = 400 })
    end
    assert.equal(3, s():count())
  end)
end

local function open(provider)
  local s
  setup(function()
    s = stage.open(provider, "oauth2")
  end)
  teardown(function()
    s:stop()
  end)
  after_each(function()
    s:clear()
  end)
  return function()
    return s
  end
end

describe("oauth2_client_credentials", function()
  local s = open "oauth2_client_credentials"
  walk(s)

  it("asks for its scope, text or list, and tells the granted one", function()
    assert.equal("read write", s():token(s():login()):scope())
    s():token(s():login { scope = { "read", "admin" } })
    assert.matches("scope=read[+%%20]+admin", s():last().body)
    assert.equal("read", s():token(s():login { scope = false }):scope())
    assert.is_nil(s():last().body:find("scope", 1, true))
  end)

  it("says why a scope is refused", function()
    s():check_refused(s():login { scope = "read everything" }, { code = "invalid_scope",
      class = "terminal", status = 400, description = "the scope is not on offer" })
  end)

  it("says why a resource is refused", function()
    s():check_refused(s():login { resource = "relative" }, { code = "invalid_target",
      class = "terminal", status = 400 })
  end)

  it("has no refresh: logs in again, even when a refresh token was given", function()
    s().sb:tell("oauth2", { fields = { refresh_token = "surprising-refresh-token" } })
    local login = s():login()
    s():token(login)
    s():pass(3600 - 30)
    assert.equal(2, s():token(login):generation())
    assert.equal("2 login 0 refresh 0 call", s():traffic())
  end)

  it("logs in once and repeats once when a call answers 401", function()
    s():check_one_repeat(s():login())
  end)

  it("takes a second 401 for the answer", function()
    s():check_no_third_try(s():login())
  end)

  it("is nothing that a public client can do", function()
    s().sb:tell("oauth2", { auth = "none" })
    s():check_refused(s():login { client_secret = false }, { code = "unauthorized_client",
      class = "terminal", status = 400 })
    assert.is_nil(s():last().headers.authorization)
  end)
end)

-- Grants whose answer holds a refresh token.
local function walk_refreshing(s)
  it("refreshes ahead of the end, each refresh token once", function()
    local login = s():login()
    s():token(login)
    local before = s():count()
    for generation = 2, 4 do
      s():pass(3600 - 30)
      assert.equal(generation, s():token(login):generation())
      assert.equal("refresh", s():last().kind)
      assert.is_nil(s():last().body:find("scope", 1, true)) -- as granted
    end
    assert.equal(before + 3, s():count())
    assert.equal(0, s():count(nil, 400))
    assert.equal(200, assert(s():call(login)).status)
  end)

  it("keeps a refresh token that the answer does not replace", function()
    s().sb:tell("oauth2", { rotate = false })
    local login = s():login()
    for _ = 1, 4 do
      assert(login:refresh())
    end
    assert.equal(0, s():count(nil, 400))
    s():check_secrets(login)
  end)
end

describe("oauth2_password", function()
  local s = open "oauth2_password"
  walk(s)
  walk_refreshing(s)

  it("sends the owner's credentials, encoded", function()
    s():token(s():login())
    local inputs = s():inputs()
    assert.matches("password=" .. escape(inputs.password), s():last().body, nil, true)
    assert.matches("grant_type=password", s():last().body, nil, true)
  end)

  it("says why a wrong password is refused, and asks once", function()
    s():check_refused(s():login { password = "not the password" }, { code = "invalid_grant",
      class = "terminal", status = 400,
      description = "the resource owner's credentials are wrong" })
  end)

  it("is something that a public client can do", function()
    s().sb:tell("oauth2", { auth = "none" })
    local login = s():login { client_secret = false }
    s():token(login)
    assert(login:refresh())
    assert.is_nil(s():last().headers.authorization)
    assert.matches("client_id=", s():last().body, nil, true)
    assert.equal("1 login 1 refresh 0 call", s():traffic())
  end)

  it("leaves the secret at home when told that there is none to show", function()
    s().sb:tell("oauth2", { auth = "none" })
    s():token(s():login { auth = "none" })
    assert.is_nil(s():last().body:find("client_secret", 1, true))
  end)

  it("logs in when the family of its refresh token was ended", function()
    local login = s():login()
    s():token(login)
    s().sb:revoke("oauth2")
    assert(login:refresh())
    s():check_secrets(login)
    assert.equal("2 login 1 refresh 0 call", s():traffic())
    assert.equal(200, assert(s():call(login)).status)
  end)

  it("never spends a refresh token twice, also when the answer is lost", function()
    local login = s():login()
    s():token(login)
    s().sb:tell("oauth2", { lose_next = 1 })
    assert(login:refresh())
    assert.equal("2 login 1 refresh 0 call", s():traffic())
    assert.equal(200, assert(s():call(login)).status)
    assert(login:refresh())
    assert.equal(0, s():count(nil, 400)) -- no reuse, no family lost
  end)

  it("logs in with the password when a call answers 401", function()
    s():check_one_repeat(s():login())
    assert.equal(0, s():count "refresh")
  end)

  -- RFC 7009 is three lines of a definition.
  local function with_logout(what)
    return {
      name = "acme", extends = "oauth2_password",
      logout = { url = s().sb.url .. "/oauth2/revoke", form = what,
        basic = { "${client_id}", "${client_secret}", encode = true } },
    }
  end

  it("revokes at the end, in a definition that says where", function()
    local login = s():login(nil, nil, with_logout { token = "${refresh_token}",
      token_type_hint = "refresh_token" })
    local t = s():token(login)
    assert.is_true(login:logout())
    assert.same({ 1, "none" }, { s():count("logout", 200), login:status().state })
    s():check_secrets(login, t)
    s():token(login) -- nothing was left to refresh with
    assert.equal("2 login 0 refresh 0 call", s():traffic())
  end)

  it("says what a revocation was answered", function()
    local login = s():login(nil, nil, with_logout { token = "${token}",
      token_type_hint = "id_token" })
    s():token(login)
    local ok, _, err = login:logout()
    assert.is_nil(ok)
    s():check_error(login, err, { code = "unsupported_token_type", step = "logout", status = 400 })
    assert.equal("none", login:status().state)
  end)
end)

describe("oauth2_refresh_token", function()
  local s = open "oauth2_refresh_token"
  walk(s)
  walk_refreshing(s)

  it("logs in with the caller's refresh token, refreshes with the newest", function()
    local login = s():login()
    s():token(login)
    assert.matches("refresh_token=" .. escape(s():inputs().refresh_token), s():last().body, nil,
      true)
    local body = s():last().body
    assert(login:refresh())
    assert.not_equal(body, s():last().body)
    assert.equal(0, s():count(nil, 400))
  end)

  it("says why a refresh token is refused, and asks once", function()
    local login = s():login { refresh_token = "not-the-refresh-token" }
    local t, _, err = login:token()
    assert.is_nil(t)
    s():check_error(login, err, { code = "invalid_grant", class = "terminal", status = 400,
      step = "login", description = "the token was never issued here" })
    assert.is_nil((login:token()))
    assert.equal(1, s():count())
  end)

  it("refreshes after the end of the access token", function()
    local login = s():login()
    s():token(login)
    s():pass(3601)
    assert.equal(2, s():token(login):generation())
    assert.equal(2, s():count("refresh", 200))
  end)

  it("goes on with the newest refresh token when a call answers 401, not with a spent one",
    function()
      local login = s():login()
      s():token(login)
      s().sb:revoke("oauth2", "access")
      assert.equal(200, assert(s():call(login)).status)
      assert.same({ 0, 2 }, { s():count(nil, 400), s():count "call" })
    end)

  it("spends none twice when the answer with the next one is lost, and says what it needs",
    function()
      local login = s():login(nil, { retries = 0 })
      s():token(login)
      assert(login:refresh()) -- a second one, so that there is one to be spent
      local t = s():token(login)
      s().sb:tell("oauth2", { lose_next = 1 })
      local before = s():count()
      local next_one, _, err = login:refresh()
      assert.is_nil(next_one)
      s():check_error(login, err, { class = "transient", step = "refresh", status = false })
      s():pass(40) -- the hold is over
      next_one, _, err = login:refresh()
      assert.is_nil(next_one)
      s():check_error(login, err, { class = "terminal" })
      assert.matches("lost$", err.code)
      assert.same({ before + 1, 0 }, { s():count(), s():count(nil, 400) })
      assert.equal(t, login:token()) -- it lives on
    end)

  it("goes on with the newest when a refresh did not get through", function()
    local login = s():login(nil, { retries = 0 })
    s():token(login)
    s().sb:tell("oauth2", { status = 502 })
    assert.is_nil((login:refresh()))
    s().sb:tell("oauth2", { status = false })
    login:reset()
    assert(login:refresh())
    assert.equal(0, s():count(nil, 400))
  end)
end)
