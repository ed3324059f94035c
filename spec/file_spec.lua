-- bearer.file and bearer.env: secrets that are read when they are sent.
local bearer = require "bearer"
local helper = require "spec.support.helper"
local secrets = require "spec.support.secrets"
local shop = require "spec.support.shop"

local quote = helper.quote

describe("bearer.file,", function()
  local folder

  setup(function()
    folder = helper.folder()
  end)

  teardown(function()
    helper.must("rm -rf " .. quote(folder))
  end)

  local function write(name, text)
    return helper.write(folder .. "/" .. name, text)
  end

  local definition = { password = { secret = true } }

  local function ask(reference)
    local login, sent = shop.login({
      inputs = definition, login = { url = "https://shop.example/", body = "${password}",
        content_type = "text/plain" },
    }, { password = reference })
    local t, message, err = login:token()
    login:close()
    return t and sent[1].body, message, err
  end

  local function refused(reference, why)
    local body, message, err = ask(reference)
    assert.is_nil(body)
    assert.same({ "no_secret", "terminal" }, { err.code, err.class }, message)
    assert.equal("input 'password': " .. why, err.description)
    return err
  end

  describe("one field of a JSON file:", function()
    local function field(text, name)
      return bearer.file(write("x.json", text), { json = name or "key" })
    end

    for text, value in pairs {
      ['{"key":"s3cret"}'] = "s3cret", ['{"other":1,"key":"s3cret"}\n'] = "s3cret",
      ['\n {\n "key" : "s3cret" }\r\n'] = "s3cret",
      ['{"key":"a\\nb\\u00e9\\"\\\\\\/"}'] = 'a\nbé"\\/',
      ['{"key":"line\\n"}'] = "line\n", ['{"key":"a\\u0000b"}'] = "a\0b",
      ['\239\187\191{"key":"behind a byte order mark"}'] = "behind a byte order mark",
    } do
      it(("%q"):format(text), function()
        assert.equal(value, ask(field(text)))
      end)
    end

    it("its name is meant literally: it is no path", function()
      local text = '{"a.b":"dotted","a":{"b":"nested"},"a[1]":"list","":"none"}'
      assert.equal("dotted", ask(field(text, "a.b")))
      assert.equal("list", ask(field(text, "a[1]")))
      refused(field('{"a":{"b":"nested"}}', "a.b"), "file " .. folder
        .. "/x.json has no such field that is a text")
    end)

    it("that is not there, or no text", function()
      for _, text in ipairs {
        "{}", '{"keys":"hunter2"}', '{"key":null}', '{"key":12345}', '{"key":true}',
        '{"key":["hunter2"]}', '{"key":{"a":"hunter2"}}', '["hunter2"]',
      } do
        local err = refused(field(text), "file " .. folder
          .. "/x.json has no such field that is a text")
        secrets.assert_absent(err, { "hunter2", "12345" })
      end
    end)

    it("that is empty", function()
      refused(field '{"key":""}', "file " .. folder .. "/x.json is empty")
    end)

    it("of what is no JSON object", function()
      for _, text in ipairs {
        "hunter2", '"hunter2"', '{"key":"hunter2"', '{"key":"hunter2"}}', "12", "null", "{key:1}",
        ("["):rep(5000), "", "\n",
      } do
        local err = refused(field(text), "file " .. folder .. "/x.json is no JSON object")
        secrets.assert_absent(err, { "hunter2" })
      end
    end)

    it("of a file that is not there, or a folder", function()
      refused(bearer.file(folder .. "/none", { json = "key" }), "file " .. folder
        .. "/none does not exist")
      refused(bearer.file(folder, { json = "key" }), "file " .. folder .. " is no regular file")
    end)

    it("is read anew for each login", function()
      local login, sent = shop.login({
        inputs = definition, login = { url = "https://shop.example/", form = {
          p = "${password}",
        } },
      }, { password = field '{"key":"first"}' })
      assert(login:token())
      field '{"key":"second"}'
      assert(login:refresh())
      assert.same({ "p=first", "p=second" }, { sent[1].body, sent[2].body })
    end)

    it("does not show in tostring", function()
      assert.equal("file " .. folder .. "/x.json", tostring(field '{"key":"hunter2"}'))
    end)

    it("without a field, it is the whole file", function()
      write("x.json", '{"key":"s3cret"}\n')
      assert.equal('{"key":"s3cret"}', ask(bearer.file(folder .. "/x.json")))
      assert.equal('{"key":"s3cret"}', ask(bearer.file(folder .. "/x.json", {})))
      assert.equal('{"key":"s3cret"}', ask(bearer.file(folder .. "/x.json", nil)))
    end)
  end)

  describe("a relative path", function()
    local program

    setup(function()
      helper.must(("mkdir -p %s/credentials/sub %s/here/sub"):format(quote(folder), quote(folder)))
      write("credentials/both", "of systemd\n")
      write("here/both", "of the working directory\n")
      write("here/only", "of the working directory\n")
      write("credentials/sub/deep", "deep\n")
      write("credentials/x.json", '{"key":"a field"}')
      write("credentials/empty", "")
      write("here/empty", "of the working directory\n")
      program = write("program.lua", [[
        local bearer = require "bearer"
        local given = arg[2] and bearer.file(arg[1], { json = arg[2] }) or bearer.file(arg[1])
        local login = bearer.login({ name = "x", inputs = { p = { secret = true } },
          login = { url = "https://x.example/", body = "${p}", content_type = "text/plain" } },
          { p = given }, { transport = function(request)
            io.write(request.body)
            return { status = 200, body = '{"access_token":"t"}' }
          end })
        local t, _, err = login:token()
        if not t then io.write(err.description) end
      ]])
    end)

    local function run(credentials, ...)
      local words = { helper.interpreter, program, ... }
      local tree = helper.must "pwd":gsub("%s+$", "")
      local paths = {}
      for name, value in pairs { LUA_PATH = os.getenv "LUA_PATH" or "",
        LUA_CPATH = os.getenv "LUA_CPATH" or "" } do
        paths[#paths + 1] = name .. "=" .. quote((value:gsub("%./", tree .. "/")))
      end
      return helper.must(("cd %s/here && env %s %s %s"):format(quote(folder),
        credentials and "CREDENTIALS_DIRECTORY=" .. quote(credentials) or
        "-u CREDENTIALS_DIRECTORY", table.concat(paths, " "), helper.command(words)))
    end

    it("is looked for where systemd has put it first, then in the working directory", function()
      local there = folder .. "/credentials"
      assert.equal("of systemd", run(there, "both"))
      assert.equal("of the working directory", run(there, "only"))
      assert.equal("deep", run(there, "sub/deep"))
      assert.equal("a field", run(there, "x.json", "key"))
      assert.equal("input 'p': file none does not exist", run(there, "none"))
    end)

    it("without such a folder is one of the working directory", function()
      assert.equal("of the working directory", run(nil, "both"))
      assert.equal("of the working directory", run("", "both"))
      assert.equal("of the working directory", run("/none/such", "both"))
      assert.equal("of the working directory", run(folder .. "/here/only", "both")) -- it is a file
      assert.equal("input 'p': file none does not exist", run("", "none"))
    end)

    it("whose file is there and not fit says so: nothing else takes its place", function()
      local there = folder .. "/credentials"
      assert.equal("input 'p': file empty is empty", run(there, "empty"))
      assert.equal("input 'p': file sub is no regular file", run(there, "sub"))
    end)

    it("that is absolute is just that", function()
      assert.equal("of the working directory", run(folder .. "/credentials",
        folder .. "/here/both"))
    end)

    it("where the folder's name is set to the root's, an empty one, reads nothing of it", function()
      assert.equal("input 'p': file etc/passwd does not exist", run("", "etc/passwd"))
    end)
  end)

  it("PKCS#12, whose last byte may be a newline, is not cut", function()
    local der = "\48\130\1\2" .. ("x"):rep(257) .. "\n"
    assert.equal(der, ask(bearer.file(write("der", der))))
    assert.equal(der, ask(bearer.file(write("der", der .. "\n"))))
    for _, text in ipairs { "0", "0x", "01234567890", "0\130x", "0\200" } do
      assert.equal(text, ask(bearer.file(write("text", text .. "\n"))))
    end
  end)

  it("and bearer.env raise on wrong arguments, where the caller stands", function()
    for message, wrong in pairs {
      ["file: a text expected, got no value"] = function() local _ = bearer.file() end,
      ["file: a text expected, got number"] = function() local _ = bearer.file(3) end,
      ["file: a text expected, got bearer.secret"] = function()
        local _ = bearer.file(bearer.env "X")
      end,
      ["env: a text expected, got table"] = function() local _ = bearer.env {} end,
      ["env: a text expected, got no value"] = function() local _ = bearer.env() end,
      ["env: a name without NUL expected"] = function() local _ = bearer.env "a\0b" end,
      ["file: a name without NUL expected"] = function() local _ = bearer.file "" end,
      ["file: a table expected, got string"] = function() local _ = bearer.file("x", "key") end,
      ["file: unknown option 'jsno'; did you mean 'json'?"] = function()
        local _ = bearer.file("x", { jsno = "key" })
      end,
      ["file: unknown option '1'"] = function() local _ = bearer.file("x", { "key" }) end,
      ["file.json: the name of a field expected"] = function()
        local _ = bearer.file("x", { json = 3 })
      end,
    } do
      local ok, err = pcall(wrong)
      assert.is_false(ok)
      assert.truthy(err:find("file_spec.lua:%d+: "), err)
      assert.truthy(err:find(message, 1, true), err)
    end
    for _, odd in ipairs { "", "a\0b", {}, true } do
      assert.has_error(function()
        bearer.file("x", { json = odd })
      end)
    end
  end)

  it("bearer.env is the variable as it is", function()
    assert.equal(os.getenv "PATH", ask(bearer.env "PATH"))
    assert.equal("environment variable PATH", tostring(bearer.env "PATH"))
    refused(bearer.env "BEARER_NONE_SUCH", "environment variable BEARER_NONE_SUCH is not set")
  end)
end)
