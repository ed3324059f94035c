-- login:header() while the token is fresh: nothing is asked, nothing is allocated.
local rehearsal = require "spec.support.rehearsal"
local core = require "bearer.core"

local calls = (os.getenv "LD_PRELOAD" or ""):find "vgpreload" and 50000 or 1000000

describe("login:header()", function()
  local r, login

  before_each(function()
    r = rehearsal.new()
    core.clock() -- the true one: a frozen clock is looked at each time
    r:play(r.token { lifetime = 86400 })
    login = r:login()
  end)

  after_each(function()
    r:stop()
  end)

  local function call(times)
    for _ = 1, times do
      login:header()
    end
  end

  local function bytes_allocated()
    collectgarbage()
    collectgarbage "stop"
    local before = collectgarbage "count"
    call(calls)
    local after = collectgarbage "count"
    collectgarbage "restart"
    return (after - before) * 1024
  end

  it("allocates nothing in a million calls", function()
    call(calls) -- the login; and LuaJIT has compiled the loop
    local least = math.huge
    for _ = 1, 3 do -- what LuaJIT compiles meanwhile is no garbage of ours
      least = math.min(least, bytes_allocated())
    end
    assert.equal(0, least)
    assert.equal(1, r:count())
  end)

  it("gives the same texts each time, and new ones after a renewal", function()
    local name, value = login:header()
    for _ = 1, 1000 do
      local other, text = login:header()
      assert.is_true(name == other and value == text)
    end
    assert.same({ "Authorization", "Bearer token-1" }, { name, value })
    assert(login:refresh())
    assert.equal("Bearer token-2", select(2, login:header()))
    login:forget()
    assert.equal("Bearer token-3", select(2, login:header()))
    assert.equal(3, r:count())
    login:close()
    assert.equal("closed", select(3, login:header()).code)
  end)
end)
