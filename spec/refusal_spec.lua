-- What a call gives when the world refuses: nil, a sentence for people, and an error for programs.
-- And what it gives when there is nothing to give: nil, never no value.
local bearer = require "bearer"
local core = require "bearer.core"
local helper = require "spec.support.helper"
local secrets = require "spec.support.secrets"
local shop = require "spec.support.shop"

local plain_assert = package.loaded._G.assert -- the specs' own is another one

local SENTENCE = "shop: login failed: wrong password *** (invalid_grant, HTTP 401; "
  .. "POST https://shop.example/login)"

local function refused_login()
  return shop.login({
    inputs = { password = { secret = true } },
    login = { url = "https://shop.example/login", form = { p = "${password}" } },
  }, { password = "hunter22" }, { {
    status = 401,
    body = { error = "invalid_grant", error_description = "wrong password hunter22" },
  } })
end

-- Each method that may be refused, with what it takes.
local methods = {
  token = {}, header = {}, headers = {}, authorize = { { url = "https://shop.example/" } },
  request = { { url = "https://shop.example/" } }, refresh = {}, logout = {},
}

local function check(n, none, message, err, ...)
  assert.equal(3, n)
  assert.is_nil(none)
  assert.equal("string", type(message))
  assert.equal("bearer.error", core.type(err))
  assert.equal(message, err.message)
  assert.equal(message, tostring(err))
  assert.equal(0, select("#", ...))
  return message, err
end

local function call(object, method)
  local argument = methods[method][1]
  local function count(...)
    return select("#", ...), ...
  end
  if argument then
    return check(count(object[method](object, argument)))
  end
  return check(count(object[method](object)))
end

