-- Texts, names and functions, as they are sent: DESIGN's definition language at run time.
local bearer = require "bearer"
local core = require "bearer.core"
local encode = require "spec.support.encode"
local shop = require "spec.support.shop"

local optional = { optional = true }

describe("a text:", function()
  it("has its names replaced, and nothing else", function()
    local sent = shop.sends({ body = "a ${x} $x ${y}$ {x} $${x}", content_type = "text/plain" },
      { x = {}, y = {} }, { x = "1", y = "${x}" })
    assert.equal("a 1 $x ${x}$ {x} $1", sent.body)
  end)
  it("that is exactly one name keeps the value's type in json", function()
    local given = {
      list = { "a", "b" }, map = { deep = { x = 1 } }, yes = true, no = false, three = 3,
      text = "3",
    }
    local inputs, json = {}, {}
    for name in pairs(given) do
      inputs[name], json[name] = {}, "${" .. name .. "}"
    end
    assert.same(given, shop.sends_json(json, inputs, given))
  end)
  it("with more around the name is a text", function()
    assert.same({ n = "3.", f = "1.5 " },
      shop.sends_json({ n = "${n}.", f = "${f} " }, { n = {}, f = {} }, { n = 3, f = 1.5 }))
  end)
  it("writes whole numbers as such, however they were computed or how long they are", function()
    local sent = shop.sends({ form = { a = "${a}", b = "x${a}", c = "${c}" },
      query = { q = 6 / 2 } }, { a = {}, c = {} }, { a = 6 / 2, c = 2 ^ 53 })
    assert.equal("a=3&b=x3&c=9007199254740992", sent.body)
    assert.equal("https://shop.example/login?q=3", sent.url)
    assert.equal('{"n":9007199254740992}', shop.sends({ json = { n = "${n}" } }, { n = {} },
      { n = 2 ^ 53 }).body)
  end)
  it("drops its key when an optional input was not given", function()
    local sent = shop.sends({
      url = "https://shop.example/", query = { q = "${x}", r = "a${x}" },
      headers = { ["X-A"] = "${x}", ["X-B"] = "b" }, form = { f = "f-${x}", g = "g" },
    }, { x = optional }, {})
    assert.equal("https://shop.example/", sent.url)
    assert.is_nil(sent.headers["X-A"])
    assert.equal("b", sent.headers["X-B"])
    assert.equal("g=g", sent.body)
    assert.same({ a = { c = 1 }, l = { "x" } }, shop.sends_json(
      { a = { b = "${x}", c = 1 }, d = "${x}", l = { "${x}", "x" } }, { x = optional }))
  end)
  it("may be a number or a boolean, which is meant", function()
    local sent = shop.sends { form = { a = 1, b = true }, headers = { ["X-N"] = 7 } }
    assert.equal("a=1&b=true", sent.body)
    assert.equal("7", sent.headers["X-N"])
  end)
  it("in a list: the first whose names are all known", function()
    local inputs = { a = optional, b = optional }
    local request = { body = { "${a}/${b}", "${a}", "none" }, content_type = "text/plain" }
    for expected, given in pairs {
      ["1/2"] = { a = "1", b = "2" }, ["1"] = { a = "1" }, none = { b = "2" },
    } do
      assert.equal(expected, shop.sends(request, inputs, given).body)
    end
  end)
  it("in a list that none fits is dropped", function()
    local sent = shop.sends({ form = { x = { "${a}", "${b}" }, y = 1 } },
      { a = optional, b = optional })
    assert.equal("y=1", sent.body)
  end)
  it("whose kept value never came is an error with its name, and is not sent", function()
    local login, sent = shop.login({ login = {
      { url = "https://shop.example/1", keep = { sid = "session.id" } },
      { url = "https://shop.example/2", query = { sid = "${sid}" } },
    } })
    local token, _, err = login:token()
    assert.is_nil(token)
    assert.equal("no_token", err.code)
    assert.matches("the value of 'sid' is not known", tostring(err))
    assert.equal(1, #sent)
  end)
end)

describe("the built-in names:", function()
  after_each(function()
    core.clock()
  end)
  it("now is the Unix time, uuid a new one for each login", function()
    core.clock(50, 1700000000.9)
    local login, sent = shop.login { login = {
      url = "https://shop.example/", form = { now = "${now}", uuid = "${uuid}" },
    } }
    assert(login:token())
    assert(login:refresh())
    local first, second = sent[1].body, sent[2].body
    assert.matches("^now=1700000000&uuid=%x+%-%x+%-4%x+%-[89ab]%x+%-%x+$", first)
    assert.not_equal(first, second)
  end)
  it("login_url is the address of the login", function()
    local login, sent = shop.login({
      inputs = { host = { kind = "host" } },
      login = { url = "https://${host}/login", keep = {} },
      refresh = { url = "${login_url}", form = { rt = "${refresh_token}" } },
    }, { host = "shop.example:8443" }, { { body = { access_token = "a", refresh_token = "r" } } })
    assert(login:token())
    assert(login:refresh())
    assert.equal("https://shop.example:8443/login", sent[2].url)
  end)
  it("login_url is encoded as the login's own address was", function()
    local login, sent = shop.login({
      inputs = { tenant = {} },
      login = { url = "https://shop.example/${tenant}/login" },
      refresh = { url = "${login_url}", form = { rt = "${refresh_token}" } },
    }, { tenant = "a/..b?c" }, { { body = { access_token = "a", refresh_token = "r" } } })
    assert(login:token())
    assert(login:refresh())
    assert.equal("https://shop.example/a%2F..b%3Fc/login", sent[1].url)
    assert.equal(sent[1].url, sent[2].url)
  end)
end)

-- What a function gives in the place of a json field.
local function gives(f, inputs, given)
  return shop.sends_json({ x = f }, inputs, given).x
end

describe("a function in the place of a text:", function()
  after_each(function()
    core.clock()
  end)
  local vectors = {
    { "base64", { "foobar" }, "Zm9vYmFy" }, -- RFC 4648
    { "base64", { "f" }, "Zg==" },
    { "base64url", { "\251\255\254" }, "-__-" },
    { "base64url", { "f" }, "Zg" },
    { "hex", { "\0\255a" }, "00ff61" },
    { "json", { "a\"b" }, '"a\\"b"' },
    { "json", { { 1, 2 } }, "[1,2]" },
  }
  for _, vector in ipairs(vectors) do
    it(("f.%s gives %s"):format(vector[1], vector[3]), function()
      assert.equal(vector[3], gives(function(_, f)
        return f[vector[1]](vector[2][1])
      end))
    end)
  end
  local wanted = "what do ya want for nothing?" -- RFC 2202 and RFC 4231, case 2
  local digests = {
    { "sha1", { "abc" }, "a9993e364706816aba3e25717850c26c9cd0d89d" },
    { "sha256", { "abc" }, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { "hmac", { "sha1", "Jefe", wanted }, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" },
    { "hmac", { "sha256", "Jefe", wanted },
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
    { "hmac", { "sha512", "Jefe", wanted }, "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd6"
      .. "10270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737" },
  }
  for _, vector in ipairs(digests) do
    it(("f.%s %s is right"):format(vector[1], vector[2][2] and vector[2][1] or ""), function()
      assert.equal(vector[3], gives(function(_, f)
        local given = vector[2]
        return f.hex(f[vector[1]](given[1], given[2], given[3]))
      end))
    end)
  end
  it("f.now, f.uuid and f.random", function()
    core.clock(1, 1700000000)
    assert.equal(1700000000, gives(function(_, f) return f.now() end))
    assert.matches("^%x+%-%x+%-4%x+%-[89ab]%x+%-%x+$", gives(function(_, f) return f.uuid() end))
    assert.equal(32, gives(function(_, f) return #f.random(32) end))
    assert.is_false(gives(function(_, f) return f.random(16) == f.random(16) end))
  end)
  it("sees the names as v, with their types, and nothing for what is not known", function()
    assert.same({ 3, true, "s", "nil" }, gives(function(v)
      return { v.n, v.b, v.s, type(v.missing) }
    end, { n = {}, b = {}, s = { secret = true }, missing = optional },
      { n = 3, b = true, s = "s" }))
  end)
  it("has its text sent as it is: '${x}' in it is no name", function()
    assert.equal("${x}", gives(function() return "${x}" end, { x = {} }, { x = "1" }))
  end)
  it("f.text expands a text below Lua, and is nil when a name is not known", function()
    assert.equal("key=s", gives(function(_, f)
      return f.text "key=${x}"
    end, { x = {} }, { x = "s" }))
    assert.is_nil(gives(function(_, f) return f.text "${x}" end, { x = optional }))
    assert.same({ a = "s", b = { "-s", "${x}" } }, gives(function(_, f)
      return { a = f.text "${x}", b = { f.text "-${x}", "${x}" } }
    end, { x = {} }, { x = "s" }))
  end)
  it("may give any JSON; nil drops its key", function()
    assert.same({ a = { 1, "2", { b = false } } }, gives(function()
      return { a = { 1, "2", { b = false } } }
    end))
    assert.is_nil(gives(function() end))
  end)
  it("stands in a list, a header, a URL, a form, basic and bearer too", function()
    local function x() return "fx" end
    local sent = shop.sends {
      url = function() return "https://shop.example/made" end, query = { q = x },
      headers = { ["X-F"] = x }, basic = { x, function() end },
      form = { f = { function() end, x } },
    }
    assert.equal("https://shop.example/made?q=fx", sent.url)
    assert.equal("fx", sent.headers["X-F"])
    assert.equal("Basic " .. encode.base64("fx:"), sent.headers.Authorization)
    assert.equal("f=fx", sent.body)
    assert.equal("Bearer fx", shop.sends({ bearer = x }).headers.Authorization)
  end)
  it("is called once for each request", function()
    local calls = 0
    shop.sends { query = { q = function()
      calls = calls + 1
      return calls
    end } }
    assert.equal(1, calls)
  end)

  local broken = {
    ["raises"] = function() error("broken here") end,
    ["raises a table"] = function() error({}) end,
    ["gives a function"] = function() return print end,
    ["gives a table that holds itself"] = function()
      local t = {}
      t.t = t
      return t
    end,
  }
  for how, f in pairs(broken) do
    it("that " .. how .. " is an error, and nothing is sent", function()
      local login, sent = shop.login { login = { url = "https://shop.example/", json = { x = f } } }
      local token, _, err = login:token()
      assert.is_nil(token)
      assert.equal("bad_request", err.code)
      assert.equal("terminal", err.class)
      assert.matches("its definition failed", tostring(err))
      assert.equal(0, #sent)
    end)
  end
  it("that gives a table where a text is due is an error", function()
    local login, sent = shop.login { login = {
      url = "https://shop.example/", headers = { ["X-T"] = function() return { a = 1 } end },
    } }
    assert.matches("a text expected, got a table", tostring(select(3, login:token())))
    assert.equal(0, #sent)
  end)
end)

describe("extends:", function()
  local prefix = "bearer.providers."
  setup(function()
    package.preload[prefix .. "spec_base"] = function()
      return {
        name = "spec_base", inputs = { user = {}, unit = { optional = true } },
        login = {
          url = "https://shop.example/login", headers = { ["X-A"] = "a", ["X-B"] = "b" },
          json = { user = "${user}", keep = true, list = { 1, 2 } },
        },
        refresh = { url = "https://shop.example/refresh", bearer = "${token}" },
        token = { refresh_token = "rt" }, error = { denied = { "dead", "gone" } },
      }
    end
  end)
  teardown(function()
    package.preload[prefix .. "spec_base"] = nil
    package.loaded[prefix .. "spec_base"] = nil
  end)
  local function extended(changes)
    local transport, sent = shop.transport()
    changes.extends, changes.name = "spec_base", "child"
    local login = bearer.login(changes, { user = "u" }, { transport = transport, retries = 0 })
    assert(login:token())
    return sent[1], login, sent
  end
  it("starts from the other definition", function()
    local sent = extended {}
    assert.equal("https://shop.example/login", sent.url)
    assert.equal("a", sent.headers["X-A"])
  end)
  it("lays maps over maps, and replaces lists and functions", function()
    local sent = extended { login = { headers = { ["X-B"] = "c" }, json = { list = { 3 } } } }
    assert.equal("a", sent.headers["X-A"])
    assert.equal("c", sent.headers["X-B"])
    assert.same({ user = "u", keep = true, list = { 3 } }, require("cjson").decode(sent.body))
  end)
  it("with false removes a key, though in json it is a value", function()
    local sent, login, all = extended {
      login = { headers = { ["X-A"] = false }, json = { keep = false } }, refresh = false,
    }
    assert.is_nil(sent.headers["X-A"])
    assert.is_false(require("cjson").decode(sent.body).keep)
    assert(login:refresh())
    assert.equal("https://shop.example/login", all[2].url)
  end)
  it("goes by the child's name", function()
    local _, login = extended {}
    assert.equal("bearer.login (child, fresh)", tostring(login))
  end)
end)
