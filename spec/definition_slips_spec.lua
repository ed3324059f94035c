-- What is no fault of a definition, and yet hardly what was meant: told by bearer.warn, once.
local bearer = require "bearer"
local shop = require "spec.support.shop"

describe("a definition that is loaded", function()
  local warn, told = bearer.warn, nil

  before_each(function()
    told = {}
    bearer.warn = function(text)
      told[#told + 1] = text
    end
  end)

  after_each(function()
    bearer.warn = warn
  end)

  local function load(inputs, login, changes)
    login.url = login.url or "https://shop.example/login"
    local def = { inputs = inputs, login = login }
    for key, value in pairs(changes or {}) do
      def[key] = value
    end
    return bearer.provider(shop.definition(def))
  end

  local function tells(...)
    local expected = {}
    for i, text in ipairs { ... } do
      expected[i] = "bearer: definition 'shop': " .. text
    end
    assert.same(expected, told)
  end

  it("warns of a name in braces without a '$', and of a '$' without braces", function()
    load({ key = {}, user = {} }, {
      url = "https://shop.example/{key}", query = { a = "${key}${user}" },
      headers = { ["X-A"] = "k-$key" }, form = { b = "{usre}", c = "{user}" },
    })
    tells("login.form.b: '{usre}' is sent as it stands; did you mean '${user}'?",
      "login.form.c: '{user}' is sent as it stands; did you mean '${user}'?",
      'login.headers["X-A"]: \'$key\' is sent as it stands; did you mean \'${key}\'?',
      "login.url: '{key}' is sent as it stands; did you mean '${key}'?")
  end)
  it("warns of them in json, bodies and what calls carry", function()
    load({ key = {} }, { json = { a = { "{key}", "${key}" } } }, {
      base_url = "https://shop.example/{key}",
      authorize = { headers = { ["X-T"] = "Token {token}" } },
    })
    assert.equal(3, #told)
    load({ key = {} }, { body = "k=$key&l=${key}", content_type = "text/plain" })
    assert.equal(4, #told)
  end)
  it("does not warn of braces and dollars that mean themselves", function()
    load({ user = {}, key = {} }, { json = {
      query = "mutation Login($user: String!, $key : String!) { login(u: $user, k: $key) { id } }",
      variables = { user = "${user}", key = "${key}" }, other = "{id} $x ${user}${key} {}",
    } })
    load({ key = {} }, { body = '{"a":{"b":"${key}"}}', content_type = "application/json" })
    tells()
  end)
  it("does not warn of GraphQL that is written tightly, nor of OData's $filter=", function()
    load({ email = {}, key = { secret = true } }, { json = {
      query = "mutation($email:String!,$key:String!){login(email:$email,key:$key){me{email}}}",
      variables = { email = "${email}", key = "${key}" },
    } }, { refresh = { url = "https://shop.example/refresh", json = {
      query = 'mutation{refresh(token:"${refresh_token}") {token}}',
    } } })
    load({ filter = {}, top = {} }, {
      url = "https://shop.example/login?$filter=${filter}&$top=${top}",
    })
    tells()
  end)
  it("warns of an input that nothing uses", function()
    load({ key = {}, other = { optional = true } }, { form = { key = "${key}" } })
    tells("inputs.other: nothing uses it; did you mean to write '${other}' somewhere?")
  end)
  it("says of an input that was misspelt where it stands, and nothing more", function()
    load({ key = {} }, { form = { key = "{key}" } })
    tells("login.form.key: '{key}' is sent as it stands; did you mean '${key}'?")
  end)
  it("does not know what functions use", function()
    load({ key = {} }, { form = { key = function(v) return v.key end } })
    tells()
  end)
  it("knows that those that judge use no input", function()
    load({ key = {} }, { expect = function() return true end })
    assert.equal(1, #told)
  end)
  it("warns of a text where a host, or a part of one, stands", function()
    load({ shop = {}, all = {}, eu = { enum = { "eu", "us" } }, fine = { kind = "label" } }, {
      url = "https://${shop}.${eu}.${fine}.example/${shop}",
    }, { base_url = "https://${all}:8443/x" })
    tells("base_url: '${all}' of kind text stands in the host; did you mean kind 'host'?",
      "login.url: '${shop}' of kind text stands in the host; did you mean kind 'label'?")
  end)
  it("warns once, however many logins there are", function()
    local def = shop.definition { inputs = { key = { optional = true } } }
    for _ = 1, 3 do
      bearer.login(def, {})
      bearer.login(bearer.provider(def), {})
    end
    assert.equal(1, #told)
  end)
  it("is fine with a bearer.warn that raises, or is none", function()
    for _, odd in ipairs { error, false } do
      bearer.warn = odd
      assert(load({ key = { optional = true } }, {}))
    end
  end)
  it("has no slips when it comes with bearer", function()
    for _, name in ipairs(bearer.providers()) do
      package.loaded["bearer.providers." .. name] = nil
      local def = require("bearer.providers." .. name)
      if def.login then
        bearer.provider(def)
      end
    end
    tells()
  end)
end)