describe("a refusal:", function()
  for _, method in ipairs { "token", "header", "headers", "authorize", "request", "refresh" } do
    it("login:" .. method .. " gives nil, a sentence and an error", function()
      local login, sent = refused_login()
      for _ = 1, 2 do -- the second one is held
        local message, err = call(login, method)
        assert.equal((SENTENCE:gsub("%*+", "***")), (message:gsub("%*+", "***")))
        assert.equal("invalid_grant", err.code)
        secrets.assert_absent({ message, err }, { "hunter22" })
      end
      assert.equal(1, #sent)
    end)
  end

  for method in pairs(methods) do
    it("login:" .. method .. " of a closed login gives the same three", function()
      local login = refused_login()
      login:close()
      local message, err = call(login, method)
      assert.equal("closed", err.code)
      assert.matches("^shop: %w+ failed: the login is closed %(closed%)$", message)
    end)
  end

  it("login:request gives it when the call itself fails", function()
    local login = shop.login(nil, nil, { {}, "no route" })
    local message, err = call(login, "request")
    assert.equal("network", err.code)
    assert.matches("^shop: request failed: ", message)
  end)

  it("login:logout gives it when the provider refuses", function()
    local login = shop.login({ logout = { url = "https://shop.example/logout" } }, nil,
      { {}, { status = 500, body = "" } })
    assert(login:token())
    local message, err = call(login, "logout")
    assert.equal("http_500", err.code)
    assert.matches("^shop: logout failed: .* "
      .. "%(http_500; POST https://shop.example/logout%)$", message)
  end)

  it("a token gives it when its login cannot refresh", function()
    local login = shop.login()
    local token = assert(login:token())
    login:close()
    local message = call(token, "refresh")
    assert.matches("the login is closed", message)
  end)

  it("a token whose login was closed before it was handed out gives it", function()
    local login, kept
    login = shop.login(nil, nil, nil, { on_event = function()
      kept = login
      login:close()
    end })
    call(login, "token")
    assert.equal(login, kept)
  end)

  -- Nobody gets such a token; it is taken here from where the login keeps it.
  it("a token that was wiped with its login gives it", function()
    local login = shop.login()
    bearer.prewarm(login)
    local getfenv, token = rawget(debug, "getfenv"), nil -- Lua 5.1 and LuaJIT
    local getuservalue = rawget(debug, "getuservalue")
    for slot = 1, 20 do
      local value
      if getfenv then
        value = getfenv(login)[slot]
      else
        value = getuservalue(login, slot)
      end
      token = core.type(value) == "bearer.token" and value or token
    end
    login:close()
    for _, method in ipairs { "header", "headers", "authorize", "refresh" } do
      local message, err = call(token, method)
      assert.equal("closed", err.code)
      assert.matches("^shop: %w+ failed: the login is closed", message)
    end
    for _, method in ipairs { "value", "scope", "expires_in", "claims" } do
      assert.equal(1, select("#", token[method](token)))
      assert.is_nil((token[method](token)))
    end
    assert.matches("^bearer%.token %(shop, ", tostring(token))
  end)

  it("is raised by assert as that sentence", function()
    for _, method in ipairs { "token", "header", "headers", "refresh" } do
      local login = refused_login()
      local _, message = login[method](login)
      local ok, raised = pcall(function()
        local value = plain_assert(login[method](login))
        return value
      end)
      assert.is_false(ok)
      assert.equal(message, (raised:gsub("^%S+:%d+: ", ""))) -- Lua may say where, first
    end
  end)

  it("is a plain string for .., error, string functions and table.concat", function()
    local login = refused_login()
    local _, message, err = login:header()
    assert.equal("log: " .. tostring(err) .. "!", "log: " .. message .. "!")
    local ok, raised = pcall(error, message, 0)
    assert.is_false(ok)
    assert.equal(message, raised)
    assert.equal(#message, ("%s"):format(message):len())
    assert.equal("a " .. message, table.concat({ "a", message }, " "))
    assert.equal("log: " .. message, "log: " .. err)
  end)

  it("is a plain string for io.write, and for a script that lets assert raise it", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write [[
      local shop = require "spec.support.shop"
      local login = shop.login(nil, nil, { { status = 401, body = { error = "invalid_grant" } } })
      local _, message, err = login:header()
      assert(io.stdout:write("told: ", message, "\n"))
      io.stderr:write("told: ", err.message, "\n")
      print(assert(login:header()))
    ]]
    file:close()
    local text, status = helper.run(helper.command { helper.interpreter, path })
    os.remove(path)
    local sentence = "shop: login failed: the server answered HTTP 401 (invalid_grant, HTTP 401; "
      .. "POST https://shop.example/login)"
    assert.equal(1, status)
    assert.equal(2, select(2, text:gsub("told: " .. sentence:gsub("%p", "%%%0") .. "\n", "")), text)
    assert.truthy(text:find(": " .. sentence .. "\n", 1, true), text) -- Lua's own report of it
  end)

  it("the error of status() has the same sentence", function()
    local login = refused_login()
    local _, message = login:token()
    assert.equal(message, login:status().last_error.message)
  end)
end)

describe("nothing to give:", function()
  local function is_one_nil(...)
    assert.equal(1, select("#", ...))
    assert.is_nil((...))
  end

  it("a login's methods give nil", function()
    local login = shop.login()
    assert(login:token())
    is_one_nil(login:forget())
    is_one_nil(login:reset())
    is_one_nil(login:close())
    is_one_nil(login:close())
    is_one_nil(login:forget())
    is_one_nil(login:reset())
  end)

  it("a token's methods give nil", function()
    local token = assert(shop.login():token())
    is_one_nil(token:scope())
    is_one_nil(token:expires_in())
    is_one_nil(token:expires_at())
    is_one_nil(token:claims())
    is_one_nil(token:get "anything")
  end)

  it("a response that is no JSON gives nil", function()
    local login = shop.login(nil, nil, { {}, { body = "<html>" } })
    is_one_nil(assert(login:request { url = "https://shop.example/" }).json())
  end)

  it("the module's functions give one value", function()
    local function is_one(...)
      assert.equal(1, select("#", ...))
    end
    is_one_nil(bearer.use "blocking")
    is_one_nil(bearer.prewarm())
    is_one_nil(bearer.prewarm((shop.login())))
    is_one(bearer.poll())
    is_one(bearer.fd())
    is_one_nil(bearer.timeout())
  end)

  it("what is given comes without a second value", function()
    local login = shop.login({ base_url = "https://shop.example" })
    local function is_one(...)
      assert.equal(1, select("#", ...))
      assert.not_nil((...))
    end
    is_one(login:token())
    is_one(login:headers())
    is_one(login:authorize { url = "/" })
    is_one(login:request { url = "/" })
    is_one(login:refresh())
    is_one(login:logout())
    assert.equal(2, select("#", login:header())) -- a name and a value
    assert.equal(2, select("#", login:header()))
  end)
end)
