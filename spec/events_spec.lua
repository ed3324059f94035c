-- What on_event and status() tell a metrics collector, and the example that uses them.
local core = require "bearer.core"
local helper = require "spec.support.helper"
local rehearsal = require "spec.support.rehearsal"
local sandbox = require "spec.sandbox"
local secrets = require "spec.support.secrets"

describe("events", function()
  local r, heard

  before_each(function()
    r, heard = rehearsal.new(), {}
    r.delay = 2
  end)

  after_each(function()
    r:stop()
  end)

  local function listening(changes, listener)
    return r:login({ on_event = listener or function(event)
      heard[#heard + 1] = event
    end }, nil, changes)
  end

  local function counts(logins, refreshes, failures, refused, event)
    event.provider, event.logins, event.refreshes = "rehearsal", logins, refreshes
    event.failures, event.refused = failures, refused
    return event
  end

  it("tell of a login, a refresh, a failure and a held call, each with its fields", function()
    local login = listening { refresh = rehearsal.refresh }
    r:play(r.token { lifetime = 300, refresh = "r1" })
    assert(login:token())
    assert(login:refresh())
    r:play(r.refusal(400, nil, "invalid_grant"))
    assert.is_nil((login:refresh())) -- and by the login that follows
    r:pass(10)
    assert.is_nil((login:refresh()))
    assert.same({
      counts(1, 0, 0, 0, { event = "login", duration = 2, generation = 1, expires_in = 298 }),
      counts(1, 1, 0, 0, { event = "refresh", duration = 2, generation = 2, expires_in = 298 }),
      counts(1, 1, 1, 0, { event = "failure", step = "login", class = "terminal",
        code = "invalid_grant", duration = 4, hold = 60 }),
      counts(1, 1, 1, 0, { event = "held", class = "terminal", code = "invalid_grant", hold = 50 }),
    }, heard)
  end)

  it("tell of each class of failure", function()
    local cases = { { "transient", 502, 1 }, { "throttled", 429, 7 }, { "terminal", 403, 60 } }
    for _, case in ipairs(cases) do
      heard = {}
      r:play(r.refusal(case[2], case[1] == "throttled" and "7" or nil))
      listening():token()
      assert.same({ "failure", case[1], "http_" .. case[2], case[3] },
        { heard[1].event, heard[1].class, heard[1].code, heard[1].hold })
      assert.equal(1, #heard)
    end
  end)

  it("count tokens that were refused", function()
    local login = listening()
    r:play(r.token { lifetime = 86400 })
    r.answers_to.api = r.refusal(401)
    assert(login:request { url = "/api" })
    assert.same({ 0, 1 }, { heard[1].refused, heard[2].refused })
    assert.equal(2, login:status().refused)
  end)

  it("come from a background renewal as well, and once for all who waited", function()
    local login = listening()
    r:play(r.token { lifetime = 300 })
    assert(login:token())
    r:pass(160)
    for _ = 1, 10 do
      login:token()
    end
    assert.equal(2, #heard)
  end)

  it("know no secret", function()
    local login = listening { refresh = rehearsal.refresh }
    r:play(r.token { lifetime = 300, refresh = "refresh-secret" })
    assert(login:token())
    assert(login:refresh())
    r:play(r.refusal(400, nil, "s3cret"))
    login:refresh()
    secrets.assert_absent({ heard, login:status() },
      { "s3cret", "refresh-secret", "token-1", "token-2" })
  end)

  it("harm nobody when the listener raises", function()
    local asked = 0
    local login = listening(nil, function()
      asked = asked + 1
      error "metrics are down"
    end)
    r:play(r.token { lifetime = 10 }, r.refusal(502))
    assert(login:token())
    r:pass(10)
    local _, _, err = login:token()
    assert.equal("http_502", err.code)
    _, _, err = login:token()
    assert.equal("http_502", err.code)
    assert.same({ 3, 2 }, { asked, r:count() })
  end)

  it("let the listener ask the login, close it, or change the event", function()
    local login
    login = listening(nil, function(event)
      assert(login:token())
      assert(login:status())
      for name in pairs(event) do
        event[name] = nil
      end
    end)
    r:play(r.token { lifetime = 300 })
    assert(login:token())
    assert.equal(1, login:status().logins)
    local closing
    closing = listening(nil, function()
      closing:close()
    end)
    local t, _, err = closing:token()
    assert.is_nil(t)
    assert.equal("closed", err.code)
  end)

  it("are told by status() in numbers", function()
    local login = r:login(nil, nil, { refresh = rehearsal.refresh })
    assert.same({ state = "none", generation = 0, logins = 0, refreshes = 0, failures = 0,
      refused = 0 }, login:status())
    r:play(r.token { lifetime = 300, refresh = "r1" })
    assert(login:token())
    assert(login:refresh())
    assert.same({ state = "fresh", expires_in = 298, generation = 2, logins = 1, refreshes = 1,
      failures = 0, refused = 0 }, login:status())
    r:play(r.refusal(400))
    login:refresh()
    local status = login:status()
    assert.same({ 60, 1, "http_400" }, { status.hold, status.failures, status.last_error.code })
    assert.equal("bearer.error", core.type(status.last_error))
    r:pass(20)
    assert.equal(40, login:status().hold)
    login:close()
    assert.equal("closed", login:status().state)
  end)
end)

describe("the example prometheus.lua", function()
  local sb

  setup(function()
    sb = sandbox.start()
  end)

  teardown(function()
    sb:stop()
  end)

  before_each(function()
    sb:reset()
  end)

  -- The lines it prints, as a map from series to value; families are under "# TYPE name".
  local function run(password)
    local known, found = sb.credentials.hubsoft, {}
    local text = helper.run(helper.command {
      "env", "HUBSOFT_CLIENT_ID=" .. known.client_id, "HUBSOFT_SECRET=" .. known.client_secret,
      "HUBSOFT_USERNAME=" .. known.username, "HUBSOFT_PASSWORD=" .. (password or known.password),
      helper.interpreter, "examples/prometheus.lua", sb.host, sb.ca_file,
    })
    for line in text:gmatch "([^\n]+)" do
      local name, value = line:match "^(.*) (%S+)$"
      assert.is_true(line:find "^# TYPE [%w_]+ %l+$" ~= nil
        or line:find '^[%w_]+{[%w_]+="[^"]*"[^}]*} [%d.+Infe-]+$' ~= nil, line)
      found[name] = tonumber(value) or value
    end
    return found, text
  end

  it("tells of a login that works", function()
    local found = run()
    assert.same({ 1, 0, 1, 1, 0 }, {
      found['bearer_logins_total{login="erp"}'], found['bearer_refused_tokens_total{login="erp"}'],
      found['bearer_renewal_seconds_count{provider="hubsoft",kind="login"}'],
      found['bearer_token_state{login="erp",state="fresh"}'],
      found['bearer_hold_seconds{login="erp"}'],
    })
    assert.is_true(found['bearer_token_seconds_left{login="erp"}'] > 0)
    assert.equal("counter", found["# TYPE bearer_failures_total"])
  end)

  it("tells of one that fails, once, and of the calls that were held", function()
    local found, text = run "a wrong one"
    local failed, held
    for series, value in pairs(found) do
      failed = series:find "^bearer_failures_total{" and value or failed
      held = series:find "^bearer_held_calls_total{" and value or held
    end
    assert.same({ 1, 2, 1 }, { failed, held,
      found['bearer_token_state{login="erp",state="none"}'] })
    assert.is_true(found['bearer_hold_seconds{login="erp"}'] > 0)
    assert.is_nil(text:find("a wrong one", 1, true))
    assert.equal(1, sb:count("hubsoft", "logins"))
  end)
end)
