-- Secrets: where they come from, and where they must not be found.
local bearer = require "bearer"
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
    if not os.getenv "SUITE_CHILD" then -- ASan's frames leave holes in the caller's stack
      assert.same(none, counts.failed)
    end
  end)
end)
