-- What is compiled against the headers of libcurl 7.68, and by the same libcurl otherwise.
local helper = require "spec.support.helper"
local sandbox = require "spec.sandbox"

if helper.interpreter:match "[^/]*$" ~= "lua5.4" or os.getenv "SUITE_CHILD"
  or os.getenv "LD_PRELOAD" then
  return -- one Lua will do
end

describe("a libcurl older than 7.71", function()
  local sb, other

  setup(function()
    helper.must "env -u MAKEFLAGS -u MFLAGS make -s older-curls OLDER_CURLS=0x074400"
    sb, other = sandbox.start(), sandbox.start()
  end)

  teardown(function()
    sb:stop()
    other:stop()
  end)

  local script = [[
    local bearer = require "bearer"
    local url = ...
    local function read(path)
      return assert(io.open(path)):read "a"
    end
    local function login(options)
      options.retries = 0
      return bearer.login({ name = "x", inputs = {}, login = { url = url } }, {}, options)
    end
  ]]

  local function play(more, ...)
    local file = os.tmpname()
    local out = assert(io.open(file, "w"))
    out:write(script, more)
    out:close()
    finally(function()
      os.remove(file)
    end)
    return helper.must('LUA_CPATH="build/curl-0x074400/?.so;$LUA_CPATH" '
      .. helper.command { "lua5.4", file, ... })
  end

  it("trusts a ca_file, a ca_pem, and none of them for another's server", function()
    local url = sb:script("x", { body = '{"access_token":"good"}' })
    assert.equal("good\ngood\ntls\ngood\ntls\n", play([[
      local _, right, wrong = ...
      for _, options in ipairs { { ca_file = right }, { ca_pem = read(right) }, { ca_file = wrong },
        { ca_file = right }, { ca_pem = read(wrong) } } do
        local t, _, err = login(options):token()
        print(t and t:value() or err.code)
      end
    ]], url, sb.ca_file, other.ca_file))
  end)

  it("says that it has no client certificates, when the login is made", function()
    assert.matches("options.cert: client certificates need libcurl 7.71", play([[
      local _, path = ...
      print(select(2, pcall(login, { cert = path })))
    ]], sb.url, sb.ca_file), 1, true)
  end)
end)
