-- What a token endpoint may answer, over TLS. Each answer ends in a bearer.error; nothing
-- raises, and the library goes on working.
local bearer = require "bearer"
local sandbox = require "spec.sandbox"
local hostile = require "spec.support.hostile"
local secrets = require "spec.support.secrets"

local password = "p/ss w+rd%&\"\\é<>"
local good, json, raw = hostile.good, hostile.json, hostile.raw

describe("hostile answers:", function()
  local sb

  setup(function()
    sb = sandbox.start()
  end)

  teardown(function()
    sb:stop()
  end)

  local function definition(answers, token)
    return {
      name = "shop", inputs = { user = {}, password = { secret = true } },
      login = {
        url = (sb:script("x", answers)), form = { user = "${user}", password = "${password}" },
      },
      token = token,
    }
  end

  local function login(answers, options, token)
    local settings = {
      ca_file = sb.ca_file, timeout = 10, retries = 0, max_response = 128 * 1024,
    }
    for name, value in pairs(options or {}) do
      settings[name] = value
    end
    return bearer.login(definition(answers, token),
      { user = "me", password = password }, settings)
  end

  local function still_works()
    local l = login { good }
    assert.equal("good", assert(l:token()):value())
    l:close()
  end

  -- The error of a login that must fail, having shown no secret.
  local function refusal(l)
    local started = os.clock()
    local ok, token, message, err = pcall(l.token, l)
    assert.is_true(ok, "raised: " .. tostring(token))
    assert.is_nil(token)
    assert.equal("bearer.error", require("bearer.core").type(err))
    assert.equal("shop", err.provider)
    assert.equal("login", err.step)
    assert.matches("^shop: login failed: .", message)
    assert.equal(message, tostring(err))
    assert.equal(message, err.message)
    assert.is_nil(tostring(err):find("%c"), "a control character")
    assert.is_true(#tostring(err) < 500, "too long")
    secrets.assert_absent({ err, l:status(), tostring(l) }, { password })
    assert.is_true(os.clock() - started < 20, "took too long")
    l:close()
    return err
  end

  local function check(answer, code, class, token)
    local err = refusal(login({ answer }, nil, token))
    assert.equal(code, err.code)
    assert.equal(class or "transient", err.class)
    still_works()
  end

  describe("HTTP,", function()
    for _, case in ipairs(hostile.http) do
      it(case[1], function()
        check(case[2], case[3], case[4])
      end)
    end

    it("a gzip bomb", function()
      local pipe = assert(io.popen("head -c 50000000 /dev/zero | gzip -9"))
      local bomb = pipe:read("*a")
      pipe:close()
      assert.is_true(#bomb > 1000 and #bomb < 100000)
      check({ gzip = bomb }, "too_large")
    end)

    it("drips that outlast the timeout", function()
      for _, answer in ipairs {
        { raw = { "H", "T", "T", "P", "/", "1", ".", "1" }, chunk_delay = 0.2 },
        { chunks = { "{", " ", " ", " ", " ", " ", " " }, chunk_delay = 0.2 },
        { delay = 5, body = good.body },
      } do
        local err = refusal(login({ answer }, { timeout = 0.3 }))
        assert.equal("timeout", err.code)
        assert.equal("transient", err.class)
      end
      still_works()
    end)

    it("100 000 headers, however large an answer may be", function()
      local many = hostile.repeated("200 OK", "A: b\r\n", 100000)
      local err = refusal(login({ many }, { max_response = 4e6 }))
      assert.equal("too_large", err.code)
      err = refusal(login({ { body = "{}" } }, { max_response = 1 }))
      assert.equal("too_large", err.code)
    end)

    it("thousands of headers of one name, which are joined in one go", function()
      local values = {}
      for i = 1, 20000 do
        values[i] = ("v%05d"):format(i)
      end
      local l = bearer.login(definition { good }, { user = "me", password = password }, {
        transport = function(request)
          local is_login = request.method == "POST"
          return { status = 200, headers = { A = not is_login and values or nil },
            body = is_login and good.body or "" }
        end,
      })
      assert(l:token())
      collectgarbage()
      collectgarbage "stop" -- each text on the way would be counted
      local before = collectgarbage "count"
      local answer = assert(l:request { url = "https://shop.example/" })
      local took = collectgarbage "count" - before
      collectgarbage "restart"
      assert.equal(table.concat(values, ", "), answer.headers.a)
      assert.is_true(took < 20000, took .. " KB")
    end)

    it("redirects, which are not followed", function()
      local target = sb:script("target", { good })
      for _, status in ipairs { 301, 302, 303, 307, 308 } do
        check({ status = status, headers = { Location = target } }, "http_" .. status, "terminal")
      end
      check({ body = "{}", headers = { Location = target, Refresh = "0; url=" .. target } },
        "no_token", "terminal")
      assert.equal(0, sb:count("target"))
    end)

    it("headers that come twice, in any case, with odd values", function()
      check(raw("429 Slow\r\nContent-Length: 2\r\nRETRY-AFTER: 5\r\nretry-after: 7", "{}"),
        "http_429", "throttled")
      check(raw("500 No\r\nContent-Length: 2\r\nDate: no\r\nDate: \255\r\n: x\r\nAge: -1", "{}"),
        "http_500")
    end)

    it("trailers, which overrule nothing", function()
      local trailed = raw("200 OK\r\nTransfer-Encoding: chunked",
        ("%x\r\n%s\r\n0\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nRetry-After: 9\r\n\r\n")
          :format(#good.body, good.body))
      local l = login { trailed }
      assert.equal("good", assert(l:token()):value())
    end)
  end)

  describe("bodies,", function()
    for _, case in ipairs(hostile.bodies) do
      it(case[1], function()
        check(json(case[2]), case[3] and "no_token" or "bad_answer", case[3] and "terminal")
      end)
    end

    it("the same under other content types", function()
      for _, kind in ipairs { "text/plain", "text/html", "application/x", "", "\255;;" } do
        for _, body in ipairs { "", "{}", "[", "<html>", "\0", "a b" } do
          local err = refusal(login {
            { body = body, headers = { ["Content-Type"] = kind } },
          })
          assert.equal(body == "{}" and "no_token" or "bad_answer", err.code)
        end
      end
      still_works()
    end)
  end)

  describe("fields:", function()
    local template = '{"access_token":%s,"token_type":%s,"expires_in":%s,"refresh_token":%s}'

    local function answer(token, type, life, refresh)
      return json((template):format(token or '"x"', type or '"bearer"', life or "60",
        refresh or '"r"'))
    end

    it("a token that no header can carry", function()
      for _, value in ipairs(hostile.no_tokens) do
        check(answer(value), "no_token", "terminal")
      end
    end)

    it("a token type that no header can carry means Bearer", function()
      for _, value in ipairs(hostile.no_tokens) do
        local l = login { answer(nil, value) }
        assert.equal("Bearer x", select(2, assert(l:header())))
        l:close()
      end
    end)

    it("a lifetime that is none says nothing", function()
      for _, value in ipairs(hostile.no_lifetimes) do
        local l = login { answer(nil, nil, value) }
        assert.is_nil(assert(l:token()):expires_in(), value)
        l:close()
      end
    end)

    it("NaN and Infinity, which are not JSON", function()
      for _, value in ipairs { "NaN", "nan", "-nan", "Infinity", "-Infinity", "inf", "0x10" } do
        check(answer(nil, nil, value), "bad_answer")
      end
    end)

    it("0 as a lifetime: neither for ever nor dead already", function()
      for _, value in ipairs { "0", '"0"', "0.0", "null" } do
        local l = login { answer(nil, nil, value) }
        local t = assert(l:token())
        assert.is_nil(t:expires_in())
        assert.is_false(t:expired())
        l:close()
      end
    end)

    it("an instant of expiry that is none says nothing", function()
      local paths = { expires_at = "at", expires_in = false }
      local long = '"2024-01-01T00:00:00' .. ("1"):rep(100000) .. 'x"'
      local function says_nothing(value)
        local l = login({ json(('{"access_token":"x","at":%s}'):format(value)) }, nil, paths)
        assert.is_nil(assert(l:token()):expires_in(), value)
        l:close()
      end
      says_nothing(long)
      for _, value in ipairs(hostile.no_lifetimes) do
        says_nothing(value)
      end
    end)

    it("a refresh token that is none is not kept", function()
      for _, value in ipairs(hostile.no_tokens) do
        local def = definition({ answer(nil, nil, nil, value) })
        def.refresh = {
          url = (sb:script("renewed", { good })), form = { refresh_token = "${refresh_token}" },
        }
        local l = bearer.login(def, { user = "me", password = password }, { ca_file = sb.ca_file })
        assert.equal("x", assert(l:token()):value())
        assert(l:refresh())
        assert.equal(0, sb:count("renewed"))
        l:close()
        sb:reset()
      end
    end)

    it("a wrong type on the way to every field", function()
      local deep = {
        value = "a.b[1].c", type = "a.t.x", scope = "a.s[2]", expires_in = "a.e.x",
        refresh_token = "a.r.x", keep = { k = "a.k[1].x" },
      }
      for _, wrong in ipairs { "null", "1", "true", '"x"', "[]", "{}", "[[]]", '[{"c":[]}]' } do
        check(json(('{"a":%s}'):format(wrong)), "no_token", "terminal", deep)
        check(json(('{"a":{"b":%s}}'):format(wrong)), "no_token", "terminal", deep)
        local l = login({ json(('{"a":{"b":[{"c":"x"}],"t":%s,"s":%s,"e":%s,"r":%s,"k":%s}}')
          :format(wrong, wrong, wrong, wrong, wrong)) }, nil, deep)
        assert.equal("x", assert(l:token()):value())
        l:close()
      end
    end)
  end)

  describe("errors,", function()
    it("inside a 200", function()
      check(json '{"error":"invalid_grant","error_description":"no"}', "invalid_grant", "terminal")
    end)

    it("of any shape", function()
      for _, body in ipairs {
        '{"error":{"a":[1]}}', '{"error":[]}', '{"error":true}', '{"error":" "}', '{"error":"\\n"}',
        '{"error":"a b"}', '{"error":"' .. ("x"):rep(65) .. '"}', '{"error":null}', "[1]", "null",
        '{"error_description":{}}', '{"a":' .. ("["):rep(90) .. ("]"):rep(90) .. "}", "", "<",
        '{"error":"\\u0000"}', '{"":""}', '{"a":{"":null}}',
      } do
        check({ status = 400, body = body }, "http_400", "terminal")
      end
    end)

    it("with control characters and a text of 1 MB", function()
      for _, text in ipairs {
        ("x"):rep(1000000), ("p/ss"):rep(250000), ("\\u001b[31m"):rep(10000), ("é"):rep(50000),
        ("%"):rep(1000000), ("x\\n"):rep(100000), ("<script>"):rep(1000),
      } do
        local body = ('{"error":"invalid_client","error_description":"%s"}'):format(text)
        local err = refusal(login({ { status = 401, body = body } }, { max_response = 4e6 }))
        assert.equal("invalid_client", err.code)
        assert.is_true(#err.description <= 310 and #err.details.error_description <= 310)
        assert.is_nil(err.description:find("%c"))
      end
      still_works()
    end)

    it("with 1 MB of spaces between two letters", function()
      local body = ('{"error_description":"a%sb"}'):format((" "):rep(1000000))
      local err = refusal(login({ { status = 401, body = body } }, { max_response = 4e6 }))
      assert.equal("a…", err.description) -- what comes after so much is not looked at
    end)

    for _, echo in ipairs(hostile.echoes) do
      it("that say the secret back " .. echo[1], function()
        local said = echo[2](password)
        local shown = {
          error = "invalid_request", error_description = "bad password " .. said .. "!",
          [said] = said, list = { said, { deep = { "x" .. said .. "y" } } },
        }
        local body = require("cjson").encode(shown)
        local err = refusal(login { { status = 400, body = body } })
        secrets.assert_absent(err, { said, password })
        assert.equal("bad password ***!", (err.description:gsub("%*+", "***")))
        secrets.assert_absent(refusal(login { { status = 400,
          body = require("cjson").encode { error = said, error_description = said } } }),
          { said, password })
      end)
    end

    it("that say a numeric secret back as a number", function()
      local def = definition { status = 400, body =
        '{"error":82415093,"error_description":82415093,"sent":[82415093],"ok":7}' }
      local l = bearer.login(def, { user = "me", password = "82415093" },
        { ca_file = sb.ca_file, retries = 0 })
      local err = refusal(l)
      secrets.assert_absent(err, { "82415093" })
      assert.equal(7, err.details.ok)
    end)

    it("that say a secret of digits back as a number that is written in another way", function()
      for given, said in pairs {
        ["12345678901234567"] = "12345678901234567", ["0042"] = "42", ["1234.50"] = "1234.5",
        ["123456789012345678901"] = "123456789012345678901",
      } do
        local def = definition { status = 400, body =
          ('{"error":%s,"error_description":%s,"sent":[%s],"ok":7}'):format(said, said, said) }
        local l = bearer.login(def, { user = "me", password = given },
          { ca_file = sb.ca_file, retries = 0 })
        local err = refusal(l)
        assert.same({ "***", "***", 7 }, { err.description, err.details.sent[1], err.details.ok })
        assert.equal("http_400", err.code)
      end
    end)

    it("that say two secrets back, one of which opens the other", function()
      local def = definition { status = 400, body =
        '{"error_description":"open-sesame-1234 and open-sesame"}' }
      def.inputs.key = { secret = true }
      def.login.form.key = "${key}"
      for _, given in ipairs {
        { user = "me", password = "open-sesame", key = "open-sesame-1234" },
        { user = "me", key = "open-sesame", password = "open-sesame-1234" },
      } do
        local l = bearer.login(def, given, { ca_file = sb.ca_file, retries = 0 })
        assert.equal("*** and ***", refusal(l).description)
      end
    end)

    it("with the token of a refused answer", function()
      local def = definition(json
        '{"ok":false,"access_token":"tok-1234567","message":"tok-1234567 is not for you"}')
      def.login.expect = { ok = true }
      def.error = { message = "message" }
      local err = refusal(bearer.login(def, { user = "me", password = password },
        { ca_file = sb.ca_file }))
      assert.equal("refused", err.code)
      assert.equal("*** is not for you", err.description)
      secrets.assert_absent(err, { "tok-1234567" })
    end)
  end)
end)
