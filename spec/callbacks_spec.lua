-- What functions of the host's raise is told: in the error that comes of it, or to bearer.warn;
-- with text and position, and without a secret of the login's. And what errors say besides.
local bearer = require "bearer"
local cjson = require "cjson"
local core = require "bearer.core"
local helper = require "spec.support.helper"
local rehearsal = require "spec.support.rehearsal"
local secrets = require "spec.support.secrets"
local shop = require "spec.support.shop"

local here = "spec/callbacks_spec%.lua:%d+: "
local hidden = { "hunter22", "s3cr3t-k3y", "t1-value" }

local inputs = { password = { secret = true }, key = { secret = true, optional = true } }
local form = { p = "${password}", k = "${key}" }

local function definition(changes)
  local def = {
    name = "shop", inputs = inputs, base_url = "https://shop.example",
    login = { url = "https://shop.example/login", form = form },
  }
  for name, value in pairs(changes or {}) do
    def[name] = value
  end
  return def
end

local function transport(request)
  return {
    status = 200,
    body = request.url:find "login" and '{"access_token":"t1-value"}' or '{"fine":true}',
  }
end

local function new(changes, given, options)
  local all = { transport = transport, retries = 0 }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  return bearer.login(definition(changes), given or { password = "hunter22", key = "s3cr3t-k3y" },
    all)
end

local function refused(code, pattern, result, message, err)
  assert.is_nil(result)
  assert.equal(code, err.code, message)
  assert.matches(pattern, err.description)
  assert.truthy(message:find(err.description, 1, true), message)
  secrets.assert_absent(err, hidden)
  return err
end

