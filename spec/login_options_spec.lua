-- Making providers and logins: what is taken, and how mistakes are told.
local bearer = require "bearer"
local core = require "bearer.core"
local shop = require "spec.support.shop"

-- The error of a mistake made in this file; it says so.
local function mistake(f)
  local ok, err = pcall(f)
  assert.is_false(ok)
  assert.equal("string", type(err))
  return err
end

describe("options:", function()
  local number_of_seconds = { good = { 0.001, 5, 1e6 }, bad = { 0, -1, "5", 0 / 0, math.huge, {} } }
  local function path(taken)
    local found = { good = { "Makefile" }, bad = { "", 3, {}, "a\0b", true } }
    for _, value in ipairs(taken or {}) do
      found.good[#found.good + 1] = value
    end
    return found
  end
  local material = path { bearer.env "X", bearer.file "/x" }
  local hosts = {
    good = { {}, { "files.example.com" }, { "a.example", "a.example:8443", "[::1]:1" } },
    bad = { "files.example.com", { "" }, { 3 }, { "https://a.example" }, { "a.example/x" },
      { "a.example:99999" }, { "u@a.example" }, { "a b" }, { "a.example", false } },
  }
  local function secret(value)
    return { good = { value, bearer.env "X", bearer.file "/x" }, bad = { "", 3, {}, print } }
  end
  local cases = {
    timeout = number_of_seconds, connect_timeout = number_of_seconds,
    retries = { good = { 0, 1, 100 }, bad = { -1, 1.5, "2", 0 / 0, math.huge } },
    ca_file = path(), ca_pem = secret(), cert = material, key = material, key_password = secret "x",
    proxy = {
      good = { "p", "p.example:3128", "http://user:pass%20word@[::1]:3128", "socks5h://p" },
      bad = { "", 3, {}, "a\0b", "a b", "ftp://p", "http://user:pass word@p", "p:port" },
    }, allow_hosts = hosts,
    user_agent = { good = { "me/1.0 (x)" }, bad = { "", "a\r\nX: y", "a\0", 3 } },
    max_response = { good = { 1, 1024 }, bad = { 0, -1, 1.5, "1M" } },
    allow_http = { good = { true, false }, bad = { 1, "yes" } },
    leeway = { good = { 0, 30, 0.5 }, bad = { -1, "30", 0 / 0, math.huge } },
    refused = { good = { print }, bad = { true, {} } },
    on_event = { good = { print }, bad = { true, {} } },
    transport = { good = { print }, bad = { true, {}, "curl" } },
  }
  local function open(name, value)
    local _ = bearer.login(shop.definition(), {}, {
      [name] = value, cert = tostring(name):find "^key" and bearer.file "/x" or nil,
    })
  end
  for name, case in pairs(cases) do
    it(name .. " is checked", function()
      for _, good in ipairs(case.good) do
        open(name, good)
      end
      for _, bad in ipairs(case.bad) do
        local err = mistake(function()
          local _ = bearer.login(shop.definition(), {}, { [name] = bad })
        end)
        assert.matches("options%." .. name .. ": a .+ expected$", err)
      end
    end)
  end
  it("are all looked at here", function()
    local names = {}
    for name in pairs(cases) do
      names[#names + 1] = name
    end
    local all = core.options()
    table.sort(all)
    table.sort(names)
    assert.same(all, names)
  end)
  it("that are paths are looked at, and read when they are needed", function()
    local file = os.tmpname()
    for _, name in ipairs { "ca_file", "cert", "key" } do
      local function said(value)
        return mistake(function()
          local _ = bearer.login(shop.definition(), {}, { [name] = value })
        end)
      end
      local start = "login_options_spec%.lua:%d+: options%." .. name .. ": "
      assert.matches(start .. "'/none/such' does not exist$", said "/none/such")
      assert.matches(start .. "'spec' is no regular file$", said "spec")
      assert.matches(start .. "'/dev/null' is no regular file$", said "/dev/null")
      local handle = assert(io.open(file, "w"))
      assert(handle:write(("x"):rep(1024 * 1024 + 1)))
      handle:close()
      assert.matches(start .. "'" .. file .. "' is larger than 1 MiB$", said(file))
      assert.matches("'" .. file .. "' is larger than 1 MiB$", mistake(function()
        bearer.defaults { [name] = file }
      end))
    end
    os.remove(file)
  end)
  it("of all logins made from now on are bearer.defaults", function()
    core.clock(1000, 1700000000) -- stands still
    finally(function()
      core.clock()
      bearer.defaults()
    end)
    local before, sent = shop.login()
    bearer.defaults { timeout = 7, user_agent = "all/1" }
    local transport, later = shop.transport()
    assert(bearer.login(shop.definition(), {}, { transport = transport }):token())
    assert(bearer.login(shop.definition(), {}, { transport = transport, timeout = 3 }):token())
    assert(before:token())
    assert.same({ 7, 3, 30 }, { later[1].timeout, later[2].timeout, sent[1].timeout })
    bearer.defaults { user_agent = "all/2" } -- in place of those of before
    assert(bearer.login(shop.definition(), {}, { transport = transport }):token())
    assert.equal(30, later[3].timeout)
    bearer.defaults { timeout = 7 }
    bearer.defaults() -- bearer's own again
    assert(bearer.login(shop.definition(), {}, { transport = transport }):token())
    assert.equal(30, later[4].timeout)
    for message, wrong in pairs {
      ["options: unknown option 'timout'; did you mean 'timeout'?"] = { timout = 1 },
      ["options.timeout: a number of seconds above 0 expected"] = { timeout = -1 },
      ["defaults: a table expected, got number"] = 3,
    } do
      local err = mistake(function() bearer.defaults(wrong) end)
      assert.truthy(err:find("login_options_spec.lua:%d+: "), err)
      assert.truthy(err:find(message, 1, true), err)
    end
    assert(bearer.login(shop.definition(), {}, { transport = transport }):token())
    assert.equal(30, later[5].timeout) -- a mistake changes nothing
  end)
  it("are a table of known names", function()
    assert.matches("options: unknown option 'timout'; did you mean 'timeout'%?",
      mistake(function() open("timout", 5) end))
    assert.matches("options: a table expected, got number", mistake(function()
      local _ = bearer.login(shop.definition(), {}, 5)
    end))
    assert.matches("options: unknown option '1'", mistake(function() open(1, "x") end))
  end)
  it("are the login's own: the caller's table may change later", function()
    local options = { transport = (shop.transport()) }
    local login = bearer.login(shop.definition(), {}, options)
    options.transport = nil
    assert.equal("t1", assert(login:token()):value())
  end)
end)

describe("bearer.provider:", function()
  it("is compiled once, and any number of logins share it", function()
    local def = shop.definition()
    local provider = bearer.provider(def)
    def.login.url = "https://evil.example/"
    assert.equal("bearer.provider (shop)", tostring(provider))
    assert.equal(provider, bearer.provider(provider))
    for _ = 1, 2 do
      local transport, sent = shop.transport()
      assert(bearer.login(provider, {}, { transport = transport }):token())
      assert.equal("https://shop.example/login", sent[1].url)
    end
  end)
  it("by name is the same one again", function()
    assert.equal(bearer.provider "hubsoft", bearer.provider "hubsoft")
  end)
  it("is immutable and closed", function()
    local provider = bearer.provider(shop.definition())
    assert.has_error(function() provider.name = "x" end)
    assert.is_nil(provider.def)
    assert.is_false(getmetatable(provider))
  end)
  it("raises with every fault of a definition", function()
    local err = mistake(function()
      local _ = bearer.provider { name = "x", inputs = { host = {} }, logn = {},
        login = { url = "https://${hots}/", methd = "GET" } }
    end)
    assert.matches("bearer: the definition has faults:\n", err)
    for _, fault in ipairs {
      "login.url: unknown name 'hots'; did you mean 'host'?",
      "login.methd: unknown field; did you mean 'method'?",
      "logn: unknown field; did you mean 'login'?",
    } do
      assert.truthy(err:find(fault, 1, true), err)
    end
  end)
  it("and bearer.login raise where the caller stands", function()
    for message, wrong in pairs {
      ["the definition has faults"] = function() local _ = bearer.provider {} end,
      ["no such provider"] = function() local _ = bearer.login("zzzzzzzz", {}) end,
      ["unknown input 'a'"] = function() local _ = bearer.login(shop.definition(), { a = 1 }) end,
      ["options.retries: "] = function()
        local _ = bearer.login(shop.definition(), {}, { retries = -1 })
      end,
    } do
      local err = mistake(wrong)
      assert.truthy(err:find("login_options_spec.lua:%d+: "), err)
      assert.truthy(err:find(message, 1, true), err)
    end
  end)
  it("raises on an unknown name, with a suggestion", function()
    assert.matches("bearer: provider 'hubsft': no such provider; did you mean 'hubsoft'%?",
      mistake(function() local _ = bearer.provider "hubsft" end))
    local err = mistake(function() local _ = bearer.login("zzzzzzzz", {}) end)
    assert.matches("bearer: provider 'zzzzzzzz': no such provider; there are ", err)
    for _, name in ipairs(bearer.providers()) do
      assert.truthy(err:find(name, 1, true), err)
    end
  end)
  it("suggests what extends may have meant, too", function()
    assert.matches("extends: 'oauth2_pasword': no such provider; did you mean 'oauth2_password'%?",
      mistake(function()
        local _ = bearer.provider { name = "x", extends = "oauth2_pasword" }
      end))
  end)
  it("takes no name that leads elsewhere", function()
    for _, name in ipairs { "../x", "a.b", "", "a/b", "a;b", "x'", "\0" } do
      assert.matches("not the name of a provider",
        mistake(function() local _ = bearer.provider(name) end))
    end
  end)
  it("wants a name, a definition or a provider", function()
    for _, odd in ipairs { 3, true, print, io.stdout, bearer.env "X" } do
      assert.matches("a provider's name, definition or provider expected, got " .. type(odd),
        mistake(function() local _ = bearer.provider(odd) end))
    end
    assert.matches("got nil", mistake(function() local _ = bearer.login() end))
  end)
end)

describe("providers on package.path:", function()
  local folder, path = nil, package.path
  local function write(name, text)
    local file = assert(io.open(folder .. "/bearer/providers/" .. name, "w"))
    file:write(text)
    file:close()
  end
  setup(function()
    folder = os.tmpname()
    os.remove(folder)
    folder = folder .. " it's"
    assert(os.execute(("mkdir -p \"%s/bearer/providers\""):format(folder)))
    write("spec_shop.lua", [[
      return { name = "spec_shop", inputs = {}, login = { url = "https://shop.example/found" } }
    ]])
    write("spec_child.lua", [[
      return { name = "spec_child", extends = "spec_shop", login = { query = { a = "b" } } }
    ]])
    write("spec_broken.lua", "return {")
    write("spec_empty.lua", "")
    write("spec_needy.lua", "return require 'spec_no_such_module'")
    write("not-a-name.lua", "return {}")
    write("notes.txt", "")
    package.path = folder .. "/?.lua;" .. folder .. "/?/init.lua;" .. path
  end)
  teardown(function()
    package.path = path
    for _, name in ipairs { "spec_shop", "spec_child", "spec_empty" } do
      package.loaded["bearer.providers." .. name] = nil
    end
    os.execute(("rm -r \"%s\""):format(folder))
  end)

  it("are found by name, and may extend each other", function()
    local transport, sent = shop.transport()
    assert(bearer.login("spec_shop", {}, { transport = transport }):token())
    assert(bearer.login("spec_child", {}, { transport = transport }):token())
    assert.equal("https://shop.example/found", sent[1].url)
    assert.equal("https://shop.example/found?a=b", sent[2].url)
  end)
  it("are listed, each once, in order", function()
    local names, seen = bearer.providers(), {}
    for i, name in ipairs(names) do
      assert.is_nil(seen[name])
      assert.is_true(i == 1 or names[i - 1] < name)
      seen[name] = true
    end
    for _, name in ipairs {
      "cambyopro", "cobuilder", "crm_com", "hubsoft", "oauth2", "oauth2_client_credentials",
      "oauth2_password", "oauth2_refresh_token", "oracle_commerce", "oracle_commerce_user",
      "spec_shop", "spec_child", "spec_broken",
    } do
      assert.is_true(seen[name], name)
    end
    assert.is_nil(seen["not-a-name"])
    assert.is_nil(seen.notes)
  end)
  it("that are listed by a path with odd folders do no harm", function()
    package.path = "-x/?.lua;$(touch " .. folder .. "/evil)/?.lua;'/?.lua;?;" .. path
    local names = bearer.providers()
    package.path = folder .. "/?.lua;" .. path
    assert.is_true(#names >= 10)
    assert.is_nil((io.open(folder .. "/evil")))
  end)
  it("that are broken say why", function()
    for name, why in pairs {
      spec_broken = "spec_broken.lua", spec_empty = "its module returns no table",
      spec_needy = "spec_no_such_module",
    } do
      local err = mistake(function() local _ = bearer.provider(name) end)
      assert.truthy(err:find("bearer: provider '" .. name .. "': ", 1, true), err)
      assert.truthy(err:find(why, 1, true), err)
    end
  end)
end)

describe("bearer.use and the loop:", function()
  after_each(function()
    bearer.use "blocking"
  end)
  it("takes a driver that is there, by name or as a table", function()
    bearer.use "blocking"
    bearer.use { wait = function() end }
    for _, odd in ipairs { "blockin", "../x", 3, {}, { wait = true } } do
      assert.matches("login_options_spec.lua:%d+: bearer: ",
        mistake(function() bearer.use(odd) end))
    end
  end)
  it("a driver whose library is not there says so", function()
    local err = mistake(function() bearer.use "resty" end) -- this is no nginx
    assert.truthy(err:find("bearer: driver 'resty': ", 1, true), err)
    assert.truthy(err:find("ngx", 1, true) or err:find("ffi", 1, true), err)
  end)
  it("a name that is no driver's is none, whatever can be required by it", function()
    local hint = "no driver 'blockin'; did you mean 'blocking'?"
    assert.truthy(mistake(function() bearer.use "blockin" end):find(hint, 1, true))
    for _, other in ipairs { "blockin", "zzzz", 3, {} } do
      assert.truthy(mistake(function() bearer.use(other) end)
        :find("; there are blocking, cqueues, luv, manual and resty", 1, true))
    end
    for _, name in ipairs { "coroutines", "", "../x", "spec_evil" } do
      package.preload["bearer.drivers." .. name] = name ~= "coroutines" and function()
        return { wait = function() end }
      end or nil
      local err = mistake(function() bearer.use(name) end)
      package.preload["bearer.drivers." .. name] = nil
      assert.truthy(err:find("no driver '" .. name .. "'", 1, true), err)
    end
  end)
  it("poll, fd and timeout answer when nothing is under way", function()
    assert.equal(0, bearer.poll())
    assert.equal(0, bearer.poll(1))
    assert.is_true(bearer.fd() == nil or bearer.fd() >= 0)
    assert.is_true(bearer.timeout() == nil or bearer.timeout() >= 0)
  end)
  it("prewarm starts logins ahead, and wants logins", function()
    local login, sent = shop.login()
    local other = shop.login()
    bearer.prewarm(login, other)
    bearer.prewarm(login)
    assert.equal(1, #sent)
    assert.equal("t1", assert(login:token()):value())
    assert.equal(1, #sent)
    assert.equal("fresh", other:status().state)
    login:close()
    bearer.prewarm(login)
    bearer.prewarm()
    assert.truthy(mistake(function() bearer.prewarm(3) end):find("bearer.login expected", 1, true))
  end)
  it("poll and prewarm raise where the caller stands", function()
    for message, wrong in pairs {
      ["poll: a number expected, got string"] = function() bearer.poll "x" end,
      ["prewarm: a bearer.login expected, got number"] = function() bearer.prewarm(42) end,
      ["prewarm: a bearer.login expected, got nil"] = function() bearer.prewarm(nil) end,
    } do
      local err = mistake(wrong)
      assert.truthy(err:find("login_options_spec.lua:%d+: " .. message:gsub("%.", "%%.")), err)
    end
  end)
  it("a function that is called with a colon says that it wants a dot", function()
    for name, wrong in pairs {
      login = function() local _ = bearer:login("hubsoft", {}) end,
      env = function() local _ = bearer:env "HOME" end,
      file = function() local _ = bearer:file "/x" end,
      use = function() bearer:use "blocking" end,
      defaults = function() bearer:defaults { retries = 0 } end,
      transport = function() local _ = bearer:transport { url = "https://shop.example/" } end,
      prewarm = function() bearer:prewarm() end,
    } do
      local err = mistake(wrong)
      assert.truthy(err:find("login_options_spec.lua:%d+: "), err)
      assert.truthy(err:find("call it with a dot, as bearer." .. name .. "(...)", 1, true), err)
    end
    assert.matches("with a dot", mistake(function() local _ = bearer:provider "hubsoft" end))
  end)
  it("a method that is called with a dot says that it wants a colon", function()
    local login = shop.login()
    assert.matches("a bearer.login expected, got table; call it with a colon",
      mistake(function() local _ = login.request { url = "/" } end))
    for _, name in ipairs { "token", "header", "refresh", "status", "request" } do
      assert.matches("a bearer.login expected, got n.-; call it with a colon",
        mistake(function() local _ = login[name]() end))
    end
  end)
  it("prewarm starts nothing when one of them is no login", function()
    local login, sent = shop.login()
    assert.is_false(pcall(bearer.prewarm, login, 42))
    assert.equal(0, #sent)
    assert.equal("none", login:status().state)
  end)
  it("version is a text", function()
    assert.matches("^%d+%.%d+%.%d+$", bearer._VERSION)
    assert.is_nil(core._VERSION)
  end)
end)
