-- The providers that are shipped: what they ask for, and what they make of it. Logins at stand-ins
-- of them: spec/providers.
local bearer = require "bearer"
local cjson = require "cjson"
local providers = require "spec.support.providers"
local shop = require "spec.support.shop"

local load, provider = providers.load, providers.definition

-- "client_id client_secret* base_url?=https://…": * secret, ? optional, = default
local function signature(def)
  local names = {}
  for name, input in pairs(def.inputs) do
    names[#names + 1] = name .. (input.secret and "*" or "") .. (input.optional and "?" or "")
      .. (input.default and "=" .. input.default or "") .. (input.kind ~= "text" and
      ":" .. input.kind or "")
  end
  table.sort(names)
  return table.concat(names, " ")
end

local oauth2 = "audience? auth? client_id client_secret*? %sresource? scope? token_url:url%s"

local inputs = {
  cambyopro = "base_url=https://cloudbreak.cambyopro.com:url client_id client_secret* "
    .. "path=/api/no-auth/authentication/v1/login:path",
  cobuilder = "audience_url? base_url=https://api.cobuilder.com:url client_id client_secret*",
  oracle_commerce = "api=ccadmin app_key* base_url:url",
  oracle_commerce_user = "api=ccadmin base_url:url password* totp_code*? username",
  crm_com = "api_key* authentication_code*? base_url:url identifier? pass_code*? "
    .. "path=/crmapi/rest/v2/authentication/token:path unit?",
  hubsoft = "client_id client_secret* host:host password* username",
  oauth2 = oauth2:format("", ""),
  oauth2_client_credentials = oauth2:format("", ""),
  oauth2_password = oauth2:format("password* ", " username"),
  oauth2_refresh_token = oauth2:format("refresh_token* ", ""),
}

-- A login of a provider, and what it sends.
local function open(name, given, answers)
  local transport, sent = shop.transport(answers)
  return bearer.login(name, given, { transport = transport, retries = 0 }), sent
end

-- What one login sends; its body decoded.
local function sends(name, given, answer)
  local login, sent = open(name, given, { answer })
  local token = assert(login:token())
  local request = sent[1]
  request.json = request.body and request.body:find "^{" and cjson.decode(request.body)
  return request, token
end

describe("bearer.providers:", function()
  for name, expected in pairs(inputs) do
    describe(name, function()
      it("compiles, and asks for its inputs", function()
        assert.equal(expected, signature(provider(name)))
      end)
      it("says its name, its title and where it is documented", function()
        local def = provider(name)
        assert.equal(name, def.name)
        assert.matches("%u", def.title)
        assert.matches("^https://", def.docs)
      end)
      it("is not changed by being compiled", function()
        local before = load(name).login
        provider(name)
        assert.equal(before, load(name).login)
        assert.is_nil(before.method)
      end)
    end)
  end

  it("cambyopro looks for success in the body and for camelCase", function()
    local given = { client_id = "me", client_secret = "s" }
    local request, token = sends("cambyopro", given, { body = {
      success = true, accessToken = "t", tokenType = "mac", expiresIn = 60,
    } })
    assert.same({ clientId = "me", clientSecret = "s" }, request.json)
    assert.same({ "t", "mac" }, { token:value(), token:type() })
    assert.near(60, token:expires_in(), 1)
    token = select(2, sends("cambyopro", given, { body = { success = true, accessToken = "t" } }))
    assert.near(86400, token:expires_in(), 1)
    local login = open("cambyopro", given, { { body = { success = false, accessToken = "t" } } })
    assert.equal("refused", select(3, login:token()).code)
  end)

  it("cobuilder takes the whole answer for the token", function()
    local given = { client_id = "me", client_secret = "s" }
    local _, token = sends("cobuilder", given, { body = '"opaque"' })
    assert.same({ "opaque", "Bearer" }, { token:value(), token:type(), token:expires_in() })
    local login = open("cobuilder", given, { { status = 400, body = {
      error = "odd", title = "Bad Request", detail = "What is wrong",
    } } })
    local _, _, err = login:token()
    assert.same({ "http_400", "What is wrong" }, { err.code, err.description })
  end)

  it("oracle_commerce refreshes with the old access token", function()
    local login, sent = open("oracle_commerce", { base_url = "https://h.example", app_key = "key" },
      { {}, {}, { body = { result = false } } })
    local token = assert(login:token())
    assert.same({ "Authorization", "Bearer t1" }, { token:header() })
    assert.near(300, token:expires_in(), 1)
    assert.equal("Bearer key", sent[1].headers.Authorization)
    assert(login:refresh())
    assert.same({ "https://h.example/ccadmin/v1/refresh", "Bearer t1", "{}" },
      { sent[2].url, sent[2].headers.Authorization, sent[2].body })
    local ok, _, err = login:logout()
    assert.is_nil(ok)
    assert.equal("refused", err.code)
    assert.same({ "https://h.example/ccadmin/v1/logout", "Bearer t2" },
      { sent[3].url, sent[3].headers.Authorization })
  end)

  describe("oracle_commerce_user", function()
    local function given(api, code)
      return { base_url = "https://h.example", username = "me", password = "pw", api = api,
        totp_code = code }
    end

    it("sends no application key", function()
      local request, token = sends("oracle_commerce_user", given())
      assert.is_nil(request.headers.Authorization)
      assert.equal("grant_type=password&password=pw&username=me", request.body)
      assert.near(900, token:expires_in(), 1)
    end)
    it("asks the page for one-time codes only as administrator, and with a code", function()
      local function url(api, code)
        return sends("oracle_commerce_user", given(api, code)).url
      end
      assert.equal("https://h.example/ccadmin/v1/mfalogin", url("ccadmin", "123456"))
      assert.equal("https://h.example/ccadmin/v1/login", url("ccadmin"))
      assert.equal("https://h.example/ccstore/v1/login", url("ccstore", "123456"))
      assert.equal("https://h.example/ccagent/v1/login", url("ccagent"))
    end)
    it("takes the demand for a code as a refusal", function()
      local function err_of(body)
        local login = open("oracle_commerce_user", given(), { { body = body } })
        return select(3, login:token())
      end
      assert.is_nil(err_of { access_token = "t" })
      assert.is_nil(err_of { access_token = "t", validation_token = "v" })
      local err = err_of { access_token = cjson.null, validation_token = "v" }
      assert.same({ "mfa_required", "terminal" }, { err.code, err.class })
      assert.equal("no_token", err_of('"Error."').code)
      assert.equal("no_token", err_of("null").code)
    end)
  end)

  describe("crm_com", function()
    local good = { body = { status = { code = "OK" }, data = { token = "t" } } }

    it("asks for one way to identify", function()
      local function json(given)
        given.base_url, given.api_key = "https://h.example", "key"
        return sends("crm_com", given, good).json
      end
      assert.same({ access_token_identifier = { authentication_code = "c" }, unit = "1" },
        json { authentication_code = "c", unit = 1 })
      assert.same({ access_token_identifier = { identifier = "7", pass_code = "p" } },
        json { identifier = 7, pass_code = "p" })
      for _, odd in ipairs { {}, { identifier = "7" }, { authentication_code = "c",
        identifier = "7", pass_code = "p" } } do
        assert.is_false(pcall(json, odd))
      end
    end)
    it("names itself by Basic with an empty password", function()
      local request = sends("crm_com", { base_url = "https://h.example", api_key = "key",
        authentication_code = "c" }, good)
      assert.equal("Basic a2V5Og==", request.headers.Authorization)
    end)
    it("puts the token beside the header", function()
      local _, token = sends("crm_com", { base_url = "https://h.example", api_key = "key",
        authentication_code = "c" }, good)
      assert.same({ url = "/", query = { token = "t" } }, token:authorize { url = "/" })
      assert.same({ url = "/", json = { a = 1, token = "t" } },
        token:authorize { url = "/", json = { a = 1 } })
    end)
  end)

  it("hubsoft sends its client id as a text, and always asks for JSON", function()
    local login, sent = open("hubsoft", { host = "h.example", client_id = 3, client_secret = "s",
      username = "me", password = "pw" },
      { { body = { access_token = "t", refresh_token = "r" } } })
    assert(login:request { url = "/x" })
    assert.same({ grant_type = "password", client_id = "3", client_secret = "s", username = "me",
      password = "pw" }, cjson.decode(sent[1].body))
    assert.equal("https://h.example/x", sent[2].url)
    assert.equal("application/json", sent[2].headers.Accept)
    assert(login:refresh())
    assert.same({ grant_type = "refresh_token", client_id = "3", client_secret = "s",
      refresh_token = "r" }, cjson.decode(sent[3].body))
    for _, request in ipairs(sent) do
      assert.equal("application/json", request.headers.Accept)
    end
  end)

  describe("oauth2", function()
    -- How the client names itself.
    local function client(auth, secret, id)
      local request = sends("oauth2", { token_url = "https://h.example/token",
        client_id = id or "me", client_secret = secret, auth = auth })
      return { basic = request.headers.Authorization,
        form = request.body:gsub("&?grant_type=client_credentials", "") }
    end

    it("uses Basic when there is a secret", function()
      assert.same({ basic = "Basic bWU6cw==", form = "" }, client(nil, "s"))
      assert.same({ form = "client_id=me" }, client(nil, nil))
      assert.same({ basic = "Basic bSUyNmU6cw==", form = "" }, client(nil, "s", "m&e")) -- m%26e:s
    end)
    it("does as it is told", function()
      assert.same({ basic = "Basic bWU6", form = "" }, client("basic", nil))
      assert.same({ form = "client_id=me&client_secret=s" }, client("form", "s"))
      assert.same({ form = "client_id=me" }, client("none", "s"))
    end)
    it("joins scopes", function()
      assert.equal("client_id=me&grant_type=client_credentials&scope=a+b",
        (sends("oauth2", { token_url = "https://h.example/token", client_id = "me",
          scope = { "a", "b" } }).body))
    end)
  end)

  it("client credentials are never refreshed; the other grants are", function()
    local answers = { { body = { access_token = "t", refresh_token = "r" } } }
    local given = { token_url = "https://h.example/token", client_id = "me" }
    local login, sent = open("oauth2_client_credentials", given, answers)
    assert(login:token())
    assert(login:refresh())
    assert.equal(sent[1].body, sent[2].body)
    for name, more in pairs {
      oauth2_password = { username = "me", password = "pw" },
      oauth2_refresh_token = { refresh_token = "first" },
    } do
      more.token_url, more.client_id = given.token_url, given.client_id
      login, sent = open(name, more, answers)
      assert(login:token())
      assert(login:refresh())
      assert.truthy(sent[2].body:find("grant_type=refresh_token", 1, true))
      assert.truthy(sent[2].body:find("refresh_token=r", 1, true))
      assert.is_nil(sent[2].body:find("username", 1, true))
    end
  end)

  it("an ordinary endpoint is three lines", function()
    local request = sends({
      name = "acme", extends = "oauth2_password",
      inputs = { token_url = { default = "https://id.acme.example/token" }, scope = false },
      login = { form = { scope = "all", realm = "shop" } },
    }, { client_id = "me", username = "u", password = "p" })
    assert.equal("https://id.acme.example/token", request.url)
    for _, part in ipairs { "grant_type=password", "scope=all", "realm=shop", "client_id=me" } do
      assert.truthy(request.body:find(part, 1, true), part)
    end
  end)
end)
