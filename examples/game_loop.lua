--- A game: 60 frames a second, while a hundred players log in. Prints how long the frames took.
--
--     lua5.4 examples/game_loop.lua https://auth.example.com/token [CA_FILE [SECONDS]]
local bearer = require "bearer"
local socket = require "socket" -- for a clock; a game has its own

local url, ca_file, seconds = arg[1], arg[2], tonumber(arg[3] or 3)
if not url then
  io.stderr:write("game_loop.lua TOKEN_URL [CA_FILE [SECONDS]]\n")
  os.exit(2)
end

bearer.use "manual" -- nothing ever waits; bearer.poll() moves everything
if _VERSION == "Lua 5.4" then
  collectgarbage("incremental", 200, 4, 9) -- small steps: those of Lua 5.4 take milliseconds
end

local players, frame, frames = 100, 1 / 60, {}
local joined, failed = 0, 0

-- A player's own coroutine: it waits, the game does not.
local function join(number)
  local login = bearer.login("oauth2_client_credentials", {
    token_url = url, client_id = "player" .. number, client_secret = "of player " .. number,
  }, { ca_file = ca_file })
  local name, value = login:header()
  if name then
    joined = joined + 1
  else
    failed = failed + 1
    io.stderr:write(value, "\n")
  end
end

local began, number = socket.gettime(), 0
repeat
  local start = socket.gettime()
  for _ = 1, 5 do -- five new players a frame
    if number < players then
      number = number + 1
      coroutine.wrap(join)(number)
    end
  end
  bearer.poll()
  frames[#frames + 1] = socket.gettime() - start
  socket.sleep(math.max(0, frame - frames[#frames]))
until joined + failed == players or socket.gettime() - began > seconds

local bounds, counts = { 0.25, 0.5, 1, 2, 4, 8, 16 }, {}
for _, took in ipairs(frames) do
  local slot = 1
  while bounds[slot] and took * 1000 > bounds[slot] do
    slot = slot + 1
  end
  counts[slot] = (counts[slot] or 0) + 1
end
for slot = 1, #bounds + 1 do
  local bound = bounds[slot] and ("up to %5.2f ms"):format(bounds[slot]) or "longer        "
  print(("%s  %4d frames"):format(bound, counts[slot] or 0))
end
print(("%d of %d players joined in %d frames"):format(joined, players, #frames))
