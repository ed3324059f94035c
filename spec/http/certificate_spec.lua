-- Client certificates: the options cert, key and key_password, in all the ways that they are given.
local bearer = require "bearer"
local core = require "bearer.core"
local helper = require "spec.support.helper"
local sandbox = require "spec.sandbox"
local secrets = require "spec.support.secrets"
local socket = require "socket"

local quote, read = helper.quote, helper.read
local no_pem, neither = "holds no certificate in PEM", "is neither PEM nor PKCS#12"
local answer = '{"access_token":"good","expires_in":3600}'
local phrase = [[a "phrase" with $blanks & 'quotes']]

describe("a client certificate:", function()
  local sb, url, folder, file

  local function write(name, text)
    return helper.write(folder .. "/" .. name, text)
  end

  local function openssl(command)
    return helper.must("cd " .. quote(folder) .. " && PHRASE=" .. quote(phrase) .. " openssl "
      .. command)
  end

  setup(function()
    sb, folder = sandbox.start { client_certificate = true }, helper.folder()
    local cert, key = quote(sb.client_cert), quote(sb.client_key)
    openssl("pkcs8 -topk8 -passout env:PHRASE -out pkcs8.key -in " .. key)
    openssl("pkey -traditional -aes256 -passout env:PHRASE -out old.key -in " .. key)
    openssl(("pkcs12 -export -passout env:PHRASE -out full.p12 -inkey %s -in %s"):format(key, cert))
    openssl(("pkcs12 -export -passout pass: -out open.p12 -inkey %s -in %s"):format(key, cert))
    openssl(("pkcs12 -export -passout env:PHRASE -maciter -iter 10 -out ten.p12 -inkey %s -in %s")
      :format(key, cert))
    openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out other.key")
    file = {}
    for _, name in ipairs { "pkcs8.key", "old.key", "full.p12", "open.p12", "ten.p12", "other.key" }
    do
      file[name] = folder .. "/" .. name
    end
    write("phrase", phrase .. "\n")
  end)

  before_each(function()
    sb:reset()
    url = sb:script("x", { body = answer })
  end)

  after_each(function()
    bearer.defaults()
  end)

  teardown(function()
    sb:stop()
    helper.must("rm -rf " .. quote(folder))
  end)

  local function login(options)
    options.ca_file = options.ca_file or sb.ca_file
    options.retries = 0
    options.timeout = 100
    return bearer.login({ name = "x", inputs = {}, login = { url = url } }, {}, options)
  end

  local function succeeds(options)
    local one = login(options)
    local t, message = one:token()
    one:close()
    assert.equal("good", t and t:value(), message)
  end

  local function fails(code, words, options)
    local from = socket.gettime()
    local t, message, err = login(options):token()
    assert.is_nil(t)
    assert.equal(code, err.code, message)
    assert.truthy(message:find(words, 1, true), message)
    assert.is_true(socket.gettime() - from < 50, "took too long")
    secrets.assert_absent(err, { phrase, "wrong phrase", "PRIVATE KEY" })
    return err
  end

  local function raises(words, options)
    local ok, why = pcall(login, options)
    assert.is_false(ok)
    assert.truthy(why:find(words, 1, true), why)
    assert.truthy(why:find("certificate_spec.lua:%d+: "), why)
    assert.is_nil(why:find("PRIVATE KEY", 1, true))
  end

  -- A file in each way to give it.
  local function each_way(path, f)
    f(path)
    f(read(path))
    f(bearer.file(path))
  end

  it("with its key, each as path, text or reference", function()
    each_way(sb.client_cert, function(cert)
      each_way(sb.client_key, function(key)
        succeeds { cert = cert, key = key }
      end)
    end)
    assert.equal(9, sb:count("x"))
  end)

  it("that holds its key", function()
    local both = write("both.pem", read(sb.client_cert) .. read(sb.client_key))
    each_way(both, function(cert)
      succeeds { cert = cert }
    end)
    succeeds { cert = read(sb.client_key) .. read(sb.client_cert) }
  end)

  it("with words before it, as openssl writes them, is no path", function()
    local cert = "Bag Attributes\n  friendlyName: x\n" .. read(sb.client_cert)
    local key = "\n# a key\nKey Attributes: <No Attributes>\n" .. read(sb.client_key)
    succeeds { cert = cert, key = key }
    succeeds { cert = bearer.file(write("bag.pem", cert)), key = bearer.file(write("k", key)) }
  end)

  for _, name in ipairs { "pkcs8.key", "old.key" } do
    describe("a key with a pass phrase, " .. name .. ",", function()
      it("opens by key_password", function()
        each_way(file[name], function(key)
          succeeds { cert = sb.client_cert, key = key, key_password = phrase }
        end)
        succeeds { cert = sb.client_cert, key = file[name],
          key_password = bearer.file(folder .. "/phrase") }
      end)

      it("without one is an error at once", function()
        each_way(file[name], function(key)
          fails("tls", "the key wants a pass phrase, and no `key_password` is given",
            { cert = sb.client_cert, key = key })
        end)
        fails("tls", "the key wants a pass phrase, and no `key_password` is given",
          { cert = read(sb.client_cert) .. read(file[name]) })
        assert.equal(0, sb:count("x"))
      end)

      it("with another is an error", function()
        each_way(file[name], function(key)
          fails("tls", "`key_password` is another",
            { cert = sb.client_cert, key = key, key_password = "wrong phrase" })
        end)
        succeeds { cert = sb.client_cert, key = file[name], key_password = phrase }
        fails("tls", "no `key_password` is given", { cert = sb.client_cert, key = file[name] })
      end)

      it("whose reference gives none says where it looked", function()
        fails("no_secret", "option 'key_password': environment variable BEARER_NONE is not set",
          { cert = sb.client_cert, key = file[name], key_password = bearer.env "BEARER_NONE" })
      end)
    end)
  end

  it("a key without a pass phrase does not mind one", function()
    succeeds { cert = sb.client_cert, key = sb.client_key, key_password = "any" }
  end)

  it("PKCS#12, with its key inside", function()
    for _, name in ipairs { "full.p12", "ten.p12" } do
      each_way(file[name], function(cert)
        succeeds { cert = cert, key_password = phrase }
      end)
    end
    each_way(file["open.p12"], function(cert)
      succeeds { cert = cert }
    end)
  end)

  it("PKCS#12 with the wrong pass phrase, or none", function()
    each_way(file["full.p12"], function(cert)
      fails("tls", "no `key_password` is given", { cert = cert })
      fails("tls", "`key_password` is another", { cert = cert, key_password = "wrong phrase" })
    end)
    assert.equal(0, sb:count("x"))
  end)

  it("whose key is another's", function()
    each_way(file["other.key"], function(key)
      local err = fails("tls", ": is not the key of `cert`", { cert = sb.client_cert, key = key })
      assert.equal("transient", err.class)
    end)
    assert.equal(0, sb:count("x"))
  end)

  it("without its key, and a key without its certificate", function()
    fails("tls", "cert " .. sb.client_cert .. ": holds no private key, and no `key` is given",
      { cert = sb.client_cert })
    raises("options.cert: holds no private key, and no `key` is given",
      { cert = read(sb.client_cert) })
    each_way(sb.client_key, function(key)
      raises("options.key: there is no `cert` that it is the key of", { key = key })
    end)
    raises("options.key_password: there is no `cert` whose key it opens", { key_password = "x" })
    assert.equal(0, sb:count("x"))
  end)

  it("of bearer.defaults and the login's own are looked at together", function()
    bearer.defaults { key = sb.client_key, ca_file = sb.ca_file }
    assert.matches("options.key: there is no `cert`", select(2, pcall(bearer.login, { name = "x",
      inputs = {}, login = { url = url } })), 1, true)
    succeeds { cert = sb.client_cert }
  end)

  it("of garbage", function()
    for garbage, why in pairs {
      ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] = no_pem,
      ["-----BEGIN"] = no_pem, ["\48"] = neither, ["\48\130\1\1x"] = neither,
      ["\48\128\0\0"] = neither, [("\48"):rep(1000)] = neither,
    } do
      raises("options.cert: " .. why, { cert = garbage, key = sb.client_key })
      raises("options.key: holds no private key in PEM", { cert = sb.client_cert, key = garbage })
      local path = write("garbage", garbage)
      for shown, given in pairs { [""] = bearer.file(path), [" " .. path] = path } do
        fails("tls", "cert" .. shown .. ": " .. why, { cert = given, key = sb.client_key })
        fails("tls", "key" .. shown .. ": holds no private key in PEM",
          { cert = sb.client_cert, key = given })
      end
    end
    assert.equal(0, sb:count("x"))
  end)

  it("by reference is never taken for a path: what is in the file does not show", function()
    local holds = write("holds", "hunter2-is-no-PEM\n")
    for _, option in ipairs { "cert", "key" } do
      local options = { cert = sb.client_cert, key = sb.client_key }
      options[option] = bearer.file(holds)
      local err = fails("tls", "", options)
      secrets.assert_absent(err, { "hunter2" })
      options[option] = bearer.file(write("holds-a-path", sb[option == "cert" and "client_cert"
        or "client_key"]))
      fails("tls", "", options) -- the file that it names is not read
    end
  end)

  it("of a text that is no PEM is a path, and looked at when the login is made", function()
    for _, option in ipairs { "cert", "key" } do
      local ok, err = pcall(login, { [option] = folder .. "/none" })
      assert.is_false(ok)
      assert.matches("options." .. option .. ": '" .. folder .. "/none' does not exist", err, 1,
        true)
    end
  end)

  it("by reference is read anew for each login", function()
    write("turn.pem", read(sb.client_cert))
    write("turn.key", read(file["other.key"]))
    local one = login { cert = bearer.file(folder .. "/turn.pem"),
      key = bearer.file(folder .. "/turn.key") }
    core.clock(core.now())
    finally(function()
      core.clock()
    end)
    assert.is_nil((one:token()))
    write("turn.key", read(sb.client_key))
    one:reset()
    assert.equal("good", assert(one:token()):value())
  end)

  describe("whose files are replaced", function()
    local second, one

    -- There is another pair by the same authority, whom no connection knows yet.
    before_each(function()
      second = folder .. "/second"
      helper.must(("mkdir -p %s && cd %s && openssl req -x509 -config openssl.cnf "
        .. "-extensions client -subj '/CN=second' -days 2 -newkey ec "
        .. "-pkeyopt ec_paramgen_curve:P-256 -nodes "
        .. "-CA ca.pem -CAkey ca.key -keyout %s/key -out %s/cert"):format(quote(second),
        quote((sb.ca_file:gsub("/[^/]*$", ""))), quote(second), quote(second)))
      core.clock(core.now())
      write("turn.pem", read(sb.client_cert))
      write("turn.key", read(sb.client_key))
    end)

    after_each(function()
      core.clock()
      one:close()
    end)

    local function each_time(given)
      one = login { cert = given(folder .. "/turn.pem"), key = given(folder .. "/turn.key") }
      assert(one:token())
      return function() -- how many connections are new; idle ones may die at any time
        local port, known, count = tonumber(sb.url:match ":(%d+)"), {}, 0
        for _, from in ipairs(helper.connections(port)) do
          known[from] = true
        end
        assert.equal("good", assert(one:refresh()):value())
        for _, from in ipairs(helper.connections(port)) do
          count = count + (known[from] and 0 or 1)
        end
        return count
      end
    end

    for how, given in pairs { path = function(path) return path end, reference = bearer.file } do
      it("is read anew, by " .. how .. ": a new pair has a connection of its own", function()
        local again = each_time(given)
        assert.equal(0, again())
        write("turn.pem", read(second .. "/cert"))
        write("turn.key", read(second .. "/key"))
        assert.equal(1, again())
        assert.equal(0, again())
      end)

      it("stays the last good one between two of them, by " .. how, function()
        local again = each_time(given)
        write("turn.pem", read(second .. "/cert"))
        assert.equal(0, again()) -- the key is not its
        write("turn.pem", "half a file")
        assert.equal(0, again())
        write("turn.pem", read(second .. "/cert"))
        write("turn.key", read(second .. "/key"))
        assert.equal(1, again())
      end)
    end

    it("stays the last good one while a file is gone, or half of it", function()
      local again = each_time(function(path) return path end)
      for _, name in ipairs { "turn.pem", "turn.key" } do
        local text = read(folder .. "/" .. name)
        os.remove(folder .. "/" .. name)
        assert.equal(0, again())
        write(name, text:sub(1, math.floor(#text / 2)))
        assert.equal(0, again())
        write(name, "")
        assert.equal(0, again())
        write(name, text)
      end
    end)

    it("is not another login's", function()
      each_time(function(path) return path end)
      write("turn.key", read(file["other.key"]))
      fails("tls", ": is not the key of `cert`", { cert = folder .. "/turn.pem",
        key = folder .. "/turn.key" })
    end)

    it("and then wrong is not told three times: that is not retried", function()
      local asked, cert, key = 0, folder .. "/turn.pem", folder .. "/turn.key"
      write("turn.key", read(file["other.key"]))
      for _, options in ipairs {
        { cert = cert, key = key }, { cert = bearer.file(cert), key = bearer.file(key) },
        { ca_file = write("turn.ca", "none") }, { ca_pem = bearer.file(folder .. "/turn.ca") },
        { ca_file = sb.client_key },
      } do
        options.ca_file = options.ca_file or not options.ca_pem and sb.ca_file or nil
        one = bearer.login({ name = "x", inputs = { n = {} }, login = { url = url, form = {
          n = "${n}",
        } } }, { n = function()
          asked = asked + 1
          return "n"
        end }, options)
        asked = 0
        local t, message, err = one:token()
        assert.is_nil(t)
        assert.same({ "tls", "transient" }, { err.code, err.class })
        assert.same({ 1, 0 }, { asked, sb:count "x" }, message)
      end
    end)
  end)

  it("in bearer.defaults serves all, and a login's own wins", function()
    bearer.defaults { ca_file = sb.ca_file, cert = read(sb.client_cert),
      key = bearer.file(file["pkcs8.key"]), key_password = phrase }
    succeeds {}
    assert.equal(200, assert(bearer.transport { url = url }).status)
    fails("tls", "`key_password` is another", { key_password = "wrong phrase" })
    fails("tls", "", { key = file["other.key"] })
    bearer.defaults { ca_file = sb.ca_file }
    fails("http_400", "", {}) -- the server wants one
  end)

  it("whose key wants a pass phrase never asks on the terminal", function()
    if helper.must("command -v script || true") == "" then
      return pending "no terminal is to be had"
    end
    local program = write("program.lua", ([[
      local bearer = require "bearer"
      for _, options in ipairs { { cert = %q, key = %q }, { cert = %q }, {
        cert = %q, key = %q, key_password = "wrong" } } do
        options.ca_file, options.retries, options.timeout = %q, 0, 5
        local t, message, err = bearer.login({ name = "x", inputs = {},
          login = { url = %q } }, {}, options):token()
        assert(t == nil)
        print(err.code)
      end
    ]]):format(sb.client_cert, file["old.key"], file["full.p12"], sb.client_cert,
      file["pkcs8.key"], sb.ca_file, url))
    if select(2, helper.run "script -qec true /dev/null") ~= 0 then
      return pending "is there: a terminal"
    end
    local text = helper.must("timeout 300 script -qec "
      .. quote(helper.command { helper.interpreter, program }) .. " /dev/null </dev/null")
    assert.equal("tls tls tls", (text:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")))
  end)
end)
