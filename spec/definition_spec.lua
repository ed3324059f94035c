local definition = require "bearer.definition"

-- A definition without fault; `change` spoils it.
local function good(change)
  local def = {
    name = "shop",
    inputs = {
      host = { kind = "host" }, user = {}, password = { secret = true }, unit = { optional = true },
    },
    login = { url = "https://${host}/login", json = { user = "${user}", pass = "${password}" } },
  }
  if change then
    change(def)
  end
  return def
end

local function accepts(what, change)
  it("accepts " .. what, function()
    assert.same({}, definition.faults(good(change)))
  end)
end

-- These faults and no others.
local function refuses(what, change, ...)
  local expected = { ... }
  it("refuses " .. what, function()
    assert.same(expected, definition.faults(good(change)))
  end)
end

describe("bearer.definition, the whole:", function()
  accepts("a good one", nil)
  accepts("every field of it", function(d)
    d.title, d.docs, d.base_url = "The shop", "https://shop.example/docs", "https://${host}"
    d.one_of = { { "unit" }, { "user", "password" } }
    d.token, d.refresh, d.logout = {}, { url = "${login_url}" }, { url = "${login_url}" }
    d.authorize, d.error = {}, {}
  end)

  it("refuses what is no table", function()
    for _, odd in ipairs { 3, "shop", true, print } do
      assert.equal(1, #definition.faults(odd))
      assert.matches("^definition: expected a table, got ", definition.faults(odd)[1])
    end
    assert.same({ "definition: expected a table, got nothing" }, definition.faults(nil))
  end)
  it("says what is missing", function()
    assert.same({ "name: is missing", "inputs: is missing", "login: is missing" },
      definition.faults({}))
  end)
  it("gives all faults at once, and no compiled form", function()
    local compiled, faults = definition.compile(good(function(d)
      d.nmae, d.login.ulr, d.login.url, d.inputs.host.kind = "x", "y", "https://${hots}/", "hsot"
    end))
    assert.is_nil(compiled)
    assert.same({
      "inputs.host.kind: 'hsot' is not one of host, jwk, label, path, pem, text or url; "
        .. "did you mean 'host'?",
      "login.ulr: unknown field; did you mean 'url'?",
      "login.url: unknown name 'hots'; did you mean 'host'?",
      "nmae: unknown field; did you mean 'name'?",
    }, faults)
  end)

  refuses("an unknown field", function(d) d.logn = {} end,
    "logn: unknown field; did you mean 'login'?")
  it("lists the fields there are where none is like the one that is unknown", function()
    for key, path in pairs { zzzzzz = "zzzzzz", [1] = "%[1%]" } do
      local faults = definition.faults(good(function(d) d[key] = "x" end))
      assert.equal(1, #faults)
      assert.matches("^" .. path .. ": unknown field; there are .*authorize, .*login, .*token$",
        faults[1])
    end
  end)
  refuses("a name that is no text", function(d) d.name = 3 end,
    "name: expected a text, got a number")
  refuses("a name that could lead elsewhere", function(d) d.name = "../shop" end,
    "name: '../shop' holds more than letters, digits, '_', '.' and '-'")
  refuses("an empty title", function(d) d.title = "" end,
    "title: is empty or holds control characters")
  refuses("docs that are no text", function(d) d.docs = {} end,
    "docs: expected a text, got a table")
  refuses("a login that is no table", function(d) d.login = "x" end,
    "login: expected a table (request), got a text")

  describe("not supported yet:", function()
    refuses("sign", function(d) d.sign = { assertion = 3 } end,
      "sign: not supported by this version of bearer")
    refuses("after", function(d) d.after = 3 end, "after: not supported by this version of bearer")
    refuses("cert", function(d) d.login.cert = 3 end,
      "login.cert: not supported by this version of bearer")
    refuses("make", function(d) d.token = { make = 3 } end,
      "token.make: not supported by this version of bearer")
    refuses("cookies as the token's way back", function(d) d.authorize = { cookies = true } end,
      "authorize.cookies: not supported by this version of bearer")
    refuses("the other formats, without a look at their patterns", function(d)
      d.token = { format = "text", value = "token=(.*)" }
    end, "token.format: not supported by this version of bearer")
    refuses("but an unknown format is just unknown", function(d)
      d.token = { format = "jsn" }
    end, "token.format: 'jsn' is not one of cookies, json or text; did you mean 'json'?")
    it("takes the names that they will make known for known", function()
      assert.same({ "sign: not supported by this version of bearer" },
        definition.faults(good(function(d)
          d.sign = { assertion = {} }
          d.login.json.assertion = "${assertion}"
        end)))
    end)
  end)
end)

describe("bearer.definition, inputs:", function()
  for _, kind in ipairs { "text", "host", "label", "path", "url", "pem", "jwk" } do
    accepts("kind " .. kind, function(d) d.inputs.unit.kind = kind end)
  end
  accepts("all about one", function(d)
    d.inputs.unit = { kind = "text", secret = false, optional = true, default = "b",
      enum = { "a", "b" }, join = " " }
  end)
  accepts("an input called refresh_token", function(d)
    d.inputs.refresh_token = { secret = true }
    d.login.json.refresh_token = "${refresh_token}"
  end)
  refuses("one that is no table", function(d) d.inputs.user = "text" end,
    "inputs.user: expected a table (input), got a text")
  refuses("an unknown field", function(d) d.inputs.user.optionl = true end,
    "inputs.user.optionl: unknown field; did you mean 'optional'?")
  refuses("a name that is none", function(d) d.inputs["a-b"] = {} end,
    'inputs["a-b"]: not a name: letters, digits and \'_\' only')
  for _, name in ipairs { "token", "uuid", "now", "login_url" } do
    refuses("a name that is built in: " .. name, function(d) d.inputs[name] = {} end,
      ("inputs.%s: '%s' is built in"):format(name, name))
  end
  refuses("a list", function(d) d.inputs[1] = "user" end,
    "inputs[1]: expected a table with names, not a list")
  refuses("a secret that is neither true nor false", function(d) d.inputs.user.secret = 1 end,
    "inputs.user.secret: expected true or false, got a number")
  refuses("an empty enum", function(d) d.inputs.unit.enum = {} end,
    "inputs.unit.enum: is an empty list")
  refuses("an enum of other values", function(d) d.inputs.unit.enum = { "a", true } end,
    "inputs.unit.enum[2]: expected a text or a number, got a boolean")
  refuses("a default outside its enum", function(d)
    d.inputs.unit.default, d.inputs.unit.enum = "c", { "a", "b" }
  end, "inputs.unit.default: is not in 'enum'")
  refuses("a default that is a function", function(d) d.inputs.unit.default = print end,
    "inputs.unit.default: expected a text, a number or a boolean, got a function")
  refuses("a default with a name in it", function(d) d.inputs.unit.default = "${user}" end,
    "inputs.unit.default: a default is taken as it is: '${' is not replaced")
  refuses("a list as default without join", function(d) d.inputs.unit.default = { "a" } end,
    "inputs.unit.default: only an input with 'join' may be a list")
  refuses("a join that is no text", function(d) d.inputs.unit.join = true end,
    "inputs.unit.join: expected a text, got a boolean")
  for kind, bad in pairs { host = "a/b", label = "a.b", path = "a" } do
    refuses("a default that is no " .. kind, function(d)
      d.inputs.unit.kind, d.inputs.unit.default = kind, bad
    end, "inputs.unit.default: is no " .. kind)
  end
  refuses("a default that is no URL", function(d)
    d.inputs.unit.kind, d.inputs.unit.default = "url", "ftp://x"
  end, "inputs.unit.default: a URL opens with https:// or with a name")

  refuses("one_of with unknown inputs", function(d) d.one_of = { { "usr" }, { "password" } } end,
    "one_of[1][1]: unknown input 'usr'; did you mean 'user'?")
  refuses("one_of that is no list of lists", function(d) d.one_of = { "user" } end,
    "one_of[1]: expected a list of inputs, got a text")
  refuses("an empty one_of, and empty groups", function(d) d.one_of = { {}, { 3 } } end,
    "one_of[1]: is an empty list", "one_of[2][1]: expected the name of an input, got a number")
end)

describe("bearer.definition, token and error:", function()
  for _, unit in ipairs { "s", "ms", "min", "h", "d", "clock" } do
    accepts("unit " .. unit, function(d) d.token = { unit = unit } end)
  end
  accepts("paths, lists of paths, and false", function(d)
    d.token = { value = { "a.b", "a[1].c" }, type = false, scope = false, refresh_token = "$",
      expires_in = "e", expires_at = false, lifetime = 0.5, format = "json", keep = { a = "b" } }
    d.error = { code = false, message = { "a", "b[2]" }, denied = { "x", 7 }, throttled = {},
      refused = {} }
  end)
  for _, zone in ipairs { "-03:00", "+0530", "UTC", "${host}", { "${unit}", "Z" } } do
    accepts("the zone " .. tostring(zone), function(d) d.token = { zone = zone } end)
  end
  accepts("where to look for other times", function(d)
    d.token = { issued_at = "a.b", refresh_expires_in = { "c", "d" } }
  end)
  refuses("a zone that is none", function(d) d.token = { zone = "Berlin" } end,
    "token.zone: 'Berlin' is no zone, like '-03:00'")
  accepts("a refresh that prolongs", function(d)
    d.refresh = { url = "https://${host}/keep", bearer = "${token}", prolongs = true }
  end)
  refuses("a login that prolongs", function(d) d.login.prolongs = true end,
    "login.prolongs: only a refresh can do that")
  accepts("a last request that prolongs", function(d)
    d.refresh = { { url = "https://${host}/a" }, { url = "https://${host}/b", prolongs = true } }
  end)
  refuses("a first request of several that prolongs", function(d)
    d.refresh = { { url = "https://${host}/a", prolongs = true }, { url = "https://${host}/b" } }
  end, "refresh[1].prolongs: the last request brings the token, or prolongs it")
  accepts("a refresh that revokes", function(d)
    d.refresh = { { url = "https://${host}/a", revokes = true }, { url = "https://${host}/b" } }
  end)
  refuses("a logout that revokes", function(d)
    d.logout = { url = "https://${host}/bye", revokes = true }
  end, "logout.revokes: only a refresh can do that")
  refuses("a refresh that both prolongs and revokes", function(d)
    d.refresh = { url = "https://${host}/keep", prolongs = true, revokes = true }
  end, "refresh.revokes: 'prolongs' says that the old token lives on")
  refuses("prolongs that is no boolean", function(d)
    d.refresh = { url = "https://${host}/keep", prolongs = "yes" }
  end, "refresh.prolongs: expected true or false, got a text")
  refuses("an unknown unit", function(d) d.token = { unit = "sec" } end,
    "token.unit: 'sec' is not one of clock, d, h, min, ms or s")
  refuses("a bad path", function(d) d.token = { value = "a..b" } end,
    "token.value: 'a..b': not a path from character 2 on")
  refuses("no value at all", function(d) d.token = { value = false } end,
    "token.value: expected a path into the answer, got a boolean")
  refuses("paths that are neither", function(d) d.token = { type = 3, scope = {} } end,
    "token.scope: is an empty list", "token.type: expected a path into the answer, got a number")
  for _, lifetime in ipairs { 0, -1 } do
    refuses("a lifetime of " .. lifetime, function(d) d.token = { lifetime = lifetime } end,
      "token.lifetime: a lifetime is more than 0 seconds")
  end
  refuses("an endless lifetime", function(d) d.token = { lifetime = math.huge } end,
    "token.lifetime: is not a finite number")
  refuses("a lifetime in words", function(d) d.token = { lifetime = "300" } end,
    "token.lifetime: expected a number of seconds, got a text")
  refuses("keep under a name that is taken", function(d)
    d.token = { keep = { token = "a", user = "b", ["x-y"] = "c", fine = 3 } }
  end, "token.keep.fine: expected a path into the answer, got a number",
    "token.keep.token: 'token' is built in", "token.keep.user: 'user' is an input already",
    'token.keep["x-y"]: not a name: letters, digits and \'_\' only')
  refuses("a token that is no table", function(d) d.token = "access_token" end,
    "token: expected a table (token), got a text")
  refuses("codes that are none", function(d)
    d.error = { denied = "invalid_client", throttled = { true }, refused = { x = "y" } }
  end, "error.denied: expected a list of codes, got a text",
    "error.refused.x: a name in a list of codes",
    "error.throttled[1]: expected a text or a number, got a boolean")
  refuses("an unknown field of error", function(d) d.error = { denid = {} } end,
    "error.denid: unknown field; did you mean 'denied'?")
end)
