-- Refreshes, retries and deadlines. Time stands still but where a spec, or a wait, moves it.
local bearer = require "bearer"
local core = require "bearer.core"
local shop = require "spec.support.shop"

local now

local function pass(seconds)
  now = now + seconds
  core.clock(now, 1700000000 + now)
end

-- Waiting moves the clock: what would take seconds takes none.
local waiting = {
  name = "spec",
  wait = function(seconds)
    pass(math.max(seconds, 0.001))
  end,
}

before_each(function()
  now = 0
  pass(1)
  bearer.use(waiting)
end)

after_each(function()
  core.clock()
  bearer.use "blocking"
end)

local REFRESH = { refresh = { url = "https://shop.example/r", form = { rt = "${refresh_token}" } } }

local function bought(n, more)
  local body = { access_token = "t" .. n, refresh_token = "r" .. n, expires_in = 3600 }
  for key, value in pairs(more or {}) do
    body[key] = value or nil
  end
  return { body = body }
end

local function kinds(sent)
  local list = {}
  for i, request in ipairs(sent) do
    list[i] = request.url:match("[^/]+$")
  end
  return table.concat(list, " ")
end

describe("login:refresh:", function()
  it("sends the refresh token, and hands out the next token", function()
    local login, sent = shop.login(REFRESH, nil, { bought(1), bought(2) })
    local first = assert(login:token())
    local second = assert(login:refresh())
    assert.equal("rt=r1", sent[2].body)
    assert.equal("t2", second:value())
    assert.equal(second, login:token())
    assert.same({ 1, 2 }, { first:generation(), second:generation() })
    assert.equal(1, login:status().refreshes)
    assert.equal("Bearer t2", select(2, login:header()))
  end)
  it("without a token is a login", function()
    local login, sent = shop.login(REFRESH)
    assert(login:refresh())
    assert.equal("login", kinds(sent))
  end)
  it("with a token that is no longer the newest does nothing", function()
    local login, sent = shop.login(REFRESH, nil, { bought(1), bought(2), bought(3) })
    local first = assert(login:token())
    local second = assert(login:refresh(first))
    assert.equal(second, login:refresh(first))
    assert.equal(second, first:refresh())
    assert.equal(2, #sent)
    pass(60) -- sooner, it is limited: see holds_spec
    assert.equal("t3", assert(login:refresh(second)):value())
    assert.equal(3, #sent)
  end)
  it("where none is defined is a login", function()
    local login, sent = shop.login(nil, nil, { bought(1), bought(2) })
    assert(login:token())
    assert.equal("t2", assert(login:refresh()):value())
    assert.equal("login login", kinds(sent))
    assert.equal(2, login:status().logins)
  end)
  it("a rotated refresh token replaces the old one, a missing one keeps it", function()
    local login, sent = shop.login(REFRESH, nil, {
      bought(1), bought(2), bought(3, { refresh_token = false }), bought(4),
    })
    assert(login:token())
    for _ = 1, 3 do
      assert(login:refresh())
    end
    assert.same({ "rt=r1", "rt=r2", "rt=r2" }, { sent[2].body, sent[3].body, sent[4].body })
  end)
  it("may spend the old token itself, while it lives", function()
    local login, sent = shop.login({
      refresh = { url = "https://shop.example/r", bearer = "${token}" },
    }, nil, { bought(1), bought(2), bought(3) })
    assert(login:token())
    assert(login:refresh())
    assert.equal("Bearer t1", sent[2].headers.Authorization)
    pass(3600) -- it is dead: only a login helps
    assert(login:token())
    assert.equal("login r login", kinds(sent))
  end)
  it("without a refresh token is a login", function()
    local login, sent = shop.login(REFRESH, nil,
      { bought(1, { refresh_token = false }), bought(2) })
    assert(login:token())
    assert(login:refresh())
    assert.equal("login login", kinds(sent))
  end)
  for what, answer in pairs {
    ["is refused"] = { status = 400, body = { error = "invalid_grant" } },
    ["meets a broken server"] = { status = 500, body = "" },
    ["gets no answer"] = "connection reset", ["gets rubbish"] = { body = "<html>" },
    ["is not authorised"] = { status = 401, body = {} },
  } do
    it("that " .. what .. " falls back to a login, and is sent only once", function()
      local login, sent = shop.login(REFRESH, nil, { bought(1), answer, bought(2) },
        { retries = 2 })
      assert(login:token())
      assert.equal("t2", assert(login:refresh()):value())
      assert.equal("login r login", kinds(sent))
      assert.same({ 2, 0 }, { login:status().logins, login:status().refreshes })
    end)
  end
  it("that fails with its login is an error; a living token is handed out all the same", function()
    local login, sent = shop.login(REFRESH, nil, { bought(1), { status = 400, body = {} } })
    assert(login:token())
    local none, _, err = login:refresh()
    assert.is_nil(none)
    assert.equal("http_400", err.code)
    assert.equal("t1", assert(login:token()):value())
    assert.equal("login r login", kinds(sent))
  end)
  it("may be a list of requests", function()
    local login, sent = shop.login({ refresh = {
      { url = "https://shop.example/r1", form = { r = "${refresh_token}" }, keep = { s = "step" } },
      { url = "https://shop.example/r2", form = { s = "${s}" } },
    } }, nil, { bought(1), { body = { step = "S" } }, bought(2) })
    assert(login:token())
    assert.equal("t2", assert(login:refresh()):value())
    assert.equal("s=S", sent[3].body)
  end)
end)

describe("renewal:", function()
  it("happens ahead of the end, while callers get the living token", function()
    local login, sent = shop.login(REFRESH, nil, { bought(1), bought(2) })
    assert(login:token())
    pass(3200)
    assert.equal("t1", assert(login:token()):value())
    assert.equal(1, #sent)
    pass(150) -- 250 s left: advisory
    assert(login:token())
    assert.equal("t2", assert(login:token()):value())
    assert.equal("login r", kinds(sent))
  end)
  it("that fails serves the living token, but never an expired one", function()
    local login = shop.login(nil, nil, { bought(1), { status = 500, body = "" } })
    assert(login:token())
    pass(3560) -- mandatory
    assert.equal("t1", assert(login:token()):value())
    pass(35) -- expired
    local token, _, err = login:token()
    assert.is_nil(token)
    assert.equal("http_500", err.code)
    assert.is_nil((login:header()))
  end)
end)

describe("retries:", function()
  local BROKEN = { status = 502, body = "" }
  local function attempt(answers, retries, timeout)
    local login, sent = shop.login(nil, nil, answers, { retries = retries, timeout = timeout })
    local token, _, err = login:token()
    return token, err, #sent, sent
  end
  for _, retries in ipairs { 0, 1, 2, 5 } do
    it(("never more than 1 + %d requests"):format(retries), function()
      local token, err, count = attempt({ BROKEN }, retries)
      assert.is_nil(token)
      assert.equal("http_502", err.code)
      assert.equal(1 + retries, count)
    end)
  end
  for what, answer in pairs {
    ["a broken server"] = BROKEN, ["no answer"] = "connection reset",
    ["503"] = { status = 503, body = "" }, ["408"] = { status = 408, body = "" },
  } do
    it("after " .. what, function()
      local token, _, count = attempt({ answer, answer, bought(1) }, 2)
      assert.equal("t1", token:value())
      assert.equal(3, count)
    end)
  end
  for what, answer in pairs {
    ["terminal"] = { status = 400, body = {} }, ["401"] = { status = 401, body = {} },
    ["403"] = { status = 403, body = {} }, ["404"] = { status = 404, body = {} },
    ["a redirect"] = { status = 302, headers = { location = "https://evil.example" }, body = "" },
    ["throttled"] = { status = 429, body = {} },
    ["503 that says when"] = { status = 503, headers = { ["retry-after"] = "3" }, body = {} },
    ["rubbish"] = { body = "<html>" }, ["an empty answer"] = { body = "" },
    ["JSON that breaks off"] = { body = '{"access_token":"t' },
    ["Retry-After"] = { status = 500, headers = { ["retry-after"] = "3" }, body = "" },
    ["a considered answer without a token"] = { body = { hello = "world" } },
  } do
    it("never after " .. what, function()
      local token, _, count = attempt({ answer, bought(2) }, 3)
      assert.is_nil(token)
      assert.equal(1, count)
    end)
  end
  it("wait with full jitter, longer each time", function()
    local most = { 0.25, 0.5, 1, 2, 4, 8, 8 }
    local times = {}
    local login = shop.login(nil, nil, function()
      times[#times + 1] = now
      return BROKEN
    end, { retries = #most, timeout = 1000 })
    assert.is_nil((login:token()))
    assert.equal(#most + 1, #times)
    local total = 0
    for i, longest in ipairs(most) do
      local pause = times[i + 1] - times[i]
      assert.is_true(pause >= 0 and pause <= longest + 0.01, ("pause %d: %g"):format(i, pause))
      total = total + pause
    end
    assert.is_true(total > 0)
  end)
  it("begin anew, with the first request of a list and new values", function()
    local _, _, _, sent = attempt(nil, 0)
    assert.equal(1, #sent)
    local count = 0
    local login, requests = shop.login({
      inputs = { code = { secret = true } },
      login = {
        { url = "https://shop.example/1", form = { c = "${code}" }, keep = { s = "s" } },
        { url = "https://shop.example/2", form = { s = "${s}", u = "${uuid}" } },
      },
    }, { code = function()
      count = count + 1
      return "c" .. count
    end }, { { body = { s = 1 } }, BROKEN, { body = { s = 2 } }, bought(1) }, { retries = 1 })
    assert(login:token())
    assert.equal("1 2 1 2", kinds(requests))
    assert.same({ "c=c1", "c=c2" }, { requests[1].body, requests[3].body })
    assert.not_equal(requests[2].body, requests[4].body)
    assert.matches("^s=2&", requests[4].body)
  end)
end)

describe("the option timeout:", function()
  it("is the whole login's: later requests get what is left", function()
    local login, sent = shop.login({ login = {
      { url = "https://shop.example/1" }, { url = "https://shop.example/2" },
    } }, nil, function(_, n)
      pass(n == 1 and 7 or 0)
      return bought(n)
    end, { timeout = 10 })
    assert(login:token())
    assert.near(10, sent[1].timeout, 1e-6)
    assert.near(3, sent[2].timeout, 1e-6)
  end)
  it("ends the retries", function()
    local login, sent = shop.login(nil, nil, function()
      pass(4)
      return "no answer"
    end, { timeout = 10, retries = 50 })
    local token, _, err = login:token()
    assert.is_nil(token)
    assert.equal("transient", err.class)
    assert.is_true(#sent <= 3)
    assert.is_true(now <= 1 + 4 * 3 + 1)
  end)
  it("leaves a login half of the time when a refresh hangs", function()
    local login, sent = shop.login(REFRESH, nil, function(request, n)
      if n == 2 then
        pass(request.timeout)
        return "timed out"
      end
      return bought(n)
    end, { timeout = 10 })
    assert(login:token())
    assert.equal("t3", assert(login:refresh()):value())
    assert.near(5, sent[2].timeout, 1e-6)
    assert.near(5, sent[3].timeout, 1e-6)
  end)
end)
