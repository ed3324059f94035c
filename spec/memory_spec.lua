-- Memory that runs out at any moment gives a Lua error, no crash, no leak; and when there is
-- memory again, the library works.
local helper = require "spec.support.helper"

local body = [[
local bearer = require "bearer"
local answer = {
  status = 200, headers = { date = "Sun, 06 Nov 1994 08:49:37 GMT", ["retry-after"] = "5" },
  body = '{"access_token":"t","refresh_token":"r","expires_in":3600,"scope":"a b",' ..
    '"api":"https://h/"}',
}
local refusal = {
  status = 400, headers = {}, body = '{"error":"invalid_grant","error_description":"hunter2?"}',
}
local function login(given)
  return bearer.login({
    name = "shop", inputs = { user = {}, password = { secret = true }, n = { optional = true } },
    login = {
      url = "https://h/x", query = { a = "${n}" }, headers = { ["X-A"] = "${user}" },
      basic = { "${user}", "${password}" }, keep = { api = "api" },
      json = { p = "${password}", n = "${n}", l = { "${user}", true },
        f = function(v, f) return f.hex(f.sha256(v.password)) end },
    },
    refresh = { url = "${api}x", form = { r = "${refresh_token}", u = "${uuid}" } },
  }, { user = "me", password = "hunter2", n = 7 }, {
    transport = function() return given end, retries = 0,
  })
end
local l = login(answer)
local name, value = l:header()
local ok = name == "Authorization" and value == "Bearer t" and l:refresh()
ok = ok and l:request { url = "https://h/y", json = { 1, 2 } }.status == 200
l:close()
l = login(refusal)
local token, _, err = l:token()
ok = ok and not token and err.code == "invalid_grant" and tostring(err):find("***?", 1, true)
l:close()
if not ok then error("wrong") end
]]

describe("memory that runs out", function()
  local program

  setup(function()
    program = helper.build_host "oom"
  end)

  local function survives(first, stride, prelude)
    -- LuaJIT's compiler itself crashes when memory runs out, with any script; and its FFI, when
    -- that happens while it loads.
    prelude = 'if jit then jit.off() require "ffi" end ' .. prelude
    local text = helper.must(helper.command { program, first, stride, prelude, body })
    assert.is_true(tonumber(text:match("(%d+) failures survived")) > 50, text)
  end

  -- cjson leaks when memory runs out while it loads: it is there before.
  it("while the library loads", function()
    survives(1, 61, 'require "cjson"')
  end)

  it("while it logs in, refreshes, calls and fails", function()
    survives(1, 7, 'require "cjson" require "bearer" return true')
  end)
end)
