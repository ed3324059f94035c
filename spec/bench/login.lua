--- What one login costs, from the request to the token, over plain HTTP and a kept connection,
-- beside the plainest program in C that does the same (curl_login.c). Both are asked the same way:
-- so many times for a token, by one process that does nothing else, and each token is looked at.
-- User instructions are those of all threads, as callgrind counts them: the difference of two
-- runs, so that neither the start of the process nor that of libcurl is in it. For the wall time,
-- client and server share one core (`make bench` pins them), and the two take turns.
local bench = require "spec.support.bench"
local helper = require "spec.support.helper"
local launch = require "spec.sandbox.launch"
local socket = require "socket"

local few, many = 300, 900 -- logins of the two runs under callgrind: LuaJIT has compiled by then
local warm, logins, rounds = 100, 1000, 15

local form = { grant_type = "password", password = ("p"):rep(40), username = "ana@example.com" }
local body = ("grant_type=password&password=%s&username=ana%%40example.com"):format(form.password)

-- ---- the contestants -------------------------------------------------------------------

local contestants = {}

function contestants.c(url)
  return require("curl_login").new(url, body, "bearer/bench", require("cjson").new().decode)
end

-- The definition has no `refresh`: each login:refresh() is a whole login.
function contestants.bearer(url)
  local bearer = require "bearer"
  local login = bearer.login({
    name = "bench", inputs = { username = {}, password = { secret = true } },
    login = {
      url = url, headers = { Accept = "application/json" },
      form = { grant_type = form.grant_type, username = "${username}", password = "${password}" },
    },
  }, { username = form.username, password = form.password }, { user_agent = "bearer/bench" })
  return function()
    return assert(login:refresh()):value()
  end
end

-- The server counts its tokens: each has to be another one, and none may be left out.
local function run(login, count)
  local first, last
  for _ = 1, count do
    local value = login()
    assert(#value == 40 and value ~= last, "not a new token")
    first, last = first or value, value
  end
  assert(tonumber(last) - tonumber(first) == count - 1, "a token is missing")
end

if arg[1] == "serve" then
  return require("token_server").serve(tonumber(arg[2]))
elseif arg[1] then
  local gauge = require "gauge"
  local login = contestants[arg[1]](arg[2])
  run(login, tonumber(arg[3]))
  local began = gauge.wall()
  if arg[4] then
    run(login, tonumber(arg[4]))
  end
  return print(("%.9f"):format(gauge.wall() - began))
end

-- ---- measuring -------------------------------------------------------------------------

local listener, port = launch.listen()
local url = ("http://127.0.0.1:%d/token"):format(port)
-- It ends when its standard input does.
local server = io.popen("exec " .. bench.command("serve", ("%d"):format(listener:getfd())), "w")
listener:close()

-- Connections by which tokens were asked for, how many were, the last request.
local function ask()
  local connection = assert(socket.connect("127.0.0.1", port))
  assert(connection:send "GET / HTTP/1.1\r\n\r\n")
  local text = assert(connection:receive "*a")
  connection:close()
  local connections, posts, last = text:match "\r\n\r\n(%d+) (%d+)\n(.*)$"
  return tonumber(connections), tonumber(posts), last
end

-- The order of the lines of a header is nobody's business.
local function sorted(text)
  local lines = {}
  for line in text:gmatch "[^\r\n]+" do
    lines[#lines + 1] = line
  end
  table.sort(lines)
  return table.concat(lines, "\n")
end

local request

-- Run f, which logs in so many times: by one connection, and by the same request as ever.
local function checked(count, f, ...)
  local connections, posts = ask()
  local result = f(...)
  local connections_after, posts_after, last = ask()
  assert(posts_after - posts == count, "not as many logins as were wanted")
  assert(connections_after - connections == 1, "the connection was not kept")
  request = request or sorted(last)
  assert(sorted(last) == request, "requests differ:\n" .. sorted(last) .. "\n" .. request)
  return result
end

local function callgrind(name, count)
  local text = helper.must("setarch -R valgrind --tool=callgrind --callgrind-out-file=/dev/null "
    .. bench.command(name, url, count))
  return tonumber(text:match "Collected : (%d+)")
end

local function instructions(name)
  return (checked(many, callgrind, name, many) - checked(few, callgrind, name, few)) / (many - few)
end

local function wall(name)
  return bench.child(name, url, warm, logins)[1]
end

local function bench_instructions()
  local c = instructions "c"
  local bearer = instructions "bearer"
  print(("%s, user instructions of one login (login:refresh() without a `refresh`: a whole one)")
    :format(bench.host))
  print(("  in C      %8.0f"):format(c))
  print(("  bearer    %8.0f   %5.2f x   (at most 1.50)"):format(bearer, bearer / c))
end

local function bench_wall()
  local c, bearer, ratios = {}, {}, {}
  for i = 1, rounds do
    c[i] = checked(warm + logins, wall, "c")
    bearer[i] = checked(warm + logins, wall, "bearer")
    ratios[i] = bearer[i] / c[i]
  end
  print(("%s, wall time of %d logins in ms (medians of %d rounds)"):format(bench.host, logins,
    rounds))
  print(("  in C      %8.1f"):format(bench.median(c) * 1000))
  print(("  bearer    %8.1f   %5.2f x   (at most 1.70)"):format(bench.median(bearer) * 1000,
    bench.median(ratios)))
end

local ok, message = pcall(function()
  bench_instructions()
  bench_wall()
end)
server:close()
assert(ok, message)
