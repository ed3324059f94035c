local definition = require "bearer.definition"

local function compile(def, load)
  local compiled, faults = definition.compile(def, load)
  return assert(compiled, faults and table.concat(faults, "\n"))
end

local function shop()
  return { name = "shop", inputs = { user = {} }, login = { url = "https://h/login" } }
end

-- A loader of these definitions.
local function from(definitions)
  return function(name)
    return definitions[name], "no definition of that name"
  end
end

describe("the compiled form", function()
  it("fills in every default", function()
    assert.same({
      name = "shop",
      inputs = { user = { kind = "text" } },
      login = { { method = "POST", url = "https://h/login", keep = {} } },
      token = {
        value = { "access_token" }, type = { "token_type" }, scope = { "scope" },
        refresh_token = { "refresh_token" }, expires_in = { "expires_in" }, expires_at = {},
        unit = "s", format = "json", keep = {},
      },
      error = {
        code = { "error" }, message = { "error_description" },
        denied = {}, throttled = {}, refused = {},
      },
    }, compile(shop()))
  end)

  it("makes lists of requests and paths, and sets of codes", function()
    local def = shop()
    def.login.keep = { api = "instance_url", zone = { "a", "b" } }
    def.refresh, def.logout = { url = "https://h/r", method = "PUT" }, { { url = "https://h/o" } }
    def.token = { value = { "a", "b" }, type = false, expires_at = "exp", keep = { id = "id" } }
    def.error = { code = false, denied = { "x", 7 } }
    local c = compile(def)
    assert.same({ api = { "instance_url" }, zone = { "a", "b" } }, c.login[1].keep)
    assert.same({ { url = "https://h/r", method = "PUT", keep = {} } }, c.refresh)
    assert.same({ { url = "https://h/o", method = "POST", keep = {} } }, c.logout)
    assert.same({ { "a", "b" }, {}, { "exp" }, { id = { "id" } } },
      { c.token.value, c.token.type, c.token.expires_at, c.token.keep })
    assert.same({ {}, { x = true, ["7"] = true } }, { c.error.code, c.error.denied })
  end)

  it("leaves texts, functions and json as they are", function()
    local def, f = shop(), function() end
    def.login = {
      { url = { f, "https://h/" }, headers = { A = 1 }, basic = { "${user}", "", encode = true } },
      { url = "https://h/", json = { a = false, b = { "x", {} }, c = f }, expect = f },
    }
    local first, second = compile(def).login[1], compile(def).login[2]
    assert.same({ f, "https://h/" }, first.url)
    assert.same({ A = 1 }, first.headers)
    assert.same({ "${user}", "", encode = true }, first.basic)
    assert.same({ a = false, b = { "x", {} }, c = f }, second.json)
    assert.equal(f, second.expect)
  end)

  it("makes the members of one_of optional: the groups decide", function()
    local def = shop()
    def.inputs.code, def.one_of = {}, { { "code" }, { "user" } }
    assert.same({ code = { kind = "text", optional = true }, user = { kind = "text",
      optional = true } }, compile(def).inputs)
  end)

  it("is a copy: neither side sees what the other changes", function()
    local def = shop()
    local c = compile(def)
    def.login.url, def.inputs.user.secret = "https://evil/", false
    c.login[1].url, c.inputs.more = "https://other/", {}
    assert.same({ "https://evil/", { user = { secret = false } } }, { def.login.url, def.inputs })
    assert.is_nil(c.inputs.user.secret)
    assert.is_nil(def.token)
  end)
end)

describe("extends", function()
  local parent, load

  before_each(function()
    parent = {
      name = "parent", title = "Parent",
      inputs = { user = {}, key = { secret = true } },
      login = {
        url = "https://h/login", bearer = "${key}", headers = { A = "1", B = "2" },
        json = { user = "${user}", flag = true, list = { "a", "b" } },
      },
      token = { type = "kind", lifetime = 60 },
      refresh = { url = "https://h/refresh" },
      error = { code = "status", denied = { "x" } },
    }
    load = from { parent = parent }
  end)

  local function child(def)
    def.name, def.extends = def.name or "child", def.extends or "parent"
    return compile(def, load)
  end

  it("takes what the child does not say", function()
    local own = compile(parent)
    own.name = "child"
    assert.same(own, child {})
  end)

  it("merges maps, replaces lists and functions", function()
    local f = function() end
    local login = child { login = { headers = { B = "3", C = "4" },
      json = { list = { "c" }, more = 1 }, expect = f } }.login[1]
    assert.same({ A = "1", B = "3", C = "4" }, login.headers)
    assert.same({ user = "${user}", flag = true, list = { "c" }, more = 1 }, login.json)
    assert.equal(f, login.expect)
  end)

  it("replaces a request by a list of them", function()
    local login = child { login = { { url = "https://h/1" }, { url = "https://h/2" } } }.login
    assert.same({ "https://h/1", "https://h/2" }, { login[1].url, login[2].url })
    assert.is_nil(login[1].bearer)
  end)

  it("empties a list with an empty table", function()
    assert.same({}, child { error = { denied = {} } }.error.denied)
  end)

  it("removes a key by false", function()
    local c = child { title = false, inputs = { key = false }, refresh = false,
      login = { bearer = false, headers = { A = false, Z = false } }, token = { lifetime = false } }
    assert.same({ user = { kind = "text" } }, c.inputs)
    assert.same({ B = "2" }, c.login[1].headers)
    assert.same({}, { c.title, c.refresh, c.login[1].bearer, c.token.lifetime })
  end)

  it("keeps false inside json, and removes json itself by it", function()
    assert.is_false(child { login = { json = { flag = false } } }.login[1].json.flag)
    assert.is_nil(child { login = { json = false } }.login[1].json)
  end)

  it("keeps false where it says that an answer has no such field", function()
    local c = child { token = { type = false, scope = false }, error = { code = false } }
    assert.same({ {}, {}, {} }, { c.token.type, c.token.scope, c.error.code })
  end)

  it("goes on through the parent's parents, and changes none of them", function()
    load = from { parent = parent, middle = { name = "middle", extends = "parent",
      login = { headers = { A = "middle" } } } }
    assert.equal("1", child { extends = "parent" }.login[1].headers.A)
    assert.equal("middle", child { extends = "middle" }.login[1].headers.A)
    assert.equal("1", child { extends = "parent" }.login[1].headers.A)
    assert.equal("parent", parent.name)
  end)

  it("wants a name of its own: stored tokens are told apart by it", function()
    assert.same({ "name: is missing" }, definition.faults({ extends = "parent" }, load))
  end)

  it("lets a definition go by the name of the one that it starts from", function()
    assert.equal("parent", child { name = "parent" }.name)
  end)

  it("checks the whole", function()
    assert.same({ "login.bearer: unknown name 'key'" },
      definition.faults({ name = "c", extends = "parent", inputs = { key = false } }, load))
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
