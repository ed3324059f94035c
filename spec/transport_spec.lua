-- bearer.transport, and the `send` that an option `transport` is given: the built-in transport, to
-- be wrapped. Against servers on this machine.
local bearer = require "bearer"
local core = require "bearer.core"
local patience = require "spec.support.patience"
local helper = require "spec.support.helper"
local hosts = require "spec.support.hosts"
local sandbox = require "spec.sandbox"
local secrets = require "spec.support.secrets"
local socket = require "socket"

local answer = '{"access_token":"good","expires_in":3600}'

local sb, url, http_url

local function open()
  sb = sandbox.start()
end

local function clean()
  sb:reset()
  url, http_url = sb:script("x", { body = answer })
  bearer.defaults { ca_file = sb.ca_file }
end

local function close()
  sb:stop()
end

local function restore()
  bearer.defaults()
  bearer.use "blocking"
  helper.stop()
end

local function failure(code, ...)
  local result, message, err = ...
  assert.is_nil(result)
  assert.equal("bearer.error", core.type(err))
  assert.equal(code, err.code, message)
  assert.same({ message, message }, { err.message, tostring(err) })
  assert.equal(3, select("#", ...))
  return err
end

describe("bearer.transport", function()
  setup(open)
  before_each(clean)
  after_each(restore)
  teardown(close)

  it("sends a request, and gives status, headers and body", function()
    url = sb:script("x", { status = 418, headers = { ["X-Tea"] = "green" }, body = '{"a":[1]}' })
    local response = assert(bearer.transport { url = url })
    assert.equal(418, response.status)
    assert.equal("green", response.headers["x-tea"])
    assert.equal('{"a":[1]}', response.body)
    assert.same({ a = { 1 } }, response.json())
    local got = sb:requests("x")[1]
    assert.equal("GET", got.method)
    assert.is_nil(got.headers.authorization)
  end)

  it("sends method, query, headers and body as they are", function()
    assert(bearer.transport {
      method = "put", url = url .. "?a=%20", query = { b = "x y" },
      headers = { ["X-Word"] = "${token}", Authorization = "Basic x" }, body = "\0raw",
    })
    local got = sb:requests("x")[1]
    assert.equal("PUT", got.method)
    assert.matches("?a=%20&b=x%20y", got.uri, 1, true)
    assert.equal("${token}", got.headers["x-word"])
    assert.equal("Basic x", got.headers.authorization)
    assert.equal("\0raw", got.body)
    assert(bearer.transport { url = url, json = { a = 1 } })
    assert(bearer.transport { url = url, form = { a = "x y" } })
    local all = sb:requests("x")
    assert.same({ '{"a":1}', "a=x+y" }, { all[2].body, all[3].body })
    assert.same({ "POST", "POST" }, { all[2].method, all[3].method })
  end)

  it("leaves the request as it is", function()
    local request = { url = url, headers = { A = "b" }, query = { c = 1 } }
    assert(bearer.transport(request))
    assert.same({ url = url, headers = { A = "b" }, query = { c = 1 } }, request)
  end)

  it("uses the defaults: trust, limits, agent; never a transport that stands there", function()
    bearer.defaults { timeout = 100, connect_timeout = 100 } -- to read the system's takes a while
    failure("tls", bearer.transport { url = url })
    bearer.defaults { ca_file = sb.ca_file, max_response = #answer - 1, user_agent = "me/1" }
    failure("too_large", bearer.transport { url = url })
    local called = 0
    bearer.defaults { ca_file = sb.ca_file, user_agent = "me/1", transport = function(request)
      called = called + 1
      return bearer.transport(request)
    end }
    assert(bearer.transport { url = url })
    assert.equal(0, called)
    local all = sb:requests("x")
    assert.equal("me/1", all[#all].headers["user-agent"])
    local login = bearer.login({ name = "x", inputs = {}, login = { url = url } }, {})
    assert.equal("good", assert(login:token()):value())
    assert.equal(1, called)
  end)

  it("raises on what cannot be sent, where the caller stands", function()
    for message, wrong in pairs {
      ["request: a table expected, got nil"] = function() local _ = bearer.transport() end,
      ["request: a table expected, got string"] = function() local _ = bearer.transport "x" end,
      ["request.url: is missing"] = function() local _ = bearer.transport {} end,
      ["request.url: a string expected, got number"] = function()
        local _ = bearer.transport { url = 3 }
      end,
      ["request: unknown field 'uri'; did you mean 'url'?"] = function()
        local _ = bearer.transport { uri = url, url = url }
      end,
      ["request: its URL does not open with https://"] = function()
        local _ = bearer.transport { url = "/relative" }
      end,
      ["request: its URL is not https"] = function()
        local _ = bearer.transport { url = "http://stranger.example/" }
      end,
      ["request: its URL carries a user or password"] = function()
        local _ = bearer.transport { url = "https://u:p@stranger.example/" }
      end,
      ["request.headers: 'X Y' is not the name of a header"] = function()
        local _ = bearer.transport { url = url, headers = { ["X Y"] = "z" } }
      end,
      ["request.headers['X']: holds a control character"] = function()
        local _ = bearer.transport { url = url, headers = { X = "a\r\nY: z" } }
      end,
      ["request.timeout: a number of seconds above 0 expected"] = function()
        local _ = bearer.transport { url = url, timeout = 0 }
      end,
      ["request.timeout: a number expected, got string"] = function()
        local _ = bearer.transport { url = url, timeout = "1" }
      end,
      ["request: json, form and body exclude each other"] = function()
        local _ = bearer.transport { url = url, json = {}, body = "" }
      end,
    } do
      local ok, err = pcall(wrong)
      assert.is_false(ok, message)
      assert.truthy(err:find("transport_spec.lua:%d+: "), err)
      assert.truthy(err:find(message, 1, true), err)
    end
    assert.equal(0, sb:count("x"))
  end)

  it("to another host goes over https, unless allow_http says so", function()
    assert(bearer.transport { url = http_url }) -- loopback may
    bearer.defaults { allow_http = true, timeout = 2 }
    local result, message, err = bearer.transport { url = "http://stranger.invalid/" }
    assert.is_nil(result)
    assert.is_true(err.code == "dns" or err.code == "timeout" or err.code == "network", message)
  end)

  it("that fails says why, and what was asked, without its query", function()
    local listener = assert(socket.bind("127.0.0.1", 0))
    local port = select(2, listener:getsockname())
    listener:close()
    local at = ("https://127.0.0.1:%d/a/b"):format(port)
    local err = failure("connect", bearer.transport { method = "POST", url = at .. "?key=hunter2" })
    assert.same({ "transient", "request", "POST " .. at, "bearer" },
      { err.class, err.step, err.request, err.provider })
    secrets.assert_absent(err, { "hunter2" })
  end)

  it("takes no longer than its timeout", function()
    url = sb:script("x", { body = answer, delay = 120 })
    local from = socket.gettime()
    failure("timeout", bearer.transport { url = url, timeout = 0.2 })
    assert.is_true(socket.gettime() - from < 50)
    bearer.defaults { ca_file = sb.ca_file, timeout = 0.2 }
    failure("timeout", bearer.transport { url = url })
    assert.is_true(socket.gettime() - from < 100)
  end)

  it("an answer that is no answer", function()
    local listener = assert(socket.bind("127.0.0.1", 0))
    local port = select(2, listener:getsockname())
    bearer.use "manual"
    local result
    local co = coroutine.create(function()
      result = { bearer.transport { url = ("http://127.0.0.1:%d/"):format(port), timeout = 300 } }
    end)
    assert(coroutine.resume(co))
    listener:settimeout(patience.limit)
    local client = assert(listener:accept())
    client:send "nonsense\r\n\r\n"
    client:close()
    local limit = socket.gettime() + patience.limit
    while not result and socket.gettime() < limit do
      bearer.poll(10)
    end
    listener:close()
    assert.is_nil(result[1])
    assert.truthy(({ bad_answer = 1, network = 1 })[result[3].code], result[2])
  end)

  hosts.each(function(host, why)
    if not host then
      return pending(tostring(why))
    end
    it("waits with the driver: " .. host.name, function()
      url = sb:script("x", { body = answer, delay = 0.1 })
      host.use()
      local count = 0
      local function ask()
        assert.equal(200, assert(bearer.transport { url = url }).status)
        count = count + 1
      end
      host.run(ask, ask)
      assert.equal(2, count)
    end)
  end)

  it("where nothing can be waited for says so, and sends nothing", function()
    for _, driver in ipairs { "manual", pcall(require, "luv") and "luv" or nil } do
      bearer.use(driver)
      local err = failure("cannot_wait", bearer.transport { url = url })
      assert.equal("transient", err.class)
    end
    bearer.poll(50)
    assert.equal(0, sb:count("x"))
    assert.equal(0, bearer.poll())
  end)
end)

describe("login:request's timeout", function()
  setup(open)
  before_each(clean)
  after_each(restore)
  teardown(close)

  it("is of this call alone, whatever the login has", function()
    sb:script("stuck", { body = "{}", delay = 120 })
    sb:script("slow", { body = "{}", delay = 2 })
    local login = bearer.login({
      name = "x", inputs = {}, base_url = sb.url, login = { url = url },
    }, {}, { ca_file = sb.ca_file, timeout = 100, retries = 0 })
    assert(login:token())
    local from = socket.gettime()
    local err = failure("timeout", login:request { url = "/scripted/stuck", timeout = 0.2 })
    assert.same({ "request", "GET " .. sb.url .. "/scripted/stuck" }, { err.step, err.request })
    assert.is_true(socket.gettime() - from < 50)
    assert.equal(200, assert(login:request { url = "/scripted/slow" }).status)
    assert.equal(1, login:status().logins)
    local short = bearer.login({
      name = "x", inputs = {}, base_url = sb.url, login = { url = url },
    }, {}, { ca_file = sb.ca_file, timeout = 1.5, retries = 0 })
    assert(short:token())
    assert.equal(200, assert(short:request { url = "/scripted/slow", timeout = 100 }).status)
  end)

  it("does not shorten the login that comes first", function()
    sb:script("y", { body = "{}" })
    patience.longer(function(times)
      url = sb:script("x", { body = answer, delay = 0.6 * times })
      local login = bearer.login({
        name = "x", inputs = {}, base_url = sb.url, login = { url = url },
      }, {}, { ca_file = sb.ca_file, timeout = 100, retries = 0 })
      local response = login:request { url = "/scripted/y", timeout = 0.3 * times }
      return response and response.status == 200
    end)
  end)
end)

describe("an option transport", function()
  setup(open)
  before_each(clean)
  after_each(restore)
  teardown(close)

  local function new(transport, options)
    options = options or {}
    options.transport, options.retries = transport, options.retries or 0
    return bearer.login({
      name = "shop", inputs = { password = { secret = true } }, base_url = sb.url,
      login = { url = url, form = { p = "${password}" } },
      refresh = { url = url, form = { r = "${refresh_token}" } },
    }, { password = "hunter22" }, options)
  end

  local function passing(request, send)
    return send(request)
  end

  it("is given a send, with which it wraps the built-in one", function()
    local seen
    local login = new(function(request, send)
      seen = request
      request.headers["X-Trace"] = "1"
      local response = assert(send(request))
      response.headers["x-seen"] = "1"
      return response
    end)
    assert.equal("good", assert(login:token()):value())
    assert.same({ "POST", url, "p=hunter22" }, { seen.method, seen.url, seen.body })
    assert.is_true(seen.timeout > 0 and seen.timeout <= 30)
    assert.equal("1", sb:requests("x")[1].headers["x-trace"])
    assert.equal("p=hunter22", sb:requests("x")[1].body)
    sb:script("y", { body = "{}" })
    assert.equal("1", assert(login:request { url = "/scripted/y" }).headers["x-seen"])
    assert.equal("Bearer good", sb:requests("y")[1].headers.authorization)
  end)

  it("sends by the login's own trust, limits and agent, not by the defaults", function()
    bearer.defaults()
    assert.equal("good", assert(new(passing, {
      ca_file = sb.ca_file, user_agent = "mine/1",
    }):token()):value())
    assert.equal("mine/1", sb:requests("x")[1].headers["user-agent"])
    failure("tls", new(passing):token())
    failure("too_large", new(passing, { ca_file = sb.ca_file, max_response = 10 }):token())
  end)

  it("sends with the login's own certificate", function()
    local strict = sandbox.start { client_certificate = true }
    url = strict:script("x", { body = answer })
    local options = {
      ca_file = strict.ca_file, cert = strict.client_cert, key = bearer.file(strict.client_key),
    }
    local login = new(passing, options)
    local t, message = login:token()
    failure("http_400", new(passing, { ca_file = strict.ca_file }):token())
    strict:stop()
    assert(t, message)
  end)

  it("whose answers have a metatable gives a login nothing of the token before", function()
    local sent = {}
    local login = bearer.login({
      name = "shop", base_url = "https://shop.example", inputs = {},
      login = { url = "https://shop.example/login", keep = { kept = "kept" } },
      refresh = { url = "https://shop.example/refresh", form = { r = "${refresh_token}" } },
    }, {}, { transport = function(request)
      sent[#sent + 1] = request.url:match "[^/]+$"
      return setmetatable({ status = sent[#sent] == "refresh" and 401 or 200, headers = {},
        body = #sent == 1 and '{"access_token":"t1","refresh_token":"r1","kept":"k1"}'
          or '{"access_token":"t2"}' }, {})
    end })
    assert(login:token())
    local second = assert(login:refresh())
    assert.same({ "login", "refresh", "login" }, sent)
    assert.is_nil(second:get "kept")
    assert(login:refresh()) -- there is no refresh token to be spent
    assert.same({ "login", "refresh", "login", "login" }, sent)
  end)

  it("sends through the login's own proxy", function()
    local record = os.tmpname()
    local next_line = helper.spawn(helper.command { helper.interpreter, "spec/support/proxy.lua",
      record })
    local proxy = "http://127.0.0.1:" .. assert(next_line())
    assert(new(passing, { proxy = proxy }):token())
    local file = assert(io.open(record))
    assert.matches("^CONNECT 127%.0%.0%.1:", file:read "*a")
    file:close()
    os.remove(record)
  end)

  it("that passes on what send gives passes on its error", function()
    local listener = assert(socket.bind("127.0.0.1", 0))
    url = ("https://127.0.0.1:%d/"):format(select(2, listener:getsockname()))
    listener:close()
    local err = failure("connect", new(passing):token())
    assert.same({ "login", "shop", "transient", "POST " .. url },
      { err.step, err.provider, err.class, err.request })
    local login = new(function(request, send)
      if request.body then
        return { status = 200, body = answer }
      end
      return send(request)
    end, { allow_hosts = { url:match "//([^/]+)" } })
    err = failure("connect", login:request { url = url })
    assert.equal("request", err.step)
    assert.equal("GET " .. url, err.request)
  end)

  it("that passes on a timeout is on time", function()
    url = sb:script("x", { body = answer, delay = 120 })
    local from = socket.gettime()
    failure("timeout", new(passing, { timeout = 0.3 }):token())
    assert.is_true(socket.gettime() - from < 50, socket.gettime() - from)
    failure("timeout", new(function(request, send)
      request.timeout = 0.1
      return send(request)
    end):token())
    assert.is_true(socket.gettime() - from < 100)
  end)

  it("is sent again by the login's retries", function()
    local count = 0
    local login = new(function(request, send)
      count = count + 1
      return send(request)
    end, { retries = 2 })
    url = sb:script("x", { { status = 502 }, { status = 502 }, { body = answer } })
    assert(login:token())
    assert.equal(3, count)
  end)

  it("may try twice by itself", function()
    local login = new(function(request, send)
      for _ = 1, 2 do
        local response = send(request)
        if response and response.status < 500 then
          return response
        end
      end
      return nil, "twice in vain"
    end)
    url = sb:script("x", { { status = 502 }, { body = answer } })
    assert.equal("good", assert(login:token()):value())
    login:forget()
    url = sb:script("x", { status = 502 })
    local err = failure("network", login:token())
    assert.equal("twice in vain", err.description)
  end)

  it("whose send is given a wrong request raises there, and that is told", function()
    local raised
    local login = new(function(_, send)
      local ok, err = pcall(send, { uri = "x" })
      raised = not ok and err
      return send { url = "http://stranger.example/hunter22" }
    end)
    local err = failure("network", login:token())
    assert.matches("request: unknown field 'uri'", raised, 1, true)
    assert.matches("transport_spec.lua:%d+: request: its URL is not https", err.description)
  end)

  hosts.each(function(host, why)
    if not host or _VERSION == "Lua 5.1" and not jit then -- luacheck: globals jit
      return pending(tostring(why))
    end
    it("waits with the driver: " .. host.name, function()
      url = sb:script("x", { body = answer, delay = 0.1 })
      sb:script("y", { body = "{}", delay = 0.1 })
      host.use()
      local login, ended = new(passing), 0
      local function ask()
        assert.equal(200, assert(login:request { url = "/scripted/y" }).status)
        ended = ended + 1
      end
      if host.concurrent then
        host.run(ask, ask, ask)
      else
        host.run(ask)
      end
      assert.equal(host.concurrent and 3 or 1, ended)
      assert.equal(1, sb:count("x"))
      login:close()
    end)
  end)

  it("in a game loop outside of coroutines answers pending until the token is there", function()
    url = sb:script("x", { body = answer, delay = 0.2 })
    bearer.use "manual"
    local login = new(passing)
    failure("pending", login:token())
    local limit = socket.gettime() + patience.limit
    while not login:token() and socket.gettime() < limit do
      bearer.poll(5)
    end
    assert.equal("good", assert(login:token()):value())
    assert.equal(1, sb:count("x"))
  end)

  it("may be another login's send, and bearer.transport", function()
    local kept
    assert(new(function(request, send)
      kept = send
      return send(request)
    end):token())
    assert.equal(200, assert(kept { url = url }).status) -- long after
    local login = new(function(request)
      return bearer.transport(request)
    end)
    assert(login:token())
    assert.equal(3, sb:count("x"))
  end)
end)
