-- What a caller gets, by the state of the token and the outcome of the renewal: the table of the
-- README, cell by cell.
local core = require "bearer.core"
local rehearsal = require "spec.support.rehearsal"

local function classes()
  return "transient", "throttled", "terminal"
end

local answers = {
  transient = { 502 }, throttled = { 429 }, terminal = { 400, nil, "invalid_grant" },
}

local states = { "none", "fresh", "advisory", "mandatory", "expired" }
local outcomes = { "success", "transient", "throttled", "terminal", "held", "under way" }

-- What is given, and how many requests are sent for it.
local same = { "the token", 0 }
local cells = {
  none = { success = { "a new token", 1 }, failure = { "an error", 1 },
    held = { "the same error", 0 }, ["under way"] = { "its outcome", 0 } },
  fresh = { success = same, failure = same, held = same, ["under way"] = same },
  advisory = { success = { "the token, then the new one", 1 }, failure = { "the token", 1 },
    held = same, ["under way"] = same },
  mandatory = { success = { "a new token", 1 }, failure = { "the token", 1 }, held = same,
    ["under way"] = { "its outcome", 0 } },
  expired = { success = { "a new token", 1 }, failure = { "an error", 1 },
    held = { "the same error", 0 }, ["under way"] = { "its outcome", 0 } },
}

local function cell(state, outcome)
  local row = cells[state]
  return row[outcome] or row.failure
end

