-- The manual driver, as a game has it: bearer.poll() once a frame.
local bearer = require "bearer"
local core = require "bearer.core"
local patience = require "spec.support.patience"
local sandbox = require "spec.sandbox"
local socket = require "socket"

-- Seconds that an answer takes where something has to happen meanwhile; valgrind takes its time.
local slow = os.getenv "LD_PRELOAD" and 0.4 or 0.2

describe("in a game loop", function()
  local sb, name, url, logins
  local number = 0

  setup(function()
    sb = sandbox.start()
    local first = bearer.login({ -- what the first request of a process costs is another matter
      name = "first", inputs = {}, login = { url = sb:script("first", { body = "{}" }) },
    }, {}, { ca_file = sb.ca_file, retries = 0 })
    first:token()
    first:close()
  end)

  teardown(function()
    sb:stop()
  end)

  before_each(function()
    sb:reset()
    bearer.use "manual"
    number = number + 1 -- what a login closed before had sent already is not counted
    name = "x" .. number
    url = sb:script(name, { body = '{"access_token":"good","expires_in":3600}', delay = slow })
    logins = {}
  end)

  after_each(function()
    for _, login in ipairs(logins) do
      login:close()
    end
    for _ = 1, 100 do -- those who are told of it
      pcall(bearer.poll)
    end
    assert.equal(0, bearer.poll())
    core.clock()
    bearer.use "blocking"
  end)

  local function new(options, logout)
    local settings = { ca_file = sb.ca_file, retries = 0 }
    for option, value in pairs(options or {}) do
      settings[option] = value
    end
    logins[#logins + 1] = bearer.login({
      name = "game", inputs = {}, login = { url = url, form = { grant = "x" } }, logout = logout,
    }, {}, settings)
    return logins[#logins]
  end

  -- Frames until the condition holds.
  local function play(condition)
    local limit = socket.gettime() + patience.limit
    while not condition() do
      assert(socket.gettime() < limit, "it takes too long")
      bearer.poll()
      socket.sleep(0.002)
    end
  end

  local function is_dead(co)
    return function()
      return coroutine.status(co) == "dead"
    end
  end

  local function begin(f)
    local co = coroutine.create(f)
    assert(coroutine.resume(co))
    return co
  end

  it("a caller outside of coroutines is told that it is pending, until the token is there",
    function()
      sb:script(name, { body = '{"access_token":"good","expires_in":3600}', delay = 2 })
      local login = new()
      for _, method in ipairs { "token", "header", "headers" } do
        local t, _, err = login[method](login) -- it cannot wait for the answer, and say that
        assert.is_nil(t)
        assert.equal("pending", err.code)
        assert.equal("transient", err.class)
      end
      local response, _, err = login:request { url = url }
      assert.is_nil(response)
      assert.equal("pending", err.code)
      play(function()
        return login:token() ~= nil
      end)
      assert.equal("Authorization", (login:header()))
      assert.equal(1, sb:count(name))
    end)

  it("an API call outside of coroutines is not sent, as nobody would get its answer", function()
    local login = new()
    play(function()
      return login:token() ~= nil
    end)
    local response, _, err = login:request { url = url }
    assert.is_nil(response)
    assert.equal("cannot_wait", err.code) -- nothing is under way: to ask again would not help
    assert.matches("nothing was sent", err.description, 1, true)
    assert.equal(0, bearer.poll())
    assert.equal(1, sb:count(name))
  end)

  it("a logout outside of coroutines is not sent, and keeps the token for one inside", function()
    local bye = sb:script("bye", { body = "{}" })
    local login = new({}, { url = bye, bearer = "${token}" })
    play(function()
      return login:token() ~= nil
    end)
    local ok, _, err = login:logout()
    assert.is_nil(ok)
    assert.equal("cannot_wait", err.code)
    assert.equal("logout", err.step)
    assert.equal("fresh", login:status().state)
    assert.equal(0, sb:count "bye")
    local co = begin(function()
      ok, _, err = login:logout()
    end)
    play(is_dead(co))
    assert.same({ true }, { ok, err })
    assert.equal("none", login:status().state)
    assert.equal(1, sb:count "bye")
  end)

  -- Plain Lua 5.1 cannot tell.
  local where_told = (jit or _VERSION ~= "Lua 5.1") and it or pending -- luacheck: globals jit

  where_told("a caller that cannot yield is told that it is pending", function()
    local login, code = new(), nil
    local co = begin(function()
      local _ = ("x"):gsub("x", function()
        local _, _, err = login:token()
        code = err.code
      end)
    end)
    assert.is_true(is_dead(co)())
    assert.equal("pending", code)
  end)

  it("login:token() yields nothing, and the poll resumes it with the answer", function()
    local login, got = new(), nil
    local co = coroutine.create(function()
      got = login:token()
      return "done"
    end)
    local yielded = { coroutine.resume(co) }
    assert.same({ true }, yielded)
    assert.equal("suspended", coroutine.status(co))
    assert.equal(1, bearer.poll())
    play(is_dead(co))
    assert.equal(got, login:token())
    assert.equal(0, bearer.poll())
  end)

  it("being resumed by somebody else in every frame does no harm", function()
    local login, got = new(), {}
    local all = {}
    for i = 1, 3 do
      all[i] = begin(function()
        got[i] = assert(login:token())
      end)
    end
    local resumed = 0
    play(function()
      for _, co in ipairs(all) do
        if coroutine.status(co) == "suspended" then
          assert(coroutine.resume(co, "something", "else"))
          resumed = resumed + 1
        end
      end
      return got[1] and got[2] and got[3]
    end)
    assert.is_true(resumed > 10)
    assert.same({ got[1], got[1], got[1] }, got)
    assert.equal(1, sb:count(name))
  end)

  it("a coroutine that went on by itself is not resumed where it waits for something else",
    function()
      local login, heard = new(), {}
      local co
      co = begin(function()
        assert(login:token())
        heard[1] = coroutine.yield() -- for the game's own news
      end)
      play(function()
        bearer.poll()
        return login:status().state == "fresh"
      end)
      for _ = 1, 20 do
        bearer.poll()
      end
      assert.is_nil(heard[1])
      assert.equal("suspended", coroutine.status(co))
      assert(coroutine.resume(co, "news"))
      assert.equal("news", heard[1])
    end)

  it("is not resumed either when it was resumed by hand as the answer came", function()
    local login, heard = new(), {}
    local first = begin(function()
      assert(login:token())
    end)
    local second
    second = begin(function()
      assert(login:token())
      heard[1] = coroutine.yield()
    end)
    login:close() -- both are to be told of it by the next poll
    local ok = coroutine.resume(second) -- which is too late for this one
    assert.is_false(ok)
    assert.is_nil(heard[1])
    assert.equal("suspended", coroutine.status(first))
    assert.has_error(bearer.poll)
    assert.equal("dead", coroutine.status(first))
  end)

  it("an error in a resumed coroutine comes out of the poll, and harms nobody", function()
    local login, other, got = new(), new(), {}
    local function fails()
      assert(login:token())
      error "the game's own mistake"
    end
    local function goes_well(from)
      return function()
        local t = assert(from:token())
        got[#got + 1] = t
      end
    end
    begin(fails)
    begin(goes_well(login))
    begin(fails)
    begin(goes_well(login))
    begin(goes_well(other))
    local errors, limit = {}, socket.gettime() + patience.limit
    while #got < 3 and socket.gettime() < limit do
      local ok, err = pcall(bearer.poll)
      errors[#errors + 1] = not ok and err or nil
      socket.sleep(0.002)
    end
    assert.equal(3, #got)
    assert.equal(2, #errors)
    for _, err in ipairs(errors) do
      assert.matches("the game's own mistake", err, 1, true)
      assert.matches("game_loop_spec.lua", err, 1, true) -- where
    end
    assert.equal("good", login:token():value())
  end)

  it("errors of others do not come out of a call or a close", function()
    local login, other = new(), new()
    for _ = 1, 2 do
      begin(function()
        assert(login:token())
      end)
    end
    assert.has_no_error(function()
      login:close()
      begin(function()
        other:token()
      end)
    end)
    local errors, look = 0, patience.of(10)
    while errors < 2 do -- one a poll at most, of one that has time left for it
      look "their errors do not come"
      errors = errors + (pcall(bearer.poll) and 0 or 1)
    end
    assert.has_no_error(bearer.poll)
  end)

  it("prewarm starts logins, and the poll tells how many are under way", function()
    local all = {}
    for i = 1, 5 do
      all[i] = new()
    end
    bearer.prewarm(all[1], all[2], all[3], all[4], all[5])
    assert.equal(5, bearer.poll())
    local before = 5
    play(function()
      local count = bearer.poll()
      assert.is_true(count <= before)
      before = count
      return count == 0
    end)
    for _, login in ipairs(all) do
      assert(login:header())
    end
    assert.equal(5, sb:count(name))
  end)

  -- A function that waits for the game, and one that has all of those go on.
  local function waits_for_game(f)
    local waiting = {}
    return function(...)
      waiting[#waiting + 1] = coroutine.running()
      coroutine.yield()
      return f(...)
    end, function()
      for _, co in ipairs(waiting) do
        if coroutine.status(co) == "suspended" then
          assert(coroutine.resume(co))
        end
      end
    end
  end

  where_told("a transport that yields is called again by the poll", function()
    local calls, got = 0, nil
    local transport, go_on = waits_for_game(function()
      calls = calls + 1
      return { status = calls < 3 and 500 or 200, body = '{"access_token":"t"}' }
    end)
    local login = new { transport = transport, retries = 2 }
    local co = begin(function()
      got = { login:token() }
    end)
    play(function()
      go_on()
      return is_dead(co)()
    end)
    assert.equal(3, calls)
    assert.is_nil(got[2])
    assert.equal("t", got[1]:value())
  end)

  where_told("a transport and inputs that yield are begun ahead, outside of coroutines", function()
    local transport, answer = waits_for_game(function(request)
      return { status = 200, body = '{"access_token":"' .. request.body .. '"}' }
    end)
    local password, type_in = waits_for_game(function()
      return "typed"
    end)
    local login = bearer.login({
      name = "game", inputs = { password = { secret = true } },
      login = { url = "https://game.example/", body = "${password}",
        content_type = "text/plain" },
    }, { password = password }, { transport = transport, retries = 0 })
    logins[#logins + 1] = login
    bearer.prewarm(login)
    assert.equal(1, bearer.poll())
    type_in()
    assert.equal("none", login:status().state)
    answer()
    assert.equal("typed", login:token():value())
  end)

  it("many that are to be resumed are resumed over several frames", function()
    local login, ended = new(), 0
    for _ = 1, 300 do
      begin(function()
        assert(login:token())
        local till = core.now() + 0.0001 -- a tenth of a millisecond of the game's own work
        while core.now() < till do end -- luacheck: ignore
        ended = ended + 1
      end)
    end
    local frames, most, left = 0, 0, nil
    play(function()
      local before = ended
      left = bearer.poll()
      frames = frames + (ended > before and 1 or 0)
      most = math.max(most, ended - before)
      return left == 0
    end)
    assert.equal(300, ended)
    assert.is_true(most <= 10 and frames >= 30, most)
  end)

  it("a token that is renewed ahead costs no frame a wait", function()
    local login = new()
    play(function()
      return login:token() ~= nil
    end)
    patience.longer(function(times)
      local answer = '{"access_token":"good","expires_in":3600}'
      sb:script(name, { body = answer, delay = slow * times })
      local now, wall = core.now()
      core.clock(now + 3500, wall + 3500)
      assert.equal("advisory", login:status().state)
      local generation, longest = login:status().generation, 0
      assert(login:header())
      play(function()
        local began = socket.gettime()
        assert(login:header())
        longest = math.max(longest, socket.gettime() - began)
        return login:status().generation > generation
      end)
      assert.equal(generation + 1, sb:count(name))
      return longest < slow * times
    end)
  end)

  it("what is left over when the program ends is no trouble", function()
    local helper = require "spec.support.helper"
    local text = helper.must(([[%s -e '
      local bearer = require "bearer"
      bearer.use "manual"
      local login = bearer.login({
        name = "game", inputs = {}, login = { url = "%s", form = { grant = "x" } },
      }, {}, { ca_file = "%s" })
      coroutine.wrap(function()
        print(login:token())
      end)()
      bearer.poll(20)']]):format(helper.interpreter, url, sb.ca_file))
    assert.equal("", text) -- nobody is told, nothing crashes
  end)
end)
