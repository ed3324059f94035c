-- Paths into answers: what a definition's paths find, and which texts are paths.
local definition = require "bearer.definition"
local json = require "cjson"
local shop = require "spec.support.shop"

local BODY = [[{
  "access_token": "tok",
  "token": "t", "data": { "token": "inner", "no": null }, "off": false, "empty": "",
  "errors": [ { "code": "first" }, { "code": "second", "tags": [ [ "deep" ] ] } ],
  "o:errorPath": "odd", "1": "a name", "größe": 7, "with space": "w", "$ref": "r"
}]]

-- What is kept of an answer under these paths.
local function kept(body, ...)
  local login = shop.login({ token = { value = { "access_token", "[1].token", "$" },
    keep = { found = { ... } } } }, nil, { { body = body } })
  return assert(login:token()):get "found"
end

local function find(...)
  return kept(BODY, ...)
end

describe("a path", function()
  it("finds a field, and a field of a field", function()
    assert.equal("t", find "token")
    assert.equal("inner", find "data.token")
    assert.equal("odd", find "o:errorPath")
    assert.equal(7, find "größe")
    assert.equal("w", find "with space")
    assert.equal("r", find "$ref")
    assert.same({ "deep" }, find "errors[2].tags[1]")
    assert.same({ code = "first" }, find "errors[1]")
  end)

  it("counts lists from 1", function()
    assert.equal("first", find "errors[1].code")
    assert.equal("second", find "errors[2].code")
    assert.equal("deep", find "errors[2].tags[1][1]")
    assert.is_nil(find "errors[3].code")
    assert.is_nil(find "errors[99999999999999999999].code")
    assert.equal("x", kept('[{"a":"x","token":"tok"}]', "[1].a"))
    assert.is_nil(kept('[{"a":"x","token":"tok"}]', "[2].a"))
  end)

  it("tells an index from a name of digits", function()
    assert.equal("a name", find "1")
    assert.is_nil(find "errors.1")
    assert.is_nil(find "data[1]")
  end)

  it("finds all of the answer as $", function()
    assert.same(json.decode(BODY).errors[2], find("$").errors[2])
    assert.equal("bare", kept('"bare"', "$"))
    local login = shop.login({ token = { value = "$" } }, nil, { { body = '"bare"' } })
    assert.equal("bare", assert(login:token()):value())
  end)

  it("is the first of a list that leads somewhere", function()
    assert.equal("inner", find("nothing", "data.no", "data.token", "token"))
    assert.is_nil(find("nothing", "nowhere"))
  end)

  it("takes null for nothing, but false and the empty text for something", function()
    assert.is_nil(find "data.no")
    assert.is_false(find("off", "token"))
    assert.equal("", find("empty", "token"))
  end)

  it("that is false finds nothing", function()
    local login = shop.login({ token = { scope = false } }, nil,
      { { body = { access_token = "t", scope = "a" } } })
    assert.is_nil(assert(login:token()):scope())
  end)

  it("finds nothing where the way is barred, whatever the answer is", function()
    for _, odd in ipairs { '"text"', "3", "true", "false", "null", "[]", "{}", "[[]]",
      ("["):rep(90) .. ("]"):rep(90), ('{"a":'):rep(90) .. "1" .. ("}"):rep(90) } do
      local body = ('{"access_token":"tok","x":%s}'):format(odd)
      for _, path in ipairs { "x.b", "x.a.b", "x[1].a", "x.a[1].b" } do
        assert.is_nil(kept(body, path), path .. " in " .. odd)
      end
    end
    for _, odd in ipairs { '"text"', "3", "true", "null", "[]", "[[3]]", "" } do
      local login = shop.login({ token = { value = { "b", "a.b", "[1]", "a[1].b" } } }, nil,
        { { body = odd } })
      local token, _, err = login:token()
      assert.is_nil(token)
      assert.equal(odd == "" and "bad_answer" or "no_token", err.code)
    end
  end)

  it("leads as far as an answer goes", function()
    local body = '{"access_token":"tok","x":' .. ('{"a":'):rep(90) .. '"end"' .. ("}"):rep(91)
    assert.equal("end", kept(body, "x" .. (".a"):rep(90)))
    assert.is_nil(kept(body, "x" .. (".a"):rep(5000)))
  end)

  it("leads to the code and the message of an error", function()
    local login = shop.login({ error = { code = "e[2].code", message = { "no", "e[1].said" } } },
      nil, { { status = 400, body = { e = { { said = "How odd" }, { code = "odd" } } } } })
    local _, _, err = login:token()
    assert.same({ "odd", "How odd" }, { err.code, err.description })
  end)

  it("leads to what is expected", function()
    for status, is_fine in pairs { OK = true, NO = false } do
      local login = shop.login({ login = {
        url = "https://shop.example/login", expect = { ["s[1].c"] = "OK" },
      } }, nil, { { body = { access_token = "t", s = { { c = status } } } } })
      assert.equal(is_fine, login:token() ~= nil)
    end
  end)
end)

describe("a text that is", function()
  local function faults(path)
    return definition.faults(shop.definition { token = { value = path } })
  end

  it("a path passes", function()
    for _, good in ipairs { "a", "a.b", "a[1]", "a[1].b", "a[12][3].b", "[1].a", "$", "$ref",
      "o:errorPath", "with space", "a-b.c_d", "größe" } do
      assert.same({}, faults(good), good)
    end
  end)

  for bad, message in pairs {
    [""] = "the path is empty",
    ["a..b"] = "not a path from character 2 on",
    [".a"] = "not a path from character 1 on",
    ["a."] = "not a path from character 2 on",
    ["a[x]"] = "not a path from character 2 on",
    ["a[1"] = "not a path from character 2 on",
    ["a[1]b"] = "not a path from character 5 on",
    ["a\nb"] = "not a path from character 2 on",
    ["a[0]"] = "lists are counted from 1",
    ["$.a"] = "'$' stands alone: leave it away before a key",
    ["$[1]"] = "'$' stands alone: leave it away before a key",
  } do
    it(("no path is a fault: %q"):format(bad), function()
      local found = faults(bad)
      assert.equal(1, #found)
      assert.matches("^token%.value", found[1])
      assert.truthy(found[1]:find(message, 1, true), found[1])
    end)
  end

  it("no text is a fault", function()
    for _, odd in ipairs { 3, true, print } do
      assert.equal(1, #faults(odd))
    end
  end)
end)
