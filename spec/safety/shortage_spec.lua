-- Memory that is gone from any allocation of a renewal on, and comes back: the same login answers,
-- in time, nothing stays under way, and no refresh token is sent twice or lost.
local helper = require "spec.support.helper"

local is_slow = os.getenv "SUITE_CHILD" or (os.getenv "LD_PRELOAD" or ""):find "vgpreload"

local stride = tonumber(os.getenv "BEARER_STRIDE") or (is_slow or rawget(_G, "jit")) and 5 or 2

-- Before memory gets short. The server's side needs none.
local prelude = [[
if jit then jit.off() end
require "cjson"
local bearer = require "bearer"
local core = require "bearer.core"
bearer.warn = function() end
local answers, bodies = {}, { [0] = "grant=first" }
for i = 1, 60 do
  bodies[i] = "grant=r" .. i
  answers[i] = { status = 200, headers = {}, body = '{"access_token":"t' .. i ..
    '","refresh_token":"r' .. i .. '","expires_in":3600}' }
end
server = { count = 0, reused = false }
local function transport(request)
  local body = request.body -- what the last answer brought: each is good once
  if body ~= bodies[server.count] then
    server.reused = true
  end
  server.count = server.count + 1
  return answers[server.count]
end
local events = 0
bearer.use(DRIVER)
login = bearer.login({
  name = "shop", inputs = { refresh_token = { secret = true } },
  login = { url = "https://h/t", form = { grant = "${refresh_token}" } },
  refresh = { like = nil, url = "https://h/t", form = { grant = "${refresh_token}" } },
}, { refresh_token = "first" }, { transport = transport, retries = 0, timeout = 0.5,
  on_event = function() events = events + 1 end })
REFRESH
return true
]]

-- The first time memory ends somewhere; the second time it is there again.
local body = [[
if not begun then
  begun = true
  ACT
else
  local bearer, patience = require "bearer", require "spec.support.patience"
  local look = patience.of(2)
  local again = { pending = true, memory = true, interrupted = true, network = true, lost = true }
  local function ask()
    local token, _, err
    repeat
      token, _, err = login:token()
      bearer.poll(1)
      look("no answer in time: " .. tostring(err))
      if err and err.code ~= "pending" then login:reset() end
    until token or not again[err.code]
    return token, err
  end
  local token, err = ask()
  local is_lost = err and err.code == "refresh_token_lost"
  if not token and not is_lost then error("no token: " .. tostring(err)) end
  if CHECKED and server.reused then error("a refresh token was sent twice, or lost") end
  if is_lost then error("an answer was lost that had arrived") end
  patience.settle(2)
end
]]

describe("memory that is gone from any allocation on of", function()
  local program

  setup(function()
    program = helper.build_host "oom"
  end)

  local function survives(driver, first, act, unchecked)
    local text = helper.must("timeout 900 " .. helper.command {
      program, 1, stride,
      (prelude:gsub("DRIVER", ("%q"):format(driver)):gsub("REFRESH", first)),
      (body:gsub("ACT", act):gsub("CHECKED", tostring(not unchecked))),
    })
    assert.is_true(tonumber(text:match("(%d+) failures survived")) > 2, text)
  end

  it("a login, blocking", function()
    -- It waits for memory, and not for long; that a first token rotates is not known then.
    survives("blocking", "", "login:token()", true)
  end)

  it("a refresh, blocking", function()
    survives("blocking", "assert(login:token())", "login:refresh()")
  end)

  it("a login, in a game loop", function()
    survives("manual", "", [[require("bearer").prewarm(login) require("bearer").poll()]])
  end)

  it("a refresh, in a game loop", function()
    survives("manual", [[
      bearer.prewarm(login)
      while bearer.poll() > 0 do end
      co = coroutine.create(function() login:refresh() end)]],
      [[coroutine.resume(co) require("bearer").poll()]])
  end)
end)
