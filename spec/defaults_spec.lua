-- bearer.defaults: options of all logins made from then on.
local bearer = require "bearer"
local core = require "bearer.core"
local shop = require "spec.support.shop"

describe("bearer.defaults", function()
  before_each(function()
    core.clock(1000, 1700000000)
  end)

  after_each(function()
    bearer.defaults()
    core.clock()
  end)

  local function new(options, changes)
    return bearer.login(shop.definition(changes), {}, options)
  end

  local function timeout_of(login_of)
    local transport, sent = shop.transport()
    local login = login_of(transport)
    assert(login:token())
    return sent[1].timeout
  end

  local function with(options)
    return timeout_of(function(transport)
      options.transport = transport
      return new(options)
    end)
  end

  it("are used by logins made from then on, not by those of before", function()
    local transport, sent = shop.transport()
    local bare, own = new { transport = transport }, new { transport = transport, timeout = 3 }
    bearer.defaults { timeout = 7 }
    assert(bare:token())
    assert(own:token())
    assert.same({ 30, 3 }, { sent[1].timeout, sent[2].timeout })
    assert.equal(7, with {})
    assert.equal(3, with { timeout = 3 })
    assert.equal(7, with { retries = 0 })
  end)

  it("of logins that are given no options, or an empty table", function()
    local transport, sent = shop.transport()
    bearer.defaults { timeout = 7, transport = transport }
    for _, login in ipairs { new(), new(nil), new {} } do
      assert(login:token())
    end
    assert.same({ 7, 7, 7 }, { sent[1].timeout, sent[2].timeout, sent[3].timeout })
  end)

  it("replace those of before as a whole; nil and nothing bring back bearer's own", function()
    bearer.defaults { timeout = 7 }
    bearer.defaults { retries = 1 }
    assert.equal(30, with {})
    for _, reset in ipairs {
      function() bearer.defaults() end, function() bearer.defaults(nil) end,
      function() bearer.defaults {} end,
    } do
      bearer.defaults { timeout = 7 }
      reset()
      assert.equal(30, with {})
    end
  end)

  it("give nil", function()
    assert.same({ 1, nil }, { select("#", bearer.defaults {}), (bearer.defaults()) })
  end)

  it("are bearer's own: the caller's table may change later", function()
    local given = { timeout = 7, allow_hosts = { "files.example.com" } }
    bearer.defaults(given)
    given.timeout, given.allow_hosts[1] = 9, "evil.example.com"
    assert.equal(7, with {})
    local transport, sent = shop.transport()
    local login = new({ transport = transport }, { base_url = "https://shop.example" })
    assert(login:request { url = "https://files.example.com/x" })
    assert.equal("https://files.example.com/x", sent[2].url)
    assert.has_error(function()
      login:request { url = "https://evil.example.com/x" }
    end)
  end)

  it("may be functions: transport, on_event, refused", function()
    local transport, sent = shop.transport { {}, { status = 419, body = {} }, {} }
    local heard = {}
    bearer.defaults {
      transport = transport,
      on_event = function(event)
        heard[#heard + 1] = event.event
      end,
      refused = function(response)
        return response.status == 419
      end,
    }
    local login = new(nil, { base_url = "https://shop.example" })
    assert.equal(200, assert(login:request { url = "/" }).status)
    assert.equal(4, #sent)
    assert.same({ "login", "login" }, heard)
    local own = {}
    assert(new { on_event = function(event)
      own[#own + 1] = event.event
    end }:token())
    assert.same({ "login", 2 }, { own[1], #heard })
  end)

  it("that are a list go with the login's own: this one replaces it", function()
    bearer.defaults { allow_hosts = { "a.example" } }
    local transport = shop.transport()
    local login = new({ transport = transport, allow_hosts = { "b.example" } },
      { base_url = "https://shop.example" })
    assert(login:request { url = "https://b.example/" })
    assert.has_error(function()
      login:request { url = "https://a.example/" }
    end)
  end)

  it("live as long as a login has them", function()
    local transport, sent = shop.transport()
    bearer.defaults { transport = transport, timeout = 7 }
    local login = new()
    bearer.defaults { timeout = 9 }
    for _ = 1, 3 do
      collectgarbage()
    end
    assert(login:token())
    assert.equal(7, sent[1].timeout)
  end)

  it("that are wrong raise where the caller stands, and change nothing", function()
    bearer.defaults { timeout = 7 }
    for message, wrong in pairs {
      ["options: unknown option 'proxi'; did you mean 'proxy'?"] = { proxi = "x" },
      ["options.timeout: a number of seconds above 0 expected"] = { retries = 1, timeout = 0 },
      ["options.on_event: a function expected"] = { on_event = "x" },
      ["options.allow_hosts: a list of hosts"] = { allow_hosts = "x" },
      ["options.ca_file: '/none/such' does not exist"] = { ca_file = "/none/such" },
      ["options.cert: '/none/such' does not exist"] = { cert = "/none/such" },
      ["options.key_password: a text or a secret reference expected"] = { key_password = 3 },
      ["options: unknown option '1'"] = { "timeout" },
      ["defaults: a table expected, got string"] = "x",
      ["defaults: a table expected, got bearer.secret"] = bearer.env "X",
    } do
      local ok, err = pcall(function()
        bearer.defaults(wrong)
      end)
      assert.is_false(ok)
      assert.truthy(err:find("defaults_spec.lua:%d+: "), err)
      assert.truthy(err:find(message, 1, true), err)
      assert.equal(7, with {})
    end
  end)

  it("that were given keep their secrets to themselves", function()
    bearer.defaults { key_password = "hunter22" }
    for _, wrong in ipairs { { timeout = -1 }, { ca_pem = "hunter23" }, { key = "hunter24" } } do
      local ok, err = pcall(new, wrong)
      assert.is_false(ok)
      assert.is_nil(err:gsub("'hunter24' does not exist", ""):find("hunter", 1, true))
    end
  end)
end)
