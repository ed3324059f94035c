local json = require "cjson"
local path = require "bearer.path"

describe("bearer.path", function()
  local answer = json.decode [[{
    "token": "t", "data": { "token": "inner", "no": null }, "off": false, "empty": "",
    "errors": [ { "code": "first" }, { "code": "second", "tags": [ [ "deep" ] ] } ],
    "o:errorPath": "odd", "1": "a name"
  }]]

  local function find(...)
    return path.find(answer, { ... })
  end

  it("finds a field, and a field of a field", function()
    assert.equal("t", find "token")
    assert.equal("inner", find "data.token")
    assert.equal("odd", find "o:errorPath")
  end)

  it("counts lists from 1", function()
    assert.equal("first", find "errors[1].code")
    assert.equal("second", find "errors[2].code")
    assert.equal("deep", find "errors[2].tags[1][1]")
    assert.is_nil(find "errors[3].code")
    assert.equal("x", path.find({ { a = "x" } }, { "[1].a" }))
  end)

  it("tells an index from a name of digits", function()
    assert.equal("a name", find "1")
    assert.is_nil(find "errors.1")
  end)

  it("finds all of the answer as $", function()
    assert.equal(answer, find "$")
    assert.equal("bare", path.find("bare", { "$" }))
  end)

  it("takes the first path that leads somewhere", function()
    assert.equal("inner", find("nothing", "data.no", "data.token", "token"))
    assert.is_nil(find("nothing", "nowhere"))
  end)

  it("takes null for nothing, but false and the empty text for something", function()
    assert.is_nil(find "data.no")
    assert.is_false(find("off", "token"))
    assert.equal("", find("empty", "token"))
  end)

  it("finds nothing without paths", function()
    assert.is_nil(path.find(answer, {}))
    assert.is_nil(path.find(answer, nil))
  end)

  it("never raises, whatever the answer is", function()
    local raising = setmetatable({}, { __index = function() error("touched") end })
    local deep = {}
    for _ = 1, 1e5 do
      deep = { a = deep }
    end
    for _, odd in ipairs { "text", 3, true, json.null, deep, print, raising } do
      assert.is_nil(path.find(odd, { "b", "a.b", "[1]", "a[1].b" }))
    end
    assert.is_nil(path.find(nil, { "$", "a" }))
    assert.is_nil(path.find(json.null, { "$" }))
  end)

  it("follows a path as long as it likes", function()
    local deep = "end"
    for _ = 1, 5000 do
      deep = { a = deep }
    end
    assert.equal("end", path.find(deep, { "a" .. (".a"):rep(4999) }))
  end)

  describe("check", function()
    it("knows paths", function()
      for _, good in ipairs { "a", "a.b", "a[1]", "a[1].b", "a[12][3].b", "[1].a", "$", "$ref",
        "o:errorPath", "with space", "a-b.c_d", "größe" } do
        assert.is_true(path.check(good), good)
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
      it(("refuses %q"):format(bad), function()
        assert.same({ nil, message }, { path.check(bad) })
      end)
    end

    it("refuses what is no text", function()
      assert.same({ nil, "a path is a text" }, { path.check(3) })
      assert.same({ nil, "a path is a text" }, { path.check(nil) })
    end)
  end)
end)
