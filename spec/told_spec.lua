-- What a function of the host's raises is told, with its text and position: in the error that
-- comes of it, or by bearer.warn where nobody has called.
local bearer = require "bearer"
local core = require "bearer.core"
local secrets = require "spec.support.secrets"
local shop = require "spec.support.shop"

-- A function that raises in the line it is made in, and where that is.
local function raising(text)
  local function f()
    error(text)
  end
  return f, ("spec/told_spec.lua:%d: %s"):format(debug.getinfo(f, "S").linedefined + 1, text)
end

describe("what a function raises is told:", function()
  local function told(login, code, said, method, argument)
    local result, message, err = login[method or "token"](login, argument)
    assert.is_nil(result)
    assert.equal(code, err.code)
    assert.truthy(err.description:find(said, 1, true), err.description)
    assert.truthy(message:find(said, 1, true), message)
    return err
  end

  it("a transport's", function()
    local f, said = raising "no socket left"
    local err = told(shop.login(nil, nil, nil, { transport = f }), "network", said)
    assert.equal("login", err.step)
    assert.equal("POST https://shop.example/login", err.request)
    local count = 0
    local login = shop.login(nil, nil, nil, { transport = function()
      count = count + 1
      return count == 1 and { status = 200, body = '{"access_token":"t"}' } or f()
    end })
    err = told(login, "network", said, "request", { url = "https://shop.example/x" })
    assert.equal("request", err.step)
  end)

  it("an input's, by a login, a refresh, a logout", function()
    local f, said = raising "the vault is shut"
    local fails = true
    local changes = {
      inputs = { pin = { secret = true } },
      login = { url = "https://shop.example/login", form = { pin = "${pin}" } },
      logout = { url = "https://shop.example/logout", form = { pin = "${pin}" } },
    }
    local login, sent = shop.login(changes, { pin = function()
      if fails then
        f()
      end
      return "1234"
    end })
    local whole = "input 'pin': its function raised an error: " .. said
    assert.equal(whole, told(login, "no_secret", said).description)
    assert.equal(0, #sent)
    fails = false
    login:reset()
    assert(login:token())
    fails = true
    local err = told(login, "no_secret", said, "logout")
    assert.same({ "logout", whole }, { err.step, err.description })
    err = told(login, "no_secret", said, "refresh")
    assert.equal(whole, err.description)
    assert.equal(1, #sent)
  end)

  it("an input's that gives nothing and says why, by a logout", function()
    local given = "1234"
    local login = shop.login({
      inputs = { pin = { secret = true } },
      login = { url = "https://shop.example/login", form = { pin = "${pin}" } },
      logout = { url = "https://shop.example/logout", form = { pin = "${pin}" } },
    }, { pin = function() return given, "no more of them" end })
    assert(login:token())
    given = nil
    told(login, "no_secret", "input 'pin': its function gave nothing: no more of them", "logout")
  end)

  it("a definition's, where its request is built", function()
    local f, said = raising "cannot sign"
    local login, sent = shop.login { login = { url = "https://shop.example/", form = { x = f } } }
    local err = told(login, "bad_request", said)
    assert.equal("its definition failed: " .. said, err.description)
    assert.equal(0, #sent)
  end)

  it("a definition's, where the header is rendered", function()
    local f, said = raising "cannot render"
    local login = shop.login { authorize = { headers = { ["X-Key"] = f } } }
    for _, method in ipairs { "headers", "authorize", "request" } do
      told(login, "bad_request", said, method, { url = "https://shop.example/" })
    end
  end)

  it("that of expect", function()
    local f, said = raising "odd answer"
    local login = shop.login { login = { url = "https://shop.example/", expect = f } }
    assert.equal(said, told(login, "refused", said).description)
  end)

  it("that of the option refused", function()
    local f, said = raising "odd status"
    local login = shop.login(nil, nil, nil, { refused = f })
    assert.equal("option 'refused': it raised an error: " .. said,
      told(login, "interrupted", said, "request", { url = "https://shop.example/x" }).description)
  end)

  it("what is no text is told by its kind, or as it says itself", function()
    local thrown
    local function throw()
      error(thrown)
    end
    local url = "https://shop.example/"
    for _, case in ipairs {
      { options = { transport = throw }, is_called_from_lua = true },
      { inputs = { p = { secret = true } }, login = { url = url, form = { p = "${p}" } },
        given = { p = throw }, is_called_from_lua = true },
      { login = { url = url, form = { x = throw } } },
      { login = { url = url, expect = throw } },
    } do
      local login = shop.login({ inputs = case.inputs, login = case.login }, case.given, nil,
        case.options)
      thrown = { "hunter22" }
      local none, message, err = login:token()
      assert.is_nil(none)
      secrets.assert_absent({ message, err }, { "hunter22" })
      login:reset()
      thrown = setmetatable({}, { __tostring = function() return "a made one" end })
      none, message, err = login:token()
      assert.is_nil(none)
      if case.is_called_from_lua then
        assert.matches("a made one", err.description, 1, true)
        assert.matches("a made one", message, 1, true)
      end
    end
  end)
end)

describe("bearer.warn", function()
  local warn, heard = bearer.warn, nil

  before_each(function()
    heard = {}
    bearer.warn = function(...)
      heard[#heard + 1] = { select("#", ...), ... }
    end
  end)

  after_each(function()
    bearer.warn = warn
  end)

  it("is told what an on_event raises, each time, and the login goes on", function()
    local f, said = raising "the collector is down"
    local login = shop.login(nil, nil, nil, { on_event = f })
    assert.equal("t1", assert(login:token()):value())
    assert.same({ { 1, "bearer: on_event: " .. said } }, heard)
    assert(login:refresh())
    assert.equal(2, #heard)
  end)

  it("is looked up at each call, and its own errors are dropped", function()
    local login = shop.login(nil, nil, nil, { on_event = raising "x" })
    bearer.warn = function()
      error "nobody hears this"
    end
    assert.equal("t1", assert(login:token()):value())
    bearer.warn = nil
    assert.equal("t2", assert(login:refresh()):value())
    local later
    bearer.warn = function(text)
      later = text
    end
    assert.equal("t3", assert(login:refresh()):value())
    assert.matches("^bearer: on_event: ", later)
    assert.same({}, heard)
  end)

  it("is told a kind, where it was no text that was raised", function()
    local login = shop.login(nil, nil, nil, { on_event = function() error { "hunter22" } end })
    assert(login:token())
    assert.same({ { 1, "bearer: on_event: table" } }, heard)
  end)

  it("is not told what has a caller", function()
    local login = shop.login(nil, nil, nil, { transport = raising "x" })
    assert.is_nil((login:token()))
    assert.same({}, heard)
  end)

  it("writes a line to stderr, when nobody has replaced it", function()
    local helper = require "spec.support.helper"
    local text = helper.run(helper.command { helper.interpreter, "-e", [[
      local bearer = require "bearer"
      assert(select("#", bearer.warn "one line") == 0)
    ]] })
    assert.equal("one line\n", text)
  end)
end)

describe("an error's request", function()
  it("is method and URL, without what the query or a user would show", function()
    local login = shop.login({ inputs = { key = { secret = true } }, login = {
      url = "https://shop.example/v1/login?a=b", query = { key = "${key}" }, method = "PUT",
    } }, { key = "hunter22" }, { { status = 500, body = "" } })
    local err = select(3, login:token())
    assert.equal("PUT https://shop.example/v1/login", err.request)
    secrets.assert_absent(err, { "hunter22" })
    err = select(3, login:token()) -- held
    assert.same({ "PUT https://shop.example/v1/login", true }, { err.request, err.held })
  end)
  it("hides a secret in the path", function()
    local login = shop.login({ inputs = { key = { secret = true } }, login = {
      url = "https://shop.example/${key}/login" } }, { key = "hunter22" },
      { { status = 500, body = "" } })
    local err = select(3, login:token())
    assert.equal("POST https://shop.example/***/login", err.request)
  end)
  it("is nil where nothing was asked", function()
    local login = shop.login()
    login:close()
    local err = select(3, login:token())
    assert.same({ "closed" }, { err.code, err.request })
    assert.is_nil(err.held)
    assert.equal("bearer.error", core.type(err))
  end)
end)
