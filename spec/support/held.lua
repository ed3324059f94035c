-- A login that starts from a refresh token in a file, and looks at this process's memory once it is
-- closed, whoever holds what: held.lua SCANNER URL SLOW_URL CA_FILE FOLDER
-- The refresh token, FOLDER/refresh, is never a text of this Lua.
local bearer = require "bearer"
local core = require "bearer.core"
local scanner, url, slow_url, ca_file, folder = arg[1], arg[2], arg[3], arg[4], arg[5]

local function count()
  collectgarbage()
  collectgarbage()
  local scan = io.popen(("%s $PPID %s/refresh"):format(scanner, folder))
  local found = scan:read "*a"
  scan:close()
  return found
end

-- settles: the thread may still be at letting go of it.
local function look(title, settles)
  local found, looks = count(), 1
  while settles and tonumber(found) ~= 0 and looks < 200 do
    core.poll(20)
    found, looks = count(), looks + 1
  end
  io.stdout:write(title, "\n", found)
  io.stdout:flush()
end

local function new(address)
  return bearer.login({
    name = "shop", inputs = { refresh_token = { secret = true } },
    login = { url = address, form = { r = "${refresh_token}" } },
    refresh = { url = address .. "?again", form = { r = "${refresh_token}" } },
    logout = { url = address .. "?out", form = { r = "${refresh_token}" } },
  }, { refresh_token = bearer.file(folder .. "/refresh") }, { ca_file = ca_file, retries = 0 })
end

local held = {} -- all that a program may hold on to

look "before"

local login = new(url)
held[1] = assert(login:token())
look "open"
held[2] = assert(login:refresh())
login:close()
assert(held[1]:header() and held[2]:header())
look "tokens held"

login = new(slow_url)
bearer.prewarm(login)
bearer.poll(50)
login:close()
while bearer.poll(20) > 0 do end
held[3] = login
look("a renewal under way", true)

login = new(url)
held[4] = assert(login:token())
login:forget()
login:close()
look "forgotten"

login = new(url)
held[5] = assert(login:token())
assert(login:logout())
login:close()
look "logged out"
