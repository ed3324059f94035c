--- What the first login of a process costs the thread that asks for it: its CPU time in the call
-- that begins it, over TLS; before that in `require "bearer"` and bearer.login(), after it in the
-- longest poll. Each sample is a process of its own. The system's authorities do not
-- know the sandbox: that login has to fail, and looks for them all the same.
local bench = require "spec.support.bench"

local processes = 20

local function child(url, ca_file)
  local gauge, socket = require "gauge", require "socket"
  local figures = {}

  local function time(f, ...)
    local began = gauge.thread_cpu()
    local result = f(...)
    figures[#figures + 1] = (gauge.thread_cpu() - began) * 1000
    return result
  end

  local bearer = time(require, "bearer")
  bearer.use "manual"
  local login = time(bearer.login, { name = "bench", inputs = {}, login = { url = url } }, {}, {
    ca_file = ca_file, retries = 0,
  })
  time(bearer.prewarm, login)
  local longest = 0
  while time(bearer.poll) > 0 do
    longest = math.max(longest, table.remove(figures))
    socket.sleep(0.0005)
  end
  figures[#figures] = math.max(longest, figures[#figures])
  if ca_file then
    local _, value = login:header()
    assert(value == "Bearer good", "no token")
  else
    assert(login:status().last_error.code == "tls", "nobody should trust the sandbox")
  end
  print(table.concat(figures, " "))
end

if arg[1] then
  return child(arg[1], arg[2])
end

local columns = { 'require "bearer"', "bearer.login()", "bearer.prewarm()", "longest poll" }
local sb = require("spec.sandbox").start()
local url = sb:script("x", { body = '{"access_token":"good"}' })

-- The columns' lists.
local function sample(...)
  local lists = {}
  for i = 1, processes do
    for column, ms in ipairs(bench.child(...)) do
      lists[column] = lists[column] or {}
      lists[column][i] = ms
    end
  end
  assert(#lists == #columns)
  return lists
end

local function show(title, lists)
  for column, list in ipairs(lists) do
    local median, worst = bench.median(list)
    print(("  %-22s %-18s median %6.2f   worst %6.2f%s"):format(title, columns[column], median,
      worst, columns[column] == "bearer.prewarm()" and "   (at most 0.50)" or ""))
  end
end

local ok, message = pcall(function()
  print(("%s, ms of CPU of the calling thread, first login of a process (%d processes)")
    :format(bench.host, processes))
  show("ca_file", sample(url, sb.ca_file))
  show("system's authorities", sample(url))
end)
sb:stop()
assert(ok, message)
