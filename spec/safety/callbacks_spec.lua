-- What the host's functions may do in the midst of a login: yield, call the same login back, close
-- it, raise anything, overflow the stack. Few requests are sent, nothing hangs, and what was raised
-- is told.
local bearer = require "bearer"
local core = require "bearer.core"
local patience = require "spec.support.patience"

local unpack = rawget(_G, "unpack") or rawget(table, "unpack")

local timeout = 0.2

local function overflow()
  if rawget(_G, "jit") then -- which itself crashes the other way
    return 1 + overflow()
  end
  return (("x"):gsub(".", overflow))
end

local current

-- What they do. `says`: is in the error that comes of it.
local acts = {
  yields = { function() coroutine.yield "stray" end },
  ["raises a text"] = {
    function() error "boom at home" end, says = "callbacks_spec.lua:%d+: boom",
  },
  ["raises nil"] = { function() error(nil) end },
  ["raises a table"] = { function() error {} end },
  ["raises what cannot be shown"] = { function()
    error(setmetatable({}, { __tostring = function() error "no text" end }))
  end },
  ["overflows the stack"] = { function() overflow() end },
  ["asks for the token"] = { function() current:token() end },
  ["asks for the header"] = { function() current:header() end },
  refreshes = { function() current:refresh() end },
  ["calls the API"] = { function() current:request { url = "/again" } end },
  ["logs out"] = { function() current:logout() end },
  forgets = { function() current:forget() end },
  resets = { function() current:reset() end },
  closes = { function() current:close() end },
  prewarms = { function() bearer.prewarm(current) end },
  polls = { function() for _ = 1, 20 do bearer.poll(1) end end },
  ["asks in a coroutine of its own"] = { function()
    coroutine.wrap(function() current:token() end)()
  end },
}

-- Plain Lua 5.1 cannot yield across a pcall: in a coroutine, what these raise is raised there.
local unprotected = not rawget(_G, "jit") and _VERSION == "Lua 5.1"
  and { input = true, transport = true } or {}

local function is_raised(name, place)
  return unprotected[place]
    and (name:find "^raises" or name:find "^overflows" or name == "calls the API") ~= nil
end

local places = { "expect", "definition", "input", "transport", "refused", "on_event" }

local function nothing() end

-- A login in which this function is run in that place, once or always.
local function new(place, f, status, sent, options)
  local function at(name, result)
    return function(...)
      if name == place then
        f(...)
      end
      return result
    end
  end
  options.retries = options.retries or 0
  options.timeout = timeout
  options.on_event = at "on_event"
  options.refused = at("refused", false)
  local run = at "transport"
  options.transport = function(request)
    local path = request.url:match("example(/%a*)")
    sent[path] = (sent[path] or 0) + 1
    run(request)
    return { status = path == "/x" and 200 or status, headers = {},
      body = status == 200 and '{"access_token":"t","refresh_token":"r","expires_in":3600}'
        or '{"error":"invalid_grant"}' }
  end
  return bearer.login({
    name = "shop", inputs = { password = { secret = true } },
    base_url = "https://shop.example",
    login = {
      url = "https://shop.example/login", expect = at("expect", true),
      json = { p = "${password}", f = at("definition", "x") },
    },
    refresh = { url = "https://shop.example/refresh", form = { r = "${refresh_token}" } },
    logout = { url = "https://shop.example/logout", form = { t = "${token}" } },
  }, { password = at("input", "p") }, options)
end

local function settle()
  patience.settle(2 * timeout + 2)
end

-- Run f in a coroutine, polling; a stray yield of the host's is never answered.
local function in_coroutine(f, is_blocking)
  local results
  local co = coroutine.create(function() results = { f() } end)
  assert(coroutine.resume(co))
  local look = patience.of(timeout + 1.5)
  while not results and coroutine.status(co) ~= "dead" do
    pcall(bearer.poll, 2)
    if is_blocking and coroutine.status(co) == "suspended" then
      coroutine.resume(co)
    end
    look "it hangs"
  end
  return unpack(results or {}, 1, 3)
end

