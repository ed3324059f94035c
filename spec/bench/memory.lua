--- What a login takes in memory, and what it takes with its token: the growth of all memory in
-- use, Lua's and C's, over many of them, after full collections. All texts are in it, each login
-- has its own: five inputs, and a token of 40 bytes.
local bench = require "spec.support.bench"
local bearer = require "bearer"
local gauge = require "gauge"

local count, target = 20000, 2048

-- Lua's own memory comes from malloc on most Luas, on LuaJIT from elsewhere.
local function counted_twice()
  local before = gauge.heap()
  local text = ("x"):rep(10000000) -- it may collect meanwhile
  return gauge.heap() - before >= 0.9 * #text
end

local lua_is_in_heap = counted_twice()

local function in_use()
  for _ = 1, 3 do -- finalizers, then what they held
    collectgarbage()
  end
  return gauge.heap() + (lua_is_in_heap and 0 or collectgarbage "count" * 1024)
end

local bought = 0

local function token_of(n)
  return ("%040d"):format(n)
end

local options = {
  transport = function()
    bought = bought + 1
    return {
      status = 200, headers = { ["content-type"] = "application/json" },
      body = ('{"access_token":"%s","token_type":"Bearer","expires_in":86400}')
        :format(token_of(bought)),
    }
  end,
}

local provider = bearer.provider "hubsoft"

local function new(n)
  return bearer.login(provider, {
    host = ("erp%05d.example.com"):format(n), client_id = ("%d"):format(n),
    client_secret = ("secret-%033d"):format(n), username = ("user%05d@example.com"):format(n),
    password = ("password-%05d"):format(n),
  }, options)
end

local function make(logins)
  for i = 1, #logins do
    logins[i] = new(i)
  end
end

local function buy(logins)
  for i = 1, #logins do
    assert(logins[i]:token())
  end
end

local function look(logins)
  for i = 1, #logins do
    local name, value = logins[i]:header()
    assert(name == "Authorization" and value == "Bearer " .. token_of(i))
  end
end

local function places(n)
  local list = {}
  for i = 1, n do
    list[i] = false
  end
  return list
end

-- Whatever happens once only.
local few = places(100)
make(few)
buy(few)
look(few)
few, bought = nil, 0 -- luacheck: ignore

local logins = places(count)
local empty = in_use()

local function line(title)
  local bytes = (in_use() - empty) / count
  print(("  %-32s %6.0f   %5.2f x %d"):format(title, bytes, bytes / target, target))
end

print(("%s, bytes a login, over %d of them (at most %d)"):format(bench.host, count, target))
make(logins)
line "a login"
buy(logins)
line "with its token"
look(logins)
line "asked for its header"
assert(bought == count and #logins == count)
