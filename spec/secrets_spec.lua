-- Secrets: where they come from, and where they must not be found.
local bearer = require "bearer"
local cjson = require "cjson"
local core = require "bearer.core"
local encode = require "spec.support.encode"
local helper = require "spec.support.helper"
local sandbox = require "spec.sandbox"
local secrets = require "spec.support.secrets"
local shop = require "spec.support.shop"

local quote = helper.quote

describe("secret references:", function()
  local folder

  before_each(function()
    folder = helper.folder()
  end)

  after_each(function()
    helper.must("rm -rf " .. quote(folder))
  end)

  local function write(name, text)
    local file = assert(io.open(folder .. "/" .. name, "wb"))
    file:write(text)
    file:close()
    return folder .. "/" .. name
  end

  local vault = {
    name = "shop", inputs = { user = {}, password = { secret = true } },
    login = { url = "https://shop.example/login", form = { p = "${password}" } },
  }

  -- A login whose bodies are noted and whose tokens live for ever.
  local function login(password, status)
    local sent = {}
    local l = bearer.login(vault, { user = "me", password = password }, {
      retries = 0,
      transport = function(request)
        sent[#sent + 1] = request.body
        return { status = status or 200, headers = {}, body = '{"access_token":"t"}' }
      end,
    })
    return l, sent
  end

  local function refused(password)
    local l, sent = login(password)
    local t, _, err = l:token()
    assert.is_nil(t)
    assert.equal("no_secret", err.code)
    assert.equal("terminal", err.class)
    assert.equal("shop", err.provider)
    assert.equal("login", err.step)
    assert.matches("password", err.description, 1, true)
    assert.same({}, sent)
    l:close()
    return err
  end

  it("an environment variable", function()
    local l, sent = login(bearer.env "HOME")
    assert(l:token())
    assert.equal("p=" .. os.getenv("HOME"):gsub("/", "%%2F"), sent[1])
  end)

  it("a file, without its last newline", function()
    local path = folder .. "/secret"
    for text, want in pairs {
      ["abc"] = "abc", ["abc\n"] = "abc", ["abc\r\n"] = "abc", ["abc\n\n"] = "abc%0A",
      ["a\nb\n"] = "a%0Ab", [" abc "] = "+abc+", ["a\0b\n"] = "a%00b",
    } do
      write("secret", text)
      local l, sent = login(bearer.file(path))
      assert(l:token())
      assert.equal("p=" .. want, sent[1])
    end
  end)

  it("a file that ends in a carriage return is not cut: that is no newline", function()
    for text, want in pairs { ["abc\r"] = "abc%0D", ["\r"] = "%0D", ["a\n\r"] = "a%0A%0D" } do
      local l, sent = login(bearer.file(write("secret", text)))
      assert(l:token())
      assert.equal("p=" .. want, sent[1])
    end
  end)

  it("read anew for each login", function()
    local path = write("secret", "first\n")
    local l, sent = login(bearer.file(path))
    assert(l:token())
    write("secret", "second\n")
    assert.equal(1, #sent)
    l:forget()
    assert(l:token())
    assert.same({ "p=first", "p=second" }, sent)
  end)

  it("a rotated one lifts the hold of a refused one at once", function()
    local path = write("secret", "old\n")
    local l, sent = login(bearer.file(path), 401)
    for _ = 1, 3 do
      assert.is_nil((l:token()))
    end
    assert.equal(1, #sent)
    write("secret", "new\n")
    assert.is_nil((l:token()))
    assert.same({ "p=old", "p=new" }, sent)
  end)

  it("that give nothing", function()
    local fifo, locked = folder .. "/fifo", write("locked", "locked-secret")
    helper.must("mkfifo " .. quote(fifo) .. "; chmod 0 " .. quote(locked))
    assert.matches("is not set", refused(bearer.env "BEARER_SPEC_NOT_SET").description)
    for path, why in pairs {
      [folder .. "/missing"] = "does not exist",
      [folder .. "/locked/below"] = "does not exist",
      [folder] = "is no regular file",
      [fifo] = "is no regular file",
      ["/dev/zero"] = "is no regular file",
      ["/dev/null"] = "is no regular file",
      [write("empty", "")] = "is empty",
      [write("line", "\n")] = "is empty",
      [write("dos", "\r\n")] = "is empty",
      [write("huge", ("x"):rep(1024 * 1024 + 1))] = "is larger than 1 MiB",
    } do
      local err = refused(bearer.file(path))
      assert.matches(why, err.description, 1, true)
      assert.matches(path, err.description, 1, true)
    end
    if tonumber((helper.must("id -u"))) ~= 0 then -- root may read everything
      assert.matches("may not be read", refused(bearer.file(locked)).description, 1, true)
    end
  end)

  it("a socket is no file", function()
    local socket = require "socket"
    local unix = pcall(require, "socket.unix") and require("socket.unix")
    if not unix or not socket then
      return pending("LuaSocket without Unix sockets")
    end
    local server = assert((unix.stream or unix)())
    assert(server:bind(folder .. "/socket"))
    assert.matches("is no regular file$", refused(bearer.file(folder .. "/socket")).description)
    server:close()
  end)

  it("functions that raise, and give nothing or nonsense", function()
    refused(function() end)
    refused(function() return {} end)
    refused(function() return print end)
    refused(function() return 0 / 0 end)
    refused(function() return "" end)
    secrets.assert_absent(refused(function() error {} end), { "table:" })
    secrets.assert_absent(refused(function() return { "hunter2" } end), { "hunter2" })
  end)

  it("functions that raise are told, with text and position", function()
    local err = refused(function() error("the vault is shut") end)
    assert.matches("^input 'password': its function raised an error: "
      .. "spec/secrets_spec%.lua:%d+: the vault is shut$", err.description)
    assert.matches("the vault is shut", err.message, 1, true)
    assert.matches("the vault is shut",
      refused(function() error("the vault is shut", 0) end).description, 1, true)
    assert.matches("attempt to call", refused(function() local f = {} f() end).description, 1, true)
  end)

  it("what a function raises is searched for the secrets that are known", function()
    local def = {
      name = "shop", inputs = { password = { secret = true }, code = { secret = true } },
      login = { url = "https://shop.example/", form = { p = "${password}", c = "${code}" } },
    }
    local l = bearer.login(def, { password = "hunter22", code = function()
      error("no code for hunter22")
    end })
    local t, _, err = l:token()
    assert.is_nil(t)
    assert.equal("no_secret", err.code)
    assert.matches("no code for ***", err.description, 1, true)
    secrets.assert_absent(err, { "hunter22" })
  end)

  it("say where they look, not what they found", function()
    local path = write("secret", "hunter2")
    assert.equal("file " .. path, tostring(bearer.file(path)))
    assert.equal("environment variable HOME", tostring(bearer.env "HOME"))
    assert.has_error(function() bearer.env() end)
    assert.has_error(function() bearer.env "" end)
    assert.has_error(function() bearer.file "a\0b" end)
    assert.has_error(function() bearer.file(folder .. "\0") end)
    assert.is_false(getmetatable(bearer.env "HOME"))
  end)

  it("show in nothing that is printed", function()
    local path = write("secret", "hunter2-hunter2")
    local l = login(bearer.file(path))
    local t = assert(l:token())
    local shown = { tostring(l), tostring(t), l:status(), l, t, bearer.provider(vault),
      tostring(bearer.provider(vault)) }
    secrets.assert_absent(shown, { "hunter2", "hunter2-hunter2" })
  end)
end)

-- Whatever a server says back in an error is of one login; which step it is in is no matter.
describe("what a server says back", function()
  local url = "https://shop.example/"
  local long = ("p/+=\"w~"):rep(60)
  local known = {
    password = 'p/s+w d"1~', key = "k3y/+from a file", token = "tok/en+living",
    kept = "k3pt+value/1",
    refresh_token = "r3fr/esh+token", long = long,
  }
  local path

  before_each(function()
    path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write(known.key, "\n")
    file:close()
    core.clock(1000, 1700000000)
  end)

  after_each(function()
    os.remove(path)
    core.clock()
  end)

  local function said(texts, echo)
    local all = {}
    for _, text in pairs(texts) do
      all[#all + 1] = encode.echoes[echo](text)
    end
    return all
  end

  -- All that the login knows, and what Basic makes of it.
  local function everything()
    local all = {}
    for _, secret in pairs(known) do
      all[#all + 1] = secret
    end
    all[#all + 1] = "me:" .. known.password
    all[#all + 1] = "me:" .. known.key
    return all
  end

  -- A login of which each request after the first two is answered by `play(kind, text)`.
  local function new(play, echo, options)
    local count = 0
    local all = { retries = 0, transport = function(request)
      count = count + 1
      local kind = request.url:match "[^/]+$"
      if kind == "login" and count == 1 then
        return { status = 200, headers = {}, body = cjson.encode {
          access_token = known.token, refresh_token = known.refresh_token, expires_in = 300,
          kept = known.kept,
        } }
      end
      return play(kind, table.concat(said(everything(), echo), " | "))
    end }
    for name, value in pairs(options or {}) do
      all[name] = value
    end
    local login = bearer.login({
      name = "shop", base_url = url, inputs = {
        password = { secret = true }, key = { secret = true },
        long = { secret = true },
      },
      login = { url = url .. "login", basic = { "me", "${password}" },
        form = { key = "${key}", long = "${long}" }, keep = { kept = "kept" } },
      token = { value = "access_token" }, -- and the others by their usual names
      refresh = { url = url .. "refresh", form = { r = "${refresh_token}" } },
      logout = { url = url .. "logout", basic = { "me", "${key}" }, form = { t = "${token}" } },
    }, { password = known.password, key = bearer.file(path), long = long }, all)
    assert(login:token())
    return login
  end

  local function refusal(text)
    return { status = 401, headers = {}, body = cjson.encode {
      error = "invalid_grant", error_description = text, list = { text },
    } }
  end

  local function check(echo, step, result, message, err)
    assert.is_nil(result)
    assert.equal(step, err.step)
    assert.truthy(err.description:find "%*%*%*")
    secrets.assert_absent({ message, err }, said(everything(), echo))
  end

  for echo in pairs(encode.echoes) do
    it("in the login after a failed refresh does not show the living token: " .. echo, function()
      local login = new(function(_, text)
        return refusal(text)
      end, echo)
      core.clock(1200, 1700000200)
      check(echo, "login", login:refresh())
    end)

    it("in a refresh does not show the password: " .. echo, function()
      local login = new(function(kind, text)
        return kind == "refresh" and { status = 500, headers = {}, body = cjson.encode {
          error = "oops", error_description = text } } or refusal(text)
      end, echo)
      local _, _, err = login:refresh()
      secrets.assert_absent({ err, login:status().last_error }, said(everything(), echo))
    end)

    it("in a logout does not show the password: " .. echo, function()
      check(echo, "logout", new(function(_, text)
        return refusal(text)
      end, echo):logout())
    end)

    it("in a call does not show the password: " .. echo, function()
      check(echo, "request", new(function(_, text)
        error(text, 0)
      end, echo):request { url = "/api" })
      check(echo, "request", new(function(_, text)
        return nil, text
      end, echo):request { url = "/api" })
      check(echo, "request", new(function(_, text)
        return setmetatable({}, { __index = function()
          error(text, 0)
        end })
      end, echo):request { url = "/api" })
    end)
  end

  it("does not show as Basic had it, in a call, where functions made that", function()
    for auth, pair in pairs {
      [""] = "my+id:s%2Fcr+t", basic_raw = "my id:s/cr t", basic = "my+id:s%2Fcr+t",
    } do
      local login = bearer.login("oauth2_client_credentials", {
        token_url = url .. "token", client_id = "my id", client_secret = "s/cr t",
        auth = auth ~= "" and auth or nil,
      }, { transport = function(request)
        if request.url:find "token" then
          assert.equal("Basic " .. encode.base64(pair), request.headers.Authorization)
          return { status = 200, headers = {}, body = '{"access_token":"t1-value"}' }
        end
        error("sent " .. encode.base64(pair), 0)
      end })
      local _, _, err = login:request { url = url .. "api" }
      assert.equal("sent ***", err.description)
    end
  end)

  it("does not show in the keys of an answer without a token", function()
    local answers = {
      '{"access_token":"t0k3n-living","refresh_token":"r3fr3sh-living","expires_in":300}',
      '{"error":"invalid_grant"}', '{"t0k3n-living":1,"p4ssw0rd":{"r3fr3sh-living":2}}',
    }
    local login = bearer.login({
      name = "shop", inputs = { password = { secret = true } },
      login = { url = url .. "login", form = { p = "${password}" } },
      refresh = { url = url .. "refresh", form = { r = "${refresh_token}" } },
    }, { password = "p4ssw0rd" }, { retries = 0, transport = function()
      return { status = 200, headers = {}, body = table.remove(answers, 1) }
    end })
    assert(login:token())
    local _, message, err = login:refresh()
    assert.matches("it has: %*%*%*", err.description)
    secrets.assert_absent({ message, err }, { "t0k3n", "p4ssw0rd", "r3fr3sh" })
  end)

  it("does not show the login's address, where that has a secret in it", function()
    local login = bearer.login({
      name = "shop", base_url = "https://shop.example", inputs = { key = { secret = true } },
      login = { url = url .. "seg/${key}/login" },
      authorize = { headers = { ["X-From"] = "${login_url}" } },
    }, { key = function() return "given once" end }, { transport = function(request)
      if request.url:find "login" then
        return { status = 200, headers = {}, body = '{"access_token":"t1-value"}' }
      end
      error("from " .. request.headers["X-From"], 0)
    end })
    local _, message, err = login:request { url = "/api" }
    assert.equal("from ***", err.description)
    secrets.assert_absent({ message, err }, { "given once", "given%20once", "t1-value" })
  end)

  it("is shown where it is an origin that an answer gave: that is no secret", function()
    local login = bearer.login({
      name = "shop", base_url = "${api}", inputs = {},
      login = { url = url .. "login", keep = { api = "api", id = "id" } },
    }, {}, { transport = function(request)
      if request.url:find "login" then
        return { status = 200, headers = {}, body = cjson.encode {
          access_token = "t1-value", api = "https://eu7.shop.example", id = "s3ssion" } }
      end
      error("no way to " .. request.url .. " in s3ssion", 0)
    end })
    local _, _, err = login:request { url = "/a" }
    assert.equal("GET https://eu7.shop.example/a", err.request)
    assert.equal("no way to https://eu7.shop.example/a in ***", err.description)
  end)

  it("does not show in what on_event raises, and bearer.warn is told", function()
    local told, warn = nil, bearer.warn
    bearer.warn = function(text)
      told = text
    end
    finally(function()
      bearer.warn = warn
    end)
    local function raise(event)
      if event.event == "refresh" then
        error("saw " .. table.concat(everything(), " | "))
      end
    end
    local login = new(function()
      return { status = 200, headers = {}, body = '{"access_token":"another"}' }
    end, "as it is", { on_event = raise })
    assert(login:refresh())
    assert.matches("^bearer: on_event: spec/secrets_spec%.lua:%d+: saw .*%*%*%*", told)
    local replaced = known.token -- and masked no more
    known.token = nil
    secrets.assert_absent({ told }, everything())
    known.token = replaced
  end)

  it("does not show in the error that a transport gets of `send`", function()
    local seen
    local login = bearer.login({
      name = "shop", inputs = { key = { secret = true } },
      login = { url = "http://127.0.0.1:1/seg/${key}/login" },
    }, { key = "h1dden-key" }, { retries = 0, transport = function(request, send)
      local answer, message, err = send(request)
      seen = { message, err }
      return answer, message, err
    end })
    local _, message, err = login:token()
    assert.equal("POST http://127.0.0.1:1/seg/***/login", seen[2].request)
    assert.equal(seen[2].request, err.request)
    secrets.assert_absent({ seen, message, err }, { "h1dden-key" })
  end)
end)

describe("memory", function()
  local sb, folder, scanner

  setup(function()
    sb, folder, scanner = sandbox.start(), helper.folder(), helper.build("scan")
    helper.must(([[cd %s
random() { head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }
random >secret; echo >>secret
random >key
{ printf me:; head -c 48 secret; } | base64 -w0 >base64
{ printf 'k='; cat key; } >percent]]):format(quote(folder)))
  end)

  teardown(function()
    helper.must("rm -rf " .. quote(folder))
    sb:stop()
  end)

  local function counts_of(text)
    local counts, title = {}, nil
    for line in text:gmatch("[^\n]+") do
      if line:find("^%d+$") then
        table.insert(counts[title], tonumber(line))
      else
        title = line
        counts[title] = {}
      end
    end
    return counts
  end

  local function resident() -- MiB
    local file = assert(io.open "/proc/self/statm")
    local pages = tonumber(file:read("*a"):match("^%d+ (%d+)"))
    file:close()
    return pages * 4096 / 1024 ^ 2
  end

  -- The sanitizers keep what is freed for a while; they see by themselves what is lost.
  local measured = (os.getenv "SUITE_CHILD" or os.getenv "LD_PRELOAD") and pending or it

  measured("does not lose the user of Basic when the password is no text", function()
    local user = ("u"):rep(1024 * 1024)
    local function nothing() return {} end
    local login = shop.login({
      inputs = { user = {} },
      login = { url = "https://shop.example/", basic = { "${user}", nothing } },
    }, { user = user })
    local function fail()
      for _ = 1, 64 do
        assert.is_nil((login:token()))
        login:reset()
        collectgarbage()
      end
    end
    fail() -- what the allocator keeps is there from now on
    local before = resident()
    fail()
    assert.is_true(resident() - before < 32, "64 MiB are lost")
  end)

  it("holds no secret when the login is closed, collected, or has failed", function()
    local answer = { body = '{"access_token":"t","refresh_token":"r","expires_in":3600}' }
    local answers = { answer, answer, answer, answer, answer, answer, answer }
    answers[8] = { body = "{}", delay = 5 }
    local url = sb:script("memory", answers)
    local text, status = helper.run(("%s spec/support/memory.lua %s %s %s %s"):format(
      helper.interpreter, scanner, url, sb.ca_file, quote(folder)))
    assert.equal(0, status, text)
    local counts = counts_of(text)
    if #counts.before == 0 then
      return pending("this user may not look into a process of its own")
    end
    local none = { 0, 0, 0, 0 }
    assert.same(none, counts.before)
    assert.equal(0, counts.open[1], "the password is of use for the login alone")
    assert.is_true(counts.open[2] > 0, "the search finds nothing")
    assert.same(none, counts.closed)
    assert.same(none, counts.collected)
    assert.same(none, counts.failed)
  end)
end)
