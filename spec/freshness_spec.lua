-- When a login renews its token, as its callers see it. The windows themselves are shown by
-- spec/unit/freshness.c.
local bearer = require "bearer"
local core = require "bearer.core"
local patience = require "spec.support.patience"
local rehearsal = require "spec.support.rehearsal"

describe("freshness", function()
  local r

  before_each(function()
    r = rehearsal.new()
  end)

  after_each(function()
    r:stop()
  end)

  local function bought(lifetime, options)
    r:play(r.token { lifetime = lifetime })
    local login = r:login(options)
    assert(login:token())
    return login
  end

  -- Seconds after the login at which the state is another one for the first time.
  local function changes(login, lifetime)
    local began, state, found = core.now(), "fresh", {}
    local span, steps = math.min(lifetime, 600), 240
    for i = 0, steps do
      local at = lifetime - span + span * i / steps
      core.clock(began + at, 0)
      if login:status().state ~= state then
        state = login:status().state
        found[#found + 1] = { state, at }
      end
    end
    return found
  end

  local windows = {
    [86400] = { 86100, 86340, 86390 }, [3600] = { 3300, 3540, 3590 }, [300] = { 150, 240, 290 },
    [15] = { 7.5, 11.25, 14.25 }, [1] = { 0.5, 0.75, 0.95 },
  }

  for lifetime, instants in pairs(windows) do
    it(("of a token of %d s turns at its time"):format(lifetime), function()
      assert.same({ { "advisory", instants[1] }, { "mandatory", instants[2] },
        { "expired", instants[3] } }, changes(bought(lifetime), lifetime))
    end)
  end

  for lifetime in pairs(windows) do
    it(("makes a token of %d s serve most calls of its life"):format(lifetime), function()
      local login = bought(lifetime)
      local calls, lives = 40, 10
      for _ = 1, calls * lives do
        r:pass(lifetime / calls)
        assert.is_true(login:token():expires_in() > 0)
      end
      assert.is_true(r:count() >= lives and r:count() <= 2.1 * lives + 1, tostring(r:count()))
      assert.equal(0, login:status().failures)
    end)
  end

  it("of a token whose lifetime nobody tells lasts until it is refused", function()
    for _, answer in ipairs { r.token(), r.token { lifetime = 0 } } do
      r.sent = {}
      r:play(answer)
      local login = r:login()
      local t = assert(login:token())
      r:pass(10 * 366 * 86400)
      assert.equal(t, login:token())
      assert.same({ 1, "fresh" }, { r:count(), login:status().state })
      assert.same({}, { t:expires_in(), t:expires_at(), login:status().expires_in })
    end
  end)

  it("is the definition's lifetime when the answer tells none", function()
    r:play(r.token())
    local login = r:login(nil, nil, { token = { lifetime = 300 } })
    assert.equal(300, login:token():expires_in())
    r:pass(291)
    assert.equal(2, login:token():generation())
  end)

  it("spreads the start of the advisory state over a tenth of it", function()
    for _, lifetime in ipairs { 3600, 300, 15 } do
      local window = math.min(300, lifetime / 2)
      for _, jitter in ipairs { 0, 0.5, 0.999 } do
        r.jitter(jitter)
        local login = bought(lifetime)
        r:pass(lifetime - window * (1 - 0.1 * jitter) - 0.001)
        assert.equal("fresh", login:status().state)
        r:pass(0.002)
        assert.equal("advisory", login:status().state)
      end
    end
  end)

  it("starts the advisory state at another instant for each of a fleet", function()
    -- To the ms, by halves.
    local function turns_advisory(login, from, till)
      while till - from > 1e-3 do
        local middle = (from + till) / 2
        core.clock(middle, 1700000000)
        if login:status().state == "fresh" then
          from = middle
        else
          till = middle
        end
      end
      return till
    end
    r.jitter()
    local seen, many = {}, 0
    for _ = 1, 50 do
      core.clock(1000, 1700000000)
      local login = bought(3600)
      local at = turns_advisory(login, 1000 + 3299, 1000 + 3331)
      assert.is_true(at >= 1000 + 3300 - 1e-3 and at <= 1000 + 3330 + 1e-3)
      many = many + (seen[at] and 0 or 1)
      seen[at] = true
    end
    assert.is_true(many > 40)
  end)

  it("takes a leeway for the mandatory window, at most half the lifetime", function()
    for _, case in ipairs {
      { 300, 20, 20 }, { 300, 100, 100 }, { 300, 1e9, 150 }, { 300, 0, 10 }, { 15, 60, 7.5 },
      { 1, 60, 0.5 }, { 86400, 3600, 3600 }, { 86400, 0, 10 },
    } do
      local lifetime, leeway, window = case[1], case[2], case[3]
      r.sent = {}
      local login = bought(lifetime, { leeway = leeway })
      r:pass(lifetime - window - 0.001)
      assert.is_true(login:status().state ~= "mandatory", lifetime .. ", " .. leeway)
      r:pass(0.002)
      assert.is_true(({ mandatory = true, expired = true })[login:status().state])
      r.sent = {}
      for _ = 1, 100 do
        assert(login:token())
      end
      assert.equal(1, r:count()) -- never a login per call
    end
  end)

  it("does not care for a wall clock that is set", function()
    for _, day in ipairs { 86400, -86400 } do
      local login = bought(3600)
      local t = login:token()
      r.sent = {}
      r:pass(10, 10 + day)
      assert.same({ t, 3590, "fresh", 0 },
        { login:token(), t:expires_in(), login:status().state, r:count() })
      local _, wall = core.now()
      assert.equal(wall + 3590, t:expires_at())
      r:pass(3300, -day)
      assert.equal("advisory", login:status().state)
    end
  end)

  it("notices that the machine slept for an hour", function()
    local login = bought(3600)
    local old = login:token()
    local header = select(2, login:header())
    r:pass(3600, 0) -- whatever the wall clock says
    assert.is_true(old:expired())
    assert.same({ 0, "expired" }, { old:expires_in(), login:status().state })
    assert.not_equal(header, select(2, login:header()))
    assert.equal(2, r:count())
  end)

  it("is counted from when the request was sent", function()
    r.delay = 100
    local login = bought(300)
    assert.equal(200, login:token():expires_in())
    r:pass(190)
    assert.equal("expired", login:status().state)
  end)

  it("takes an absolute end against the server's Date less Age", function()
    local function ends_at(date, age)
      r:play(function()
        return { status = 200, headers = { date = date, age = age },
          body = '{"access_token":"t","expires_at":"2030-01-01T01:00:00Z"}' }
      end)
      local login = r:login(nil, nil, { token = { expires_at = "expires_at" } })
      return login:token():expires_in()
    end
    assert.equal(3600, ends_at "Tue, 01 Jan 2030 00:00:00 GMT")
    assert.equal(3480, ends_at("Tue, 01 Jan 2030 00:00:00 GMT", "120"))
    core.clock(1000, 1893456000 + 60) -- no Date: our own clock is all there is
    assert.equal(3540, ends_at())
  end)

  it("is looked at by the header that is served without a look", function()
    core.clock() -- the true one: while it is frozen nothing is served that way
    local login = bought(1)
    local began, first = os.time(), select(2, login:header())
    local latest = first
    while latest == first and os.time() - began < patience.limit do
      latest = select(2, login:header())
    end
    assert.not_equal(first, latest)
  end)

  it("of a token of another login is another matter", function()
    local short, long = bought(15), bought(86400)
    r.sent = {}
    r:pass(20)
    assert(short:token())
    assert(long:token())
    assert.equal(1, r:count())
    bearer.poll()
    assert.equal(1, r:count())
  end)
end)
