-- What a definition comes to: its defaults, and what it takes from the one that it extends.
local bearer = require "bearer"
local cjson = require "cjson"
local core = require "bearer.core"
local definition = require "bearer.definition"
local shop = require "spec.support.shop"

local URL = "https://shop.example/"

-- A loader of these definitions.
local function from(definitions)
  return function(name)
    return definitions[name], "no definition of that name"
  end
end

-- A login of a definition, and what it sends.
local function open(def, inputs, answers)
  local transport, sent = shop.transport(answers)
  return bearer.login(def, inputs or {}, { transport = transport, retries = 0 }), sent
end

describe("a definition that says little", function()
  it("has every default", function()
    core.clock(1000, 1700000000)
    finally(function()
      core.clock()
    end)
    local login, sent = open({
      name = "shop", inputs = { user = {} }, login = { url = URL },
      refresh = { url = URL .. "refresh", form = { r = "${refresh_token}" } },
    }, { user = "me" }, { { body = {
      access_token = "t", token_type = "mac", scope = "a b", refresh_token = "r", expires_in = 60,
      expires_at = 1700000030,
    } }, { body = { access_token = "u" } } })
    local token = assert(login:token())
    assert.same({ "t", "mac", "a b", 60 },
      { token:value(), token:type(), token:scope(), token:expires_in() })
    assert.equal("POST", sent[1].method)
    assert.is_nil(sent[1].body)
    assert.equal("bearer.login (shop, fresh)", tostring(login))
    token = assert(login:refresh())
    assert.equal("r=r", sent[2].body)
    assert.equal("POST", sent[2].method)
    assert.same({ "u", "Bearer" }, { token:value(), token:type() }) -- no lifetime either
    assert.same({}, { token:expires_in(), token:scope() })
    assert.error_matches(function()
      bearer.login({ name = "shop", inputs = { user = {} }, login = { url = URL } }, {})
    end, "inputs: 'user' is missing")
  end)

  it("finds the code and the message of an error", function()
    local login = open({ name = "shop", inputs = {}, login = { url = URL } }, nil, { {
      status = 400, body = { error = "odd", error_description = "How odd" },
    } })
    local _, _, err = login:token()
    assert.same({ "odd", "How odd", "terminal", "shop" },
      { err.code, err.description, err.class, err.provider })
  end)

  it("takes one path, code or request for a list of them", function()
    local login, sent = open({
      name = "shop", inputs = {},
      login = { url = URL, keep = { api = "instance_url", zone = { "a", "b" } } },
      refresh = { url = URL .. "r/${zone}", method = "PUT" },
      logout = { { url = "${api}/o" } },
      token = { value = { "a.t", "t" }, type = false, expires_at = "exp", keep = { id = "id" } },
    }, nil, { { body = {
      instance_url = "https://eu.example", b = "z", t = "t1", token_type = "mac", id = 7,
    } } })
    local token = assert(login:token())
    assert.same({ "t1", "Bearer", 7, "z", "https://eu.example" },
      { token:value(), token:type(), token:get "id", token:get "zone", token:get "api" })
    assert(login:refresh())
    assert.same({ "PUT", URL .. "r/z" }, { sent[2].method, sent[2].url })
    assert(login:logout())
    assert.same({ "POST", "https://eu.example/o" }, { sent[3].method, sent[3].url })
  end)

  it("takes codes for sets, numbers too, and false for no code at all", function()
    local function class_of(code, changes)
      local login = shop.login({ error = changes }, nil, { { status = 500, body = { e = code } } })
      local _, _, err = login:token()
      return err.class, err.code
    end
    for _, code in ipairs { "x", 7, "7" } do
      assert.equal("terminal", (class_of(code, { code = "e", denied = { "x", 7 } })))
    end
    assert.equal("transient", (class_of("y", { code = "e", denied = { "x", 7 } })))
    assert.same({ "transient", "http_500" }, { class_of("x", { code = false, denied = { "x" } }) })
  end)

  it("leaves texts, functions and json as they are", function()
    local function f() return "from f" end
    local login, sent = open({
      name = "shop", inputs = { user = {} }, login = {
        { url = { f, URL }, headers = { A = 1 }, basic = { "${user}", "" } },
        { url = URL, json = { a = false, b = { "x", {} }, c = f, d = { e = "${user}" } },
          expect = function() return true end },
      },
    }, { user = "me" })
    local token, _, err = login:token()
    assert.is_nil(token) -- f gives no URL
    assert.equal("bad_request", err.code)
    assert.same({}, sent)
    login, sent = open({
      name = "shop", inputs = { user = {} }, login = {
        { url = { URL, f }, headers = { A = 1 }, basic = { "${user}", "" } },
        { url = URL, json = { a = false, b = { "x", {} }, c = f, d = { e = "${user}" } },
          expect = function() return true end },
      },
    }, { user = "me" })
    assert(login:token())
    assert.equal(URL, sent[1].url)
    assert.equal("1", sent[1].headers.A)
    assert.equal("Basic bWU6", sent[1].headers.Authorization)
    assert.same({ a = false, b = { "x", {} }, c = "from f", d = { e = "me" } },
      cjson.decode(sent[2].body))
  end)

  it("makes the members of one_of optional: the groups decide", function()
    local def = {
      name = "shop", inputs = { user = {}, code = {} }, login = { url = URL },
      one_of = { { "code" }, { "user" } },
    }
    assert(open(def, { code = "1" }))
    assert(open(def, { user = "1" }))
    assert.is_false(pcall(open, def, {}))
    assert.is_false(pcall(open, def, { user = "1", code = "1" }))
  end)

  it("is copied: what is changed afterwards changes no provider and no login", function()
    local def = {
      name = "shop", inputs = { user = {} },
      login = { url = URL, form = { u = "${user}" }, headers = { A = "1" } },
      error = { denied = { "x" } },
    }
    local provider = bearer.provider(def)
    local before, sent = open(def, { user = "me" })
    def.login.url, def.login.form.u, def.login.headers.B = "https://evil.example/", "evil", "2"
    def.inputs.more, def.inputs.user = {}, nil
    assert(before:token())
    local after, sent_after = open(provider, { user = "me" })
    assert(after:token())
    for _, request in ipairs { sent[1], sent_after[1] } do
      assert.same({ URL, "u=me", "1" }, { request.url, request.body, request.headers.A })
      assert.is_nil(request.headers.B)
    end
    assert.is_nil(def.token)
    assert.is_nil(def.login.method)
  end)
end)

