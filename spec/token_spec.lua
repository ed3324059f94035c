-- What each method of a token gives.
local core = require "bearer.core"
local encode = require "spec.support.encode"
local shop = require "spec.support.shop"

local T0 = 1700000000

after_each(function()
  core.clock()
end)

local function open(...)
  core.clock(0, T0)
  return shop.login(...)
end

local function pass(seconds)
  core.clock(seconds, T0 + seconds)
end

local bought = {
  access_token = "tok-1", token_type = "bearer", scope = "a b", refresh_token = "ref-1",
  expires_in = 3600, user = { id = 7 },
}

describe("token:", function()
  local function token_of(body, changes)
    return assert((open(changes, nil, { { body = body } })):token())
  end
  it("tells what the server said", function()
    local token = token_of(bought, { token = { keep = { id = "user.id", user = "user" } } })
    assert.equal("tok-1", token:value())
    assert.equal("Bearer", token:type())
    assert.equal("a b", token:scope())
    assert.equal(3600, token:expires_in())
    assert.equal(T0 + 3600, token:expires_at())
    assert.equal(1, token:generation())
    assert.equal(7, token:get "id")
    assert.same({ id = 7 }, token:get "user")
    assert.is_nil(token:get "refresh_token")
    assert.same({ "Authorization", "Bearer tok-1" }, { token:header() })
    assert.same({ Authorization = "Bearer tok-1" }, token:headers())
    assert.same({ Authorization = "Bearer tok-1", a = "b" },
      token:headers { AUTHORIZATION = "x", authorization = "y", a = "b" })
  end)
  it("has nil for what it did not say", function()
    local token = token_of { access_token = "t" }
    assert.is_nil(token:scope())
    assert.is_nil(token:expires_in())
    assert.is_nil(token:expires_at())
    assert.is_nil(token:claims())
    assert.is_false(token:expired())
    pass(1e9)
    assert.is_false(token:expired())
  end)
  it("ages", function()
    local token = token_of(bought)
    for seconds, case in pairs {
      [0] = { 3600, false, false }, [3000] = { 600, false, true }, [3595] = { 5, true, true },
      [5000] = { 0, true, true },
    } do
      pass(seconds)
      assert.same(case, { token:expires_in(), token:expired(), token:expired(600) })
      assert.equal(T0 + 3600, token:expires_at())
    end
  end)
  it("claims are those of a JWT, unverified", function()
    local jwt = encode.jwt '{"sub":"ana","roles":["a"]}'
    assert.same({ sub = "ana", roles = { "a" } }, token_of({ access_token = jwt }):claims())
  end)
  it("refresh is the login's refresh with this token as rejected", function()
    local login, sent = open()
    local first = assert(login:token())
    local second = assert(first:refresh())
    assert.equal("t2", second:value())
    assert.equal(second, first:refresh())
    assert.equal(2, #sent)
  end)
  it("never changes", function()
    local login = open()
    local first = assert(login:token())
    assert(login:refresh())
    assert.equal("t1", first:value())
    assert.equal(1, first:generation())
    assert.equal(2, login:token():generation())
    assert.has_error(function() first.value = nil end)
    assert.has_error(function() login.token = nil end)
    assert.is_false(getmetatable(login))
    assert.is_false(getmetatable(first))
  end)
  it("methods want a token", function()
    local login = open()
    local token = assert(login:token())
    for _, method in ipairs {
      "header", "headers", "authorize", "refresh", "value", "type", "scope", "expires_in",
      "expires_at", "expired", "claims", "get", "generation",
    } do
      for _, odd in ipairs { {}, 3, login } do
        local ok, err = pcall(token[method], odd, {})
        assert.is_false(ok, method)
        assert.truthy(tostring(err):find("bearer.token expected", 1, true), method .. ": " .. err)
      end
    end
  end)
  it("a wrong self raises where the caller stands, and names the method", function()
    local login = open()
    local token = assert(login:token())
    for _, method in ipairs {
      "header", "headers", "authorize", "refresh", "value", "type", "scope", "expires_in",
      "expires_at", "expired", "claims", "get", "generation",
    } do
      for got, odd in pairs { number = 42, table = {}, ["bearer.login"] = login } do
        local line = debug.getinfo(1, "l").currentline + 1
        local ok, err = pcall(function() local _ = token[method](odd, "x") end)
        assert.is_false(ok)
        assert.truthy(err:find(("token_spec.lua:%d: %s: a bearer.token expected, got %s")
          :format(line, method, got), 1, true), err)
      end
    end
  end)
  it("argument mistakes raise where the caller stands", function()
    local token = token_of(bought)
    for message, mistake in pairs {
      ["headers: a table expected, got string"] = function() local _ = token:headers "x" end,
      ["authorize: a request table expected, got nil"] = function() local _ = token:authorize() end,
      ["expired: a number expected, got string"] = function() local _ = token:expired "x" end,
      ["get: a name expected, got nil"] = function() local _ = token:get() end,
    } do
      local ok, err = pcall(mistake)
      assert.is_false(ok, message)
      assert.truthy(err:find("token_spec.lua:%d+: " .. message), err)
    end
  end)
end)
