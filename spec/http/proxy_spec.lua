-- Proxies: which one is asked, what it is told, how one names oneself, and what is said when it is
-- the proxy that failed.
local bearer = require "bearer"
local helper = require "spec.support.helper"
local sandbox = require "spec.sandbox"
local secrets = require "spec.support.secrets"
local shop = require "spec.support.shop"
local socket = require "socket"

local quote, read = helper.quote, helper.read

describe("a proxy", function()
  local sb, url, http_url, folder, record

  setup(function()
    sb = sandbox.start { certificate_name = "shop.example" }
    folder = helper.folder()
    record = folder .. "/record"
  end)

  before_each(function()
    sb:reset()
    url, http_url = sb:script("x", { body = '{"access_token":"good","expires_in":3600}' })
    url = url:gsub("//127%.0%.0%.1:", "//shop.example:") -- which only the proxy has to know
  end)

  after_each(helper.stop)

  teardown(function()
    sb:stop()
    helper.must("rm -rf " .. quote(folder))
  end)

  -- Start one; its host and port.
  local function start(what)
    local next_line = helper.spawn(helper.command { helper.interpreter, "spec/support/proxy.lua",
      record, what })
    return "127.0.0.1:" .. assert(next_line())
  end

  local function new(proxy, changes, given, options)
    local all = { ca_file = sb.ca_file, proxy = proxy, retries = 0, timeout = 100 }
    for name, value in pairs(options or {}) do
      all[name] = value
    end
    return bearer.login(shop.definition(changes or { login = { url = url, form = { a = "b" } } }),
      given or {}, all)
  end

  local function succeeds(proxy)
    assert.equal("good", assert(new(proxy):token()):value())
    assert.equal(1, sb:count "x")
  end

  local function fails(code, words, proxy, options)
    local t, _, err = new(proxy, nil, nil, options):token()
    assert.is_nil(t)
    assert.equal(code, err.code, tostring(err))
    assert.equal(words, err.description:sub(1, #words))
    secrets.assert_absent(err, { "pass word", "pass%20word", "wrong" })
    assert.equal(0, sb:count "x")
    return err
  end

  describe("is told", function()
    local lines = {
      ["CONNECT"] = true, ["Host:"] = true, ["User-Agent:"] = true, ["Proxy-Connection:"] = true,
    }

    it("where to, nothing else; what it says is not the server's", function()
      local login = new("http://" .. start(), {
        inputs = { key = { secret = true } },
        login = {
          url = url .. "?q=${key}", headers = { ["X-Key"] = "${key}" }, bearer = "${key}",
          json = { k = "${key}" },
        },
      }, { key = "hunter2" })
      local t = assert(login:token())
      assert.is_true(t:expires_in() > 3590) -- not reckoned from the proxy's Date
      local told = read(record)
      assert.matches("^CONNECT shop%.example:" .. url:match ":(%d+)" .. " HTTP/1%.1\n", told)
      for line in told:gmatch "[^\n]+" do
        assert.is_true(lines[line:match "^[^ ]+"], line)
      end
    end)
  end)

  describe("that wants to know who asks:", function()
    for _, way in ipairs { "basic", "digest", "ntlm" } do
      it(way .. " works", function()
        if way == "ntlm" and not helper.must "curl-config --features":find "NTLM" then
          return pending "this libcurl has no NTLM"
        end
        succeeds("http://joe:pass%20word@" .. start(way))
      end)

      it(way .. " by nobody says what is missing", function()
        local at = start(way)
        local err = fails("proxy", "the proxy " .. at .. " wants a user and a password",
          "http://" .. at)
        assert.equal(407, err.status)
      end)
    end

    for _, way in ipairs { "basic", "digest" } do
      it(way .. " with a wrong password is told as the proxy's refusal", function()
        local at = start(way)
        local err = fails("proxy", "the proxy " .. at .. " refuses this user and password",
          "http://joe:wrong@" .. at)
        assert.equal(407, err.status)
      end)
    end

    it("a request that is passed on, without TLS, is refused as well", function()
      local at = start "407"
      local login = new("http://" .. at, { login = { url = "http://shop.example/x" } }, nil,
        { allow_http = true })
      local t, _, err = login:token()
      assert.is_nil(t)
      assert.same({ "proxy", 407 }, { err.code, err.status })
      assert.equal("the proxy " .. at .. " wants a user and a password", err.description)
    end)
  end)

  describe("that failed is named:", function()
    it("it refuses", function()
      local at = start "403"
      fails("proxy", "the proxy " .. at .. " answered HTTP 403", "http://" .. at)
    end)

    it("it is not there", function()
      local gone = assert(socket.bind("127.0.0.1", 0))
      local at = "127.0.0.1:" .. select(2, gone:getsockname())
      gone:close()
      for _, how in ipairs { "", "http://", "http://joe:wrong@", "socks5://" } do
        fails("connect", "through the proxy " .. at .. ": ", how .. at)
      end
    end)

    it("it never says a word", function()
      local mute = assert(socket.bind("127.0.0.1", 0))
      local at = "127.0.0.1:" .. select(2, mute:getsockname())
      fails("timeout", "through the proxy " .. at .. ": ", "http://" .. at, { timeout = 0.3 })
      mute:close()
    end)

    it("behind it is another server, or one that unpacks", function()
      local at = start()
      fails("tls", "through the proxy " .. at .. ": ", "http://" .. at, { ca_file =
        helper.write(folder .. "/other.pem", helper.must(
          "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x "
          .. "-keyout /dev/null 2>/dev/null")) })
    end)

    it("its address is none: that does not show, as there may be a password in it", function()
      for _, wrong in ipairs { "http://joe:pass word@127.0.0.1:1", "ftp://joe:x@127.0.0.1:1" } do
        local ok, why = pcall(new, wrong)
        assert.is_false(ok)
        assert.matches("options.proxy: a proxy's address, like http://user:password@host:3128, "
          .. "expected", why, 1, true)
        local text, status = helper.run(("https_proxy=%s %s spec/support/login.lua plain %s %s")
          :format(quote(wrong), helper.interpreter, url, sb.ca_file))
        assert.not_equal(0, status)
        assert.matches("the proxy's address is none that can be used: http://host:3128, say (proxy",
          text, 1, true)
        assert.is_nil(text:find("joe", 1, true))
      end
    end)

    it("but not where it is not asked", function()
      helper.must(("no_proxy=x.example,127.0.0.1 %s -e %s"):format(helper.interpreter, quote(([[
        local bearer = require "bearer"
        local login = bearer.login({ name = "x", inputs = {}, login = { url =
          "https://127.0.0.1:1/" } }, {}, { proxy = "http://127.0.0.1:1", retries = 0,
          connect_timeout = 2 })
        local _, _, err = login:token()
        assert(err.code == "connect" and not err.description:find("proxy", 1, true), err.message)
      ]]))))
    end)
  end)

  describe("of the environment", function()
    local function run(variables, at)
      helper.must(("%s %s spec/support/login.lua plain %s %s"):format(variables,
        helper.interpreter, at, sb.ca_file))
    end

    local function connections()
      return select(2, read(record):gsub("CONNECT", ""))
    end

    it("serves https", function()
      run("https_proxy=" .. start(), url)
      assert.equal(1, connections())
    end)

    it("is not asked for what is not encrypted, nor for loopback", function()
      local at = start "403"
      local own = sandbox.start() -- whose certificate is 127.0.0.1's
      finally(function()
        own:stop()
      end)
      for _, name in ipairs { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" } do
        local set = ("http_proxy=%s %s=%s"):format(at, name, at)
        run(set, http_url)
        helper.must(("%s %s spec/support/login.lua plain %s %s"):format(set, helper.interpreter,
          own:script("x", { body = '{"access_token":"good"}' }), own.ca_file))
      end
      assert.equal(0, connections())
    end)

    it("as an option is asked for loopback too", function()
      local own = sandbox.start()
      finally(function()
        own:stop()
      end)
      url = own:script("x", { body = '{"access_token":"good"}' })
      assert(new("http://" .. start(), nil, nil, { ca_file = own.ca_file }):token())
      assert.equal(1, connections())
    end)
  end)
end)