describe("a renewal", function()
  local r

  before_each(function()
    r = rehearsal.new()
  end)

  after_each(function()
    r:stop()
  end)

  -- ---- outcomes that are there when the call returns ----------------------------------

  local function outcome_is(outcome)
    if outcome == "success" then
      r:play(r.token { lifetime = 300, value = "new" })
    else
      local a = answers[outcome]
      r:play(r.refusal(a[1], a[2], a[3]))
    end
  end

  local function hold(login)
    local _, err
    outcome_is "terminal"
    _, _, err = login:refresh()
    assert.equal("terminal", err.class)
    r.sent = {}
    outcome_is "success" -- nobody will ask
    return err
  end

  -- Every way to be handed a token gives the same.
  local function ask(login)
    local t, message, err = login:token()
    local name, value, of_header = login:header()
    local headers, why, of_headers = login:headers()
    local request, why_not, of_authorize = login:authorize { url = "/x" }
    if t then
      assert.equal("Bearer " .. login:token():value(), value)
      assert.same({ Authorization = value }, headers)
      assert.same({ Authorization = value }, request.headers)
    else
      assert.same({}, { name, headers, request })
      for _, other in ipairs { err, of_header, of_headers, of_authorize } do
        assert.equal(err.code, other.code)
      end
      assert.same({ message, message, message, message }, { err.message, value, why, why_not })
    end
    return t, err
  end

  local checks = {
    ["the token"] = function(_, t, old)
      assert.equal(old, t)
    end,
    ["a new token"] = function(_, t, old)
      assert.equal("new", t:value())
      assert.not_equal(old, t)
    end,
    ["the token, then the new one"] = function(_, t)
      assert.equal("new", t:value()) -- this transport answers at once
    end,
    ["an error"] = function(err, t, _, _, outcome)
      assert.is_nil(t)
      assert.equal(outcome, err.class)
    end,
    ["the same error"] = function(err, t, _, held)
      assert.is_nil(t)
      assert.same({ held.code, held.class, tostring(held) }, { err.code, err.class, tostring(err) })
    end,
  }

  for _, state in ipairs(states) do
    for _, outcome in ipairs { "success", "held", classes() } do
      local gives, requests = cell(state, outcome)[1], cell(state, outcome)[2]
      it(("%s, %s: %s"):format(state, outcome, gives), function()
        local login = r:login()
        local held = outcome == "held" and state == "none" and hold(login)
        local old = r:bring(login, state)
        if outcome == "held" then
          held = held or hold(login)
        else
          outcome_is(outcome)
        end
        local t, err = ask(login)
        checks[gives](err, t, old, held, outcome)
        assert.equal(requests, r:count())
      end)
    end
  end

  -- ---- outcomes that are not there yet ------------------------------------------------

  -- A renewal that a coroutine is waiting for, and the coroutine. It ends when that is resumed.
  local function under_way(state)
    local login = r:login { transport = function()
      r.sent.login = r:count() + 1
      if r.waits then
        coroutine.yield()
      end
      return r.token { lifetime = 300 }(r)
    end }
    local old
    if state ~= "none" then
      old = r:bring(login, state)
    end
    r.waits = true
    local starter = coroutine.create(function()
      return login:refresh()
    end)
    assert(coroutine.resume(starter))
    assert.equal(1, r:count())
    return login, starter, old
  end

  for _, state in ipairs(states) do
    local gives = cell(state, "under way")[1]
    it(("%s, under way: %s"):format(state, gives), function()
      local login, starter, old = under_way(state)
      local caller = coroutine.create(function()
        return login:token()
      end)
      local _, t = coroutine.resume(caller)
      if gives == "the token" then
        assert.equal(old, t)
      else
        assert.equal("suspended", coroutine.status(caller))
      end
      local _, new = coroutine.resume(starter)
      assert.equal(new, login:token())
      if gives == "its outcome" then
        _, t = coroutine.resume(caller)
        assert.equal(new, t)
      end
      assert.equal(1, r:count())
    end)
  end

  -- ---- the README ---------------------------------------------------------------------

  it("gives what the README's table says", function()
    local file = assert(io.open "README.md")
    local text = file:read "*a"
    file:close()
    local titles = "| `" .. table.concat(outcomes, "` | `") .. "` |\n"
    local _, opened = text:find(titles, 1, true)
    assert.is_number(opened, titles)
    local rows = text:sub(opened)
    for _, state in ipairs(states) do
      local told, expected = rows:match("\n| `" .. state .. "` |([^\n]+)\n"), {}
      for i, outcome in ipairs(outcomes) do
        expected[i] = cell(state, outcome)[1]
      end
      assert.equal(" " .. table.concat(expected, " | ") .. " |", told, state)
    end
  end)

  -- ---- what must never happen ----------------------------------------------------------

  it("that takes longer than the token lives does not hand out a dead one", function()
    local login = r:login()
    r:bring(login, "advisory")
    r.delay = 200
    r:play(r.refusal(502))
    local t, _, err = login:token()
    assert.is_nil(t)
    assert.equal("http_502", err.code)
    assert.equal(1, r:count()) -- held by then
  end)

  it("that fails after the end leaves nothing to call an API with", function()
    for _, outcome in ipairs { "transient", "throttled", "terminal" } do
      local login = r:login()
      r:bring(login, "expired")
      outcome_is(outcome)
      for _ = 1, 3 do
        local response, _, err = login:request { url = "/api" }
        assert.is_nil(response)
        assert.equal(outcome, err.class)
      end
      assert.same({ 1, 0 }, { r:count(), r:count "api" })
    end
  end)

  it("whose token is dead when it comes says so, and is held", function()
    local login = r:login()
    r.delay = 10
    r:play(r.token { lifetime = 5 })
    for _ = 1, 10 do
      local t, _, err = login:token()
      assert.is_nil(t)
      assert.same({ "bad_answer", "transient" }, { err.code, err.class })
    end
    assert.equal(1, r:count())
    assert.same({ 0, 1 }, { login:status().logins, login:status().failures })
    r.delay = nil
    r:pass(1)
    assert(login:token())
  end)

  it("of a closed login is none", function()
    local login = r:login()
    r:bring(login, "advisory")
    login:close()
    for _, method in ipairs { "token", "header", "headers", "refresh", "logout" } do
      local t, _, err = login[method](login)
      assert.is_nil(t)
      assert.equal("closed", err.code)
    end
    assert.equal(0, r:count())
  end)

  it("ends with the login that is closed while callers wait for it", function()
    local login, starter = under_way "none"
    local caller = coroutine.create(function()
      return login:token()
    end)
    coroutine.resume(caller)
    login:close()
    for _, thread in ipairs { caller, starter } do
      local _, t, _, err = coroutine.resume(thread)
      assert.is_nil(t)
      assert.equal("closed", err.code)
    end
    assert.equal("closed", login:status().state)
  end)

  it("is retried inside the call while there is hope, with full jitter", function()
    local login = r:login { retries = 3 }
    r.jitter(0.5)
    r:play(r.refusal(), r.refusal(500), r.refusal(503 + 1), r.token { lifetime = 300 })
    local before = core.now()
    assert(login:token())
    assert.equal(4, r:count())
    assert.near(0.5 * (0.25 + 0.5 + 1), core.now() - before, 0.01)
  end)

  it("is not retried when the time is up", function()
    local login = r:login { retries = 100, timeout = 10 }
    r.delay = 3
    r:play(r.refusal(500))
    assert.is_nil((login:token()))
    assert.equal(4, r:count())
  end)

  -- ---- refreshes ------------------------------------------------------------------------

  local function refreshing(answer, options)
    local login = r:login(options, nil, { refresh = rehearsal.refresh })
    r.answers_to = {}
    r:play(r.token { lifetime = 300, refresh = "r1" })
    assert(login:token())
    r.sent = {}
    r.answers_to = { refresh = answer, login = r.refusal(502) }
    return login
  end

  it("by a refresh that fails falls back to a login", function()
    for _, answer in ipairs { r.refusal(), r.refusal(502), r.refusal(400, nil, "invalid_grant") } do
      local login = refreshing(answer)
      r.answers_to.login = r.token { lifetime = 300, value = "by-login" }
      assert.equal("by-login", login:refresh():value())
      assert.same({ 1, 1 }, { r:count "refresh", r:count() })
    end
  end)

  it("sends no refresh token twice, although the login that follows fails as well", function()
    for _, answer in ipairs { r.refusal(), r.refusal(502), r.refusal(400, nil, "invalid_grant") } do
      local login = refreshing(answer)
      for _ = 1, 3 do
        assert.is_nil((login:refresh()))
        r:pass(31)
      end
      assert.same({ 1, 3 }, { r:count "refresh", r:count() })
      assert.equal(1, login:status().generation)
    end
  end)

  it("waits with a refresh that is throttled, and sends no login instead", function()
    local login = refreshing(r.refusal(429))
    assert.is_nil((login:refresh()))
    r:pass(2)
    r.answers_to.refresh = r.token { lifetime = 300, refresh = "r2" }
    assert(login:refresh())
    assert.same({ 2, 0 }, { r:count "refresh", r:count() })
    assert.same({ 1, 1 }, { login:status().logins, login:status().refreshes })
  end)

  it("has no time for a login when the refresh took all of it", function()
    local login = refreshing(r.refusal(502), { timeout = 5 })
    r.delay = 6
    local t, _, err = login:refresh()
    assert.is_nil(t)
    assert.equal("timeout", err.code)
    assert.same({ 1, 0 }, { r:count "refresh", r:count() })
  end)

  -- A grant whose only credential is the refresh token itself.
  local function only_refresh()
    local request = rehearsal.refresh
    local login = r:login({ retries = 2 }, { refresh_token = "r0" }, {
      inputs = { refresh_token = { secret = true } },
      login = { url = "https://rehearsal.invalid/login", form = request.form }, refresh = request,
    })
    r:play(r.token { lifetime = 300, refresh = "r1" })
    assert(login:token())
    r.sent = {}
    return login
  end

  it("never sends a rotating refresh token again whose answer was lost", function()
    local login = only_refresh()
    r:play(r.refusal())
    local _, _, err = login:refresh()
    assert.equal("network", err.code)
    r:pass(2)
    _, _, err = login:refresh()
    assert.same({ "refresh_token_lost", "terminal" }, { err.code, err.class })
    assert.same({ 1, 0 }, { r:count "refresh", r:count() })
    r:pass(100000)
    assert.is_nil((login:token()))
    assert.same({ 1, 0 }, { r:count "refresh", r:count() })
    login:reset() -- somebody decides so
    r:play(r.token { lifetime = 300, refresh = "r2" })
    assert(login:token())
  end)

  it("sends it again, after the hold, when the server answered that it failed", function()
    local login = only_refresh()
    r:play(r.refusal(502), r.token { lifetime = 300, refresh = "r2" })
    assert.is_nil((login:refresh()))
    assert.equal(1, r:count "refresh" + r:count())
    r:pass(2)
    assert(login:refresh())
    assert.matches("refresh_token=r1", r.last.body)
    assert(login:refresh())
    assert.matches("refresh_token=r2", r.last.body)
  end)
end)
