-- What is read out of an answer, and what is made of a refusal. Answers on the wire:
-- hostile_spec.
local answer = require "bearer.answer"
local core = require "bearer.core"
local definition = require "bearer.definition"
local refusal = require "bearer.refusal"

local function compile(fields)
  local def = { name = "shop", inputs = {}, login = { url = "https://h/" } }
  for name, value in pairs(fields or {}) do
    def[name] = value
  end
  return assert(definition.compile(def))
end

local function read(body, headers, status)
  return answer.read { status = status or 200, headers = headers or {}, body = body }
end

local function token(body, fields, headers)
  return answer.token(read(body, headers), compile(fields), core.scope())
end

local function refused(status, body, headers, fields)
  return refusal.new(read(body, headers, status), compile(fields), core.scope())
end

describe("bearer.answer", function()
  before_each(function()
    core.clock(1000, 1700000000) -- Tue, 14 Nov 2023 22:13:20 GMT
  end)

  after_each(function()
    core.clock()
  end)

  describe("reads", function()
    it("headers: names in lower case, the same ones together, blanks around values gone", function()
      local a = answer.read {
        status = 200, body = "",
        head = "HTTP/1.1 200 OK: fine\r\nA:  b \t\r\na:c\r\nEmpty:\r\nX-Y: a: b\r\n" ..
          ": no\r\nnone\r\n\r\n",
      }
      assert.equal("b, c", a.headers.a)
      assert.equal("", a.headers.empty)
      assert.equal("a: b", a.headers["x-y"])
      assert.is_nil(a.headers.none)
      assert.is_nil(a.headers[""])
    end)

    it("bare texts, in quotes or not, behind a byte order mark or not", function()
      local json, text = { ["content-type"] = "application/json" }, {
        ["content-type"] = "Text/Plain; charset=utf-8",
      }
      for _, mark in ipairs { "", "\239\187\191" } do
        for _, headers in ipairs { json, text, {} } do
          assert.equal("abc", read(mark .. '"abc"\n', headers).root)
          assert.equal("abc", read(mark .. " abc\r\n", headers).root)
        end
      end
      assert.equal("12", read("12", text).root)
      assert.equal(12, read("12", json).root)
      assert.is_nil(read("<html>abc", json).root)
      assert.is_nil(read("abc", { ["content-type"] = "text/html" }).root)
      assert.is_nil(read('"abc', json).root)
    end)

    it("a transport's list of values for one header as one text, numbers as people write them",
      function()
        local given = answer.from_transport { status = 200, headers = {
          Link = { "<a>", "<b>" }, Age = { 7.0 }, ["Retry-After"] = 5.0, X = { {} },
        } }
        assert.same({ link = "<a>, <b>", age = "7", ["retry-after"] = "5" }, given.headers)
      end)

    it("what a transport of the caller's gives, if it is sound", function()
      assert.same({ status = 200, headers = { a = "1" }, body = "" },
        answer.from_transport { status = 200, headers = { A = 1, [1] = "x", b = {} } })
      for _, given in ipairs {
        "200", { status = "200" }, { status = 200.5 }, { status = 0 }, { status = 1e300 },
        { status = 0 / 0 }, { status = -200 }, { status = 200, body = {} }, {},
      } do
        assert.is_nil(answer.from_transport(given))
      end
    end)
  end)

  describe("finds a lifetime", function()
    local function life(fields, t, headers)
      local body = ('{"access_token":"x",%s}'):format(fields)
      local found, err = token(body, { token = t }, headers)
      return found and found.lifetime, err
    end

    it("in seconds, milliseconds, minutes, or as a clock", function()
      assert.equal(60, life('"expires_in":60'))
      assert.equal(60, life('"expires_in":" 60 "'))
      assert.equal(60.5, life('"expires_in":"60.5"'))
      assert.equal(60, life('"expires_in":60000', { unit = "ms" }))
      assert.equal(60, life('"expires_in":1', { unit = "min" }))
      assert.equal(3661, life('"expires_in":"1:01:01"', { unit = "clock" }))
      assert.is_nil((life('"expires_in":"1:1:1"', { unit = "clock" })))
    end)

    it("as an instant, against the server's own clock", function()
      local t = { expires_in = false, expires_at = "at" }
      local date = { date = "Tue, 14 Nov 2023 23:13:20 GMT" } -- an hour ahead of ours
      assert.equal(60, life('"at":1700000060', t))
      assert.equal(60, life('"at":"1700003660"', t, date))
      assert.equal(50, life('"at":1700003660', t, { date = date.date, age = "10" }))
      for _, at in ipairs {
        "2023-11-14T22:14:20Z", "2023-11-14T22:14:20.123Z", "2023-11-14 22:14:20",
        "2023-11-14T23:14:20+01:00", "Tue, 14 Nov 2023 22:14:20 GMT",
      } do
        assert.equal(60, life(('"at":"%s"'):format(at), t))
      end
      assert.equal(60, life('"at":1700000060000', { expires_in = false, expires_at = "at",
        unit = "ms" }))
      assert.is_nil((life('"at":1600000000', t)))
    end)

    it("in a JWT, then in the definition, else none", function()
      local function jwt(claims)
        return ("e30.%s.x"):format(core.primitives.base64url(claims))
      end
      local function of(claims, t, headers)
        return token(('{"access_token":"%s"}'):format(jwt(claims)), { token = t }, headers).lifetime
      end
      assert.equal(60, of '{"exp":160,"iat":100}')
      assert.equal(60, of '{"exp":"160","iat":"100"}')
      assert.equal(60, of '{"exp":1700000060}')
      assert.equal(60, of '{"exp":1700000060,"iat":{}}')
      for _, claims in ipairs {
        "", "null", "[]", '{"exp":1}', '{"exp":{}}', '{"exp":1e300}', "{",
      } do
        assert.is_nil(of(claims))
        assert.equal(7, of(claims, { lifetime = 7 }))
      end
    end)
  end)

  it("renders token types", function()
    for given, want in pairs {
      bearer = "Bearer", BEARER = "Bearer", MAC = "MAC", DPoP = "DPoP", ["a b"] = false,
      N_A = "Bearer", ["urn:x"] = "Bearer",
    } do
      local found = token(('{"access_token":"x","token_type":"%s"}'):format(given))
      assert.equal(want, found and found.type or false, given)
    end
  end)

  describe("classifies a refusal", function()
    local classes = {
      [301] = "terminal", [400] = "terminal", [401] = "terminal", [403] = "terminal",
      [404] = "terminal", [405] = "terminal", [408] = "transient", [425] = "transient",
      [429] = "throttled", [500] = "transient", [502] = "transient", [503] = "throttled",
      [504] = "transient",
    }

    it("by status", function()
      for status, class in pairs(classes) do
        local err = refused(status, "")
        assert.equal(class, err.class, status)
        assert.equal("http_" .. status, err.code)
        assert.equal(status, err.status)
      end
    end)

    it("by the codes of the definition", function()
      local fields = { error = { code = { "e.c", "error" }, message = "e.m",
        denied = { "locked" }, throttled = { "slow", "17" } } }
      local err = refused(500, '{"e":{"c":"locked","m":"go away"}}', nil, fields)
      assert.same({ "locked", "terminal", "go away" }, { err.code, err.class, err.description })
      assert.equal("throttled", refused(400, '{"error":"slow"}', nil, fields).class)
      assert.equal("throttled", refused(400, '{"error":17}', nil, fields).class)
      assert.equal("http_400", refused(400, '{"error":"no code: at all"}', nil, fields).code)
    end)

    it("by Retry-After", function()
      for value, seconds in pairs {
        ["0"] = 1, ["-5"] = false, ["7"] = 7, [" 7 "] = 7, ["99999"] = 3600, ["1e9"] = false,
        [("9"):rep(400)] = 3600, ["Tue, 14 Nov 2023 22:14:20 GMT"] = 60,
        ["Tue, 14 Nov 2023 22:00:00 GMT"] = 1, soon = false, [""] = false, ["7, 8"] = false,
      } do
        local err = refused(500, "", { ["retry-after"] = value })
        assert.equal(seconds, err.retry_after or false, value)
        assert.equal("throttled", err.class)
      end
      assert.equal(60, refusal.retry_after {
        date = "Tue, 14 Nov 2023 23:13:20 GMT", ["retry-after"] = "Tue, 14 Nov 2023 23:14:20 GMT",
      })
    end)

    it("not by a code that says all is well", function()
      local fields = {
        login = { url = "https://h/", expect = { ["s.c"] = { "OK", "ok" } } },
        error = { code = "s.c" }, token = { value = "t" },
      }
      local found, err = token('{"s":{"c":"OK"},"t":null}', fields)
      assert.is_nil(found)
      assert.equal("bad_answer", err.code)
      assert.equal("NO", select(2, token('{"s":{"c":"NO"},"t":null}', fields)).code)
    end)
  end)

  it("copies the details that tell no secret, and not too many", function()
    local details = refused(400, '{"error":"x","id":7,"ok":false,"n":null,"access_token":"t",' ..
      '"client_secret":"s","Password":"p","auth_code":"c","deep":{"a":{"b":{"c":{"d":1}}}},' ..
      '"list":[1,"two"]}').details
    assert.same({ error = "x", id = 7, ok = false, list = { 1, "two" },
      deep = { a = { b = { c = nil } } } }, details)
    local many = {}
    for i = 1, 1000 do
      many[i] = ('"k%d":"%s"'):format(i, ("x"):rep(400))
    end
    details = refused(400, "{" .. table.concat(many, ",") .. "}").details
    local count = 0
    for _, text in pairs(details) do
      count = count + 1
      assert.is_true(#text <= 303)
    end
    assert.is_true(count > 10 and count <= 50)
  end)
end)