describe("a function of the host's that", function()
  local warn = bearer.warn

  before_each(function()
    bearer.warn = nothing
  end)

  after_each(function()
    bearer.warn = warn
    bearer.use "blocking"
    settle()
  end)

  local function try(how, place, act, status)
    local sent = {}
    bearer.use(how)
    local function run(f)
      return in_coroutine(f, how == "blocking")
    end
    local login = new(place, act[1], status, sent, {})
    current = login
    local token, _, err = run(function() return login:token() end)
    if act.says and err and status == 200 and place ~= "on_event" and place ~= "refused" then
      assert.matches(act.says, err.message)
    end
    assert.is_true((sent["/login"] or 0) <= 3, "logins: " .. (sent["/login"] or 0))
    if status ~= 200 then -- a wrong password is sent once, then held
      assert.is_nil(token)
      assert.is_true((sent["/login"] or 0) <= 1 or act == acts.resets
        or place == "on_event", "a wrong password was sent again")
      local before = sent["/login"] or 0
      for _ = 1, 5 do
        run(function() return login:token() end)
      end
      assert.is_true((sent["/login"] or 0) - before <= (act == acts.resets and 5 or 1))
    else
      run(function() return login:request { url = "/x" } end)
      run(function() return login:refresh() end)
      run(function() return login:logout() end)
    end
    login:close()
    local _, _, closed = run(function() return login:token() end)
    assert.is_true(closed == nil or closed.code == "closed", tostring(closed))
  end

  for name, act in pairs(acts) do
    for _, place in ipairs(places) do
      local test = is_raised(name, place) and pending or it
      test(("%s in %s"):format(name, place), function()
        for _, how in ipairs { "blocking", "manual" } do
          for _, status in ipairs { 200, 401 } do
            try(how, place, act, status)
          end
        end
      end)
    end
  end

  it("never comes back costs its login no more than its timeout", function()
    for _, place in ipairs { "transport", "input" } do
      for _, how in ipairs { "blocking", "manual" } do
        for _, is_kept in ipairs { true, false } do
          bearer.use(how)
          local dropped = {}
          local login = new(place, function()
            dropped[1] = is_kept and coroutine.running() or nil
            coroutine.yield()
          end, 200, {}, {})
          coroutine.resume(coroutine.create(function() login:token() end))
          collectgarbage()
          collectgarbage()
          local look = patience.of(timeout + 1.5) -- a transport is given a second more
          local token, _, err
          repeat
            if how == "manual" then
              bearer.poll(1)
            end
            token, _, err = login:token() -- here, where nothing can wait
            look "no answer"
          until not err or err.code ~= "pending"
          assert.is_nil(token)
          assert.is_true(not is_kept or dropped[1] ~= nil)
          login:close()
          settle()
        end
      end
    end
  end)

  it("waits and never polls costs its login no more than its timeout", function()
    local socket = require "socket"
    for _, moves in ipairs { true, false } do
      bearer.use { moves = moves, wait = function(seconds)
        socket.sleep(math.min(seconds, 0.05))
      end }
      local server = assert(socket.bind("127.0.0.1", 0))
      local _, port = server:getsockname()
      local login = bearer.login({ name = "shop", inputs = {},
        login = { url = ("http://127.0.0.1:%d/"):format(port), form = { a = "b" } } }, {},
        { timeout = timeout, retries = 0 })
      local before = core.now()
      local token, _, err = login:token()
      assert.is_nil(token)
      assert.equal("timeout", err.code)
      assert.is_true(core.now() - before < timeout + 10) -- it would hang
      login:close()
      server:close()
    end
  end)

  it("is loaded anew, with all of bearer, leaves living logins their methods and their waiters",
    function()
      local sent = {}
      bearer.use "manual"
      local login = new("none", nothing, 200, sent, { transport = nil })
      local gate
      local other = bearer.login({ name = "shop", inputs = {},
        login = { url = "https://shop.example/login", form = { a = "b" } } }, {}, {
          timeout = 5, transport = function()
            gate = coroutine.running()
            coroutine.yield()
            return { status = 200, headers = {}, body = '{"access_token":"t"}' }
          end })
      local answer
      local co = coroutine.create(function() answer = other:token() end)
      assert(coroutine.resume(co))
      local saved = {}
      for name, module in pairs(package.loaded) do
        if name:find "^bearer" then
          saved[name] = module
          package.loaded[name] = nil
        end
      end
      local anew = require "bearer"
      assert.is_true(anew ~= bearer)
      assert(coroutine.resume(gate))
      for _ = 1, 5 do
        anew.poll()
      end
      assert.equal("t", answer and answer:value())
      assert.equal("t", assert(other:token()):value())
      local token = in_coroutine(function() return login:token() end)
      assert.equal("t", token:value())
      assert.equal(0, anew.poll())
      package.loaded["bearer.core"] = nil
      assert.equal("bearer.login", require("bearer.core").type(login))
      login:close()
      other:close()
      for name in pairs(package.loaded) do
        if name:find "^bearer" then
          package.loaded[name] = nil
        end
      end
      for name, module in pairs(saved) do
        package.loaded[name] = module
      end
      bearer.use "blocking"
    end)
end)
