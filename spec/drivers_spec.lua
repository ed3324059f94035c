-- Every driver, and loops of one's own: the same behaviour on each.
local bearer = require "bearer"
local core = require "bearer.core"
local patience = require "spec.support.patience"
local hosts = require "spec.support.hosts"
local socket = require "socket"
local stages = require "spec.support.provider_stage"

-- Seconds that an answer takes where something has to happen meanwhile; valgrind takes its time.
local slow = os.getenv "LD_PRELOAD" and 0.4 or 0.2

describe("the driver", function()
  local s

  setup(function()
    s = stages.open "hubsoft"
  end)

  teardown(function()
    s:stop()
  end)

  after_each(function()
    s:clear()
    bearer.use "blocking"
  end)

  local function is_fresh(login)
    return function()
      return login:status().state == "fresh"
    end
  end

  -- So many times the same function.
  local function times(count, f)
    local all = {}
    for i = 1, count do
      all[i] = f
    end
    return all
  end

  local function behaves_on(host)
    before_each(host.use)

    it("gives tokens and headers after one login", function()
      host.run(function()
        local login = s:login()
        local t = s:token(login)
        local name, value = login:header()
        assert.same({ "Authorization", "Bearer " .. t:value() }, { name, value })
        local request = assert(login:authorize { url = "/x" })
        assert.equal(value, request.headers.Authorization)
        assert.equal("1 login 0 refresh 0 call", s:traffic())
      end)
    end)

    it("makes calls, and repeats one whose token was revoked", function()
      host.run(function()
        local login = s:login()
        assert.equal(200, assert(s:call(login)).status)
        s:check_one_repeat(login)
      end)
    end)

    it("makes no third try", function()
      host.run(function()
        s:check_no_third_try(s:login())
      end)
    end)

    it("refreshes, with the newest refresh token", function()
      host.run(function()
        local login = s:login()
        local old = s:token(login)
        for i = 1, 3 do
          s:pass(old:expires_in() + 1)
          local t = s:token(login)
          assert.not_equal(old:value(), t:value())
          assert.equal(1 + i, t:generation())
          old = t
        end
        assert.equal("1 login 3 refresh 0 call", s:traffic())
      end)
    end)

    it("gives errors, and leaves a refused login alone", function()
      host.run(function()
        s:check_refused(s:login { password = "quite another" }, { class = "terminal" })
      end)
    end)

    it("says that nobody listens", function()
      local gone = assert(socket.bind("127.0.0.1", 0))
      local _, port = gone:getsockname()
      gone:close()
      host.run(function()
        local login = s:login({ host = "127.0.0.1:" .. port }, { retries = 0 })
        local t, _, err = login:token()
        assert.is_nil(t)
        assert.equal("connect", err.code)
      end)
    end)

    it("sends again what was lost", function()
      s.sb:tell("hubsoft", { lose_next = 1 })
      host.run(function()
        s:token(s:login())
        assert.equal(2, s:count "login")
      end)
    end)

    it("keeps to the timeout", function()
      s.sb:tell("hubsoft", { delay = 60 })
      local began = socket.gettime()
      host.run(function()
        local t, _, err = s:login({}, { timeout = 0.2 }):token()
        assert.is_nil(t)
        assert.equal("timeout", err.code)
      end)
      local took = socket.gettime() - began
      assert.is_true(took > 0.19 and took < 50, took)
    end)

    it("shares one login among a hundred callers", function()
      s.sb:tell("hubsoft", { delay = slow })
      local login, got = s:login(), {}
      host.run(times(100, function()
        local t = assert(login:token())
        got[#got + 1] = t
      end))
      assert.equal(100, #got)
      for _, t in ipairs(got) do
        assert.equal(got[1], t)
      end
      assert.equal("1 login 0 refresh 0 call", s:traffic())
      assert.equal(0, bearer.poll())
    end)

    it("renews ahead, in the background", function()
      local login = s:login(nil, nil, { name = "hubsoft", extends = "hubsoft",
        refresh = { revokes = false } })
      host.run(function()
        s:token(login)
      end)
      local rounds = 0
      patience.longer(function(factor)
        local old, took = assert(login:token())
        s:pass(old:expires_in() - 200)
        assert.equal("advisory", login:status().state)
        s.sb:tell("hubsoft", { delay = slow * factor })
        host.run(function()
          local began = socket.gettime()
          assert.equal(old, login:token())
          took = socket.gettime() - began
        end)
        host.settle(is_fresh(login))
        rounds = rounds + 1
        assert.equal(("1 login %d refresh 0 call"):format(rounds), s:traffic())
        assert.not_equal(old, login:token())
        return took < slow * factor
      end)
    end)

    it("waits for a refresh that ends the old token, and begins it ahead", function()
      local login = s:login()
      host.run(function()
        s:token(login)
      end)
      local old = assert(login:token())
      s:pass(old:expires_in() - 200)
      assert.equal("advisory", login:status().state)
      s.sb:tell("hubsoft", { delay = slow })
      local function ask()
        assert.equal(2, assert(login:token()):generation())
      end
      host.run(ask, ask)
      assert.equal("1 login 1 refresh 0 call", s:traffic())
    end)

    it("starts logins ahead", function()
      local first, second, took
      patience.longer(function(factor)
        s:clear()
        s.sb:tell("hubsoft", { delay = slow * factor })
        first, second = s:login(), s:login()
        host.run(function()
          local began = socket.gettime()
          bearer.prewarm(first, second, first)
          took = socket.gettime() - began
        end)
        host.settle(function()
          return is_fresh(first)() and is_fresh(second)()
        end)
        return took < slow * factor
      end)
      assert(first:header()) -- nothing waits here any more
      assert(second:header())
      assert.equal("2 login 0 refresh 0 call", s:traffic())
    end)

    it("has nothing left to do when all is done", function()
      host.run(function()
        s:token(s:login())
      end)
      assert.equal(0, bearer.poll())
      assert.is_true(bearer.fd() == nil or bearer.fd() >= 0)
    end)
  end

  -- A login is begun by one who then is gone.
  local function starters_end(host)
    local function starts(login)
      local co = coroutine.create(function()
        login:token()
      end)
      assert(coroutine.resume(co))
      assert.equal("suspended", coroutine.status(co))
      return co
    end

    local function goes_on_without(starter)
      it("goes on when the coroutine that began is " .. starter.name, function()
        s.sb:tell("hubsoft", { delay = slow })
        local login = s:login()
        starter.ends(starts(login))
        local got
        host.run(function()
          got = assert(login:token())
        end)
        assert.equal(got, login:token())
        assert.equal("1 login 0 refresh 0 call", s:traffic())
      end)
    end

    goes_on_without { name = "dropped", ends = function()
      collectgarbage()
    end }
    if coroutine.close then
      goes_on_without { name = "killed", ends = function(co)
        coroutine.close(co)
        collectgarbage()
      end }
    end

    it("does not begin for one who cannot wait, but has begun", function()
      s.sb:tell("hubsoft", { delay = slow })
      local login = s:login()
      local t, _, err = login:token()
      assert.is_nil(t)
      assert.equal("pending", err.code)
      s:check_secrets(login, err)
      host.settle(is_fresh(login))
      assert(login:token())
      assert.equal(1, s:count "login")
    end)
  end

  local function callers_are_told(host)
    it("tells those who wait that the login is closed", function()
      s.sb:tell("hubsoft", { delay = 60 })
      local login, codes = s:login(), {}
      local function wait()
        local _, _, err = login:token()
        codes[#codes + 1] = err.code
      end
      local began = socket.gettime()
      host.run(wait, wait, function()
        login:close()
      end)
      assert.same({ "closed", "closed" }, codes)
      assert.is_true(socket.gettime() - began < 50)
    end)
  end

  hosts.each(function(host, why)
    if not host then
      pending("is there: " .. tostring(why):match("^[^\n]*"))
      return
    end
    describe(host.name, function()
      behaves_on(host)
      if host.coroutines then
        starters_end(host)
      end
      if host.concurrent then
        callers_are_told(host)
      end
    end)
  end)

  describe("cqueues", function()
    local ok, cqueues = pcall(require, "cqueues")
    local test = ok and it or pending

    test("goes on in another controller when the first is left alone", function()
      bearer.use "cqueues"
      s.sb:tell("hubsoft", { delay = slow })
      local login, first, got = s:login(), cqueues.new(), nil
      first:wrap(function()
        login:token()
      end)
      assert(first:step(0))
      local second = cqueues.new()
      second:wrap(function()
        got = assert(login:token())
      end)
      assert(second:loop(patience.limit))
      assert.equal(got, login:token())
      assert.equal(1, s:count "login")
    end)

    test("lets other coroutines run meanwhile, and moves what nobody waits for", function()
      bearer.use "cqueues"
      patience.longer(function(factor)
        s.sb:tell("hubsoft", { delay = slow * factor })
        local controller, longest, login, ahead = cqueues.new(), 0, s:login(), s:login()
        controller:wrap(function()
          assert(login:token())
        end)
        controller:wrap(function()
          cqueues.sleep(slow / 4) -- the pump sleeps by now
          bearer.prewarm(ahead)
          local last = socket.gettime()
          while not (is_fresh(login)() and is_fresh(ahead)()) do
            cqueues.sleep(0.005)
            longest, last = math.max(longest, socket.gettime() - last), socket.gettime()
          end
        end)
        assert(controller:loop(patience.limit))
        assert.is_true(controller:empty())
        return longest < slow * factor
      end)
    end)
  end)

  describe("luv", function()
    local ok, uv = pcall(require, "luv")
    local test = ok and it or pending

    test("lets its loop end when nothing is under way", function()
      bearer.use "luv"
      local login, got = s:login(), nil
      coroutine.wrap(function()
        got = assert(login:token())
      end)()
      uv.run()
      assert.equal(got, login:token())
      uv.run() -- returns at once
    end)

    test("sends again what a transport that waits for the loop had no luck with", function()
      bearer.use "luv"
      local calls, got = 0, nil
      local function transport()
        local co, timer = coroutine.running(), uv.new_timer()
        calls = calls + 1
        timer:start(1, 0, function()
          timer:close()
          if co then -- else it cannot yield
            coroutine.resume(co)
          end
        end)
        coroutine.yield()
        return { status = calls < 3 and 500 or 200, body = '{"access_token":"t"}' }
      end
      local login = s:login({}, { transport = transport, retries = 2 })
      coroutine.wrap(function()
        got = { login:token() }
      end)()
      uv.run()
      assert.equal(3, calls)
      assert.equal("t", assert(got[1], got[2]):value())
    end)
  end)

  it("is a name or a table", function()
    assert.error_matches(function()
      bearer.use "nothing of the kind"
    end, "no driver")
    assert.error_matches(function()
      bearer.use {}
    end, "a function `wait`")
    assert.is_not_nil(core.poll())
  end)
end)
