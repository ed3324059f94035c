-- Each part of a request, as it is sent.
local cjson = require "cjson"
local encode = require "spec.support.encode"
local shop = require "spec.support.shop"

local base64 = encode.base64

-- What a refused request looks like: an error, nothing sent, no Lua error.
local function is_not_sent(def, given, code, message)
  local login, sent = shop.login(def, given)
  local token, _, err = login:token()
  assert.is_nil(token)
  assert.equal(code, err.code)
  assert.equal("terminal", err.class)
  assert.truthy(tostring(err):find(message, 1, true), tostring(err))
  assert.equal(0, #sent)
end

describe("method:", function()
  it("is POST unless it says otherwise", function()
    assert.equal("POST", shop.sends({}).method)
    for _, method in ipairs { "GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS" } do
      assert.equal(method, shop.sends({ method = method }).method)
    end
  end)
end)

describe("url:", function()
  local function url_of(url, kind, value)
    return shop.sends({ url = url }, { x = { kind = kind } }, { x = value }).url
  end
  it("takes host, label, path and url as they are, since they were checked", function()
    assert.equal("https://a.example:1/l", url_of("https://${x}/l", "host", "a.example:1"))
    assert.equal("https://shop.a.example/", url_of("https://${x}.a.example/", "label", "shop"))
    assert.equal("https://a.example/b/%20c", url_of("https://a.example${x}", "path", "/b/%20c"))
    assert.equal("https://a.example/b?c=d", url_of("${x}?c=d", "url", "https://a.example/b"))
  end)
  local attacks = {
    ["a@b"] = "a%40b", ["evil.com/"] = "evil.com%2F", ["a?b"] = "a%3Fb", ["#"] = "%23",
    ["..a/..b"] = "..a%2F..b", ["a\r\nX: y"] = "a%0D%0AX%3A%20y", ["%2e%2e%2e"] = "%252e%252e%252e",
    ["\0"] = "%00",
    ["\\"] = "%5C", ["ü"] = "%C3%BC", ["${x}"] = "%24%7Bx%7D", ["a b+c"] = "a%20b%2Bc",
    ["-._~"] = "-._~", [":8443"] = "%3A8443", ["&=;"] = "%26%3D%3B",
  }
  for value, encoded in pairs(attacks) do
    it("percent-encodes a text: " .. encoded, function()
      assert.equal("https://a.example/p/" .. encoded .. "/q",
        url_of("https://a.example/p/${x}/q", nil, value))
    end)
  end
  for _, evil in ipairs { "a@evil.com", "evil.com/", "evil.com#", "evil.com:1", "a b", "a\r\nb" } do
    it("has no text change the host: " .. evil:gsub("%c", "?"), function()
      local ok, err = pcall(shop.login, {
        inputs = { x = {} }, login = { url = "https://${x}.shop.example/" },
      }, { x = evil })
      assert.is_false(ok)
      assert.matches("shop: login%[1%]%.url is no absolute https URL", err)
    end)
  end
  for _, dots in ipairs {
    "..", ".", "%2e%2e", "%2E.", "../..", "a/../b", "..\\", "a/.", "%252e%252e", "..;x", "a%2f..",
  } do
    it("does not climb by a text input: " .. dots, function()
      local ok, err = pcall(shop.login,
        { inputs = { x = {} }, login = { url = "https://shop.example/seg/${x}/end" } },
        { x = dots })
      assert.is_false(ok)
      assert.matches("login%[1%]%.url has '%.' or '%.%.' as a path segment", err)
      assert.matches("made of inputs%.x", err)
    end)
    it("does not climb by what a function or an answer gives: " .. dots, function()
      local function give() return dots end
      is_not_sent({ inputs = { x = {} }, login = { url = "https://shop.example/seg/${x}/end" } },
        { x = give }, "bad_request", "path segment")
      is_not_sent({ login = { url = function(_, f)
        return f.text("https://shop.example/seg/" .. dots:gsub("\\", "/") .. "/end")
      end } }, nil, "bad_request", "path segment")
      local login, sent = shop.login({ login = {
        { url = "https://shop.example/1", keep = { x = "x" } },
        { url = "https://shop.example/${x}/2" },
      } }, nil, { { body = { access_token = "t", x = dots } } })
      assert.is_nil((login:token()))
      assert.equal(1, #sent)
    end)
    it("leaves the query alone: " .. dots, function()
      assert(url_of("https://shop.example/a?x=${x}", nil, dots))
    end)
  end
  it("has one slash where a base that ends in one meets a path, however they meet", function()
    local function sent_to(base, path, url)
      return shop.sends({ url = url },
        { base = { kind = "url" }, path = { kind = "path", optional = true } },
        { base = base, path = path }).url
    end
    for _, base in ipairs { "https://a.example", "https://a.example/", "https://a.example//" } do
      assert.equal("https://a.example/v1/login", sent_to(base, "/v1/login", "${base}${path}"))
      assert.equal("https://a.example/v1/login", sent_to(base, "/v1/login", "${base}${path}"))
      assert.equal("https://a.example/v1/x", sent_to(base, "/v1/", "${base}${path}/x"))
      assert.equal("https://a.example/v1/x", sent_to(base, nil, "${base}/v1/x"))
      assert.equal("https://a.example/v1/x", sent_to(base, nil, function(_, f)
        return f.text "${base}/v1/x"
      end))
    end
    local login, sent = shop.login({ login = {
      { url = "https://shop.example/1", keep = { api = "api" } }, { url = "${api}/2" },
    } }, nil, { { body = { access_token = "t", api = "https://eu.example/v1/" } } })
    assert(login:token())
    assert.equal("https://eu.example/v1/2", sent[2].url)
  end)
  it("encodes numbers and booleans, too", function()
    assert.equal("https://a.example/-1.5/", url_of("https://a.example/${x}/", nil, -1.5))
  end)
  it("takes a kept URL that opens it as it is, anywhere else percent-encoded", function()
    local login, sent = shop.login({ login = {
      { url = "https://shop.example/1", keep = { api = "api" } },
      { url = "${api}/2" },
      { url = "https://shop.example/3?next=${api}" },
    } }, nil, { { body = { access_token = "t", api = "https://eu.example/v1" } } })
    assert(login:token())
    assert.equal("https://eu.example/v1/2", sent[2].url)
    assert.equal("https://shop.example/3?next=https%3A%2F%2Feu.example%2Fv1", sent[3].url)
  end)
  for what, api in pairs {
    ["is not https"] = "http://eu.example", ["has a user"] = "https://u:p@eu.example",
    ["is split by a line break"] = "https://eu.example/\r\nX: y", ["is no URL"] = "eu.example",
    ["is a file"] = "file:///etc/passwd", ["has a fragment"] = "https://eu.example/#",
  } do
    it("refuses a kept URL that " .. what, function()
      local login, sent = shop.login({ login = {
        { url = "https://shop.example/1", keep = { api = "api" } }, { url = "${api}/2" },
      } }, nil, { { body = { access_token = "t", api = api } } })
      local token, _, err = login:token()
      assert.is_nil(token)
      assert.equal("bad_request", err.code)
      assert.matches("its URL", tostring(err))
      assert.equal(1, #sent)
    end)
  end
  it("that is not https is the caller's mistake where it can be known", function()
    for _, base in ipairs { "http://shop.example", "HTTP://shop.example" } do
      local ok, err = pcall(shop.login,
        { inputs = { b = { kind = "url" } }, login = { url = "${b}/login" } }, { b = base })
      assert.is_false(ok)
      assert.matches("shop: login%[1%]%.url is not https", err)
      assert.matches("it is made of inputs%.b", err)
    end
    for _, host in ipairs { "127.0.0.1:1", "localhost", "[::1]:1", "127.8.9.1" } do
      assert.equal("http://" .. host .. "/", url_of("${x}/", "url", "http://" .. host))
    end
    local ok = pcall(url_of, "${x}/", "url", "http://127.0.0.1.evil.com")
    assert.is_false(ok)
  end)
  for url, given in pairs {
    ["${b}/login"] = { b = "http://shop.example" }, ["http://shop.example/login"] = {},
    ["http://${h}/login"] = { h = "shop.example" },
    ["http://${h}.example/login"] = { h = function() return "shop" end },
  } do
    it("may be http elsewhere only with allow_http: " .. url, function()
      local def = {
        inputs = { b = { kind = "url", optional = true }, h = { kind = "host", optional = true } },
        login = { url = url },
      }
      local login, sent = shop.login(def, given, nil, { allow_http = true })
      assert(login:token())
      assert.equal("http://shop.example/login", sent[1].url)
      local ok, refused = pcall(shop.login, def, given)
      if ok then -- not known before it is to be sent
        refused = select(3, refused:token())
        assert.equal("bad_request", refused.code)
      end
      assert.matches("is not https", tostring(refused))
    end)
  end
end)

describe("query:", function()
  it("is encoded, sorted, and joins what the url has", function()
    local query = { b = "a&b=c", a = "ü ", ["k&"] = "+", c = "${x}", d = { "first", "second" } }
    assert.equal("https://shop.example/?q=1&a=%C3%BC%20&b=a%26b%3Dc&c=%23&d=first&k%26=%2B",
      shop.sends({ url = "https://shop.example/?q=1", query = query }, { x = {} }, { x = "#" }).url)
  end)
  it("repeats the key for each of a list", function()
    assert.equal("https://shop.example/login?r=a&r=b%26&r=3",
      shop.sends({ query = { r = "${x}" } }, { x = {} }, { x = { "a", "b&", 3 } }).url)
  end)
end)

describe("headers:", function()
  it("are split by the same characters, wherever they come from", function()
    local login = shop.login()
    for byte = 0, 255 do
      local value = "a" .. string.char(byte) .. "b"
      local by_caller = pcall(login.request, login,
        { url = "https://shop.example/", headers = { X = value } })
      local of_input = shop.login({
        inputs = { x = {} }, login = { url = "https://shop.example/", headers = { X = "${x}" } },
      }, { x = value }):token() ~= nil
      local kept = shop.login({
        token = { keep = { x = "x" } },
        authorize = { headers = { X = "${x}", Authorization = "Bearer ${token}" } },
      }, nil, { { body = ('{"access_token":"t","x":"a\\u%04xb"}'):format(byte) } }):token() ~= nil
      local is_fine = byte > 31 and byte ~= 127 or byte == 9
      assert.same({ is_fine, is_fine, is_fine }, { by_caller, of_input, kept },
        "character " .. byte)
    end
  end)
  it("are sent as they are, with Accept unless it is there", function()
    local headers = shop.sends({ headers = { ["X-A"] = "é ${x}", ["x-b"] = "" } }, { x = {} },
      { x = "y\tz" }).headers
    assert.equal("é y\tz", headers["X-A"])
    assert.equal("", headers["x-b"])
    assert.equal("application/json", headers.Accept)
    headers = shop.sends({ headers = { accept = "text/plain" } }).headers
    assert.equal("text/plain", headers.accept)
    assert.is_nil(headers.Accept)
  end)
  for what, value in pairs {
    ["CR LF"] = "a\r\nX-Evil: 1", LF = "a\nb", CR = "a\rb", NUL = "a\0b", DEL = "\127", ESC = "\27",
  } do
    local def = { inputs = { x = { secret = true } } }
    it(what .. " in one is an error, and nothing is sent", function()
      def.login = { url = "https://shop.example/", headers = { ["X-A"] = "v ${x}" } }
      is_not_sent(def, { x = value }, "bad_request", "the value for header 'X-A' would split it")
    end)
    it(what .. " in bearer is an error, and nothing is sent", function()
      def.login = { url = "https://shop.example/", bearer = "${x}" }
      is_not_sent(def, { x = value }, "bad_request", "the value for header 'Authorization'")
    end)
    it(what .. " from a function or a content_type is one, too", function()
      local function x(v)
        return v.x
      end
      def.login = { url = "https://shop.example/", headers = { ["X-A"] = x } }
      is_not_sent(def, { x = value }, "bad_request", "'X-A' would split it")
      def.login = { url = "https://shop.example/", body = "", content_type = "a/${x}" }
      is_not_sent(def, { x = value }, "bad_request", "'Content-Type' would split it")
    end)
  end
end)

describe("basic and bearer:", function()
  local function authorization(request, given)
    return shop.sends(request, { u = { optional = true }, p = { optional = true } },
      given).headers.Authorization
  end
  local pair = { "${u}", "${p}" }
  it("basic is RFC 7617", function()
    assert.equal("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
      authorization({ basic = pair }, { u = "Aladdin", p = "open sesame" }))
    assert.equal("Basic dGVzdDoxMjPCow==",
      authorization({ basic = pair }, { u = "test", p = "123£" }))
  end)
  it("with encode both are form-encoded first (RFC 6749 2.3.1)", function()
    assert.equal("Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3",
      authorization({ basic = { "${u}", "${p}", encode = true } },
        { u = "s6BhdRkqt3", p = "7Fjfp0ZBr1KtDRbnfVdmIw" }))
    -- the characters of RFC 6749, appendix B: " %&+£€"
    assert.equal("Basic " .. base64("+%25%26%2B%C2%A3%E2%82%AC:a%3Ab"),
      authorization({ basic = { "${u}", "${p}", encode = true } }, { u = " %&+£€", p = "a:b" }))
  end)
  it("encode may be a function", function()
    local function header(how)
      local function does(v) return v.how == "yes" end
      return shop.sends({ basic = { "${u}", "${p}", encode = does } },
        { u = {}, p = { secret = true }, how = {} }, { u = "a b", p = "c:d", how = how })
        .headers.Authorization
    end
    assert.equal("Basic " .. base64 "a+b:c%3Ad", header "yes")
    assert.equal("Basic " .. base64 "a b:c:d", header "no")
    is_not_sent({ login = { url = "https://shop.example/", basic = { "u", "p",
      encode = function() error("no idea", 0) end } } }, nil, "bad_request", "no idea")
  end)
  it("a user with a colon in it is refused, unless it is encoded", function()
    local request = { url = "https://shop.example/", basic = { "${u}", "${p}" } }
    local def = { inputs = { u = {}, p = { secret = true } }, login = request }
    local ok, err = pcall(shop.login, def, { u = "me:admin", p = "hunter22" })
    assert.is_false(ok)
    assert.truthy(err:find("shop: login[1]: the user of 'basic' holds a colon, which would end it "
      .. "(it is made of inputs.u)", 1, true), err)
    is_not_sent(def, { u = function() return "me:admin" end, p = "p" }, "bad_request",
      "the user of 'basic' holds a colon")
    assert.equal("Basic " .. base64 "me:hunter:22",
      shop.sends({ basic = request.basic }, def.inputs, { u = "me", p = "hunter:22" })
        .headers.Authorization)
    request.basic.encode = true
    assert(shop.login(def, { u = "me:admin", p = "p" }):token())
  end)
  it("a refusal of what was encoded says what may help", function()
    local function message(user, status, code)
      local login = shop.login({ login = { url = "https://shop.example/",
        basic = { user, "p", encode = true } } }, nil,
        { { status = status, body = { error = code } } })
      return select(2, login:token())
    end
    local hint = "if this server does not decode it, leave 'encode' out"
    assert.truthy(message("a b", 401):find(hint, 1, true))
    assert.truthy(message("a b", 400, "invalid_client"):find(hint, 1, true))
    assert.is_nil(message("ab", 401):find(hint, 1, true))
    assert.is_nil(message("a b", 401, "invalid_grant"):find(hint, 1, true))
    assert.is_nil(message("a b", 503):find(hint, 1, true))
  end)
  it("a password that is not given is empty; without a user there is no basic", function()
    assert.equal("Basic " .. base64("key:"),
      authorization({ basic = { "${u}", "" } }, { u = "key" }))
    assert.equal("Basic " .. base64("key:"), authorization({ basic = pair }, { u = "key" }))
    assert.is_nil(authorization({ basic = pair }, { p = "p" }))
  end)
  it("basic takes bytes that would split a header", function()
    assert.equal("Basic " .. base64("a\r\n:\0"),
      authorization({ basic = pair }, { u = "a\r\n", p = "\0" }))
  end)
  it("bearer is dropped with its name", function()
    assert.equal("Bearer k", authorization({ bearer = "${u}" }, { u = "k" }))
    assert.equal("Bearer 7", authorization({ bearer = "${u}" }, { u = 7 }))
    assert.is_nil(authorization({ bearer = "${u}" }))
  end)
end)

describe("json:", function()
  it("is nested and typed as it is written", function()
    local body = {
      text = "a", n = 1, f = 1.5, t = true, f2 = false, list = { 1, "b", { c = { "d" } } },
      deep = { deep = { deep = "${x}" } },
    }
    local sent = shop.sends_json(body, { x = {} }, { x = "y" })
    body.deep.deep.deep = "y"
    assert.same(body, sent)
  end)
  it("has its content type, unless the headers say another", function()
    assert.equal("application/json", shop.sends({ json = {} }).headers["Content-Type"])
    assert.equal("{}", shop.sends({ json = {} }).body)
    local headers = shop.sends({ json = {}, headers = { ["content-type"] = "a/b" } }).headers
    assert.equal("a/b", headers["content-type"])
    assert.is_nil(headers["Content-Type"])
  end)
  local texts = {
    'quotes " and \\ and / and </script>', "\0\1\31\127\r\n\t\b\f", "ünï ∑ 🐈", "null", "true",
    "${x}", '"}, {"admin": true', "0123456789abcdef01234567:1", ("long "):rep(5000),
  }
  for i, text in ipairs(texts) do
    it("carries any text, alone and within others (" .. i .. ")", function()
      assert.same({ a = text, b = "<" .. text .. text .. ">", c = { text } }, shop.sends_json(
        { a = "${x}", b = "<${x}${x}>", c = { "${x}" } }, { x = { secret = true } }, { x = text }))
    end)
  end
  it("carries empty texts and whole values of the caller", function()
    assert.same({ a = "", b = { c = { "${x}", "" } } },
      shop.sends_json({ a = "", b = "${b}" }, { b = {} }, { b = { c = { "${x}", "" } } }))
  end)
  it("writes long numbers with all their digits", function()
    local body = shop.sends({ json = { id = "${id}", x = 0.1, big = 123456789012345, t = "1e3" } },
      { id = {} }, { id = 4503599627370497 }).body
    assert.truthy(body:find('"id":4503599627370497', 1, true), body)
    assert.truthy(body:find('"big":123456789012345', 1, true), body)
    assert.truthy(body:find('"x":0.1', 1, true), body)
    assert.truthy(body:find('"t":"1e3"', 1, true), body)
  end)
end)

describe("form:", function()
  it("is encoded as application/x-www-form-urlencoded", function()
    local sent = shop.sends({ form = { ["a b"] = "ü&=+%* -._~\r\n", c = "${x}" } }, { x = {} },
      { x = "p@ss w+rd" })
    assert.equal("a+b=%C3%BC%26%3D%2B%25*+-._%7E%0D%0A&c=p%40ss+w%2Brd", sent.body)
    assert.equal("application/x-www-form-urlencoded", sent.headers["Content-Type"])
  end)
  it("repeats the key for each of a list, and drops an empty function's", function()
    assert.equal("r=a&r=b&r=true", shop.sends({ form = { r = "${x}", s = function() end } },
      { x = {} }, { x = { "a", "b", true } }).body)
  end)
  it("refuses a table with names where a text is due", function()
    is_not_sent({ inputs = { x = {} }, login = { url = "https://shop.example/",
      form = { x = "${x}" } } }, { x = function() return { a = "b" } end }, "no_secret",
      "a text expected, got a table")
    is_not_sent({ login = { url = "https://shop.example/", form = { x = function()
      return { a = "b" }
    end } } }, nil, "bad_request", "a text expected, got a table")
  end)
  it("may be empty, and is a body all the same", function()
    local sent = shop.sends({ form = {} })
    assert.equal("", sent.body)
    assert.equal("application/x-www-form-urlencoded", sent.headers["Content-Type"])
  end)
end)

describe("body and content_type:", function()
  it("are what they say, names included", function()
    local sent = shop.sends({ body = "<a>${x}</a>", content_type = "text/${x}" }, { x = {} },
      { x = "xml" })
    assert.equal("<a>xml</a>", sent.body)
    assert.equal("text/xml", sent.headers["Content-Type"])
  end)
  it("may hold any byte", function()
    assert.equal("a\0\r\n\255", shop.sends({ body = "a${x}", content_type = "a/b" }, { x = {} },
      { x = "\0\r\n\255" }).body)
  end)
  it("are none when its name was not given", function()
    local sent = shop.sends({ body = "${x}", content_type = "a/b" }, { x = { optional = true } })
    assert.is_nil(sent.body)
    assert.is_nil(sent.headers["Content-Type"])
  end)
  it("no body at all has no content type", function()
    local sent = shop.sends({})
    assert.is_nil(sent.body)
    assert.is_nil(sent.headers["Content-Type"])
  end)
  it("json and form stay apart from what cjson of the program is told", function()
    cjson.encode_number_precision(3)
    local body = shop.sends({ json = { n = 12345.678 } }).body
    cjson.encode_number_precision(14)
    assert.equal('{"n":12345.678}', body)
  end)
end)
