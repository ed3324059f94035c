-- What `make sandbox` prints is pasted into a shell.
local console = require "spec.sandbox.console"
local helper = require "spec.support.helper"
local sandbox = require "spec.sandbox"

describe("what the sandbox prints to paste", function()
  local sb, scripts

  setup(function()
    sb = sandbox.start()
    scripts = {}
    for script in console.text(sb):gmatch "LUA_PATH=.-\nEND" do
      scripts[#scripts + 1] = script
    end
  end)

  teardown(function()
    sb:stop()
  end)

  -- A shell in another folder, that knows nothing of this clone.
  local function paste(script)
    return helper.must("cd / && unset LUA_PATH LUA_CPATH && " .. script .. "\n")
  end

  it("is a whole script for each way to log in", function()
    local count = 0
    for _ in pairs(sb.credentials) do
      count = count + 1
    end
    assert.equal(count, #scripts)
  end)

  it("logs in and calls, though nothing is installed", function()
    for _, script in ipairs(scripts) do
      assert.matches("\n200\t", paste(script))
    end
    assert.equal(1, sb:count("hubsoft", "logins"))
    assert.equal(2, sb:count("crm_com", "logins"))
  end)

  it("is fit for a clone whose path has spaces and quotes", function()
    local odd = setmetatable({ process = { root = "/it's a \"clone\"" } }, { __index = sb })
    local line = console.text(odd):match "LUA_PATH=(.-) \\\n"
    assert.equal("/it's a \"clone\"/lua/?.lua;/it's a \"clone\"/lua/?/init.lua;;",
      (helper.must("printf %s " .. line)))
  end)
end)
