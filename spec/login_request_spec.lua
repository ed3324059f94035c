-- login:request: the caller's own calls, authorised.
local cjson = require "cjson"
local secrets = require "spec.support.secrets"
local shop = require "spec.support.shop"

local function open(changes, answers, options)
  changes = changes or {}
  changes.base_url = changes.base_url == nil and "https://api.example/v1" or changes.base_url or nil
  return shop.login(changes, nil, answers, options)
end

-- What one call sends, after the login.
local function call(request, changes)
  local login, sent = open(changes)
  assert(login:request(request))
  assert.equal(2, #sent)
  return sent[2]
end

describe("login:request, what is sent:", function()
  for given, url in pairs {
    ["/items"] = "https://api.example/v1/items", ["items/7"] = "https://api.example/v1/items/7",
    [""] = "https://api.example/v1", ["?q=1"] = "https://api.example/v1?q=1",
    ["//evil.com/x"] = "https://api.example/v1/evil.com/x",
    ["https://api.example/x?y=z"] = "https://api.example/x?y=z",
    ["@evil.com"] = "https://api.example/v1/@evil.com",
  } do
    it(("url %q goes to %s"):format(given, url), function()
      assert.equal(url, call({ url = given }).url)
    end)
  end
  it("the values of base_url are encoded as in any URL", function()
    local login, sent = shop.login({
      inputs = { tenant = {} }, base_url = "https://api.example/${tenant}",
    }, { tenant = "a/..b?c" })
    assert(login:request { url = "/items" })
    assert.equal("https://api.example/a%2F..b%3Fc/items", sent[2].url)
  end)
  it("GET without a body, POST with one, or what the caller says", function()
    assert.equal("GET", call({ url = "/" }).method)
    assert.equal("GET", call({ url = "/", query = { a = 1 } }).method)
    assert.equal("POST", call({ url = "/", json = false }).method)
    assert.equal("POST", call({ url = "/", form = {} }).method)
    assert.equal("POST", call({ url = "/", body = "" }).method)
    assert.equal("PATCH", call({ url = "/", method = "patch", json = {} }).method)
  end)
  it("query joins what the url has, lists repeat", function()
    assert.equal("https://api.example/v1/items?q=%23&a=1&b=x%20y&b=true",
      call({ url = "/items?q=%23", query = { a = 1, b = { "x y", true } } }).url)
  end)
  it("json, form and body, each with its content type unless the headers say another", function()
    local sent = call { url = "/", json = { a = { 1, "x" } } }
    assert.same({ a = { 1, "x" } }, cjson.decode(sent.body))
    assert.equal("application/json", sent.headers["Content-Type"])
    sent = call { url = "/", form = { a = "x y", b = { 1, 2 } } }
    assert.equal("a=x+y&b=1&b=2", sent.body)
    assert.equal("application/x-www-form-urlencoded", sent.headers["Content-Type"])
    sent = call { url = "/", body = "\0raw" }
    assert.equal("\0raw", sent.body)
    assert.equal("application/octet-stream", sent.headers["Content-Type"])
    sent = call { url = "/", body = "<a/>", headers = { ["content-type"] = "text/xml" } }
    assert.equal("text/xml", sent.headers["content-type"])
    assert.is_nil(sent.headers["Content-Type"])
  end)
  it("long numbers keep all their digits", function()
    assert.equal('{"id":4503599627370497}',
      call({ url = "/", json = { id = 4503599627370497 } }).body)
    assert.equal("[9007199254740992,-123456789012345,0.1]",
      call({ url = "/", json = { 2 ^ 53, -123456789012345, 0.1 } }).body)
  end)
  it("a caller's '${x}' is just that, even where the definition has such a name", function()
    local login, sent = shop.login({
      inputs = { x = { secret = true } }, base_url = "https://api.example",
    }, { x = "hunter22" })
    assert(login:request {
      url = "/", query = { q = "${x}" }, headers = { ["X-A"] = "${token}" },
      json = { a = "${x}", ["${x}"] = 1 },
    })
    assert.equal("https://api.example/?q=%24%7Bx%7D", sent[2].url)
    assert.equal("${token}", sent[2].headers["X-A"])
    assert.same({ a = "${x}", ["${x}"] = 1 }, cjson.decode(sent[2].body))
    assert(login:request { url = "/", form = { a = "${x}" } })
    assert.equal("a=%24%7Bx%7D", sent[3].body)
    assert(login:request { url = "/", body = "${x}" })
    assert.equal("${x}", sent[4].body)
  end)
  it("the token goes where the provider wants it", function()
    assert.equal("Bearer t1", call({ url = "/" }).headers.Authorization)
    local fields = { token = "${token}" }
    local changes = { authorize = { query = fields, json = fields } }
    local sent = call({ url = "/" }, changes)
    assert.equal("https://api.example/v1/?token=t1", sent.url)
    assert.is_nil(sent.headers.Authorization)
    sent = call({ url = "/", json = { a = 1 } }, changes)
    assert.equal("https://api.example/v1/", sent.url)
    assert.same({ a = 1, token = "t1" }, cjson.decode(sent.body))
  end)
  it("a header of the caller's in another case makes way: it is sent once", function()
    local sent = call({ url = "/", headers = { authorization = "Basic x", ["x-site"] = "a" } }, {
      authorize = { headers = { Authorization = "Bearer ${token}", ["X-Site"] = "b" } },
    })
    assert.same({ "Bearer t1", nil }, { sent.headers.Authorization, sent.headers.authorization })
    assert.same({ "b", nil }, { sent.headers["X-Site"], sent.headers["x-site"] })
  end)
  it("the caller's tables stay as they are", function()
    local login = open { authorize = {
      headers = { ["X-Key"] = "${token}" }, query = { q = "${token}" }, json = { t = "${token}" },
    } }
    local function request()
      return {
        method = "post", url = "/", headers = { a = "b" }, query = { c = 1 },
        json = { d = { e = 2 } },
      }
    end
    local given = request()
    assert(login:request(given))
    assert.same(request(), given)
    given = { url = "/" }
    assert(login:request(given))
    assert.same({ url = "/" }, given)
  end)
end)

-- The ways a request with the token in it leaves.
local ways = {
  ["login:request"] = function(login, request) return login:request(request) end,
  ["login:authorize"] = function(login, request) return login:authorize(request) end,
  ["token:authorize"] = function(login, request)
    return assert(login:token()):authorize(request)
  end,
}

for way, go in pairs(ways) do
  describe(way .. ", where it goes:", function()
    local function goes(url, changes, options)
      local login, sent = open(changes, nil, options)
      local result = assert(go(login, { url = url }))
      assert.equal(way == "login:request" and 2 or 1, #sent)
      local request = sent[2] or result
      assert.equal("Bearer t1", request.headers.Authorization)
      assert.equal(url, request.url)
    end
    local function stays(url, shown, changes, options)
      local login, sent = open(changes, nil, options)
      local ok, why = pcall(function()
        local _ = go(login, { url = url })
      end)
      assert.is_false(ok, url)
      assert.matches("login_request_spec.lua:", why, 1, true)
      assert.truthy(why:find(("%s: %s is not the provider's: the token goes there only when the "
        .. "definition's 'hosts' or the option 'allow_hosts' names it")
        :format(way:match "%w+$", shown), 1, true), why)
      assert.equal(way == "login:request" and 0 or 1, #sent) -- at most the login
    end

    it("to the provider's own, however it is written", function()
      goes "https://api.example/x"
      goes "https://API.Example/x"
      goes "https://api.example:443/x"
      goes "HTTPS://api.example"
      goes("https://api.example:8443/x", { base_url = "https://api.example:8443/v1" })
    end)
    it("to no other host, port or scheme", function()
      stays("https://other.example/x?y=z", "https://other.example")
      stays("https://api.example:8443/x", "https://api.example:8443")
      stays("https://sub.api.example/x", "https://sub.api.example")
      stays("https://api.example.evil.example/x", "https://api.example.evil.example")
      stays("https://xapi.example/", "https://xapi.example")
      stays("http://127.0.0.1:1/x", "http://127.0.0.1:1")
      stays("http://api.example/x", "http://api.example", nil, { allow_http = true })
      stays("https://api.example/x", "https://api.example",
        { base_url = "https://api.example:8443" })
    end)
    it("to none that one reader takes for ours, and another does not", function()
      for _, url in ipairs {
        "https://evil.example\\@api.example/", "https://api.example:pw@evil.example/",
        "https://evil.example@api.example/", "https://api.example\n.evil.example/", "https://",
      } do
        for _, def in ipairs { {}, { base_url = "${api}", token = { keep = { api = "api" } } } } do
          local login, sent = open(def)
          assert.is_false(pcall(go, login, { url = url }), url)
          assert.equal(way == "login:request" and 0 or 1, #sent)
        end
      end
    end)
    it("not by dots out of where the URL opens", function()
      for _, url in ipairs { "/../y", "https://api.example/v1/%2e%2e/y", "..", "/a/./b" } do
        local ok, why = pcall(go, (open()), { url = url })
        assert.is_false(ok)
        assert.matches(": its URL has '%.' or '%.%.' as a path segment", why)
      end
    end)
    it("to those that the definition or the caller names, exactly", function()
      for _, named in ipairs {
        { { hosts = { "a.example", "Files.Example:8443" } } },
        { nil, { allow_hosts = { "a.example", "Files.Example:8443" } } },
        { { hosts = { "a.example" } }, { allow_hosts = { "files.example:8443" } } },
      } do
        local changes, options = named[1], named[2]
        local function copy()
          return changes and { hosts = changes.hosts }
        end
        goes("https://a.example/x", copy(), options)
        goes("https://A.EXAMPLE:443/x", copy(), options)
        goes("https://files.example:8443/x", copy(), options)
        goes("https://api.example/x", copy(), options) -- the provider's as well
        stays("https://files.example/x", "https://files.example", copy(), options)
        stays("https://a.example:8443/x", "https://a.example:8443", copy(), options)
        stays("https://b.a.example/x", "https://b.a.example", copy(), options)
        stays("http://a.example/x", "http://a.example", copy(),
          { allow_hosts = options and options.allow_hosts, allow_http = true })
      end
    end)
    it("anywhere where the provider has no base_url", function()
      goes("https://other.example/x", { base_url = false })
    end)
    it("nowhere where all can read it, also where the provider has no base_url", function()
      local login = open({ base_url = false })
      for _, url in ipairs { "http://a.example/x", "http://u:p@a.example/x" } do
        for _, method in ipairs { "authorize", "request" } do
          local ok, why = pcall(function()
            return login[method](login, { url = url }) and nil
          end)
          assert.is_false(ok)
          assert.matches(method .. ": its URL", why, 1, true)
        end
      end
      login = open({ base_url = false }, nil, { allow_http = true })
      assert(login:authorize { url = "http://a.example/x" })
    end)
  end)
end

describe("login:request, what comes back:", function()
  it("is status, headers in lower case, body and json()", function()
    local login = open(nil, { {}, {
      status = 418, headers = { ["X-Tea"] = "green", ["content-type"] = "text/x" },
      body = '{"a":[1]}',
    } })
    local response = assert(login:request { url = "/" })
    assert.equal(418, response.status)
    assert.equal("green", response.headers["x-tea"])
    assert.equal('{"a":[1]}', response.body)
    assert.same({ a = { 1 } }, response.json())
  end)
  it("the body is decoded once", function()
    for _, codes in ipairs { {}, { "gone" } } do
      local login = open { error = { code = "error", refused = codes } }
      local response = assert(login:request { url = "/" })
      assert.is_table(response.json())
      assert.equal(response.json(), response.json())
    end
  end)
  it("json() is nil for what is no JSON", function()
    for _, body in ipairs { "", "<html>", "{", "nan", ("["):rep(5000) } do
      local login = open(nil, { {}, { body = body } })
      assert.is_nil(assert(login:request { url = "/" }).json())
    end
  end)
  it("a failure is an error of this step, without the token or the request", function()
    local login, sent = open(nil, { {}, "no route to t1 via hunter22" }, { retries = 2 })
    local response, _, err = login:request { url = "/", headers = { ["X-Key"] = "hunter23" } }
    assert.is_nil(response)
    assert.equal("network", err.code)
    assert.equal("transient", err.class)
    assert.equal("request", err.step)
    assert.equal("shop", err.provider)
    assert.equal(2, #sent) -- a call may have side effects: it is not repeated
    secrets.assert_absent(err, { "t1", "hunter23" })
  end)
  it("a transport's answer that raises when it is looked at is an error", function()
    local good = { status = 200, body = '{"access_token":"t"}' }
    local trap = setmetatable({}, { __index = function() error "boo" end })
    for step, answers in pairs { login = { trap }, request = { good, trap } } do
      local count = 0
      local login = open(nil, nil, { transport = function()
        count = count + 1
        return answers[count]
      end })
      local response, _, err = login:request { url = "/" }
      assert.is_nil(response)
      assert.same({ "network", step }, { err.code, err.step })
    end
  end)
  it("a login that fails is that login's error", function()
    local login, sent = open(nil, { { status = 400, body = { error = "invalid_grant" } } })
    local response, _, err = login:request { url = "/" }
    assert.is_nil(response)
    assert.equal("invalid_grant", err.code)
    assert.equal("login", err.step)
    assert.equal(1, #sent)
  end)
  it("a base_url that no answer gave is an error, and nothing is sent", function()
    local login, sent = shop.login { token = { keep = { api = "api" } }, base_url = "${api}/v1" }
    local response, _, err = login:request { url = "/" }
    assert.is_nil(response)
    assert.equal("bad_answer", err.code)
    assert.matches("base_url", tostring(err))
    assert.equal("terminal", err.class)
    assert.equal(1, #sent)
    local ok, why = pcall(function()
      local _ = login:request { url = "https://api.example/" }
    end)
    assert.is_false(ok) -- nobody knows whose that is
    assert.matches("https://api.example is not the provider's", why, 1, true)
    assert.equal(1, #sent)
    login, sent = shop.login({ token = { keep = { api = "api" } }, base_url = "${api}/v1" }, nil,
      nil, { allow_hosts = { "api.example" } })
    assert(login:request { url = "https://api.example/" })
    assert.equal(2, #sent)
  end)
end)

describe("login:request, what an answer to the login said:", function()
  for what, api in pairs {
    ["plain http"] = "http://evil.example", ["a user"] = "https://u:p@evil.example",
    ["no URL"] = "evil", ["a line break"] = "https://evil.example/\r\nX: y",
  } do
    it("as base_url with " .. what .. " is an error, and no mistake of the caller's", function()
      local login, sent = shop.login({ token = { keep = { api = "api" } }, base_url = "${api}/v1" },
        nil, { { body = { access_token = "t", api = api } } })
      local response, _, err = login:request { url = "/items" }
      assert.is_nil(response)
      assert.equal("bad_answer", err.code)
      assert.equal("request", err.step)
      assert.equal(1, #sent)
    end)
  end
  it("cannot split a header of the call", function()
    local login, sent = open({
      token = { keep = { site = "site" } }, authorize = { headers = {
        Authorization = "Bearer ${token}", ["X-Site"] = "${site}",
      } },
    }, { { body = { access_token = "t", site = "a\r\nX-Evil: 1" } } })
    local response, _, err = login:request { url = "/items" }
    assert.is_nil(response)
    assert.equal("no_token", err.code)
    assert.equal(1, #sent)
  end)
  it("cannot split a header that is handed out", function()
    local login = open({
      token = { keep = { site = "site" } }, authorize = { headers = {
        Authorization = "Bearer ${token}", ["X-Site"] = "${site}",
      } },
    }, { { body = { access_token = "t", site = "a\r\nX-Evil: 1" } } })
    local headers = login:headers() or {}
    assert.is_nil((headers["X-Site"] or ""):find "%c")
  end)
end)

describe("login:request, refused tokens:", function()
  local UNAUTHORIZED = { status = 401, body = {} }
  it("on 401 it logs in once and repeats the call once", function()
    local login, sent = open(nil, { {}, UNAUTHORIZED, {}, { body = { fine = true } } })
    local response = assert(login:request { url = "/", json = { a = 1 } })
    assert.is_true(response.json().fine)
    assert.equal(4, #sent)
    assert.equal("Bearer t1", sent[2].headers.Authorization)
    assert.equal("Bearer t3", sent[4].headers.Authorization)
    assert.equal(sent[2].body, sent[4].body)
    assert.equal(sent[2].url, sent[4].url)
    assert.equal(1, login:status().refused)
  end)
  it("a second 401 is the answer, and the next calls cost no login", function()
    local login, sent = open(nil, function(request)
      return request.url:find("api", 1, true) and UNAUTHORIZED or {}
    end)
    assert.equal(401, assert(login:request { url = "/" }).status)
    assert.equal(4, #sent)
    local logins = login:status().logins
    for _ = 1, 5 do
      assert.equal(401, assert(login:request { url = "/" }).status)
    end
    assert.is_true(login:status().logins <= logins + 1)
  end)
  it("when the login fails then, that is the error", function()
    local login, sent = open(nil, { {}, UNAUTHORIZED, { status = 400, body = {} } })
    local response, _, err = login:request { url = "/" }
    assert.is_nil(response)
    assert.equal("http_400", err.code)
    assert.equal(3, #sent)
  end)
  it("401 with a refresh at hand: the refused token is not used for it", function()
    local login, sent = open({ refresh = { url = "https://shop.example/r", bearer = "${token}" } },
      { {}, UNAUTHORIZED, {}, {} })
    assert.equal(200, assert(login:request { url = "/" }).status)
    assert.equal("https://shop.example/login", sent[3].url)
  end)
  it("403 and 500 are answers like any other", function()
    for _, status in ipairs { 403, 500, 302 } do
      local login, sent = open(nil, { {}, { status = status } })
      assert.equal(status, assert(login:request { url = "/" }).status)
      assert.equal(2, #sent)
    end
  end)
  it("the option refused tells by the answer", function()
    local seen
    local login, sent = open(nil, { {}, { body = { msg = "session lost" } }, {}, { body = {} } }, {
      refused = function(response)
        seen = seen or response.status
        return response.json().msg == "session lost"
      end,
    })
    assert.same({}, assert(login:request { url = "/" }).json())
    assert.equal(200, seen)
    assert.equal(4, #sent)
  end)
  it("a refused that gives no true refuses nothing", function()
    for _, refused in ipairs { function() return 1 end, function() end } do
      local login, sent = open(nil, nil, { refused = refused })
      assert(login:request { url = "/" })
      assert.equal(2, #sent)
    end
  end)
  it("a refused that raises is told, with text and position", function()
    local function raising(response)
      error("odd status " .. response.status)
    end
    local login, sent = open(nil, nil, { refused = raising })
    local response, message, err = login:request { url = "/items" }
    assert.is_nil(response)
    assert.same({ "interrupted", "transient", "request" }, { err.code, err.class, err.step })
    assert.equal(("option 'refused': it raised an error: "
      .. "spec/login_request_spec.lua:%d: odd status 200"):format(
      debug.getinfo(raising, "S").linedefined + 1), err.description)
    assert.equal("shop: request failed: " .. err.description
      .. " (interrupted; GET https://api.example/v1/items)", message)
    assert.equal("GET https://api.example/v1/items", err.request)
    assert.equal(2, #sent)
    assert.same({ "fresh", 0 }, { login:status().state, login:status().refused })
  end)
  it("what a refused raises shows no secret", function()
    local login = open(nil, { { body = { access_token = "hunter22" } }, {} },
      { refused = function() error "is hunter22 still good?" end })
    local response, _, err = login:request { url = "/items" }
    assert.is_nil(response)
    assert.matches("is *** still good?", err.description, 1, true)
    secrets.assert_absent(err, { "hunter22" })
  end)
end)

describe("login:request, mistakes:", function()
  local function mistake(request, message, changes)
    it("raise where the caller stands: " .. message, function()
      local login, sent = open(changes)
      local ok, err = pcall(function()
        local _ = login:request(request)
      end)
      assert.is_false(ok)
      assert.truthy(err:find("login_request_spec.lua:", 1, true), err)
      assert.truthy(err:find(message, 1, true), err)
      assert.is_true(#sent <= 1)
    end)
  end
  mistake({}, "request.url: is missing")
  mistake({ url = 3 }, "request.url: a string expected, got number")
  mistake({ url = "/", quer = {} }, "request: unknown field 'quer'; did you mean 'query'?")
  mistake({ "x", url = "/" }, "request: unknown field '1'")
  mistake({ url = "/", headers = "x" }, "request.headers: a table expected, got string")
  mistake({ url = "/", json = {}, form = {} }, "request: json, form and body exclude each other")
  mistake({ url = "/", body = "", form = {} }, "request: json, form and body exclude each other")
  mistake({ url = "/", method = "GET / HTTP/1.1\r\nX: y" }, "request.method: ")
  mistake({ url = "/", method = "" }, "request.method: '' is not a method")
  mistake({ url = "/", headers = { ["X\r\nY"] = "z" } }, "request.headers: 'X??Y' is not the name")
  mistake({ url = "/", headers = { "X: y" } }, "request.headers: '1' is not the name of a header")
  mistake({ url = "/", headers = { X = {} } }, "request.headers['X']: a text expected, got table")
  mistake({ url = "/", headers = { X = "y\r\nZ: 1" } }, "request.headers['X']: holds a control")
  mistake({ url = "/", headers = { X = "\0" } }, "request.headers['X']: holds a control")
  mistake({ url = "/", query = { "x" } }, "request.query: '1' is not the name of a parameter")
  mistake({ url = "/", query = { a = { b = 1 } } }, "request.query['a']: a text or a list of texts")
  mistake({ url = "/", form = { a = print } }, "request.form['a']: a text or a list of texts")
  mistake({ url = "/", json = { print } },
    "request.json: it holds a function, a thread or an object")
  mistake({ url = "/", json = coroutine.create(function() end) },
    "request.json: it holds a function, a thread or an object")
  mistake({ url = "/", json = { a = { io.stdout } } },
    "request.json: it holds a function, a thread or an object")
  mistake({ url = "/", json = { 0 / 0 } }, "request.json: a number is not finite")
  mistake({ url = "/", json = { a = -math.huge } }, "request.json: a number is not finite")
  mistake({ url = "http://api.example/" }, "request: its URL is not https")
  mistake({ url = "http://x.example/" }, "request: its URL is not https", { base_url = false })
  mistake({ url = "https://u:p@api.example/" }, "request: its URL carries a user or password")
  for _, url in ipairs {
    "/../y", "../y", "/a/..", "/.", "/a/%2e%2e/y", "/%2E./y", "/a%2f..%2fy", "/%252e%252e/y",
    "https://api.example/v1/../y", "/..;x/y", "..",
  } do
    mistake({ url = url }, "request: its URL has '.' or '..' as a path segment")
  end
  mistake({ url = "https://other.example/" }, "https://other.example is not the provider's")
  mistake({ url = "/a\0b" }, "request: its URL holds a character that no URL may hold")
  mistake({ url = "api.example/items" }, "a URL opens with https://", { base_url = false })
  mistake({ url = "/", body = {} },
    "request.body: a string expected, got table; did you mean json or form?")
  it("of a URL raise at the call: no login is sent for them", function()
    for _, url in ipairs { "/../y", "http://api.example/", "/a b", "https://u:p@api.example/",
      "https://other.example/", "https://" } do
      local login, sent = open()
      assert.is_false(pcall(login.request, login, { url = url }))
      assert.equal(0, #sent)
    end
    local login, sent = open { base_url = false }
    assert.is_false(pcall(login.request, login, { url = "/items" }))
    assert.equal(0, #sent)
  end)
  mistake({ url = "https://" }, "request: its URL is no absolute https URL")
  mistake({ url = "/", timeout = 0 }, "request.timeout: a number of seconds above 0 expected")
  mistake({ url = "/", timeout = -1 }, "request.timeout: a number of seconds above 0 expected")
  mistake({ url = "/", timeout = 0 / 0 }, "request.timeout: a number of seconds above 0 expected")
  mistake({ url = "/", timeout = "5" }, "request.timeout: a number expected, got string")
  mistake({ url = "/a b" }, "request: its URL holds a character that no URL may hold")
  mistake({ url = "/a\r\nX: y" }, "request: its URL holds a character that no URL may hold")
  mistake({ url = "/items" }, "request.url: is relative, and the provider has no base_url",
    { base_url = false })
end)