describe("what is raised by", function()
  it("a transport", function()
    local login = new(nil, nil, { transport = function(request)
      error("cannot send " .. request.body)
    end })
    refused("network", here .. "cannot send k=%*%*%*&p=%*%*%*", login:token())
    login = new(nil, nil, { transport = function(request)
      if request.body then
        return transport(request)
      end
      error("cannot send " .. request.headers.Authorization)
    end })
    local err = refused("network", here .. "cannot send %S*%s*%*%*%*", login:request { url = "/" })
    assert.same({ "request", "GET https://shop.example/" }, { err.step, err.request })
  end)

  it("a transport, of whatever type", function()
    local function raises(what)
      return new(nil, nil, { transport = function()
        error(what, 0)
      end }):token()
    end
    local speaking = setmetatable({}, { __tostring = function()
      return "hunter22 was in it"
    end })
    local broken = setmetatable({}, { __tostring = function()
      error "again"
    end })
    local hushed = setmetatable({}, { __metatable = "none of yours" })
    local _, _, another = new(nil, nil, { transport = function()
      return nil, "no route"
    end }):token()
    refused("network", "^%*%*%* was in it$", raises(speaking))
    refused("network", "no route", raises(another))
    for _, odd in ipairs { broken, hushed, {}, print, true, 3 } do
      local _, _, err = raises(odd)
      assert.equal("network", err.code)
      assert.is_true(#err.description > 0)
      secrets.assert_absent(err, { "0x" })
    end
    refused("network", "%S", raises(nil))
  end)

  it("a transport's answer, which may be an object", function()
    local function gives(answer, message, err)
      return new(nil, nil, { transport = function()
        return answer, message, err
      end }):token()
    end
    local raising = setmetatable({}, { __index = function(_, field)
      error("no " .. field .. " for hunter22")
    end })
    refused("network", here .. "no %a+ for %*%*%*", gives(raising))
    refused("network", "^not now, %*%*%*$", gives(nil, setmetatable({}, {
      __tostring = function()
        return "not now, hunter22"
      end,
    })))
    local _, _, another = gives(nil, "no route")
    refused("network", "^no route$", gives(nil, another))
    refused("network", "^the transport gave no answer$", gives(nil, {}))
    refused("network", "^the transport gave no answer$", gives())
    refused("network", "^the transport's answer is no {status, headers, body}$", gives {})
  end)

  it("a transport whose text is long, with a secret where it is cut", function()
    for length = 230, 320 do
      local login = new(nil, nil, { transport = function()
        error(("x"):rep(length) .. "hunter22" .. ("y"):rep(400), 0)
      end })
      local _, _, err = login:token()
      for size = 4, 8 do
        secrets.assert_absent(err, { ("hunter22"):sub(1, size) })
      end
    end
  end)

  it("the function of an input", function()
    local login = new(nil, { password = "hunter22", key = function()
      error("the vault has no s3cr3t-k3y for hunter22")
    end })
    local _, message, err = login:token()
    assert.equal("no_secret", err.code)
    assert.matches("^input 'key': its function raised an error: " .. here
      .. "the vault has no s3cr3t%-k3y for %*%*%*$", err.description) -- that one is not known yet
    assert.truthy(message:find("the vault has no", 1, true))
    refused("no_secret", "input 'key': its function gave nothing: sealed for %*%*%*",
      new(nil, { password = "hunter22", key = function()
        return nil, "sealed for hunter22"
      end }):token())
  end)

  it("the function of an input, while the login is held", function()
    local r = rehearsal.new()
    finally(function()
      r:stop()
    end)
    local vault = function() return "s3cret" end
    local login = r:login(nil, { password = function() return vault() end })
    r:play(r.refusal(400, nil, "invalid_grant"))
    local _, _, first = login:token()
    r:pass(10)
    vault = function() error "the vault is shut" end
    local _, message, err = login:token()
    assert.same({ "no_secret", nil }, { err.code, err.held })
    assert.matches("its function raised an error: " .. here .. "the vault is shut", message)
    vault = function() return "s3cret" end
    local _, _, third = login:token()
    assert.same({ "invalid_grant", true, 50 }, { third.code, third.held, third.retry_after })
    assert.equal(first.message, third.message)
    assert.equal(1, r:count())
  end)

  it("the function of an input, whose text is long, with a secret where it is cut", function()
    for length = 120, 260 do
      local login = new(nil, { password = "hunter22", key = function()
        error(("x"):rep(length) .. "hunter22" .. ("y"):rep(100), 0)
      end })
      local _, _, err = login:token()
      assert.equal("no_secret", err.code)
      for size = 4, 8 do
        secrets.assert_absent(err, { ("hunter22"):sub(1, size) })
      end
    end
  end)

  it("the function of an input that a logout asks", function()
    local calls = 0
    local login = new({ logout = { url = "https://shop.example/logout", form = form } }, {
      password = "hunter22", key = function()
        calls = calls + 1
        if calls > 1 then
          error("no second time, hunter22")
        end
        return "s3cr3t-k3y"
      end,
    })
    assert(login:token())
    local err = refused("no_secret", "input 'key': its function raised an error: " .. here
      .. "no second time, %*%*%*", login:logout())
    assert.equal("logout", err.step)
  end)

  local function raising(v)
    error("no such thing as " .. tostring(v.password))
  end

  local places = {
    url = { login = { url = raising } },
    form = { login = { url = "https://shop.example/login", form = { p = raising } } },
    json = { login = { url = "https://shop.example/login", json = { a = { b = raising } } } },
    headers = { login = { url = "https://shop.example/login", headers = { X = raising },
      form = form } },
    body = { login = { url = "https://shop.example/login", body = raising,
      content_type = "text/x" } },
    basic = { login = { url = "https://shop.example/login", basic = { "u", raising } } },
  }
  for place, changes in pairs(places) do
    it("a definition's function: " .. place, function()
      local err = refused("bad_request", here .. "no such thing as %*%*%*",
        new(changes):token())
      assert.equal("login", err.step)
    end)
  end

  it("a definition's function in authorize", function()
    local login = new { authorize = { headers = { ["X-Key"] = function(v)
      error("cannot sign " .. v.token .. " with " .. tostring(v.password))
    end } } }
    for _, call in ipairs { "header", "headers", "authorize", "request" } do
      local result, message, err = login[call](login, call ~= "headers" and { url = "/" } or nil)
      assert.is_nil(result)
      assert.matches(here .. "cannot sign %*%*%*", err.description, call)
      assert.truthy(message:find(err.description, 1, true))
      secrets.assert_absent(err, hidden)
    end
  end)

  it("a definition's function whose text is long, with a secret where it is cut", function()
    for length = 120, 260 do
      local login = new { login = { url = "https://shop.example/login", form = { a = function(v)
        error(("x"):rep(length) .. v.password .. ("y"):rep(100), 0)
      end } } }
      local _, _, err = login:token()
      assert.equal("bad_request", err.code)
      for size = 4, 8 do
        secrets.assert_absent(err, { ("hunter22"):sub(1, size) })
      end
    end
  end)

  it("expect", function()
    local function expecting(f)
      return new { login = { url = "https://shop.example/login", form = form, expect = f } }
    end
    refused("refused", here .. "not expected: %*%*%*", expecting(function(body)
      error("not expected: " .. body.access_token)
    end):token())
    refused("refused", "^its `expect` raised an error: table$", expecting(function()
      error {}
    end):token())
    refused("refused", "^its `expect` raised an error: odd: %*%*%*$", expecting(function()
      error(setmetatable({}, { __tostring = function()
        return "odd: hunter22"
      end }))
    end):token())
    refused("mine", "^my words on %*%*%*$", expecting(function(body)
      return false, "mine", "my words on " .. body.access_token
    end):token())
  end)

  it("refused", function()
    local login = new(nil, nil, { refused = function()
      error("not decided on t1-value, hunter22, s3cr3t-k3y")
    end })
    local err = refused("interrupted", "^option 'refused': it raised an error: " .. here
      .. "not decided on %*%*%*, %*%*%*, %*%*%*$", login:request { url = "/x?y=z" })
    assert.same({ "request", "GET https://shop.example/x" }, { err.step, err.request })
    assert.equal(0, login:status().refused) -- it is the judge that is broken, not the token
    refused("interrupted", "table$", new(nil, nil, { refused = function()
      error {}
    end }):request { url = "/" })
  end)
end)

describe("bearer.warn", function()
  local warn = bearer.warn

  after_each(function()
    bearer.warn = warn
  end)

  local function raise(what)
    local login = new(nil, nil, { on_event = function()
      error(what)
    end })
    assert.equal("t1-value", assert(login:token()):value()) -- nothing is lost by it
  end

  it("is told what on_event raises, with its position; looked up at each call", function()
    local heard, other = {}, {}
    bearer.warn = function(...)
      heard[#heard + 1] = { select("#", ...), ... }
    end
    raise "boo"
    assert.equal(1, #heard)
    assert.equal(1, heard[1][1])
    assert.matches("^bearer: on_event: " .. here .. "boo$", heard[1][2])
    bearer.warn = function(text)
      other[#other + 1] = text
    end
    raise "boo"
    assert.same({ 1, 1 }, { #heard, #other })
  end)

  it("is told a text, whatever was raised", function()
    local heard
    bearer.warn = function(text)
      heard = text
    end
    for said, what in pairs {
      table = {}, boolean = true, ["a table that speaks"] = setmetatable({}, {
        __tostring = function()
          return "a table that speaks"
        end,
      }),
    } do
      heard = nil
      raise(what)
      assert.equal("bearer: on_event: " .. said, heard)
    end
  end)

  it("that raises, yields, or is no function, does no harm", function()
    for _, odd in ipairs { function() error "again" end, 3, "x", {}, false } do
      bearer.warn = odd
      raise "boo"
    end
    bearer.warn = nil
    raise "boo"
    bearer.use "manual"
    finally(function()
      bearer.use "blocking"
    end)
    bearer.warn = function()
      coroutine.yield()
    end
    local login = new(nil, nil, { on_event = function()
      error "boo"
    end })
    bearer.prewarm(login)
    assert(login:token())
    assert.equal(0, bearer.poll())
  end)

  it("is told of each event, in a game loop as well, and the others hear theirs", function()
    local heard, events = {}, 0
    bearer.warn = function(text)
      heard[#heard + 1] = text
    end
    bearer.use "manual"
    finally(function()
      bearer.use "blocking"
    end)
    local login = new(nil, nil, { on_event = function() error "boo" end })
    local other = new(nil, nil, { on_event = function() events = events + 1 end })
    bearer.prewarm(login, other)
    while bearer.poll() > 0 do end -- luacheck: ignore
    assert.same({ 1, 1 }, { #heard, events })
  end)

  it("writes to stderr, unless it is replaced", function()
    local program = os.tmpname()
    local file = assert(io.open(program, "w"))
    file:write([[
      local bearer = require "bearer"
      local login = bearer.login({ name = "x", inputs = {}, login = { url = "https://x.test/" } },
        {}, {
          transport = function() return { status = 200, body = '{"access_token":"t"}' } end,
          on_event = function() error "boo" end,
        })
      assert(login:token())
      io.stdout:write "done"
    ]])
    file:close()
    local run = helper.command { helper.interpreter, program }
    assert.equal("done", helper.must(run .. " 2>/dev/null"))
    local text = helper.must(run .. " 2>&1 >/dev/null")
    os.remove(program)
    assert.matches("^bearer: on_event: [^\n]*:%d+: boo\n$", text)
  end)
end)

describe("errors", function()
  local at_login = "POST https://shop.example/login"

  -- What is refused, and how; what is asked then.
  local ways = {
    ["a transport that raises"] = { { transport = function() error "boo" end }, at_login },
    ["no answer"] = { { transport = function() return nil, "no route" end }, at_login },
    ["an answer that is none"] = { { transport = function() return { status = "x" } end },
      at_login },
    ["a refusal"] = { { transport = function() return { status = 401 } end }, at_login },
    ["no token"] = { { transport = function() return { status = 200, body = "{}" } end },
      at_login },
    ["no JSON"] = { { transport = function() return { status = 200, body = "<" } end },
      at_login },
    ["an answer that is too long"] = { { max_response = 1 }, at_login },
    ["a judge that raises"] = { { refused = function() error "boo" end },
      "GET https://shop.example/api" },
  }
  for name, way in pairs(ways) do
    it("name method and URL without query, in the sentence too: " .. name, function()
      local login = new({ login = { url = "https://shop.example/login", query = { q = "1" },
        form = form } }, nil, way[1])
      local _, message, err = login:request { url = "/api?secret=1" }
      assert.equal(way[2], err.request)
      assert.truthy(message:find("; " .. way[2] .. ")", 1, true), message)
      assert.equal(message, err.message)
      assert.is_nil(message:find("?", 1, true))
    end)
  end

  it("name what was asked when the token came too late", function()
    core.clock(1000, 1700000000)
    finally(function()
      core.clock()
    end)
    local login = new(nil, nil, { transport = function()
      core.clock(1025, 1700000025)
      return { status = 200, body = '{"access_token":"t1-value","expires_in":20}' }
    end })
    local _, message, err = login:token()
    assert.same({ "bad_answer", at_login }, { err.code, err.request })
    assert.truthy(message:find(at_login, 1, true))
  end)

  it("name what would have been asked, where it could not be built", function()
    local function raise()
      error "boo"
    end
    local login = new { login = { url = "https://shop.example/login", form = { p = raise } } }
    local _, _, err = login:token()
    assert.same({ "bad_request", at_login }, { err.code, err.request })
    login = new { authorize = { headers = { X = raise } } }
    _, _, err = login:request { method = "PUT", url = "https://shop.example/api?a=b", body = "" }
    assert.same({ "bad_request", "request", "PUT https://shop.example/api" },
      { err.code, err.step, err.request })
    login = new { logout = { url = "https://shop.example/bye", form = { p = raise } } }
    assert(login:token())
    _, _, err = login:logout()
    assert.same({ "bad_request", "POST https://shop.example/bye" }, { err.code, err.request })
  end)

  it("of a redirect say that it is not followed, and to where, without a secret", function()
    for location, said in pairs {
      ["https://elsewhere.example/sso/login?state=s3cr3t-k3y#hunter22"] =
        ", a redirect to https://elsewhere.example/sso/login",
      ["https://me:hunter22@elsewhere.example/a;sid=42?x"] =
        ", a redirect to https://elsewhere.example/a",
      ["/login/hunter22/s3cr3t-k3y"] = ", a redirect to /login/***/***",
      ["//elsewhere.example"] = ", a redirect to //elsewhere.example",
      [""] = "",
    } do
      local login = new(nil, nil, { transport = function()
        return { status = 302, headers = { Location = location ~= "" and location or nil },
          body = '{"error":"moved","error_description":"go there"}' }
      end })
      local _, message, err = login:token()
      assert.equal("the server answered HTTP 302" .. said .. "; redirects are not followed",
        err.description)
      assert.same({ "moved", "terminal", 302, at_login },
        { err.code, err.class, err.status, err.request })
      secrets.assert_absent({ message, err }, { "hunter22", "s3cr3t-k3y", "sid=42" })
    end
  end)

  it("say what was asked: method and URL, without its query", function()
    local login = new({
      login = { method = "PUT", url = "https://shop.example/${password}?k=${key}", form = form },
    }, nil, { transport = function()
      return { status = 503, body = "" }
    end })
    local _, message, err = login:token()
    assert.equal("PUT https://shop.example/***", err.request)
    assert.equal(message, err.message)
    secrets.assert_absent(err, hidden)
  end)

  it("say which of several requests it was", function()
    local answers = { { status = 200, body = '{"a":1}' }, { status = 500, body = "" } }
    local at = 0
    local login = new({ login = {
      { url = "https://shop.example/one" }, { method = "GET", url = "https://shop.example/two" },
    } }, nil, { transport = function()
      at = at + 1
      return answers[at]
    end })
    local _, _, err = login:token()
    assert.equal("GET https://shop.example/two", err.request)
  end)

  it("of what was never sent name no request", function()
    local _, _, err = new(nil, { password = bearer.env "BEARER_NONE_SUCH", key = "k" }):token()
    assert.same({ "no_secret" }, { err.code, err.request })
    local login = new()
    login:close()
    _, _, err = login:token()
    assert.same({ "closed" }, { err.code, err.request })
  end)

  it("of a logout name it", function()
    local login = new({ logout = { url = "https://shop.example/bye?${token}", form = {} } }, nil, {
      transport = function(request)
        return request.url:find "bye" and { status = 500, body = "" } or transport(request)
      end,
    })
    assert(login:token())
    local _, _, err = login:logout()
    assert.same({ "logout", "http_500", "POST https://shop.example/bye" },
      { err.step, err.code, err.request })
    secrets.assert_absent(err, hidden)
  end)

  describe("of a login that is held:", function()
    local r

    before_each(function()
      r = rehearsal.new()
    end)

    after_each(function()
      r:stop()
    end)

    it("copies are marked, the first is not", function()
      local login = r:login()
      r:play(r.refusal(400, nil, "invalid_grant"))
      local _, _, first = login:token()
      assert.is_nil(first.held)
      r:pass(10)
      local _, message, second = login:token()
      assert.is_true(second.held)
      assert.not_equal(first, second)
      assert.is_nil(first.held)
      assert.is_nil(login:status().last_error.held)
      for _, field in ipairs { "code", "class", "status", "step", "provider", "description",
        "request", "message" } do
        assert.equal(first[field], second[field], field)
      end
      assert.equal(message, second.message)
      assert.equal("POST https://rehearsal.invalid/login", second.request)
      assert.same({ 50 }, { second.retry_after, first.retry_after })
      r:pass(60)
      local _, _, third = login:token() -- asks again
      assert.is_nil(third.held)
      assert.equal(2, r:count())
    end)

    it("retry_after is what the server asked for, then what is left of it", function()
      local login = r:login()
      r:play(r.refusal(429, 30))
      local _, _, err = login:token()
      assert.same({ "throttled", 30 }, { err.class, err.retry_after })
      r:pass(12)
      _, _, err = login:token()
      assert.same({ true, 18 }, { err.held, err.retry_after })
    end)

    it("of a refused token that is not replaced for a while, too", function()
      local login = r:login()
      r:play(r.token { lifetime = 7200 })
      local second = assert(login:refresh(assert(login:token())))
      local none, _, err = login:refresh(second)
      assert.is_nil(none)
      assert.same({ "refused", true, 60 }, { err.code, err.held, err.retry_after })
    end)

    it("what is done to the details of one is seen by no other", function()
      local body = { error = "invalid_grant", hints = { "a", { deep = "b" } } }
      local login = r:login()
      r:play(function()
        return { status = 400, headers = {}, body = cjson.encode(body) }
      end)
      local _, _, first = login:token()
      local _, _, second = login:token()
      local kept = first.details
      first.details.error = "mine"
      first.details.hints[2].deep = "mine"
      second.details.hints = nil
      login:status().last_error.details.error = "mine"
      local _, _, third = login:token()
      for _, err in ipairs { first, second, third, login:status().last_error } do
        assert.same(body, err.details)
      end
      kept.loop = kept
      kept.error = nil
      _, _, third = login:token()
      assert.same(body, third.details)
    end)

    it("those who waited together see one another's changes neither", function()
      bearer.use "manual"
      local host
      local login = r:login { transport = function()
        host = coroutine.running()
        coroutine.yield()
        return { status = 400, body = '{"error":"invalid_grant"}' }
      end }
      local errors = {}
      for i = 1, 2 do
        coroutine.wrap(function()
          local _, _, err = login:token()
          errors[i] = err
        end)()
      end
      assert(coroutine.resume(host))
      bearer.poll()
      errors[1].details.error = "mine"
      assert.equal("invalid_grant", errors[2].details.error)
    end)
  end)

  it("are what a plain program wants: texts", function()
    local login = new(nil, nil, { transport = function()
      return nil, "no route"
    end })
    local ok, raised = pcall(rawget(_G, "assert"), login:header())
    assert.is_false(ok)
    assert.equal("string", type(raised))
    assert.matches("^shop: login failed: no route "
      .. "%(network; POST https://shop.example/login%)$", raised)
    local name, value, err = login:header()
    assert.same({ "string", "string" }, { type(value), type(err.message) })
    assert.is_nil(name)
    assert.equal("so: " .. value, "so: " .. err)
    assert.equal("bearer.error", core.type(err))
    assert.is_nil(err.none_such)
    assert.is_false(pcall(function()
      err.code = "mine"
    end))
  end)
end)

describe("request.timeout", function()
  it("is of this call alone, and reaches the transport", function()
    core.clock(1000, 1700000000)
    finally(function()
      core.clock()
    end)
    local login, sent = shop.login({ base_url = "https://shop.example" }, nil, nil,
      { timeout = 20 })
    assert(login:request { url = "/", timeout = 3 })
    assert(login:request { url = "/", timeout = 45.5 })
    assert(login:request { url = "/" })
    assert.same({ 20, 3, 45.5, 20 }, { sent[1].timeout, sent[2].timeout, sent[3].timeout,
      sent[4].timeout })
  end)

  it("holds for the repeated call as well", function()
    core.clock(1000, 1700000000)
    finally(function()
      core.clock()
    end)
    local login, sent = shop.login({ base_url = "https://shop.example" }, nil, {
      {}, { status = 401 }, {}, { body = {} },
    })
    assert.equal(200, assert(login:request { url = "/", timeout = 3 }).status)
    assert.same({ 30, 3, 30, 3 }, { sent[1].timeout, sent[2].timeout, sent[3].timeout,
      sent[4].timeout })
  end)

  it("that is wrong raises where the caller stands, and nothing is sent", function()
    local login, sent = shop.login { base_url = "https://shop.example" }
    for _, wrong in ipairs { 0, -1, "1", {}, true, 0 / 0, math.huge } do
      local ok, err = pcall(function()
        local _ = login:request { url = "/", timeout = wrong }
      end)
      assert.is_false(ok)
      assert.matches("callbacks_spec.lua:%d+: request.timeout: a number", err)
    end
    assert.equal(0, #sent)
  end)
end)
