-- What goes over the wire and comes back, how often and in which form: each named after how it
-- went wrong.
local bearer = require "bearer"
local helper = require "spec.support.helper"
local sandbox = require "spec.sandbox"
local shop = require "spec.support.shop"

local good = { body = '{"access_token":"good","expires_in":3600}' }

describe("over the wire:", function()
  local sb, url

  setup(function()
    sb = sandbox.start()
  end)

  before_each(function()
    sb:reset()
  end)

  teardown(function()
    sb:stop()
  end)

  local function new(changes, given, options)
    local all = { ca_file = sb.ca_file, retries = 0, timeout = 100 }
    for name, value in pairs(options or {}) do
      all[name] = value
    end
    local def = shop.definition(changes)
    def.login = changes and changes.login or {}
    def.login.url = def.login.url or url
    return bearer.login(def, given or {}, all)
  end

  describe("a kept connection that dies after the server took the request:", function()
    -- The next connection that is used is one that this has opened.
    local function keep()
      sb:script("keep", good)
      assert(bearer.transport { url = sb.http_url .. "/scripted/keep", method = "GET" })
    end

    local function lost(err)
      assert.same({ "network", "transient" }, { err.code, err.class }, tostring(err))
      assert.equal("the connection ended before an answer came", err.description)
    end

    before_each(function()
      local _
      _, url = sb:script("x", { { close = true }, { close = true }, good })
      keep()
    end)

    it("a login with its one-time code is not sent again by libcurl", function()
      local login = new({
        inputs = { code = { secret = true, optional = true } }, login = {
          form = { code = "${code}" },
        },
      }, { code = "492039" })
      local t, _, err = login:token()
      assert.is_nil(t)
      lost(err)
      assert.equal(1, sb:count "x")
    end)

    local function with_function(name, optional, used)
      local asked = 0
      return new({
        inputs = { [name] = { secret = true, optional = optional } },
        login = { form = { a = "b", [name] = used and "${" .. name .. "}" or nil } },
        refresh = { url = url, form = { [name] = "${" .. name .. "}" } },
      }, { [name] = function()
        asked = asked + 1
        return "value-" .. asked
      end }, { retries = 2 })
    end

    it("a login is sent again as often as `retries` says, each with its inputs anew", function()
      assert.equal("good", assert(with_function("password", false, true):token()):value())
      local sent = {}
      for i, record in ipairs(sb:requests "x") do
        sent[i] = record.body:match "password=[^&]+"
      end
      assert.same({ "password=value-1", "password=value-2", "password=value-3" }, sent)
    end)

    it("a code from a function may be spent by then: what is lost with it is not sent again",
      function()
        local t, _, err = with_function("code", true, true):token()
        assert.is_nil(t)
        lost(err)
        assert.equal(1, sb:count "x")
      end)

    it("a code that the login does not send is not in its way", function()
      assert.equal("good", assert(with_function("code", true, false):token()):value())
      assert.equal(3, sb:count "x")
    end)

    it("a refresh token is sent once: a login follows", function()
      local login = new({
        login = { url = (select(2, sb:script("login", {
          body = '{"access_token":"good","expires_in":3600,"refresh_token":"r"}',
        }))), form = {} },
        refresh = { url = url, form = { refresh_token = "${refresh_token}" } },
      }, {}, { retries = 2 })
      assert(login:token())
      assert(login:refresh())
      assert.same({ 1, 2 }, { sb:count "x", sb:count "login" })
    end)

    for _, method in ipairs { "POST", "PUT", "PATCH", "DELETE", "MERGE" } do
      it("a call by " .. method .. " is sent once", function()
        local login = new { login = { url = (select(2, sb:script("login", good))) } }
        assert(login:token())
        local response, _, err = login:request { url = url, method = method, body = "x" }
        assert.is_nil(response)
        lost(err)
        assert.equal(1, sb:count "x")
      end)
    end

    for _, method in ipairs { "GET", "HEAD" } do
      it("a call by " .. method .. " is asked again", function()
        local login = new { login = { url = (select(2, sb:script("login", good))) } }
        assert(login:token())
        url = select(2, sb:script("x", { { close = true }, good }))
        assert.equal(200, assert(login:request { url = url, method = method }).status)
        assert.equal(2, sb:count "x")
      end)
    end

    it("connections are kept all the same, over TLS too, and for refreshes", function()
      local port = tonumber(sb.url:match ":(%d+)")
      url = sb:script("x", { body = '{"access_token":"g","expires_in":3600,"refresh_token":"r"}' })
      local login = new { refresh = { url = url, form = { r = "${refresh_token}" } } }
      assert(login:token())
      local first = helper.connections(port)
      assert(login:refresh())
      assert(login:request { url = url, method = "PUT", body = "x" })
      assert(login:request { url = url })
      assert.equal(1, login:status().refreshes)
      assert.same(first, helper.connections(port))
    end)
  end)

  describe("a request without a body", function()
    for method, length in pairs {
      POST = "0", PUT = "0", PATCH = "0", DELETE = "0", MERGE = "0", GET = false, OPTIONS = false,
    } do
      local what = length and "that its length is 0" or "nothing of a length"
      it("by " .. method .. " says " .. what, function()
        assert(bearer.transport { url = select(2, sb:script("x", good)), method = method })
        local headers = sb:requests("x")[1].headers
        assert.equal(length or nil, headers["content-length"])
        assert.is_nil(headers["content-type"])
      end)
    end
  end)

  describe("an answer", function()
    local function answered(answer)
      local _
      _, url = sb:script("x", answer)
      return new():token(), (bearer.transport { url = url, method = "GET" })
    end

    for _, word in ipairs { "utf-8", "UTF-8", "binary", "8bit", "application/json", "utf-8, x" } do
      it("that calls " .. word .. " its encoding has its body", function()
        local t, response = answered { body = good.body, headers = { ["Content-Encoding"] = word } }
        assert.equal("good", t and t:value())
        assert.equal(good.body, response.body)
      end)
    end

    for _, word in ipairs { "identity", "none", "Identity" } do
      it("whose encoding is " .. word .. " has its body", function()
        local t = answered { body = good.body, headers = { ["Content-Encoding"] = word } }
        assert.equal("good", t and t:value())
      end)
    end

    it("with a gzip that nobody asked for is unpacked", function()
      local pipe = assert(io.popen("printf '%s' " .. helper.quote(good.body) .. " | gzip -c"))
      local packed = pipe:read "*a"
      pipe:close()
      local _
      _, url = sb:script("x", { gzip = packed })
      local response = assert(bearer.transport { url = url, method = "GET",
        headers = { ["Accept-Encoding"] = "identity" } })
      assert.equal(good.body, response.body)
      assert.equal("identity", sb:requests("x")[1].headers["accept-encoding"])
    end)

    it("that opens with a byte order mark has its json()", function()
      local t, response = answered { body = "\239\187\191" .. good.body }
      assert.equal("good", t and t:value())
      assert.equal("good", response.json().access_token)
      assert.equal("\239\187\191", response.body:sub(1, 3)) -- the body is as it came
    end)
  end)
end)
