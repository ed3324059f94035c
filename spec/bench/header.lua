--- What login:header() costs while the token is fresh, beside an empty C function and a C
-- closure that returns an anchored string. The three take turns; the median counts. Run it
-- pinned to one core: `taskset -c 0`, as `make bench` does.
local baseline = require "baseline"
local bearer = require "bearer"

local rounds, calls = 41, 500000

local login = bearer.login({
  name = "bench", inputs = {}, login = { url = "https://localhost/token", form = {} },
}, {}, {
  transport = function()
    return { status = 200, headers = {}, body = '{"access_token":"secret","expires_in":86400}' }
  end,
})
assert(login:header())

local contestants = {
  { "empty C function", function(n)
    local f = baseline.empty
    for _ = 1, n do
      f()
    end
  end },
  { "C closure, anchored string", function(n)
    local f = baseline.anchored
    for _ = 1, n do
      f()
    end
  end },
  { "login:header()", function(n)
    local l = login
    for _ = 1, n do
      l:header()
    end
  end },
}

local function loop(n)
  for _ = 1, n do end -- luacheck: ignore
end

local function time(f)
  local began = os.clock()
  f(calls)
  return (os.clock() - began) / calls * 1e9
end

local function median(list)
  table.sort(list)
  return list[math.ceil(#list / 2)]
end

local samples = {}
for round = 1, rounds do
  for _, contestant in ipairs(contestants) do
    local name = contestant[1]
    samples[name] = samples[name] or {}
    samples[name][round] = time(contestant[2]) - time(loop)
  end
end

print(("%s, ns per call (median of %d rounds of %d)"):format(jit and jit.version or _VERSION,
  rounds, calls))
local unit = { median(samples[contestants[1][1]]), median(samples[contestants[2][1]]) }
for _, contestant in ipairs(contestants) do
  local ns = median(samples[contestant[1]])
  print(("  %-28s %6.1f   %5.2f x empty   %5.2f x closure"):format(contestant[1], ns,
    ns / unit[1], ns / unit[2]))
end

local function million()
  for _ = 1, 1000000 do
    login:header()
  end
end
million() -- so that LuaJIT has compiled it
collectgarbage()
collectgarbage "stop"
local before = collectgarbage "count"
million()
local bytes = (collectgarbage "count" - before) * 1024
print(("  %.1f bytes allocated in a million calls"):format(bytes))