describe("extends", function()
  local parent, load, preloaded

  -- Definitions that logins find by their names.
  local function offer(definitions)
    for name, def in pairs(definitions) do
      local module = "bearer.providers." .. name
      preloaded[#preloaded + 1] = module
      package.preload[module] = function()
        return def
      end
      package.loaded[module] = nil
    end
  end

  before_each(function()
    preloaded = {}
    parent = {
      name = "parent", title = "Parent",
      inputs = { user = {}, key = { secret = true } },
      login = {
        url = URL .. "login", bearer = "${key}", headers = { A = "1", B = "2" },
        json = { user = "${user}", flag = true, list = { "a", "b" } },
      },
      token = { type = "kind", lifetime = 60 },
      refresh = { url = URL .. "refresh" },
      error = { code = "status", denied = { "x" } },
    }
    load = from { parent = parent }
    offer { parent = parent }
  end)

  after_each(function()
    for _, module in ipairs(preloaded) do
      package.preload[module], package.loaded[module] = nil, nil
    end
  end)

  -- A login of a child of these words, and what it sends.
  local function child(def, inputs, answers)
    def.name, def.extends = def.name or "child", def.extends or "parent"
    return open(def, inputs or { user = "me", key = "k" }, answers)
  end

  -- The first request of such a login, and its JSON.
  local function sends(def, inputs)
    local login, sent = child(def, inputs)
    assert(login:token())
    return sent[1], sent[1].body and cjson.decode(sent[1].body), sent
  end

  it("takes what the child does not say", function()
    local login, sent = child({}, nil, { { body = { access_token = "t", kind = "mac" } } })
    local token = assert(login:token())
    assert.equal(URL .. "login", sent[1].url)
    assert.equal("Bearer k", sent[1].headers.Authorization)
    assert.same({ "1", "2" }, { sent[1].headers.A, sent[1].headers.B })
    assert.same({ user = "me", flag = true, list = { "a", "b" } }, cjson.decode(sent[1].body))
    assert.equal("mac", token:type())
    assert.near(60, token:expires_in(), 1)
    assert(login:refresh())
    assert.equal(URL .. "refresh", sent[2].url)
    login = child({}, nil, { { status = 500, body = { status = "x" } } })
    local _, _, err = login:token()
    assert.same({ "x", "terminal", "child" }, { err.code, err.class, err.provider })
  end)

  it("merges maps, replaces lists and functions", function()
    local function nothing() return false, "never" end
    local login, sent = child { login = { headers = { B = "3", C = "4" },
      json = { list = { "c" }, more = 1 }, expect = nothing } }
    local _, _, err = login:token()
    assert.equal("never", err.code)
    local headers = sent[1].headers
    assert.same({ "1", "3", "4" }, { headers.A, headers.B, headers.C })
    assert.same({ user = "me", flag = true, list = { "c" }, more = 1 }, cjson.decode(sent[1].body))
  end)

  it("replaces a request by a list of them", function()
    local _, _, sent = sends { login = { { url = URL .. "1" }, { url = URL .. "2" } } }
    assert.same({ URL .. "1", URL .. "2" }, { sent[1].url, sent[2].url })
    assert.is_nil(sent[1].headers.Authorization)
    assert.is_nil(sent[1].body)
  end)

  it("empties a list with an empty table", function()
    local login = child({ error = { denied = {} } }, nil,
      { { status = 500, body = { status = "x" } } })
    assert.equal("transient", select(3, login:token()).class)
  end)

  it("removes a key by false", function()
    local login, sent = child({ title = false, inputs = { key = false }, refresh = false,
      login = { bearer = false, headers = { A = false, Z = false } }, token = { lifetime = false },
    }, { user = "me" })
    local token = assert(login:token())
    assert.same({ "2" }, { sent[1].headers.B, sent[1].headers.A, sent[1].headers.Authorization })
    assert.is_nil(token:expires_in())
    assert(login:refresh())
    assert.equal(URL .. "login", sent[2].url)
    assert.error_matches(function()
      child({ inputs = { key = false }, login = { bearer = false } }, { user = "me", key = "k" })
    end, "'key'")
  end)

  it("keeps false inside json, and removes json itself by it", function()
    assert.is_false(select(2, sends { login = { json = { flag = false } } }).flag)
    assert.is_nil(sends({ login = { json = false } }).body)
  end)

  it("keeps false where it says that an answer has no such field", function()
    local body = { access_token = "t", kind = "mac", scope = "a", status = "x" }
    local login = child({ token = { type = false, scope = false } }, nil, { { body = body } })
    local token = assert(login:token())
    assert.equal("Bearer", token:type())
    assert.is_nil(token:scope())
    login = child({ error = { code = false } }, nil, { { status = 500, body = body } })
    assert.equal("http_500", select(3, login:token()).code)
  end)

  it("goes on through the parent's parents, and changes none of them", function()
    offer { middle = { name = "middle", extends = "parent",
      login = { headers = { A = "middle" } } } }
    assert.equal("1", sends({ extends = "parent" }).headers.A)
    assert.equal("middle", sends({ extends = "middle" }).headers.A)
    assert.equal("1", sends({ extends = "parent" }).headers.A)
    assert.same({ "parent", { A = "1", B = "2" } }, { parent.name, parent.login.headers })
  end)

  it("wants a name of its own: stored tokens are told apart by it", function()
    assert.same({ "name: is missing" }, definition.faults({ extends = "parent" }, load))
  end)

  it("lets a definition go by the name of the one that it starts from", function()
    assert.equal("bearer.login (parent, none)", tostring((child { name = "parent" })))
  end)

  it("checks the whole", function()
    assert.same({ "login.bearer: unknown name 'key'; there are login_url, now, user and uuid" },
      definition.faults({ name = "c", extends = "parent", inputs = { key = false },
        login = { bearer = "${key}" } }, load))
  end)

  it("drops the parent's texts with an input that is removed", function()
    local request, json = sends({ inputs = { key = false } }, { user = "me" })
    assert.is_nil(request.headers.Authorization)
    assert.equal("me", json.user)
    request, json = sends({ inputs = { user = false } }, { key = "k" })
    assert.equal("Bearer k", request.headers.Authorization)
    assert.same({ flag = true, list = { "a", "b" } }, json)
  end)

  it("drops them from lists, pairs and groups as well", function()
    parent.inputs.code, parent.inputs.tenant = {}, { optional = true }
    parent.one_of = { { "user", "key" }, { "code" } }
    parent.login = { url = URL .. "login", basic = { "${user}", "${key}" },
      form = { a = { "${tenant}-${user}", "${code}" }, b = { "${tenant}" } } }
    parent.logout = { url = URL .. "logout", basic = { "${tenant}", "${key}" } }
    offer { parent = parent }
    local function request(def, given)
      local login, sent = child(def, given)
      assert(login:token())
      return sent[1]
    end
    assert.equal("a=c", request({ inputs = { tenant = false } }, { code = "c" }).body)
    local other = request({ inputs = { key = false, user = false } }, { code = "c" })
    assert.equal("a=c", other.body)
    assert.is_nil(other.headers.Authorization)
    other = request({ inputs = { key = false, code = false }, one_of = { { "user" } } },
      { user = "me" })
    assert.equal("Basic bWU6", other.headers.Authorization)
  end)

  it("wants another URL where that of the parent needs an input that is removed", function()
    parent.inputs.host, parent.login.url = { kind = "host" }, "https://${host}/login"
    offer { parent = parent }
    assert.matches("login.url: unknown name 'host'",
      definition.faults({ name = "c", extends = "parent", inputs = { host = false } }, load)[1])
    assert.equal(URL, sends({ inputs = { host = false }, login = { url = URL } }).url)
  end)

  it("does not ask for an inherited input that no text uses any more", function()
    local request = sends({ login = { json = { user = "fixed" } } }, { key = "k" })
    assert.equal("Bearer k", request.headers.Authorization)
    assert(child({ login = { json = false } }, { user = "me", key = "k" })) -- but it may be given
    assert.error_matches(function() child({ login = { json = false } }, { user = "me" }) end,
      "'key' is missing")
  end)

  it("does not ask for token_url where all requests have a URL of their own", function()
    local login, sent = open({ name = "own", extends = "oauth2_password",
      login = { url = URL .. "login" }, refresh = { url = URL .. "login" } },
      { client_id = "c", username = "u", password = "p" })
    assert(login:token())
    assert.equal(URL .. "login", sent[1].url)
  end)

  it("reports a parent that is not to be had, and still the child's own faults", function()
    assert.same({ "extends: 'prent': no definition of that name", "logn: unknown field; "
      .. "did you mean 'login'?" }, definition.faults({ name = "c", extends = "prent", logn = {},
      one_of = { { "x" } }, authorize = { headers = { A = "${x}" } } }, load))
    local sulking = { function() error("broken\n", 0) end, function() error({}) end,
      function() return 3 end, nil }
    for i, message in ipairs { "broken\n", "loading it failed", "there is no such definition",
      "there is nothing here to load it with" } do
      assert.same({ "extends: 'x': " .. message },
        definition.faults({ name = "c", extends = "x" }, sulking[i]))
    end
  end)

  it("reports a circle", function()
    load = from { a = { extends = "b" }, b = { extends = "a" } }
    assert.same({ "extends: goes round in a circle: a, b, a" },
      definition.faults({ name = "c", extends = "a" }, load))
  end)

  it("reports a chain without end", function()
    local function endless(name)
      return { extends = name .. "x" }
    end
    assert.same({ "extends: the chain of definitions is too long" },
      definition.faults({ name = "c", extends = "x" }, endless))
  end)

  it("reports what is no name", function()
    local function faults(extends)
      return definition.faults({ name = "c", extends = extends }, load)
    end
    assert.same({ "extends: expected the name of a definition, got a table" }, faults({}))
    assert.same({ "extends: '../x' is not the name of a definition" }, faults "../x")
  end)

  it("says in which parent a fault lies that the merge would hide", function()
    parent.login.json.list[3] = parent
    local faults = definition.faults({ name = "c", extends = "parent" }, load)
    assert.same({ "extends: in 'parent': login.json.list[3]: contains itself" }, faults)
  end)
end)
