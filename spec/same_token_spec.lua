-- Renewals that bring no new token: servers that give out the same one until it dies, refreshes
-- that prolong it, refresh tokens that end before it does.
local cjson = require "cjson"
local core = require "bearer.core"
local encode = require "spec.support.encode"
local rehearsal = require "spec.support.rehearsal"

local origin = "https://rehearsal.invalid"

describe("renewals:", function()
  local r

  before_each(function()
    r = rehearsal.new()
  end)

  after_each(function()
    r:stop()
  end)

  local function answer(body)
    return function()
      return { status = 200, headers = {}, body = body and cjson.encode(body) or "" }
    end
  end

  describe("a server that gives out the same token until it dies", function()
    -- One that makes a token for so many seconds, rounds down what is left, and knows only one.
    local function server(lifetime, span)
      local made, ends = 0, -math.huge
      return function()
        local time = core.now() + 0.05 -- on its way
        if time >= ends then
          made, ends = made + 1, time + lifetime
        end
        local body = { access_token = "made-" .. made }
        body.expires_in = span(math.floor(ends - time))
        return { status = 200, headers = {}, body = cjson.encode(body) }
      end, function()
        return made, ends
      end
    end

    for what, span in pairs {
      ["says what is left"] = function(left) return left end,
      ["says always the same"] = function() return 300 end,
      ["says it with the first alone"] = function(left) return left > 290 and left or nil end,
    } do
      it("and " .. what .. ": nobody gets a dead one, and it is asked little", function()
        local play, current = server(300, span)
        r:play(play)
        local login = r:login()
        for _ = 1, 3000 do
          local _, value, err = login:header()
          local made, ends = current()
          assert.is_nil(err)
          assert.equal("Bearer made-" .. made, value)
          assert.is_true(core.now() < ends)
          r:pass(0.5)
        end
        local made = current()
        assert.is_true(made >= 5)
        assert.is_true(r:count() <= 3 * made, r:count() .. " logins for " .. made .. " tokens")
        assert.equal(0, login:status().failures)
      end)
    end

    it("keeps or shortens its end, and does not lengthen or lose it", function()
      for second, left in pairs { [300] = 140, [100] = 100 } do
        r.answers, r.sent = {}, {}
        r:play(r.token { lifetime = 300, value = "same" },
          r.token { lifetime = second, value = "same" })
        local login = r:login()
        assert(login:token())
        r:pass(160)
        assert(login:refresh())
        assert.equal(left, login:token():expires_in())
        r:pass(left - 0.1)
        assert.equal("fresh", login:status().state) -- asking again would bring no other
        assert(login:header())
        assert.equal(2, r:count())
        r:pass(0.1)
        assert.equal("expired", login:status().state)
      end
      r:play(r.token { lifetime = 300, value = "same" }, r.token { value = "same" })
      local login = r:login()
      assert(login:token())
      r:pass(100)
      assert.equal(200, assert(login:refresh()):expires_in())
    end)

    -- Gives out the same until it dies, by a clock that ticks; the way there and back takes its
    -- time.
    local function slow_server(delay, body_of)
      local made, ends = 0, -math.huge
      return function()
        r:pass(delay / 2)
        local _, time = core.now()
        if time >= ends then
          made, ends = made + 1, math.floor(time) + 300.5
        end
        local body = body_of(made, ends, time)
        r:pass(delay / 2)
        return { status = 200, headers = { date = os.date("!%a, %d %b %Y %H:%M:%S GMT",
          math.floor(time)) }, body = cjson.encode(body) }
      end, function()
        return made, ends
      end
    end

    local function jwt_of(made, ends)
      return encode.jwt(cjson.encode { jti = made, exp = math.floor(ends) })
    end

    for what, said in pairs {
      ["when it ends, to the second"] = { function(made, ends)
        return { access_token = "made-" .. made, expires_at = math.floor(ends) }
      end, { expires_in = false, expires_at = "expires_at" } },
      ["what is left, exactly"] = { function(made, ends, time)
        return { access_token = "made-" .. made, expires_in = ends - time }
      end },
      ["nothing, but its tokens do"] = { function(made, ends)
        return { access_token = jwt_of(made, ends) }
      end },
      ["always the same, other than its tokens"] = { function(made, ends)
        return { access_token = jwt_of(made, ends), expires_in = 300 }
      end },
    } do
      it("and says " .. what .. ": at the end nobody gets an error, nor a dead one", function()
        local play, current = slow_server(0.4, said[1])
        r:play(play)
        local login = r:login(nil, nil, { token = said[2] or {} })
        for i = 1, 6000 do
          local _, value, err = login:header()
          assert.is_nil(err)
          local made, ends = current()
          local _, time = core.now()
          assert.equal("Bearer " .. said[1](made, ends, time).access_token, value)
          assert.is_true(time < ends + 0.5)
          r:pass(0.1 + i % 7 / 10)
        end
        local made = current()
        assert.is_true(r:count() <= 4 * made, r:count() .. " logins for " .. made .. " tokens")
        assert.equal(0, login:status().failures)
      end)
    end

    it("with 0 seconds means now: a dead token is not handed out for ever", function()
      r:play(r.token { lifetime = 300, value = "same" }, r.token { lifetime = 0, value = "same" })
      local login = r:login()
      assert(login:token())
      r:pass(299.5)
      local none, _, err = login:header()
      assert.is_nil(none)
      assert.equal("bad_answer", err.code)
      assert.is_truthy(err.message:find("had expired when it came", 1, true))
      assert.is_true(r:count() <= 3)
    end)

    it("that always says 0 says nothing, and lives for as long as the definition says", function()
      r:play(r.token { lifetime = 0, value = "same" })
      local login = r:login(nil, nil, { token = { lifetime = 300 } })
      for _ = 1, 100 do
        assert(login:header())
        r:pass(10)
      end
      assert.is_true(r:count() <= 8)
    end)

    it("is believed again when the old end is over", function()
      r:play(r.token { lifetime = 300, value = "same" })
      local login = r:login()
      assert(login:token())
      r:pass(300)
      assert.equal(300, assert(login:token()):expires_in())
    end)

    it("is as ever where the token is another one", function()
      r:play(r.token { lifetime = 300 }, r.token())
      local login = r:login()
      assert(login:token())
      assert.is_nil(assert(login:refresh()):expires_in())
    end)
  end)

  describe("a refresh that prolongs", function()
    local keep = { url = origin .. "/refresh", form = { t = "${token}" }, prolongs = true }

    local function login_with(refresh, first)
      r:play(answer(first or { access_token = "t1", expires_in = 300, token_type = "MAC",
        scope = "a b" }), r.token { lifetime = 300 })
      r.answers_to.refresh = refresh
      local login = r:login(nil, nil, { refresh = keep })
      assert(login:token())
      r:pass(200)
      return login
    end

    it("needs no token in its answer: the old one lives on, as long again", function()
      for _, body in ipairs { { ok = true }, false } do
        local login = login_with(answer(body))
        local token = assert(login:refresh())
        assert.same({ "t1", 300, 2, "MAC", "a b" }, { token:value(), token:expires_in(),
          token:generation(), token:type(), token:scope() })
        assert.same({ "Authorization", "MAC t1" }, { login:header() })
        assert.same({ 1, 1, 0 }, { login:status().logins, login:status().refreshes,
          login:status().failures })
        r:pass(250)
        assert.equal(300, assert(login:refresh()):expires_in())
      end
    end)

    it("and one that repeats it, and says nothing else, takes nothing from it", function()
      local token = assert(login_with(answer { access_token = "t1" }):refresh())
      assert.same({ "t1", 300, "MAC", "a b" }, { token:value(), token:expires_in(),
        token:type(), token:scope() })
    end)

    it("or as long as the answer says", function()
      assert.equal(900, assert(login_with(answer { expires_in = 900 }):refresh()):expires_in())
      assert.equal(900, assert(login_with(answer { expires_in = 900, access_token = "t1" })
        :refresh()):expires_in())
      assert.equal("t2", assert(login_with(answer { access_token = "t2" }):refresh()):value())
    end)

    it("of a token whose life nobody told leaves it so", function()
      local login = login_with(answer { ok = true }, { access_token = "t1" })
      assert.is_nil(assert(login:refresh()):expires_in())
    end)

    it("that says 0 seconds, or is refused, is followed by a login", function()
      for _, refresh in ipairs { answer { expires_in = 0 }, r.refusal(401),
        answer { error = "session_gone" } } do
        r.sent = {}
        local login = login_with(refresh)
        local token = assert(login:refresh())
        assert.same({ 2, 1 }, { r:count(), r:count "refresh" })
        assert.same({ 2, 300 }, { login:status().logins, token:expires_in() })
      end
    end)

    it("is no way to revive one that is over", function()
      local login = login_with(answer { ok = true })
      r:pass(200)
      r.sent = {}
      assert(login:token())
      assert.same({ 1, 0 }, { r:count(), r:count "refresh" })
    end)

    it("that does not say so: an answer without a token is a failure", function()
      r:play(r.token { lifetime = 300 })
      r.answers_to.refresh = answer { ok = true }
      local login = r:login(nil, nil, { refresh = { url = keep.url, form = keep.form } })
      assert(login:token())
      assert.equal("token-2", assert(login:refresh()):value())
    end)
  end)

  describe("a refresh token that ends before the token does", function()
    local token = { refresh_expires_in = "refresh_expires_in" }

    -- Refresh tokens rotate, and die after 3 s.
    local function server(refresh_life, life)
      local count, dies = 0, math.huge
      return function(_, request)
        local sent = request.body:match "refresh_token=r(%d+)"
        if sent and (tonumber(sent) ~= count or core.now() >= dies) then
          return { status = 400, headers = {}, body = '{"error":"invalid_grant"}' }
        end
        count, dies = count + 1, core.now() + refresh_life
        return { status = 200, headers = {}, body = cjson.encode {
          access_token = "t" .. count, expires_in = life, refresh_token = "r" .. count,
          refresh_expires_in = refresh_life } }
      end
    end

    it("is used before that: a login from a refresh token alone does not die", function()
      r:play(server(3, 12))
      local login = r:login(nil, { refresh_token = "r0" }, {
        inputs = { refresh_token = { secret = true } }, token = token,
        login = { url = origin .. "/login", form = { refresh_token = "${refresh_token}" } },
        refresh = false,
      })
      for _ = 1, 60 do
        assert(login:header())
        r:pass(1)
      end
      assert.equal(0, login:status().failures)
    end)

    it("is not used after that: a login follows, when the token itself wants it", function()
      r:play(server(100, 1000))
      r.answers_to.refresh = r.refusal(400, nil, "invalid_grant")
      local login = r:login(nil, nil, { refresh = rehearsal.refresh, token = token })
      assert(login:token())
      r:pass(40)
      assert.equal("fresh", login:status().state)
      r:pass(15)
      assert.equal("advisory", login:status().state)
      r:pass(25)
      assert.equal("mandatory", login:status().state)
      r:pass(25)
      assert.equal("fresh", login:status().state)
      r:pass(880)
      r.sent = {}
      assert(login:token())
      assert.same({ 1, 0 }, { r:count(), r:count "refresh" })
    end)

    it("keeps its end when it stays the same", function()
      r:play(answer { access_token = "t", expires_in = 1000, refresh_token = "r1",
        refresh_expires_in = 100 })
      r.answers_to.refresh = r.token { lifetime = 1000 }
      local login = r:login(nil, nil, { refresh = rehearsal.refresh, token = token })
      assert(login:token())
      r:pass(60)
      assert(login:refresh())
      assert.equal("fresh", login:status().state)
      r:pass(35)
      assert.equal("mandatory", login:status().state)
    end)

    it("0, or nothing that can be read, is no end", function()
      for _, value in ipairs { 0, "never", -1, false } do
        r:play(answer { access_token = "t", expires_in = 1000, refresh_token = "r1",
          refresh_expires_in = value })
        local login = r:login(nil, nil, { refresh = rehearsal.refresh, token = token })
        assert(login:token())
        r:pass(690)
        assert.equal("fresh", login:status().state)
      end
    end)

    it("is no matter where nothing is refreshed with it", function()
      r:play(answer { access_token = "t", expires_in = 1000, refresh_token = "r1",
        refresh_expires_in = 100 })
      local login = r:login(nil, nil, { token = token })
      assert(login:token())
      r:pass(95)
      assert.equal("fresh", login:status().state)
    end)
  end)
end)
