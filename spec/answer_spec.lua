-- What is read out of an answer, and what is made of a refusal. Answers on the wire:
-- hostile_spec; the words of the definition language: language_answer_spec.
local core = require "bearer.core"
local encode = require "spec.support.encode"
local sandbox = require "spec.sandbox"
local shop = require "spec.support.shop"

-- The token of one answer, or nil, a sentence and the error. `body` is a text.
local function token(body, changes, headers, status)
  local login = shop.login(changes, nil, { { body = body, headers = headers, status = status } })
  return login:token()
end

local function refused(status, body, headers, changes)
  local found, _, err = token(body, changes, headers, status)
  assert.is_nil(found)
  return err
end

describe("an answer", function()
  before_each(function()
    core.clock(1000, 1700000000) -- Tue, 14 Nov 2023 22:13:20 GMT
  end)

  after_each(function()
    core.clock()
  end)

  describe("is read:", function()
    local function of_transport(given)
      local login = shop.login(nil, nil, nil, { transport = function(request)
        return request.url:find "/login" and { status = 200, body = '{"access_token":"t"}' }
          or given
      end })
      return login:request { url = "https://shop.example/x" }
    end

    it("headers, names in lower case, the same ones together, blanks around values gone", function()
      core.clock()
      local sb = sandbox.start()
      finally(function()
        sb:stop()
      end)
      local url = sb:script("head", { { body = '{"access_token":"t"}' }, {
        raw = "HTTP/1.1 200 OK: fine\r\nA:  b \t\r\na:c\r\nEmpty:\r\nX-Y: a: b\r\n"
          .. "Content-Length: 2\r\n\r\n{}",
      } })
      local login = require("bearer").login(shop.definition { login = { url = url } }, {},
        { ca_file = sb.ca_file })
      local headers = assert(login:request { url = url }).headers
      login:close()
      assert.equal("b, c", headers.a)
      assert.equal("", headers.empty)
      assert.equal("a: b", headers["x-y"])
      assert.is_nil(headers.A)
      assert.is_nil(headers[""])
    end)

    it("bare texts, in quotes or not, behind a byte order mark or not", function()
      local bare = { token = { value = "$" } }
      local json, text = { ["content-type"] = "application/json" }, {
        ["content-type"] = "Text/Plain; charset=utf-8",
      }
      for _, mark in ipairs { "", "\239\187\191" } do
        for _, headers in ipairs { json, text, {} } do
          assert.equal("abc", assert(token(mark .. '"abc"\n', bare, headers)):value())
          assert.equal("abc", assert(token(mark .. " abc\r\n", bare, headers)):value())
        end
      end
      assert.equal("12", assert(token("12", bare, text)):value())
      for body, headers in pairs {
        ["1.5"] = json, ["<html>abc"] = json, abc = { ["content-type"] = "text/html" },
        ['"abc'] = json,
      } do
        local found, _, err = token(body, bare, headers)
        assert.is_nil(found, body)
        assert.equal(body == "1.5" and "no_token" or "bad_answer", err.code)
      end
    end)

    it("a transport's list of values for one header as one text, numbers as people write them",
      function()
        local response = assert(of_transport { status = 200, headers = {
          Link = { "<a>", "<b>" }, Age = { 7.0 }, ["Retry-After"] = 5.0, X = { {} },
        } })
        assert.same({ link = "<a>, <b>", age = "7", ["retry-after"] = "5" }, response.headers)
      end)

    it("what a transport of the caller's gives, if it is sound", function()
      local response = assert(of_transport {
        status = 200, headers = { A = 1, [1] = "x", b = {} },
      })
      assert.same({ 200, { a = "1" }, "" }, { response.status, response.headers, response.body })
      for _, given in ipairs {
        "200", { status = "200" }, { status = 200.5 }, { status = 0 }, { status = 1e300 },
        { status = 0 / 0 }, { status = -200 }, { status = 200, body = {} }, {},
      } do
        local none, _, err = of_transport(given)
        assert.is_nil(none)
        assert.equal("network", err.code)
        assert.equal("request", err.step)
      end
    end)
  end)

  describe("tells a lifetime", function()
    local function life(fields, t, headers)
      local found, _, err = token(('{"access_token":"x",%s}'):format(fields), { token = t },
        headers)
      return found and found:expires_in(), err
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
      assert.near(60, life('"at":1700000060', t), 1e-6)
      assert.near(60, life('"at":"1700003660"', t, date), 1e-6)
      assert.near(50, life('"at":1700003660', t, { date = date.date, age = "10" }), 1e-6)
      for _, at in ipairs {
        "2023-11-14T22:14:20Z", "2023-11-14 22:14:20", "2023-11-14T23:14:20+01:00",
        "Tue, 14 Nov 2023 22:14:20 GMT",
      } do
        assert.near(60, life(('"at":"%s"'):format(at), t), 1e-6)
      end
      for text, fraction in pairs { [".123Z"] = 0.123, [".5+00:00"] = 0.5, [".000Z"] = 0 } do
        assert.near(60 + fraction, life(('"at":"2023-11-14T22:14:20%s"'):format(text), t), 1e-6)
      end
      assert.near(60, life('"at":1700000060000', { expires_in = false, expires_at = "at",
        unit = "ms" }), 1e-6)
      local none, err = life('"at":1600000000', t, date)
      assert.is_nil(none)
      assert.equal("bad_answer", err.code)
      none, err = life('"at":1600000000', t) -- by our clock alone, which may be wrong
      assert.is_nil(none)
      assert.is_nil(err)
    end)

    it("in a JWT, then in the definition, else none", function()
      local function of(claims, t)
        local body = ('{"access_token":"%s"}'):format(encode.jwt(claims))
        return assert(token(body, { token = t })):expires_in()
      end
      assert.equal(60, of '{"exp":160,"iat":100}')
      assert.equal(60, of '{"exp":"160","iat":"100"}')
      assert.near(60, of '{"exp":1700000060}', 1e-6)
      assert.near(60, of '{"exp":1700000060,"iat":{}}', 1e-6)
      for _, claims in ipairs {
        "", "null", "[]", '{"exp":1}', '{"exp":{}}', '{"exp":1e300}', "{",
      } do
        assert.is_nil(of(claims))
        assert.equal(7, of(claims, { lifetime = 7 }))
      end
    end)
  end)

  it("tells a type, which is rendered as people write it", function()
    for given, want in pairs {
      bearer = "Bearer", BEARER = "Bearer", MAC = "MAC", DPoP = "DPoP", ["a b"] = "Bearer",
      N_A = "Bearer", ["urn:x"] = "Bearer",
    } do
      local found = token(('{"access_token":"x","token_type":"%s"}'):format(given))
      assert.equal(want, found:type(), given)
    end
  end)

  describe("refuses:", function()
    local classes = {
      [301] = "terminal", [400] = "terminal", [401] = "terminal", [403] = "terminal",
      [404] = "terminal", [405] = "terminal", [408] = "transient", [425] = "transient",
      [429] = "throttled", [500] = "transient", [502] = "transient", [503] = "transient",
      [504] = "transient",
    }

    it("its class is by status", function()
      for status, class in pairs(classes) do
        local err = refused(status, "")
        assert.equal(class, err.class, status)
        assert.equal("http_" .. status, err.code)
        assert.equal(status, err.status)
        assert.equal(("the server answered HTTP %d"):format(status)
          .. (status == 301 and "; redirects are not followed" or ""), err.description)
      end
    end)

    it("or by the codes of the definition", function()
      local changes = { error = { code = { "e.c", "error" }, message = "e.m",
        denied = { "locked" }, throttled = { "slow", "17" } } }
      local err = refused(500, '{"e":{"c":"locked","m":"go away"}}', nil, changes)
      assert.same({ "locked", "terminal", "go away" }, { err.code, err.class, err.description })
      assert.equal("throttled", refused(400, '{"error":"slow"}', nil, changes).class)
      assert.equal("throttled", refused(400, '{"error":17}', nil, changes).class)
      assert.equal("http_400", refused(400, '{"error":"no code: at all"}', nil, changes).code)
    end)

    it("or by Retry-After", function()
      for value, seconds in pairs {
        ["0"] = 1, ["-5"] = false, ["7"] = 7, [" 7 "] = 7, ["99999"] = 3600, ["1e9"] = false,
        [("9"):rep(400)] = 3600, ["Tue, 14 Nov 2023 22:14:20 GMT"] = 60,
        ["Tue, 14 Nov 2023 22:00:00 GMT"] = 1, soon = false, [""] = false,
        ["7, 8"] = 8, ["2.5"] = 2.5,
      } do
        local err = refused(500, "", { ["retry-after"] = value })
        assert.equal(seconds, err.retry_after or false, value)
        assert.equal("throttled", err.class)
      end
      assert.equal(60, refused(500, "", {
        date = "Tue, 14 Nov 2023 23:13:20 GMT", ["retry-after"] = "Tue, 14 Nov 2023 23:14:20 GMT",
      }).retry_after)
    end)

    it("not by a code that says all is well", function()
      local changes = {
        login = { url = "https://shop.example/", expect = { ["s.c"] = { "OK", "ok" } } },
        error = { code = "s.c" }, token = { value = "t" },
      }
      assert.equal("no_token", refused(200, '{"s":{"c":"OK"},"t":null}', nil, changes).code)
      assert.equal("NO", refused(200, '{"s":{"c":"NO"},"t":null}', nil, changes).code)
    end)

    it("its details are those that tell no secret, and not too many", function()
      local details = refused(400, '{"error":"x","id":7,"ok":false,"n":null,' ..
        '"access_token":"t","client_secret":"s","Password":"p","auth_code":"c",' ..
        '"deep":{"a":{"b":{"c":{"d":1}}}},"list":[1,"two"]}').details
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

    it("an answer that freezes the host for seconds: a few KB of it are looked at", function()
      local long, parts = ("a"):rep(20000), {}
      for i = 1, 50 do
        parts[i] = ('"k%d":"%s"'):format(i, long)
      end
      local err = refused(400, ('{"access_token":"%sb",%s}'):format(("a"):rep(200),
        table.concat(parts, ",")))
      local count = 0
      for _, text in pairs(err.details) do
        count = count + 1
        assert.is_true(#text <= 303)
      end
      assert.is_true(count > 0 and count <= 5)
    end)
  end)
end)
