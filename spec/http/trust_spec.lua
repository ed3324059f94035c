-- Whom TLS connections trust, and who we are to them: each named after how it went wrong.
local bearer = require "bearer"
local helper = require "spec.support.helper"
local sandbox = require "spec.sandbox"
local socket = require "socket"
local tls_server = require "spec.support.tls_server"

local quote, read = helper.quote, helper.read
local answer = '{"access_token":"good","expires_in":3600}'

describe("trust:", function()
  local sb, url, folder

  setup(function()
    sb, folder = sandbox.start(), helper.folder()
  end)

  before_each(function()
    sb:reset()
    url = sb:script("x", { body = answer })
  end)

  teardown(function()
    sb:stop()
    helper.must("rm -rf " .. quote(folder))
  end)

  local function write(name, text)
    return helper.write(folder .. "/" .. name, text)
  end

  -- A program that says nothing of authorities, on a system that keeps them in these places.
  local function on_system(bundle, certs)
    return helper.run(("SSL_CERT_FILE=%s SSL_CERT_DIR=%s timeout 600 %s spec/support/login.lua "
      .. "plain %s ''"):format(quote(bundle), quote(certs), helper.interpreter, quote(url)))
  end

  local function is_trusted(bundle, certs)
    local text, status = on_system(bundle, certs)
    assert.equal(0, status, text)
  end

  local function is_refused(bundle, certs)
    local text, status = on_system(bundle, certs)
    assert.not_equal(0, status)
    assert.matches("(tls; POST ", text, 1, true)
  end

  describe("the system's,", function()
    local hashed, empty

    setup(function()
      hashed, empty = folder .. "/hashed", folder .. "/empty"
      helper.must(("mkdir %s %s && cp %s %s/ca.pem && openssl rehash %s"):format(quote(hashed),
        quote(empty), quote(sb.ca_file), quote(hashed), quote(hashed)))
    end)

    it("where there is only the bundle, as in small containers", function()
      is_trusted(sb.ca_file, "/none/such")
      is_trusted(sb.ca_file, empty)
    end)

    it("where there is only the folder of hashed links", function()
      is_trusted("/none/such", hashed)
      is_trusted(write("nothing.pem", ""), hashed)
    end)

    it("where only one of SSL_CERT_FILE and SSL_CERT_DIR is set", function()
      local run = "env -u %s %s=%s timeout 60 %s spec/support/login.lua plain %s ''"
      helper.must(run:format("SSL_CERT_DIR", "SSL_CERT_FILE", quote(sb.ca_file),
        helper.interpreter, quote(url)))
      helper.must(run:format("SSL_CERT_FILE", "SSL_CERT_DIR", quote(hashed), helper.interpreter,
        quote(url)))
    end)

    it("whose folder has no hashed links: its bundle counts, the folder's files do not", function()
      local plain = folder .. "/plain"
      helper.must(("mkdir -p %s && cp %s %s/ca.pem"):format(quote(plain), quote(sb.ca_file),
        quote(plain)))
      is_trusted(sb.ca_file, plain)
      is_refused("/none/such", plain)
    end)

    it("beside an authority of a login's own, in one process", function()
      local other = sandbox.start()
      finally(function()
        other:stop()
      end)
      helper.must(("SSL_CERT_FILE=%s SSL_CERT_DIR=%s timeout 60 %s -e %s"):format(quote(sb.ca_file),
        quote(empty), helper.interpreter, quote(([[
          local bearer = require "bearer"
          local function code(url, ca_file)
            local login = bearer.login({ name = "x", inputs = {}, login = { url = url } }, {},
              { ca_file = ca_file, retries = 0 })
            local t, _, err = login:token()
            return t and "ok" or err.code
          end
          for _ = 1, 3 do
            assert(code(%q) == "ok")
            assert(code(%q, %q) == "ok")
            assert(code(%q, %q) == "tls") -- not the system's as well
            assert(code(%q) == "tls")
          end
        ]]):format(url, other:script("x", { body = answer }), other.ca_file, url, other.ca_file,
          other:script("x", { body = answer })))))
    end)

    it("with a root that somebody has appended to the bundle", function()
      local other = sandbox.start()
      local bundle = read(other.ca_file)
      other:stop()
      is_refused(write("bundle.pem", bundle), empty)
      is_trusted(write("bundle.pem", bundle .. read(sb.ca_file)), empty)
    end)

    it("with junk in the bundle", function()
      is_trusted(write("junk.pem", "words\n-----BEGIN CERTIFICATE-----\nAAAA\n"
        .. "-----END CERTIFICATE-----\n\n" .. read(sb.ca_file) .. "-----BEGIN"), empty)
    end)

    it("is verified: nobody is trusted where nothing is there", function()
      is_refused("/none/such", "/none/such")
      is_refused(empty, sb.ca_file) -- neither is what it should be
    end)
  end)

  local function login(options)
    options.retries = 0
    return bearer.login({ name = "x", inputs = {}, login = { url = url } }, {}, options)
  end

  local function refused_as_tls(options)
    local from = socket.gettime()
    local results = { login(options):token() }
    local err = results[#results]
    assert.is_nil(results[1])
    assert.equal("tls", err.code, tostring(err))
    assert.is_true(socket.gettime() - from < 50, "took too long")
    return tostring(err)
  end

  -- What a path is, is seen when the login is made.
  local function refused_at_once(option, path, why)
    local options = { ca_file = sb.ca_file, cert = sb.ca_file }
    options[option] = path
    local from = socket.gettime()
    local ok, err = pcall(login, options)
    assert.is_false(ok)
    assert.equal(("options.%s: '%s' %s"):format(option, path, why), (err:gsub("^%S+:%d+: ", "")))
    assert.is_true(socket.gettime() - from < 50, "took too long")
  end

  -- What it has become by the time that it is read, is an error of the transfer.
  local function refused_later(option, becomes, why)
    local path = write("changing", read(sb.ca_file))
    local options = { ca_file = sb.ca_file, cert = sb.ca_file, timeout = 100 }
    options[option] = path
    local made = login(options)
    helper.must(("rm %s && %s"):format(quote(path), becomes:format(quote(path))))
    local from = socket.gettime()
    local token, message, err = made:token()
    helper.must("rm -rf " .. quote(path))
    assert.is_nil(token)
    assert.equal("tls", err.code, message)
    assert.is_true(socket.gettime() - from < 50, "took too long")
    assert.matches(option .. " " .. path .. ": " .. why, message, 1, true)
    assert.equal(0, sb:count("x"))
  end

  for _, option in ipairs { "ca_file", "cert", "key" } do
    it("a FIFO as " .. option .. " is refused and not waited for", function()
      local fifo = folder .. "/fifo-" .. option
      helper.must("mkfifo " .. quote(fifo))
      refused_at_once(option, fifo, "is no regular file")
      refused_later(option, "mkfifo %s", "is no regular file")
    end)

    it("a device, a folder, a huge file, nothing as " .. option .. " are refused", function()
      helper.must("truncate -s 3M " .. quote(folder .. "/huge"))
      refused_at_once(option, "/dev/zero", "is no regular file")
      refused_at_once(option, folder, "is no regular file")
      refused_at_once(option, folder .. "/huge", "is larger than 1 MiB")
      refused_at_once(option, folder .. "/none", "does not exist")
      refused_later(option, "ln -s /dev/zero %s", "is no regular file")
      refused_later(option, "mkdir %s", "is no regular file")
      refused_later(option, "truncate -s 3M %s", "is larger than 1 MiB")
      refused_later(option, "true", "does not exist")
    end)
  end

  describe("a server's certificate", function()
    after_each(helper.stop)

    it("for an address is not one by its common name alone", function()
      for _, names in ipairs { false, "DNS:127.0.0.1", "IP:127.0.0.2" } do
        tls_server.certificate(folder, { subject = "/CN=127.0.0.1", names = names })
        url = tls_server.start(folder)
        assert.matches("certificate", refused_as_tls { ca_file = folder .. "/c.pem" }, 1, true)
      end
    end)

    it("for an address names it", function()
      tls_server.certificate(folder)
      url = tls_server.start(folder)
      local _, _, err = login { ca_file = folder .. "/c.pem" }:token()
      assert.not_equal("tls", err.code) -- it answers in HTML: it was trusted
    end)
  end)

  describe("a client certificate that a server wants", function()
    setup(function()
      helper.must("mkdir -p " .. quote(folder .. "/own"))
    end)

    after_each(helper.stop)

    local function start(version)
      return tls_server.start(folder, ("-tls%s -Verify 1 -verify_return_error -CAfile %s")
        :format(version, quote(folder .. "/c.pem")))
    end

    for _, version in ipairs { "1_2", "1_3" } do
      it("and does not get is tls, by TLS " .. version:gsub("_", "."), function()
        tls_server.certificate(folder)
        url = start(version)
        for _ = 1, 5 do -- what is lost first on the way is a matter of chance
          local message = refused_as_tls { ca_file = folder .. "/c.pem" }
          assert.is_nil(message:find("getpeername", 1, true), message)
          if version == "1_3" then
            assert.matches("the server wants a client certificate "
              .. "(TLS alert: certificate required)", message, 1, true)
          end
        end
      end)

      it("and gets another one is tls, by TLS " .. version:gsub("_", "."), function()
        tls_server.certificate(folder .. "/own")
        tls_server.certificate(folder)
        url = start(version)
        local message = refused_as_tls { ca_file = folder .. "/c.pem",
          cert = folder .. "/own/c.pem", key = folder .. "/own/k.pem" }
        if version == "1_3" then
          assert.matches("the server refuses this client certificate (TLS alert: ", message, 1,
            true)
        end
      end)
    end
  end)

  describe("a client's key", function()
    local strict, encrypted

    setup(function()
      strict, encrypted = sandbox.start { client_certificate = true }, folder .. "/encrypted.key"
      helper.must(("openssl pkcs8 -topk8 -in %s -out %s -passout pass:phrase"):format(
        quote(strict.client_key), quote(encrypted)))
    end)

    before_each(function()
      strict:reset()
      url = strict:script("x", { body = answer })
    end)

    teardown(function()
      strict:stop()
    end)

    local function with(key)
      return { ca_file = strict.ca_file, cert = strict.client_cert, key = key, timeout = 100 }
    end

    it("that wants a pass phrase neither crashes nor asks on the terminal", function()
      for _, key in ipairs { encrypted, read(encrypted) } do
        assert.matches("the key wants a pass phrase", refused_as_tls(with(key)), 1, true)
      end
    end)

    it("that is wrong does not ride on the right one's connection", function()
      helper.must("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "
        .. quote(folder .. "/other.key"))
      assert(login(with(strict.client_key)):token())
      refused_as_tls(with(folder .. "/other.key"))
      refused_as_tls(with(read(folder .. "/other.key")))
      assert(login(with(read(strict.client_key))):token())
      assert.equal(2, strict:count("x"))
    end)
  end)
end)
