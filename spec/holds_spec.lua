-- How long a login that failed is left alone, and what lifts that.
local bearer = require "bearer"
local core = require "bearer.core"
local rehearsal = require "spec.support.rehearsal"

describe("a hold", function()
  local r

  before_each(function()
    r = rehearsal.new()
  end)

  after_each(function()
    r:stop()
  end)

  local function fail(login)
    local t, _, err = login:token()
    assert.is_nil(t)
    return err
  end

  local function is_near(expected, got)
    assert.near(expected, got, 1e-6)
  end

  -- Failures one after the other, each as soon as it may be: the seconds between them.
  local function durations(login, times)
    local list = {}
    for i = 1, times do
      fail(login)
      assert.equal(i, r:count())
      list[i] = math.floor(login:status().hold + 0.5)
      r:pass(login:status().hold - 0.01)
      fail(login)
      assert.equal(i, r:count())
      r:pass(0.02)
      assert.is_nil(login:status().hold)
    end
    return list
  end

  local doubling = {
    ["no answer"] = { {}, { 1, 2, 4, 8, 16, 30, 30 } },
    ["502"] = { { 502 }, { 1, 2, 4, 8, 16, 30, 30 } },
    ["429"] = { { 429 }, { 1, 2, 4, 8, 16, 30, 30 } },
    ["503"] = { { 503 }, { 1, 2, 4, 8, 16, 30, 30 } },
    ["503 that says when"] = { { 503, "2" }, { 2, 2, 2, 2 } },
    ["a 2xx without a token"] = { { 200, nil, "oops" }, { 60, 120, 240, 480, 900, 900 } },
    ["a code that means: slower"] = { { 400, nil, "slow_down" }, { 1, 2, 4, 8, 16, 30, 30 } },
    ["400"] = { { 400 }, { 60, 120, 240, 480, 900, 900 } },
    ["401"] = { { 401 }, { 60, 120, 240, 480, 900, 900 } },
    ["403"] = { { 403 }, { 60, 120, 240, 480, 900, 900 } },
    ["a code that means: denied"] = { { 500, "5", "invalid_grant" }, { 60, 120, 240, 480, 900 } },
  }

  for name, case in pairs(doubling) do
    it(("after %s doubles"):format(name), function()
      r:play(r.refusal(case[1][1], case[1][2], case[1][3]))
      assert.same(case[2], durations(r:login(), #case[2]))
    end)
  end

  -- Retry-After, and the seconds it is taken for. The wall clock says Tue, 14 Nov 2023 22:13:20.
  local asked = {
    ["5"] = 5, [" 7 "] = 7, ["0"] = 1, ["1"] = 1, ["3600"] = 3600, ["3601"] = 3600,
    ["99999999"] = 3600, [("9"):rep(400)] = 3600,
    ["Tue, 14 Nov 2023 22:14:20 GMT"] = 60, ["Tue, 14 Nov 2023 22:13:19 GMT"] = 1,
    ["2.5"] = 2.5, ["0.5"] = 1, ["7, 7"] = 7, ["5,6.5"] = 6.5, -- two headers, joined
    ["Tue, 14 Nov 2023 22:14:20 GMT, Tue, 14 Nov 2023 22:14:20 GMT"] = 60,
    ["Wed, 14 Nov 2103 22:13:20 GMT"] = 3600, ["Thu, 01 Jan 1970 00:00:00 GMT"] = 1,
    -- as good as none: 1 s, doubling
    ["-5"] = 1, ["soon"] = 1, [""] = 1, ["1e3"] = 1, ["0x10"] = 1, ["nan"] = 1,
    ["7 s"] = 1, ["Tue, 99 Nov 2023 99:99:99 GMT"] = 1,
  }

  for text, seconds in pairs(asked) do
    it(("is %g s when Retry-After is '%.40s'"):format(seconds, text), function()
      for _, status in ipairs { 429, 503, 400, 500 } do
        r:play(r.refusal(status, text))
        local login = r:login()
        assert.equal("throttled", fail(login).class)
        is_near(seconds, login:status().hold)
      end
    end)
  end

  it("takes the date in Retry-After against the server's own", function()
    r:play(function()
      return { status = 503, body = "", headers = {
        ["retry-after"] = "Mon, 01 Jan 2001 00:01:30 GMT",
        date = "Mon, 01 Jan 2001 00:00:00 GMT",
      } }
    end)
    local login = r:login()
    fail(login)
    is_near(90, login:status().hold)
  end)

  it("answers the same error with the time left, and asks nobody", function()
    for _, status in ipairs { 400, 429, 502 } do
      r.sent = {}
      r:play(r.refusal(status, nil, "some_code"))
      local login = r:login()
      local first = fail(login)
      local hold = login:status().hold
      r:pass(0.25)
      for _, method in ipairs { "token", "header", "headers", "refresh" } do
        local t, _, err = login[method](login)
        assert.is_nil(t)
        is_near(hold - 0.25, err.retry_after)
        for _, field in ipairs { "code", "class", "status", "description", "provider", "step" } do
          assert.equal(first[field], err[field])
        end
        assert.equal(tostring(first), tostring(err))
      end
      assert.is_nil((login:authorize {}))
      assert.is_nil((login:request { url = "/api" }))
      assert.same({ 1, 0 }, { r:count(), r:count "api" })
    end
  end)

  it("answers details of its own to each caller", function()
    r:play(r.refusal(400, nil, "some_code"))
    local login = r:login()
    fail(login)
    fail(login).details.error = "spoilt"
    assert.equal("some_code", fail(login).details.error)
  end)

  it("counts each class by itself", function()
    local login = r:login()
    local seconds = {}
    for _, status in ipairs { 400, 502, 429, 400, 502, 429, 502, 400 } do
      r:play(r.refusal(status))
      fail(login)
      seconds[#seconds + 1] = math.floor(login:status().hold + 0.5)
      r:pass(login:status().hold + 0.01)
    end
    assert.same({ 60, 1, 1, 120, 2, 2, 4, 240 }, seconds)
  end)

  it("begins anew after a success", function()
    local login = r:login()
    r:play(r.refusal(400))
    durations(login, 3)
    r:play(r.token { lifetime = 10 }, r.refusal(400))
    assert(login:token())
    assert.is_nil(login:status().last_error)
    r:pass(10)
    fail(login)
    is_near(60, login:status().hold)
    assert.equal("http_400", login:status().last_error.code)
  end)

  it("is lifted by reset(), which also forgets how often it doubled", function()
    local login = r:login()
    r:play(r.refusal(401))
    durations(login, 3)
    fail(login)
    login:reset()
    assert.is_nil(login:status().hold)
    fail(login)
    assert.equal(5, r:count())
    is_near(60, login:status().hold)
  end)

  it("lets a token that lives be handed out", function()
    local login = r:login()
    r:bring(login, "mandatory")
    r:play(r.refusal(400))
    local t = assert(login:token())
    for _ = 1, 100 do
      assert.equal(t, login:token())
    end
    assert.equal(1, r:count())
    r:pass(299)
    assert.equal("terminal", fail(login).class)
    assert.equal(2, r:count())
  end)

  it("of one login is none of another's", function()
    r:play(r.refusal(400), r.token { lifetime = 300 })
    local one, other = r:login(), r:login()
    fail(one)
    assert(other:token())
  end)

  -- ---- secrets that change --------------------------------------------------------------

  local function write(path, text)
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
  end

  -- A secret that `set` changes.
  local function sources()
    local path, value = os.tmpname(), "old"
    write(path, value)
    return {
      { bearer.file(path), function(text) write(path, text) end },
      { function() return value end, function(text) value = text end },
    }, path
  end

  it("is lifted at once when the wrong secret has changed, and not before", function()
    local list, path = sources()
    for _, source in ipairs(list) do
      r.sent = {}
      r:play(r.refusal(401))
      local login = r:login(nil, { password = source[1] })
      for _ = 1, 10 do
        assert.equal("terminal", fail(login).class)
      end
      assert.equal(1, r:count())
      source[2] "new"
      for _ = 1, 10 do
        fail(login)
      end
      assert.equal(2, r:count())
      r:pass(60) -- once a minute at most
      source[2] "newer"
      r:play(r.token { lifetime = 300 })
      assert(login:token())
      assert.matches("password=newer", r.last.body)
    end
    os.remove(path)
  end)

  if jit then -- only there can a program change its own environment
    it("is lifted by a variable of the environment that has changed", function()
      local ffi = require "ffi"
      ffi.cdef "int setenv(const char *, const char *, int);"
      ffi.C.setenv("BEARER_HOLDS_SPEC", "old", 1)
      r:play(r.refusal(401))
      local login = r:login(nil, { password = bearer.env "BEARER_HOLDS_SPEC" })
      fail(login)
      fail(login)
      assert.equal(1, r:count())
      ffi.C.setenv("BEARER_HOLDS_SPEC", "new", 1)
      fail(login)
      assert.equal(2, r:count())
    end)
  end

  it("is not lifted by a one-time code, which changes by itself", function()
    local codes = 0
    r:play(r.refusal(401))
    local login = r:login(nil, { password = "wrong", code = function()
      codes = codes + 1
      return "code" .. codes
    end })
    for _ = 1, 10 do
      fail(login)
    end
    assert.same({ 1, 1 }, { r:count(), codes })
  end)

  it("for the network's failure is not lifted by a changed secret", function()
    for _, status in ipairs { 502, 429 } do
      r.sent = {}
      local value = "old"
      r:play(r.refusal(status))
      local login = r:login(nil, { password = function() return value end })
      fail(login)
      value = "new"
      fail(login)
      assert.equal(1, r:count())
    end
  end)

  it("after a secret that could not be read ends when it can be", function()
    local path = os.tmpname()
    os.remove(path)
    r:play(r.token { lifetime = 300 })
    local login = r:login(nil, { password = bearer.file(path) })
    for _ = 1, 3 do
      assert.same({ "no_secret", "terminal" }, { fail(login).code, fail(login).class })
    end
    assert.equal(0, r:count())
    write(path, "there")
    assert(login:token())
    os.remove(path)
  end)

  it("never lets a wrong password be sent more than once for it", function()
    r:play(r.refusal(400, nil, "invalid_grant"))
    local login = r:login { retries = 5 }
    local allowed, began = { 0, 60, 180, 420, 900, 1800, 2700, 3600 }, core.now()
    for _ = 1, 720 do
      login:token()
      login:header()
      bearer.prewarm(login)
      r:pass(5)
    end
    local due = 0
    for _, at in ipairs(allowed) do
      due = due + (at < core.now() - began - 1 and 1 or 0)
    end
    assert.equal(due, r:count())
  end)
end)

describe("a refused token", function()
  local r

  before_each(function()
    r = rehearsal.new()
    r:play(r.token { lifetime = 86400 })
  end)

  after_each(function()
    r:stop()
  end)

  local function api(status)
    r.answers_to.api = function()
      return { status = status, headers = {}, body = "" }
    end
  end

  -- Accepts this token alone.
  local function accept(value)
    r.answers_to.api = function(_, request)
      local is = value == nil or request.headers.authorization == "Bearer " .. value
        or request.headers.Authorization == "Bearer " .. value
      return { status = is and 200 or 401, headers = {}, body = "" }
    end
  end

  local function call(login)
    local response = assert(login:request { url = "/api" })
    return response.status
  end

  local function is_near(expected, got)
    assert.near(expected, got, 1e-6)
  end

  it("is replaced once, and counted", function()
    local login = r:login()
    accept "token-2"
    assert.equal(200, call(login))
    assert.same({ 2, 2 }, { r:count(), r:count "api" })
    local status = login:status()
    assert.same({ 1, 2, 2 }, { status.refused, status.logins, status.generation })
  end)

  it("is an answer of the API when the next one is refused as well", function()
    local login = r:login()
    api(401)
    assert.equal(401, call(login))
    assert.same({ 2, 2 }, { r:count(), r:count "api" })
    assert.equal(2, login:status().refused)
  end)

  it("costs no login per call when every token is refused", function()
    local login = r:login()
    api(401)
    for _ = 1, 59 do
      assert.equal(401, call(login))
      r:pass(1)
    end
    assert.equal(2, r:count())
    for _ = 1, 360 do
      assert.equal(401, call(login))
      r:pass(10)
    end
    -- the first, its replacement, and one after 1, 2, 4, 8, 15, 15 and 15 minutes
    assert.equal(9, r:count())
  end)

  it("is handed out again when the API comes to its senses", function()
    local login = r:login()
    api(401)
    for _ = 1, 10 do
      call(login)
    end
    api(200)
    for _ = 1, 10 do
      assert.equal(200, call(login))
    end
    assert.equal(2, r:count())
    r:pass(61)
    accept "token-3"
    assert.equal(200, call(login))
    assert.equal(3, r:count())
  end)

  it("is not bought anew for each call to what this client may not see", function()
    local login = r:login()
    for _ = 1, 100 do
      api(401)
      call(login)
      api(200)
      assert.equal(200, call(login))
      r:pass(0.5)
    end
    assert.equal(2, r:count())
  end)

  it("is recognised by a function of the caller's, and by codes of the definition", function()
    local login = r:login { refused = function(response)
      return response.status == 419
    end }
    api(419)
    assert.equal(419, call(login))
    assert.same({ 2, 2 }, { r:count(), login:status().refused })
  end)

  it("is dropped although its successor cannot be bought", function()
    local login = r:login()
    local t = assert(login:token())
    api(401)
    r:play(r.refusal(502))
    local response, _, err = login:request { url = "/api" }
    assert.is_nil(response)
    assert.equal("http_502", err.code)
    local again
    again, _, err = login:token()
    assert.is_nil(again)
    assert.equal("http_502", err.code)
    assert.equal("bearer.token", core.type(t))
  end)

  it("that is superseded already costs nothing", function()
    local login = r:login()
    local old = assert(login:token())
    local new = assert(login:refresh(old))
    assert.equal(2, r:count())
    for _ = 1, 10 do
      assert.equal(new, login:refresh(old))
      assert.equal(new, old:refresh())
    end
    assert.equal(2, r:count())
    assert.equal(3, assert(login:refresh()):generation())
    assert.equal(3, r:count())
  end)

  -- As an API that refuses everything has them asked for.
  local ways = {
    ["login:refresh(rejected)"] = function(login, token) return login:refresh(token) end,
    ["token:refresh()"] = function(_, token) return token:refresh() end,
  }

  for way, refresh in pairs(ways) do
    describe("by " .. way, function()
      local login, first, second

      before_each(function()
        login = r:login()
        first = assert(login:token())
        second = assert(refresh(login, first))
        assert.same({ 2, 2 }, { second:generation(), r:count() })
      end)

      local function is_limited(token, left)
        local none, message, err = refresh(login, token)
        assert.is_nil(none)
        assert.equal("rehearsal: refresh failed: a token that had just been bought was refused as "
          .. "well: it is not replaced for a while (refused)", message)
        assert.equal(message, err.message)
        assert.same({ "refused", "terminal", "refresh", true },
          { err.code, err.class, err.step, err.held })
        is_near(left, err.retry_after)
      end

      it("is not replaced when it was itself bought for one less than 60 s ago", function()
        r:pass(59.9)
        is_limited(second, 60)
        r:pass(10)
        is_limited(second, 50)
        assert.equal(2, r:count())
        r:pass(49.9)
        is_limited(second, 0.1)
        r:pass(0.2)
        assert.equal(3, assert(refresh(login, second)):generation())
        assert.equal(3, r:count())
      end)
      it("is replaced once those 60 s are over", function()
        r:pass(60)
        assert.equal(3, assert(refresh(login, second)):generation())
        assert.equal(3, r:count())
      end)
      it("is handed out all the same, and costs calls no login", function()
        is_limited(second, 60)
        assert.equal(second, assert(login:token()))
        assert.equal("Bearer token-2", select(2, login:header()))
        assert.equal("fresh", login:status().state)
        assert.is_nil(login:status().hold)
        assert.equal(2, r:count())
      end)
      it("is counted", function()
        is_limited(second, 60)
        is_limited(second, 60)
        assert.equal(2, login:status().refused) -- the two tokens
      end)
      it("is left alone for longer each time", function()
        local token = second
        for _, seconds in ipairs { 60, 120, 240, 480, 900, 900 } do
          is_limited(token, seconds)
          r:pass(seconds + 0.1)
          token = assert(refresh(login, token))
        end
      end)
      it("limits login:request and login:reject as well, and they limit it", function()
        is_limited(second, 60)
        api(401)
        assert.equal(401, call(login))
        assert.is_false(login:reject(second))
        assert.is_false(login:reject "Bearer token-2")
        assert.equal(2, r:count())
        r:pass(61)
        assert.equal(401, call(login)) -- which bought another
        assert.equal(3, r:count())
        is_limited(assert(login:token()), 120)
      end)
      it("an answer that accepts it lifts that", function()
        api(200)
        assert.equal(200, call(login))
        assert.equal(3, assert(refresh(login, second)):generation())
      end)
      it("login:reset() lifts that", function()
        is_limited(second, 60)
        login:reset()
        assert.equal(3, assert(refresh(login, second)):generation())
      end)
      it("does not limit login:refresh() without a token", function()
        is_limited(second, 60)
        for generation = 3, 6 do
          assert.equal(generation, assert(login:refresh()):generation())
        end
        assert.equal(6, r:count())
        assert.equal(6, assert(refresh(login, second)):generation()) -- which is superseded
        assert.equal(6, r:count())
      end)
    end)
  end
end)
