-- A login whose secrets come from files, and a look at this process's memory before, while and
-- after it is open: memory.lua SCANNER URL CA_FILE FOLDER
-- The secrets are never texts of this Lua: FOLDER/secret, and forms of it beside it.
local bearer = require "bearer"
local scanner, url, ca_file, folder = arg[1], arg[2], arg[3], arg[4]
local definition = {
  name = "shop",
  inputs = { user = {}, password = { secret = true }, key = { secret = true } },
  login = {
    { url = url .. "?step=1", basic = { "${user}", "${password}" }, json = { a = "${key}" } },
    { url = url .. "?step=2", form = { b = "${password}", c = "${key}" },
      headers = { ["X-Key"] = "${key}" } },
    { url = url .. "?step=3", bearer = "${password}", query = { k = "${key}" },
      json = { long = ("x"):rep(100000), list = { "${password}", { "${key}" } } } },
  },
  authorize = { headers = { Authorization = "Bearer ${token}", ["X-Key"] = "${key}" } },
  refresh = { url = url .. "?refresh", json = { r = "${refresh_token}", k = "${key}" } },
}

local function look(title)
  collectgarbage()
  collectgarbage()
  io.stdout:write(title, "\n")
  io.stdout:flush()
  os.execute(("%s $PPID %s/secret %s/key %s/base64 %s/percent"):format(scanner, folder, folder,
    folder, folder))
end

local function new(options)
  options.ca_file, options.retries = ca_file, 0
  return bearer.login(definition, {
    user = "me", password = bearer.file(folder .. "/secret"), key = bearer.file(folder .. "/key"),
  }, options)
end

local acts = {
  { "closed", function()
    local login = new {}
    assert(login:header())
    look "open"
    assert(login:refresh())
    login:close()
  end },
  { "collected", function()
    assert(new({}):header())
  end },
  { "failed", function() -- the endpoint has no more answers in time
    local login = new { timeout = 0.5 }
    local token, _, err = login:token()
    assert(not token and err.code == "timeout", tostring(err))
    login:close()
  end },
}

look "before"
for _, act in ipairs(acts) do
  act[2]()
  look(act[1])
end
