-- Logs in, in a process of its own: login.lua HOW URL CA_FILE [TIMES]
-- What goes wrong is raised.
local bearer = require "bearer"
local core = require "bearer.core"
local helper = require "spec.support.helper"
local fork, wait = rawget(_G, "fork"), rawget(_G, "wait") -- of states.c
local how, url, ca_file, times = arg[1], arg[2], arg[3], tonumber(arg[4] or 1)

local definition = {
  name = "shop", inputs = {}, login = { url = url, form = { a = "b" } },
}

local function new(options)
  options = options or {}
  options.ca_file = ca_file ~= "" and ca_file or nil
  options.retries = options.retries or 0
  return bearer.login(definition, {}, options)
end

local acts = {}

--- So many logins, one after the other.
function acts.plain()
  for _ = 1, times do
    local login = new()
    local _, err = login:header() -- Lua 5.1's assert takes texts alone
    assert(not core.type(err), tostring(err))
    login:close()
  end
end

--- A login that cannot succeed within its time.
function acts.stuck()
  local socket = require "socket"
  local from = socket.gettime()
  local token, err = new({ timeout = 0.3 }):token()
  assert(not token and err.code == "timeout", tostring(err))
  print(("answered in %.0f ms"):format((socket.gettime() - from) * 1000))
end

--- Nobody waits for the login that is under way when the state is closed.
function acts.left()
  bearer.prewarm(new())
end

--- A child of a process that has a connection leaves it alone.
function acts.forked()
  local before = new()
  assert(before:header())
  local port = tonumber(url:match(":(%d+)"))
  local connection = helper.connections(port)[1]
  local pid = fork()
  assert(before:header()) -- still fresh on both sides
  assert(new():header())
  assert(before:refresh())
  if pid ~= 0 then
    assert(wait(pid) == 0, "the child failed")
    assert(new():header())
    local now = helper.connections(port)
    assert(#now == 1 and now[1] == connection, "not on the connection of before")
  end
end

--- A child does not wait for what its parent has under way.
function acts.forked_in_flight()
  local login = new { retries = 2 }
  bearer.prewarm(login)
  bearer.poll(50)
  local pid = fork()
  assert(login:header())
  if pid ~= 0 then
    assert(wait(pid) == 0, "the child failed")
  end
end

acts[how]()
