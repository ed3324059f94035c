-- A refresh that ends the old token: once it is sent, nobody gets that one any more.
local bearer = require "bearer"
local core = require "bearer.core"
local rehearsal = require "spec.support.rehearsal"
local sandbox = require "spec.sandbox"
local shop = require "spec.support.shop"
local socket = require "socket"

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

describe("a refresh that revokes:", function()
  local r, s, login

  local function can_wait()
    local thread, is_main = coroutine.running()
    return thread ~= nil and not is_main, "pending"
  end

  -- A server that ends the old token when the refresh comes in, and answers it when `s.refresh`
  -- says with what.
  before_each(function()
    r = rehearsal.new()
    bearer.use { can_wait = can_wait, wait = function()
      coroutine.yield()
    end }
    s = { count = 0, requests = {} }
    local function bought()
      s.count = s.count + 1
      s.living = "t" .. s.count
      return { status = 200, body = ('{"access_token":"t%d","expires_in":300,'
        .. '"refresh_token":"r%d"}'):format(s.count, s.count) }
    end
    local function transport(request)
      local kind = request.url:match "^https://[^/]+/(%w+)"
      s.requests[#s.requests + 1] = kind
      if kind == "api" then
        local is = request.headers.Authorization == "Bearer " .. (s.living or "")
        return { status = is and 200 or 401, body = "" }
      elseif kind == "login" then
        return s.login and s.login() or bought()
      end
      s.living = nil
      while not s.refresh do
        coroutine.yield()
      end
      return s.refresh(bought)
    end
    login = r:login({ transport = transport, retries = 0 }, nil, { refresh = {
      url = rehearsal.refresh.url, form = rehearsal.refresh.form, revokes = true,
    } })
  end)

  after_each(function()
    r:stop()
  end)

  local function begin(f)
    local caller = { thread = coroutine.create(function()
      return f()
    end) }
    local result = { coroutine.resume(caller.thread) }
    assert(result[1], result[2])
    caller.result = coroutine.status(caller.thread) == "dead" and { unpack(result, 2, 4) } or nil
    return caller
  end

  local function finish(...)
    for _ = 1, 30 do
      bearer.poll()
      for _, caller in ipairs { ... } do
        if coroutine.status(caller.thread) == "suspended" then
          local result = { coroutine.resume(caller.thread) }
          assert(result[1], result[2])
          if coroutine.status(caller.thread) == "dead" then
            caller.result = { unpack(result, 2, 4) }
          end
        end
      end
    end
    for _, caller in ipairs { ... } do
      assert(caller.result, "a caller waits for ever")
    end
  end

  local function header()
    local name, value = login:header()
    return name and value
  end

  -- The first token, in its advisory window.
  local function age()
    finish(begin(header))
    r:pass(180)
    assert.equal("advisory", login:status().state)
    s.requests = {}
  end

  local function value_of(caller)
    return caller.result[1]
  end

  it("callers got the token that the refresh just sent had killed", function()
    age()
    local first = begin(header)
    assert.same({ "refresh" }, s.requests)
    local others = {}
    for i, f in ipairs { header, header, function()
      return assert(login:token()):value()
    end, function()
      return assert(login:headers()).Authorization
    end, function()
      return assert(login:request { url = "/api" }).status
    end } do
      others[i] = begin(f)
      assert.is_nil(others[i].result) -- it waits
    end
    assert.equal("none", login:status().state)
    s.refresh = function(bought)
      return bought()
    end
    finish(first, unpack(others))
    assert.same({ "Bearer t2", "Bearer t2", "Bearer t2", "t2", "Bearer t2", 200 },
      { value_of(first), value_of(others[1]), value_of(others[2]), value_of(others[3]),
        value_of(others[4]), value_of(others[5]) })
    assert.same({ "refresh", "api" }, s.requests) -- and no 401
  end)

  it("who cannot wait is told so, rather than given a dead token", function()
    age()
    local first = begin(header)
    local name, _, err = login:header() -- from the main program
    assert.is_nil(name)
    assert.equal("pending", err.code)
    s.refresh = function(bought)
      return bought()
    end
    finish(first)
    assert.equal("Bearer t2", header())
  end)

  for what, answer in pairs {
    ["is refused"] = { status = 400, body = '{"error":"invalid_grant"}' },
    ["meets a broken server"] = { status = 500, body = "" },
    ["is answered with nonsense"] = { status = 200, body = "<html>" },
    ["has no token"] = { status = 200, body = "{}" },
    ["is never answered"] = false,
  } do
    it("a login follows when it " .. what, function()
      age()
      local first, other = begin(header), begin(header)
      s.refresh = function()
        if not answer then
          return nil, "no answer"
        end
        return answer
      end
      finish(first, other)
      assert.same({ "Bearer t2", "Bearer t2" }, { value_of(first), value_of(other) })
      assert.same({ "refresh", "login" }, s.requests)
    end)
    it("the old token is gone when that login fails as well, and it " .. what, function()
      age()
      local first = begin(header)
      s.refresh = function()
        if not answer then
          return nil, "no answer"
        end
        return answer
      end
      s.login = function()
        return { status = 502, body = "" }
      end
      finish(first)
      assert.is_nil(first.result[1])
      assert.equal("none", login:status().state)
      s.login = nil
      r:pass(2)
      local again = begin(header)
      finish(again)
      assert.equal("Bearer t2", value_of(again))
      assert.same({ "refresh", "login", "login" }, s.requests)
    end)
  end

  it("when it is asked to slow down, it is held, and then a login follows", function()
    age()
    local first = begin(header)
    s.refresh = function()
      return { status = 429, headers = { ["retry-after"] = "5" }, body = "" }
    end
    finish(first)
    assert.is_nil(first.result[1])
    assert.equal(5, login:status().hold)
    r:pass(6)
    local again = begin(header)
    finish(again)
    assert.equal("Bearer t2", value_of(again))
    assert.same({ "refresh", "login" }, s.requests)
  end)

  it("what somebody holds goes on giving its header; forget() is heeded", function()
    age()
    local old
    finish(begin(function()
      r:pass(-180)
      old = assert(login:token())
      r:pass(180)
    end))
    local first = begin(header)
    login:forget()
    assert.equal("Bearer t1", select(2, old:header()))
    s.refresh = function(bought)
      return bought()
    end
    finish(first)
    assert.equal("Bearer t3", value_of(first)) -- what the refresh brought is not wanted
  end)
end)

describe("a refresh that revokes, on the wire:", function()
  local sb

  setup(function()
    sb = sandbox.start()
  end)

  before_each(function()
    sb:reset()
  end)

  after_each(function()
    core.clock()
    bearer.use "blocking"
  end)

  teardown(function()
    sb:stop()
  end)

  it("the old token stays when the refresh never left", function()
    local gone = assert(socket.bind("127.0.0.1", 0))
    local port = select(2, gone:getsockname())
    gone:close()
    local login = bearer.login(shop.definition {
      login = { url = (sb:script("x", {
        { body = '{"access_token":"t1","expires_in":300,"refresh_token":"r"}' },
        { status = 502, body = "" },
      })), form = { a = "b" } },
      refresh = { url = ("https://127.0.0.1:%d/"):format(port), revokes = true,
        form = { r = "${refresh_token}" } },
    }, {}, { ca_file = sb.ca_file, retries = 0 })
    core.clock(1000, 1700000000)
    assert(login:token())
    core.clock(1180, 1700000180)
    local _, _, err = login:refresh()
    assert.equal("http_502", err.code)
    for _ = 1, 3 do
      assert.equal("t1", assert(login:token()):value())
    end
    login:close()
  end)

  it("hubsoft: its refresh cost others a 401", function()
    bearer.use "manual"
    local login = bearer.login("hubsoft", sb.credentials.hubsoft, { ca_file = sb.ca_file })
    local done, statuses = 0, {}
    local function run(f)
      coroutine.wrap(function()
        f()
        done = done + 1
      end)()
    end
    local function settle(count)
      local limit = socket.gettime() + 20
      while done < count do
        assert(socket.gettime() < limit, "it takes too long")
        bearer.poll(10)
      end
    end
    run(function()
      assert(login:header())
    end)
    settle(1)
    sb:tell("hubsoft", { delay = 0.2 })
    run(function()
      assert(login:refresh())
    end)
    for i = 1, 10 do
      run(function()
        statuses[i] = assert(login:request { url = "/api/v1/integracao/cliente" }).status
      end)
    end
    settle(12)
    for i = 1, 10 do
      assert.equal(200, statuses[i])
    end
    assert.same({ 1, 0 }, { sb:count("hubsoft", "refresh"), sb:count("hubsoft", "calls", 401) })
    login:close()
  end)
end)
