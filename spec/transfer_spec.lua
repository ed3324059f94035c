-- How requests travel: time limits, trust, connections.
local bearer = require "bearer"
local helper = require "spec.support.helper"
local sandbox = require "spec.sandbox"
local socket = require "socket"
local tls_server = require "spec.support.tls_server"

local quote, read = helper.quote, helper.read
local answer = '{"access_token":"good","refresh_token":"r","expires_in":3600}'

describe("transfers:", function()
  local sb, url, http_url, folder

  setup(function()
    sb, folder = sandbox.start(), helper.folder()
  end)

  before_each(function()
    sb:reset()
    url, http_url = sb:script("x", { body = answer })
  end)

  after_each(helper.stop)

  teardown(function()
    sb:stop()
    helper.must("rm -rf " .. quote(folder))
  end)

  local function new(options, at)
    local settings = { ca_file = sb.ca_file, retries = 0, timeout = 100, connect_timeout = 50 }
    for name, value in pairs(options or {}) do
      settings[name] = value or nil
    end
    at = at or url
    return bearer.login({
      name = "shop", inputs = { at = { kind = "url" } },
      login = { url = "${at}", form = { a = "b" } },
      refresh = { url = "${at}", form = { r = "${refresh_token}" } },
    }, { at = at }, settings)
  end

  local function succeeds(options, at)
    local l = new(options, at)
    assert.equal("good", assert(l:token()):value())
    l:close()
  end

  local function fails(code, options, at, limit)
    local l, from = new(options, at), socket.gettime()
    local t, _, err = l:token()
    assert.is_nil(t)
    assert.equal(code, err.code, tostring(err))
    assert.equal("transient", err.class)
    assert.is_true(socket.gettime() - from < (limit or 50), "took too long")
    l:close()
    return err
  end

  local function write(name, text)
    return helper.write(folder .. "/" .. name, text)
  end

  local function port_of(at)
    return tonumber(at:match(":(%d+)"))
  end

  describe("time,", function()
    local listener, port

    before_each(function()
      listener = assert(socket.bind("127.0.0.1", 0, 0))
      port = select(2, listener:getsockname())
    end)

    after_each(function()
      listener:close()
    end)

    it("a port that refuses", function()
      listener:close()
      fails("connect", nil, ("https://127.0.0.1:%d/"):format(port))
    end)

    it("a listener that never says a word", function()
      local at = ("https://127.0.0.1:%d/"):format(port)
      fails("timeout", { connect_timeout = 0.2 }, at)
      fails("timeout", { timeout = 0.2 }, at)
    end)

    it("a listener whose queue is full", function()
      local waiting = {}
      for i = 1, 4 do
        waiting[i] = socket.tcp()
        waiting[i]:settimeout(0)
        waiting[i]:connect("127.0.0.1", port)
      end
      fails("timeout", { connect_timeout = 0.2 }, ("https://127.0.0.1:%d/"):format(port))
      for _, one in ipairs(waiting) do
        one:close()
      end
    end)

    it("an answer that takes too long, and all retries together", function()
      url = sb:script("x", { body = answer, delay = 120 })
      fails("timeout", { timeout = 0.3 })
      fails("timeout", { timeout = 0.3, retries = 5 })
    end)
  end)

  describe("trust:", function()
    it("an authority that nobody knows", function()
      fails("tls", { ca_file = false })
    end)

    it("a certificate for another name", function()
      local other = sandbox.start { certificate_name = "elsewhere.example" }
      local at = other:script("x", { body = answer })
      fails("tls", { ca_file = other.ca_file }, at)
      assert.equal(0, other:count("x"))
      other:stop()
    end)

    it("a CA file that is missing, empty, or none", function()
      local ok, err = pcall(fails, "tls", { ca_file = folder .. "/missing.pem" })
      assert.is_false(ok)
      assert.matches("options.ca_file: '" .. folder .. "/missing.pem' does not exist", err, 1, true)
      fails("tls", { ca_file = write("empty.pem", "") })
      fails("tls", { ca_file = write("garbage.pem", "-----BEGIN CERTIFICATE-----\nx\n") })
    end)

    it("PEM text instead of a file", function()
      local pem = read(sb.ca_file)
      succeeds { ca_file = false, ca_pem = pem }
      succeeds { ca_file = false, ca_pem = bearer.file(sb.ca_file) }
      for _, text in ipairs { "no PEM", "-----BEGIN CERTIFICATE-----\n" } do
        local ok, why = pcall(new, { ca_file = false, ca_pem = text })
        assert.is_false(ok)
        assert.matches("options.ca_pem: holds no certificate in PEM", why, 1, true)
        local err = fails("tls", { ca_file = false, ca_pem = bearer.file(write("none", text)) })
        assert.equal("ca_pem: holds no certificate in PEM", err.description)
      end
      local err = fails("no_secret", { ca_file = false, ca_pem = bearer.file "/missing.pem" })
      assert.matches("ca_pem", err.description, 1, true)
    end)

    it("of one login is not that of the next", function()
      succeeds()
      fails("tls", { ca_file = false })
      fails("tls", { ca_file = write("empty.pem", "") })
      succeeds()
    end)

    it("plain HTTP where TLS is wanted", function()
      fails("tls", nil, (http_url:gsub("^http:", "https:")))
    end)

    it("a certificate that signed itself", function()
      tls_server.certificate(folder)
      local at = tls_server.start(folder)
      fails("tls", nil, at)
      local l = bearer.login({
        name = "shop", inputs = {}, login = { url = at, method = "GET" },
      }, {}, { ca_file = folder .. "/c.pem", retries = 0 })
      local _, _, err = l:token()
      assert.equal("bad_answer", err.code) -- -www answers in HTML: it was trusted
    end)

    it("a certificate that has expired", function()
      tls_server.certificate(folder, { days = -1 })
      local at = tls_server.start(folder)
      fails("tls", { ca_file = folder .. "/c.pem" }, at)
    end)

    it("a server that knows nothing newer than TLS 1.1, though OpenSSL would go along", function()
      tls_server.certificate(folder)
      local at = tls_server.start(folder, "-tls1_1 -cipher ALL:@SECLEVEL=0")
      fails("tls", { ca_file = folder .. "/c.pem" }, at)
      local weak = write("weak.cnf", "openssl_conf = a\n[a]\nssl_conf = b\n[b]\n"
        .. "system_default = c\n[c]\nMinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n")
      local run = "OPENSSL_CONF=%s %s spec/support/login.lua plain %s %s/c.pem"
      local text, status = helper.run(run:format(weak, helper.interpreter, at, folder))
      assert.not_equal(0, status)
      assert.matches("(tls; POST ", text, 1, true)
    end)

    it("HTTP without TLS: to this machine, or when it is allowed", function()
      succeeds(nil, http_url)
      for _, at in ipairs {
        "http://shop.example/", "http://127.0.0.1.shop.example/", "http://localhost.shop.example/",
        "http://10.0.0.1/", "http://0x7f000001.example/", "HTTP://shop.example/", "https://",
        "http://user:secret@127.0.0.1/", "file:///etc/passwd", "//127.0.0.1/", "ftp://127.0.0.1/",
      } do
        assert.has_error(function()
          new(nil, at)
        end)
      end
      assert.has_no_error(function()
        new({ allow_http = true }, "http://shop.example/")
      end)
    end)
  end)

  describe("a client certificate", function()
    local strict, at

    setup(function()
      strict = sandbox.start { client_certificate = true }
    end)

    before_each(function()
      strict:reset()
      at = strict:script("x", { body = answer })
    end)

    teardown(function()
      strict:stop()
    end)

    local function with(cert, key)
      return { ca_file = strict.ca_file, cert = cert, key = key }
    end

    it("as files, as PEM texts, as secret references", function()
      local cert, key = strict.client_cert, strict.client_key
      succeeds(with(cert, key), at)
      succeeds(with(read(cert), read(key)), at)
      succeeds(with(bearer.file(cert), bearer.file(key)), at)
      succeeds(with(cert, bearer.file(key)), at)
      succeeds(with(read(cert), key), at)
    end)

    it("that is missing is the server's refusal", function()
      local t, _, err = new({ ca_file = strict.ca_file }, at):token()
      assert.is_nil(t)
      assert.equal("http_400", err.code)
      assert.equal(0, strict:count("x"))
    end)

    it("that cannot be used", function()
      local cert, key = read(strict.client_cert) .. "\n", strict.client_key -- on no kept connection
      for option, options in pairs { cert = with("/missing.pem", key),
        key = with(cert, "/missing.pem") } do
        local ok, why = pcall(new, options, at)
        assert.is_false(ok)
        assert.matches("options." .. option .. ": '/missing.pem' does not exist", why, 1, true)
      end
      fails("tls", with(cert, strict.client_cert), at)
      local ok, why = pcall(new, with(cert, "-----BEGIN PRIVATE KEY-----\nAAAA\n"), at)
      assert.is_false(ok)
      assert.matches("options.key: holds no private key in PEM", why, 1, true)
      local err = fails("no_secret", with(cert, bearer.file "/missing.pem"), at)
      assert.matches("key", err.description, 1, true)
    end)

    it("of one login is not used by another", function()
      succeeds(with(strict.client_cert, strict.client_key), at)
      local t, _, err = new({ ca_file = strict.ca_file }, at):token()
      assert.is_nil(t)
      assert.equal("http_400", err.code)
    end)
  end)

  describe("connections", function()
    it("are used again by later logins, and by a refresh", function()
      succeeds()
      local first = helper.connections(port_of(sb.url))
      for _ = 1, 5 do
        succeeds()
      end
      assert.same(first, helper.connections(port_of(sb.url)))
      local l = new()
      assert(l:token())
      assert(l:refresh())
      assert.equal(1, l:status().refreshes)
      assert.same(first, helper.connections(port_of(sb.url)))
    end)

    it("that the server has closed are no trouble", function()
      local closing = { body = answer, headers = { Connection = "close" } }
      url = sb:script("x", { closing })
      for _ = 1, 3 do
        succeeds()
      end
    end)
  end)
end)
