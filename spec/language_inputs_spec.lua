-- What a caller gives a login: how each kind is checked, and what becomes of it.
local bearer = require "bearer"
local core = require "bearer.core"
local secrets = require "spec.support.secrets"
local shop = require "spec.support.shop"

local login = {
  url = "https://shop.example/", form = { x = "${x}" },
}

local function open(spec, value)
  return shop.login({ inputs = { x = spec }, login = login }, { x = value })
end

local function refuses(spec, value, message)
  local ok, err = pcall(open, spec, value)
  assert.is_false(ok)
  assert.equal("string", type(err))
  assert.truthy(err:find(message, 1, true), err)
end

describe("an input of kind", function()
  local pem = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"
  local kinds = {
    text = {
      good = { "a", " ", "a\nb", "${x}", "\0", 3, true, false, { "a" } },
      bad = { "", {}, coroutine.create(function() end), 0 / 0, math.huge },
    },
    host = {
      good = { "a", "api.example.com", "a-b.example:8443", "127.0.0.1:1", "[::1]", "[::1]:443" },
      bad = {
        "", "a@b", "evil.com/", "evil.com/x", "a?b", "a#b", "..", ".", "a..b", "a b", "a\r\nb",
        "a:b", "a:99999", "https://a", "a\\b", "a%2eb", "ä.example", "a\0b", "[::1", 3, true,
        { "a" },
      },
    },
    label = {
      good = { "a", "shop-1", "x9" },
      bad = { "", "a.b", "-a", "a-", "a/b", "a_b", "a b", "a\n", ("x"):rep(64), 7 },
    },
    path = {
      good = { "/", "/a", "/a/b-c/d.e", "/a%20b", "/a/" },
      bad = {
        "", "a", "//", "//evil.com", "/a/../b", "/..", "/.", "/%2e%2e/b", "/a?b", "/a#b", "/a\r\n",
        "/a b", "/a\\..\\b", "/a%0d%0a", "/a%zz", "/..;x/b", "https://a/", "/a\0", 1,
      },
    },
    url = {
      good = { "https://a.example", "https://a.example:1/b?c=d", "http://127.0.0.1:1/" },
      bad = {
        "", "a.example", "//a.example", "ftp://a", "https://u:p@a.example", "https://@a",
        "https://",
        "https://a#b", "https://a b", "https://a\r\nX: y", "javascript:alert(1)", "https:///a", 1,
      },
    },
    pem = { good = { pem }, bad = { "", "secret", 3, { pem } } },
    jwk = {
      good = { '{"kty":"oct","k":"AA"}', { kty = "oct", k = "AA" } },
      bad = { "", "AA", 3, { k = "AA" }, { kty = 1 } },
    },
  }
  for kind, cases in pairs(kinds) do
    for i, value in ipairs(cases.good) do
      it(("%s takes %s (%d)"):format(kind, tostring(value):gsub("%c", "?"), i), function()
        local spec = { kind = kind ~= "text" and kind or nil }
        assert.equal("bearer.login", core.type((open(spec, value))))
      end)
    end
    for i, value in ipairs(cases.bad) do
      it(("%s refuses %s (%d)"):format(kind, tostring(value):gsub("%c", "?"), i), function()
        refuses({ kind = kind }, value, "inputs.x: ")
      end)
    end
  end
  it("any is checked as well when a function or a reference gives it", function()
    local file = os.tmpname()
    local handle = assert(io.open(file, "w"))
    handle:write("evil.com/\n")
    handle:close()
    for _, source in ipairs { function() return "evil.com/" end, bearer.file(file) } do
      local opened, sent = open({ kind = "host" }, source)
      local token, _, err = opened:token()
      assert.is_nil(token)
      assert.equal("no_secret", err.code)
      assert.matches("inputs.x: a host", tostring(err))
      assert.equal(0, #sent)
    end
    os.remove(file)
  end)
  it("text with an enum is checked as well when a function gives it", function()
    local opened, sent = open({ enum = { "a", "b" } }, function() return "c" end)
    assert.matches("inputs.x: one of a, b expected", tostring(select(3, opened:token())))
    assert.equal(0, #sent)
  end)
end)

describe("an input that is no text", function()
  local function refuses_in(place, value, message)
    local request = { url = "https://shop.example/" }
    for key, part in pairs(place) do
      request[key] = part
    end
    local ok, err = pcall(shop.login, { inputs = { x = {} }, login = request }, { x = value })
    assert.is_false(ok)
    assert.truthy(err:find("inputs.x: a text expected, got " .. message, 1, true), err)
  end
  local places = {
    url = { url = "https://shop.example/${x}" }, header = { headers = { ["X-A"] = "${x}" } },
    basic = { basic = { "${x}", "" } }, bearer = { bearer = "${x}" },
    body = { body = "${x}", content_type = "text/plain" }, ["a text"] = { form = { a = "-${x}" } },
    ["a text in json"] = { json = { a = "${x}-" } },
  }
  for where, place in pairs(places) do
    it("is a mistake where it cannot stay what it is: in " .. where, function()
      refuses_in(place, true, "a boolean")
      refuses_in(place, { "a" }, "a list")
      refuses_in(place, { a = "b" }, "a table")
      refuses_in(place, {}, "an empty table")
    end)
  end
  it("is one anywhere when kind says text; a list is of texts", function()
    local def = { inputs = { x = { kind = "text" } },
      login = { url = "https://shop.example/", json = { a = "${x}" } } }
    for _, value in ipairs { true, false, { a = "b" }, {} } do
      assert.error_matches(function() shop.login(def, { x = value }) end,
        "inputs.x: a text expected, got an? %a+")
    end
    assert.equal('{"a":["b"]}', shop.sends({ json = { a = "${x}" } }, def.inputs,
      { x = { "b" } }).body)
    assert.equal('{"a":7}', shop.sends({ json = { a = "${x}" } }, def.inputs, { x = 7 }).body)
  end)
  it("is one for every provider that comes with bearer", function()
    for _, value in ipairs { true, { a = "b" }, {} } do
      for provider, inputs in pairs {
        hubsoft = { host = "erp.example.com", client_id = value, client_secret = "s",
          username = value, password = "p" },
        oauth2_password = { token_url = "https://login.example.com/", client_id = value,
          username = value, password = "p", scope = value, audience = value, resource = value },
        cobuilder = { client_id = value, client_secret = "s", audience_url = value },
        crm_com = { base_url = "https://crm.example.com", api_key = "k", identifier = value,
          pass_code = "p", unit = value },
      } do
        local ok, err = pcall(bearer.login, provider, inputs)
        assert.is_false(ok)
        for name, given in pairs(inputs) do
          if given == value then
            assert.truthy(err:find("inputs." .. name .. ": a ", 1, true), err)
          end
        end
      end
    end
  end)
  it("with names is one in query and form, too", function()
    refuses_in({ form = { a = "${x}" } }, { a = "b" }, "a table")
    refuses_in({ query = { a = "${x}" } }, { a = "b" }, "a table")
  end)
end)

describe("a secret", function()
  for what, value in pairs {
    number = 42, ["true"] = true, list = { "hunter22" }, ["empty table"] = {},
    table = { a = "hunter22" },
  } do
    it("that is no text is a mistake, also when a function gives it: " .. what, function()
      refuses({ secret = true }, value, "inputs.x: a secret is a text")
      local opened, sent = open({ secret = true }, function() return value end)
      local err = select(3, opened:token())
      assert.equal("no_secret", err.code)
      assert.matches("a secret is a text", err.description)
      assert.equal(0, #sent)
      secrets.assert_absent(err, { "hunter22", "42" })
    end)
  end
end)

describe("inputs:", function()
  local all = {
    inputs = { user = {}, password = { secret = true }, unit = { optional = true } },
    login = { url = "https://shop.example/", form = {
      user = "${user}", password = "${password}", unit = "${unit}",
    } },
  }
  local function raises(given, ...)
    local ok, err = pcall(shop.login, all, given)
    assert.is_false(ok)
    for _, part in ipairs { ... } do
      assert.truthy(tostring(err):find(part, 1, true), tostring(err))
    end
    return err
  end
  it("names all that are missing or unknown at once, with suggestions", function()
    raises({ usr = "u" }, "inputs: unknown input 'usr'; did you mean 'user'?",
      "; 'password' is missing; 'user' is missing")
  end)
  it("lists what there is where no name is like it", function()
    raises({ zzzz = 1 }, "unknown input 'zzzz'; there are password, unit, user")
    raises({ pass = "p" }, "unknown input 'pass'; did you mean 'password'?")
  end)
  it("that are options say so, and so do options that are inputs", function()
    raises({ user = "u", password = "p", ca_file = "x.pem" },
      "unknown input 'ca_file': it is an option, of the table that follows the inputs")
    local ok, err = pcall(shop.login, all, { user = "u" }, nil, { password = "p" })
    assert.is_false(ok)
    assert.truthy(err:find("options: unknown option 'password': it is an input", 1, true), err)
  end)
  it("tell all that is wrong at once, values and groups too", function()
    local ok, err = pcall(shop.login, {
      inputs = { a = {}, b = {}, c = { kind = "host" }, d = { secret = true }, e = {} },
      one_of = { { "a" }, { "b" } },
      login = { url = "https://${c}/", form = { d = "${d}", e = "${e}" } },
    }, { c = "no host", d = 1, f = 2 })
    assert.is_false(ok)
    for _, part in ipairs { "inputs: unknown input 'f'", "'e' is missing",
      "give exactly one of these, whole: a, or b", "inputs.c: a host", "inputs.d: a secret is" } do
      assert.truthy(err:find(part, 1, true), err)
    end
  end)
  it("say what to leave out of a host, and what a URL lacks", function()
    refuses({ kind = "host" }, "https://shop.example", "expected; leave its https:// out")
    refuses({ kind = "host" }, "https://shop.example/", "expected; leave its https:// out")
    refuses({ kind = "host" }, "shop.example/", "expected; leave what follows the host out")
    refuses({ kind = "url" }, "shop.example", "inputs.x: the URL does not open with https://")
    refuses({ kind = "url" }, "ftp://shop.example", "inputs.x: the URL does not open with https://")
    refuses({ kind = "url" }, "https://u:p@shop.example", "inputs.x: the URL carries a user")
    refuses({ kind = "url" }, "https://shop.example/#a", "inputs.x: the URL has a fragment")
    refuses({ kind = "url" }, "https://shop.example/../a", "inputs.x: the URL has '.' or '..'")
  end)
  it("are a table with names", function()
    raises({ "u" }, "inputs: names are texts")
    for _, odd in ipairs { 3, "x", true } do
      local ok, err = pcall(bearer.login, shop.definition(), odd)
      assert.is_false(ok)
      assert.matches("inputs: a table expected, got " .. type(odd), err)
    end
    assert.matches("inputs: a table expected, got nil",
      select(2, pcall(bearer.login, shop.definition())))
  end)
  it("never show a value in an error", function()
    local err = raises({ user = "u", password = { "hunter22" } }, "inputs.password: ")
    secrets.assert_absent(err, { "hunter22" })
    secrets.assert_absent(raises({ user = "u", pasword = "hunter22" }, "unknown"), { "hunter22" })
  end)
  it("are the login's own: the caller's tables may change later", function()
    local list = { "a", { b = "c" } }
    local opened, sent = shop.login({
      inputs = { x = {} }, login = { url = "https://shop.example/", json = "${x}" },
    }, { x = list })
    list[1], list[2].b = "evil", "evil"
    assert(opened:token())
    assert.equal('["a",{"b":"c"}]', sent[1].body)
  end)
  it("may be tables of plain data only", function()
    local cyclic = {}
    cyclic.x = cyclic
    for _, bad in ipairs { { print }, { [true] = 1 }, { a = { b = io.stdout } }, cyclic } do
      refuses({}, bad, "inputs.x: ")
    end
  end)
  it("that are optional may be left out; a default stands in for others", function()
    local opened, sent = shop.login({
      inputs = { a = { optional = true }, b = { default = "two" }, c = { default = 3 } },
      login = { url = "https://shop.example/", form = { a = "${a}", b = "${b}", c = "${c}" } },
    }, { b = nil })
    assert(opened:token())
    assert.equal("b=two&c=3", sent[1].body)
  end)
  it("with enum take these values and no others", function()
    for _, good in ipairs { "a", 2 } do
      assert.truthy(open({ enum = { "a", 2 } }, good))
    end
    for _, bad in ipairs { "b", "2", "A", "", { "a" } } do
      refuses({ enum = { "a", 2 } }, bad, "inputs.x: ")
    end
  end)
  it("with join take a list of texts", function()
    local function sends(value)
      return shop.sends({ form = { x = "${x}" } }, { x = { join = " " } }, { x = value }).body
    end
    assert.equal("x=read+write", sends { "read", "write" })
    assert.equal("x=read", sends { "read" })
    assert.equal("x=read+write", sends "read write")
    refuses({ join = " " }, { "a", 1 }, "inputs.x: a list of texts expected")
    refuses({ join = " " }, {}, "inputs.x: a text that is not empty expected")
  end)

  it("may be functions, which are called for each login", function()
    local count = 0
    local opened, sent = open({ secret = true }, function()
      count = count + 1
      return "code" .. count
    end)
    assert.equal(0, count)
    assert(opened:token())
    assert(opened:refresh())
    assert.equal("x=code1", sent[1].body)
    assert.equal("x=code2", sent[2].body)
  end)
  local empty_handed = {
    ["gives nothing"] = function() end,
    ["gives nothing and says why"] = function() return nil, "the vault is shut" end,
    ["raises"] = function() error("the vault is locked") end,
    ["gives an empty text"] = function() return "" end,
    ["gives a function"] = function() return print end,
  }
  for how, f in pairs(empty_handed) do
    it("a function that " .. how .. " is an error, and nothing is sent", function()
      local opened, sent = open({ secret = true }, f)
      local token, _, err = opened:token()
      assert.is_nil(token)
      assert.equal("no_secret", err.code)
      assert.equal("terminal", err.class)
      assert.matches("x", err.description)
      if how:find("why", 1, true) then
        assert.matches("the vault is shut", err.description)
      elseif how == "raises" then
        assert.equal("input 'x': its function raised an error: spec/language_inputs_spec.lua:"
          .. debug.getinfo(f, "S").linedefined .. ": the vault is locked", err.description)
      end
      assert.equal(0, #sent)
    end)
  end

  it("may be files: the last newline is dropped, and a changed file is noticed", function()
    local file = os.tmpname()
    local function write(text)
      local handle = assert(io.open(file, "w"))
      handle:write(text)
      handle:close()
    end
    write("one\n\n")
    local opened, sent = open({ secret = true }, bearer.file(file))
    write("two\r\n")
    assert(opened:token())
    write("three\n\n")
    assert(opened:refresh())
    os.remove(file)
    assert.equal("x=two", sent[1].body)
    assert.equal("x=three%0A", sent[2].body)
    opened:forget()
    local err = select(3, opened:token())
    assert.equal("no_secret", err.code)
    assert.matches("does not exist", tostring(err))
    assert.equal(2, #sent)
  end)
  it("may be environment variables", function()
    local opened, sent = open({ secret = true }, bearer.env "PATH")
    assert(opened:token())
    assert.equal("x=", sent[1].body:sub(1, 2))
    local missing = open({ secret = true }, bearer.env "BEARER_SPEC_IS_NOT_SET")
    local err = select(3, missing:token())
    assert.equal("no_secret", err.code)
    assert.matches("environment variable BEARER_SPEC_IS_NOT_SET is not set", tostring(err))
  end)
  it("that are references say where they point to, no more", function()
    assert.equal("environment variable HOME", tostring(bearer.env "HOME"))
    assert.equal("file /run/secrets/x", tostring(bearer.file "/run/secrets/x"))
    for _, bad in ipairs { "", "a\0b" } do
      assert.has_error(function() bearer.env(bad) end)
      assert.has_error(function() bearer.file(bad) end)
    end
    assert.has_error(function() bearer.env() end)
    assert.has_error(function() bearer.file {} end)
  end)
end)

describe("one_of:", function()
  local def = {
    inputs = { code = { secret = true }, user = {}, password = { secret = true } },
    one_of = { { "code" }, { "user", "password" } },
    login = { url = "https://shop.example/",
      form = { code = "${code}", user = "${user}", password = "${password}" } },
  }
  it("takes exactly one group, whole", function()
    for body, given in pairs {
      ["code=c"] = { code = "c" }, ["password=p&user=u"] = { user = "u", password = "p" },
    } do
      local opened, sent = shop.login(def, given)
      assert(opened:token())
      assert.equal(body, sent[1].body)
    end
  end)
  for what, given in pairs {
    ["none"] = {}, ["two"] = { code = "c", user = "u", password = "p" }, ["half"] = { user = "u" },
    ["one and a half"] = { code = "c", user = "u" },
  } do
    it("refuses " .. what, function()
      local ok, err = pcall(shop.login, def, given)
      assert.is_false(ok)
      assert.truthy(err:find(
        "inputs: give exactly one of these, whole: code, or user with password", 1, true), err)
    end)
  end
  it("counts functions and references as given", function()
    local opened, sent = shop.login(def, { code = function() return "f" end })
    assert(opened:token())
    assert.equal("code=f", sent[1].body)
  end)
end)
