local definition = require "bearer.definition"

local function good(change)
  local def = {
    name = "shop",
    inputs = { host = { kind = "host" }, base = { kind = "url" }, user = {}, site = {} },
    login = { url = "https://${host}/login" },
  }
  if change then
    change(def, def.login)
  end
  return def
end

local function accepts(what, change)
  it("accepts " .. what, function()
    assert.same({}, definition.faults(good(change)))
  end)
end

local function refuses(what, change, ...)
  local expected = { ... }
  it("refuses " .. what, function()
    assert.same(expected, definition.faults(good(change)))
  end)
end

describe("bearer.definition, a request:", function()
  for _, method in ipairs { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" } do
    accepts("method " .. method, function(_, r) r.method = method end)
  end
  refuses("an unknown method", function(_, r) r.method = "post" end, "login.method: 'post' is not "
    .. "one of DELETE, GET, HEAD, OPTIONS, PATCH, POST or PUT; did you mean 'POST'?")
  refuses("no url", function(_, r) r.url = nil end, "login.url: is missing")
  refuses("a url that is no text", function(_, r) r.url = {} end, "login.url: is an empty list")

  for _, url in ipairs { "https://shop.example/x", "HTTPS://shop.example", "https://[::1]:8443/x",
    "${base}/x", "http://localhost:8080/x", "http://127.0.0.1/x", "http://[::1]:80/x",
    "http://127.3.4.5", "http://shop.example/", "http://${host}/",
    "https://${host}/a?b=${user}", "https://h/@${user}" } do
    accepts("the url " .. url, function(_, r) r.url = url end)
  end
  accepts("a function, and a list, as url", function(_, r)
    r.url = { function() end, "https://${host}/" }
  end)
  for url, fault in pairs {
    ["http://localhost@evil.example/"] = "holds a user; give the credentials as 'basic'",
    ["/login"] = "a URL opens with https:// or with a name",
    ["ftp://shop.example"] = "a URL opens with https:// or with a name",
    [""] = "a URL opens with https:// or with a name",
    ["https://"] = "names no host",
    ["https:///x"] = "names no host",
    ["https://${user}@h/"] = "holds a user; give the credentials as 'basic'",
    ["https://h/#x"] = "holds a character that no URL to ask may hold",
    ["https://h/a b"] = "holds a character that no URL to ask may hold",
    ["https://h/\r\nX: y"] = "holds a character that no URL to ask may hold",
    ["https://h/\\x"] = "holds a character that no URL to ask may hold",
    ["${user}/x"] = "opens with '${user}', so that input must be of kind 'url'",
  } do
    refuses(("the url %q"):format(url), function(_, r) r.url = url end, "login.url: " .. fault)
  end

  accepts("query, form and headers of texts, numbers, booleans, functions and lists", function(_, r)
    local values = { a = "${user}", b = 1, c = false, d = print, e = { "${user}", print, 3 } }
    r.query, r.form, r.headers = values, values, values
  end)
  refuses("a table in form", function(_, r) r.form = { a = { b = "c" } } end,
    "login.form.a.b: a name in a list of texts")
  refuses("a list in a list in query", function(_, r) r.query = { a = { { "x" } } } end,
    "login.query.a[1]: expected a text, got a list")
  refuses("a form that is a text", function(_, r) r.form = "a=b" end,
    "login.form: expected a table, got a text")
  refuses("a key without name", function(_, r) r.form = { [""] = "x" } end,
    'login.form[""]: the name is empty')

  for _, name in ipairs { "a b", "x:", "", "ä", "a(b)" } do
    refuses(("the header name %q"):format(name), function(_, r) r.headers = { [name] = "" } end,
      ('login.headers["%s"]: not the name of a header'):format(name))
  end
  refuses("header names that differ in case only", function(_, r)
    r.headers = { Accept = "a", accept = "b" }
  end, "login.headers.accept: given twice, in different case")
  for _, break_ in ipairs { "a\r\nb", "a\nb", "a\rb", "a\0b", "a\127" } do
    refuses(("a header of %q"):format(break_), function(_, r) r.headers = { X = break_ } end,
      "login.headers.X: holds a control character (a line break would start another header)")
  end
  refuses("a line break in bearer and content_type", function(_, r)
    r.bearer, r.body, r.content_type = "a\nb", "", "text/plain\n"
  end, "login.bearer: holds a control character (a line break would start another header)",
    "login.content_type: holds a control character (a line break would start another header)")

  accepts("basic", function(_, r) r.basic = { "${user}", "", encode = true } end)
  refuses("basic of one text", function(_, r) r.basic = { "${user}" } end,
    "login.basic: expected two texts, got one")
  refuses("basic of three", function(_, r) r.basic = { "a", "b", "c" } end,
    "login.basic[3]: one text too many")
  refuses("basic by names", function(_, r) r.basic = { user = "a", encod = true } end,
    "login.basic.encod: unknown field; did you mean 'encode'?",
    "login.basic.user: unknown field; there is encode",
    "login.basic: expected two texts, got none")
  refuses("basic that encodes maybe", function(_, r) r.basic = { "a", "b", encode = "yes" } end,
    "login.basic.encode: expected true or false, or a function that says so, got a text")
  refuses("basic as a text", function(_, r) r.basic = "a:b" end,
    "login.basic: expected a list of two texts, got a text")

  accepts("json of everything", function(_, r)
    r.json = { a = { b = { "x", 1, true, { c = "${user}" } } }, d = print, e = {}, f = false }
  end)
  accepts("json that is a list, or a function", function(d)
    d.login = { { url = "${base}", json = { "a" } }, { url = "${base}", json = print } }
  end)
  refuses("json that is list and table at once", function(_, r) r.json = { "a", b = "c" } end,
    "login.json.b: a name in a list")
  refuses("more than one body", function(_, r)
    r.json, r.form, r.body, r.content_type = {}, {}, "x", "y"
  end, "login.form: there is 'json' already; a request has one body",
    "login.body: there is 'json' already; a request has one body")
  refuses("content_type without body", function(_, r) r.json, r.content_type = {}, "text/json" end,
    "login.content_type: only 'body' needs it, and there is none")
  refuses("body without content_type", function(_, r) r.body = "x" end,
    "login.content_type: is missing: it says what 'body' is")
  accepts("body with its header instead", function(_, r)
    r.body, r.headers = "x", { ["content-type"] = "text/plain" }
  end)

  accepts("expect by paths, with lists, and as a function", function(d)
    d.login = { { url = "${base}", expect = { ["a.b"] = "OK", c = true, d = { 1, "1" } } },
      { url = "${base}", expect = function() end } }
  end)
  refuses("expect with bad paths and values", function(_, r)
    r.expect = { ["a..b"] = 1, c = { {} }, d = print }
  end, "login.expect[\"a..b\"]: 'a..b': not a path from character 2 on",
    "login.expect.c[1]: expected a text, a number or a boolean, got a table",
    "login.expect.d: expected a text, a number or a boolean, got a function")
  refuses("expect as a text", function(_, r) r.expect = "OK" end,
    "login.expect: expected a table from paths to values, or a function, got a text")
  refuses("keep with bad names and paths", function(_, r) r.keep = { uuid = "a", b = "" } end,
    "login.keep.b: '': the path is empty", "login.keep.uuid: 'uuid' is built in")

  refuses("an empty request", function(d) d.refresh, d.logout = {}, { {} } end,
    "logout[1].url: is missing", "refresh.url: is missing")
  refuses("requests of other shapes", function(d) d.refresh, d.logout = true, { "x" } end,
    "logout[1]: expected a table (request), got a text",
    "refresh: expected a table (request), got a boolean")
  refuses("fields beside a list of requests", function(d)
    d.login = { { url = "${base}" }, url = "${base}" }
  end, "login.url: a field beside a list of requests")

  accepts("authorize", function(d)
    d.authorize = { headers = { A = "${token}" }, query = { a = "${token}" },
      json = { a = { "${token}" } }, cookies = false }
  end)
  refuses("authorize of other shapes", function(d)
    d.authorize = { header = {}, cookies = "yes", json = "x", query = { "x" } }
  end, "authorize.cookies: expected true or false, got a text",
    "authorize.header: unknown field; did you mean 'headers'?",
    "authorize.json: expected a table, got a text",
    "authorize.query[1]: expected a table with names, not a list")
end)

describe("bearer.definition, what is often meant:", function()
  refuses("a table for a body", function(d) d.login.body = { user = "${user}" } end,
    "login.body: expected a text, got a table; did you mean json or form?")
  refuses("dots in a URL", function(d) d.login.url = "https://${host}/a/../b" end,
    "login.url: has '.' or '..' as a path segment")
  refuses("a URL without a scheme", function(d) d.login.url = "shop.example/b" end,
    "login.url: a URL opens with https:// or with a name")
  accepts("dots elsewhere", function(d) d.login.url = "https://${host}/.a/b../...?c=/../" end)
end)

describe("bearer.definition, names:", function()
  local elsewhere = "unknown name '%s' in this place, though it is known in others"

  refuses("one that is unknown", function(_, r) r.form = { a = "x${usre}" } end,
    "login.form.a: unknown name 'usre'; did you mean 'user'?")
  refuses("one that never ends", function(_, r) r.form = { a = "x${user" } end,
    "login.form.a: '${' without '}' at character 2")
  refuses("none between braces", function(_, r) r.form = { a = "${}" } end,
    "login.form.a: '${}' names nothing")
  refuses("what is no name", function(_, r) r.form = { a = "${a b}${1}${user }" } end,
    "login.form.a: '${a b}' is not a name", "login.form.a: '${1}' is not a name",
    "login.form.a: '${user }' is not a name")
  refuses("every unknown one of a text", function(_, r) r.json = { { "${x}${user}${y}" } } end,
    "login.json[1][1]: unknown name 'x'; there are base, host, login_url, now, site, user and uuid",
    "login.json[1][1]: unknown name 'y'; there are base, host, login_url, now, site, user and uuid")
  accepts("dollars and braces that open no name", function(_, r)
    r.form = { a = "$5 {x} $$ }{ $user" }
  end)
  accepts("the built-in names", function(d, r)
    r.form = { a = "${uuid}${now}${login_url}" }
    d.refresh = { url = "${login_url}", form = { a = "${token}${refresh_token}${uuid}${now}" } }
    d.logout = { url = "${login_url}", form = { a = "${token}${refresh_token}" } }
    d.authorize = { headers = { A = "${token}", B = "${login_url}" } }
    d.base_url = "${login_url}"
  end)
  refuses("the token before there is one", function(d, r)
    r.form = { a = "${token}", b = "${refresh_token}" }
    d.base_url = "https://${host}/${token}"
    d.authorize = { query = { a = "${refresh_token}" } }
  end, "authorize.query.a: " .. elsewhere:format "refresh_token",
    "base_url: " .. elsewhere:format "token", "login.form.a: " .. elsewhere:format "token",
    "login.form.b: " .. elsewhere:format "refresh_token")
  refuses("login_url in the URL of a login", function(d)
    d.login = { { url = "${base}" }, { url = "${login_url}/2", form = { a = "${login_url}" } } }
  end, "login[2].url: " .. elsewhere:format "login_url")
  accepts("what earlier requests kept", function(d)
    d.login = { { url = "${base}", keep = { api = "instance_url" } },
      { url = "${api}/token", form = { a = "${api}" }, keep = { zone = "z" } } }
    d.token = { keep = { id = "id" } }
    d.base_url = "${api}/${zone}/${id}"
    d.refresh = { { url = "${api}/${zone}/${id}", keep = { nonce = "n" } },
      { url = "${login_url}", form = { a = "${nonce}" } } }
    d.authorize = { headers = { Zone = "${zone}${id}" } }
  end)
  refuses("what only later requests keep", function(d)
    d.login = { { url = "${base}", form = { a = "${api}", b = "${id}" }, keep = { api = "a" } } }
    d.token = { keep = { id = "id" } }
    d.refresh = { url = "${base}", keep = { nonce = "n" } }
    d.authorize = { headers = { A = "${nonce}" } }
  end, "authorize.headers.A: " .. elsewhere:format "nonce",
    "login[1].form.a: " .. elsewhere:format "api", "login[1].form.b: " .. elsewhere:format "id")
end)
