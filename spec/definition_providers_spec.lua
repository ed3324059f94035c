local definition = require "bearer.definition"

local function load(name)
  local found, def = pcall(require, "bearer.providers." .. name)
  return found and def or nil, "no such provider"
end

local function provider(name)
  local compiled, faults = definition.compile(load(name), load)
  return assert(compiled, faults and table.concat(faults, "\n"))
end

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

-- What a function in a definition gets, with texts expanded in plain Lua.
local function primitives(values)
  return {
    text = function(text)
      local known = true
      local expanded = text:gsub("%${([^}]*)}", function(name)
        known = known and values[name] ~= nil
        return tostring(values[name])
      end)
      return known and expanded or nil
    end,
  }
end

local function call(f, values)
  return f(values, primitives(values))
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
    local def = provider "cambyopro"
    assert.same({ success = true }, def.login[1].expect)
    assert.same({ clientId = "${client_id}", clientSecret = "${client_secret}" },
      def.login[1].json)
    assert.same({ { "accessToken" }, { "tokenType" }, { "expiresIn" }, 86400 },
      { def.token.value, def.token.type, def.token.expires_in, def.token.lifetime })
  end)

  it("cobuilder takes the whole answer for the token", function()
    local def = provider "cobuilder"
    assert.same({ { "$" }, {}, {} }, { def.token.value, def.token.type, def.token.expires_in })
    assert.is_nil(def.token.lifetime)
    assert.same({ {}, { "detail", "title" } }, { def.error.code, def.error.message })
  end)

  it("oracle_commerce refreshes with the old access token", function()
    local def = provider "oracle_commerce"
    assert.equal("${token}", def.refresh[1].bearer)
    assert.same({}, def.refresh[1].json)
    assert.same({ result = true }, def.logout[1].expect)
    assert.equal(300, def.token.lifetime)
    assert.is_nil(def.authorize)
  end)

  describe("oracle_commerce_user", function()
    local login

    before_each(function()
      login = provider("oracle_commerce_user").login[1]
    end)

    it("sends no application key", function()
      assert.is_nil(login.bearer)
      assert.equal("password", login.form.grant_type)
      assert.equal(900, provider("oracle_commerce_user").token.lifetime)
    end)
    it("asks the page for one-time codes only as administrator, and with a code", function()
      local function url(api, code)
        return call(login.url, { base_url = "https://h", api = api, totp_code = code })
      end
      assert.equal("https://h/ccadmin/v1/mfalogin", url("ccadmin", "123456"))
      assert.equal("https://h/ccadmin/v1/login", url("ccadmin"))
      assert.equal("https://h/ccstore/v1/login", url("ccstore", "123456"))
      assert.equal("https://h/ccagent/v1/login", url("ccagent"))
    end)
    it("takes the demand for a code as a refusal", function()
      assert.is_true(login.expect { access_token = "t" })
      assert.is_true(login.expect { access_token = "t", validation_token = "v" })
      local null = require("cjson").null
      local ok, code = login.expect { access_token = null, validation_token = "v" }
      assert.same({ false, "mfa_required" }, { ok, code })
      assert.is_true(provider("oracle_commerce_user").error.denied.mfa_required)
      assert.is_true(login.expect "Error.")
    end)
  end)

  it("crm_com asks for one way to identify, and puts the token beside the header", function()
    local def = provider "crm_com"
    assert.same({ { "authentication_code" }, { "identifier", "pass_code" } }, def.one_of)
    assert.same({ "${api_key}", "" }, def.login[1].basic)
    assert.same({ query = { token = "${token}" }, json = { token = "${token}" } }, def.authorize)
    local json = def.login[1].json
    assert.equal("1", call(json.unit, { unit = 1 }))
    assert.is_nil(call(json.unit, {}))
    assert.equal("7", call(json.access_token_identifier.identifier, { identifier = 7 }))
  end)

  it("hubsoft sends its client id as a text, and always asks for JSON", function()
    local def = provider "hubsoft"
    assert.equal("3", call(def.login[1].json.client_id, { client_id = 3 }))
    assert.equal("application/json", def.authorize.headers.Accept)
    assert.equal("${refresh_token}", def.refresh[1].json.refresh_token)
    assert.equal("https://${host}", def.base_url)
  end)

  describe("oauth2", function()
    local login

    before_each(function()
      login = provider("oauth2").login[1]
    end)

    -- How the client names itself: user of Basic, id and secret in the form.
    local function client(auth, secret)
      local values = { client_id = "me", client_secret = secret, auth = auth }
      return { basic = call(login.basic[1], values), id = call(login.form.client_id, values),
        secret = call(login.form.client_secret, values) }
    end

    it("uses Basic when there is a secret", function()
      assert.same({ basic = "me" }, client(nil, "s"))
      assert.same({ id = "me" }, client(nil, nil))
      assert.is_true(login.basic.encode)
    end)
    it("does as it is told", function()
      assert.same({ basic = "me" }, client("basic", nil))
      assert.same({ id = "me", secret = "s" }, client("form", "s"))
      assert.same({ id = "me" }, client("none", "s"))
    end)
    it("joins scopes", function()
      assert.equal(" ", provider("oauth2").inputs.scope.join)
    end)
  end)

  it("client credentials are never refreshed; the other grants are", function()
    local def = provider "oauth2_client_credentials"
    assert.is_nil(def.refresh)
    assert.same({}, def.token.refresh_token)
    for _, name in ipairs { "oauth2_password", "oauth2_refresh_token" } do
      local form = provider(name).refresh[1].form
      assert.same({ "refresh_token", "${refresh_token}" }, { form.grant_type, form.refresh_token })
      assert.is_nil(form.username)
    end
  end)

  it("an ordinary endpoint is three lines", function()
    local compiled = assert(definition.compile({
      name = "acme", extends = "oauth2_password",
      inputs = { token_url = { default = "https://id.acme.example/token" }, scope = false },
      login = { form = { scope = "all", realm = "shop" } },
    }, load))
    assert.equal("all", compiled.login[1].form.scope)
    assert.equal("password", compiled.login[1].form.grant_type)
    assert.equal("url", compiled.inputs.token_url.kind)
  end)
end)
