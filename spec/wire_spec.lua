-- What a transport is given is what libcurl sends: the same requests, both ways, byte for byte.
local bearer = require "bearer"
local cjson = require "cjson"
local sandbox = require "spec.sandbox"
local shop = require "spec.support.shop"

local INPUTS = { x = { secret = true }, list = { optional = true } }
local NASTY = { x = "p@ss/w+rd \"q\" ü%&=${x}", list = { "a b", 7 } }

-- One request that uses much of the language, and one call of the API.
local requests = {
  ["a form with basic"] = {
    query = { q = "${x}", r = "${list}" }, headers = { ["X-A"] = "v ${x}", ["X-Empty"] = "" },
    basic = { "user", "${x}", encode = true }, form = { x = "${x}", list = "${list}", ["a b"] = 1 },
  },
  ["json with bearer"] = {
    method = "PUT", bearer = "k-1", json = { x = "${x}", n = 1.5, deep = { list = "${list}" } },
  },
  ["a body"] = { body = "<x>${x}</x>\r\n", content_type = "text/xml; charset=utf-8" },
  ["an empty form"] = { form = {} },
  ["GET without a body"] = { method = "GET", headers = { Accept = "text/plain" } },
  ["DELETE"] = { method = "DELETE", query = { id = 7 } },
}

local function lower_case(headers)
  local result = {}
  for name, value in pairs(headers) do
    result[name:lower()] = value
  end
  return result
end

describe("over libcurl and by a transport:", function()
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

  -- The record of the only request that reached the sandbox, and what a transport was given.
  local function both(request)
    request.url = sb:script("wire", { body = '{"access_token":"t"}' })
    local def = shop.definition { inputs = INPUTS, login = request }
    local transport, sent = shop.transport()
    assert(bearer.login(def, NASTY, { transport = transport }):token())
    assert(bearer.login(def, NASTY, { ca_file = sb.ca_file, retries = 0 }):token())
    local records = sb:requests "wire"
    assert.equal(1, #records)
    return records[1], sent[1]
  end

  for what, request in pairs(requests) do
    it(what .. " is the same", function()
      local record, given = both(request)
      assert.equal(given.method, record.method)
      assert.equal(given.url, sb.url .. record.uri)
      assert.equal(given.body or "", record.body or "")
      local headers = lower_case(record.headers)
      for name, value in pairs(lower_case(given.headers)) do
        assert.equal(value, headers[name], name)
      end
      local of_http = {
        host = true, ["content-length"] = true, ["user-agent"] = true, ["accept-encoding"] = true,
      }
      for name in pairs(headers) do
        assert.truthy(of_http[name] or lower_case(given.headers)[name], name)
      end
    end)
  end

  it("the user agent is bearer's, or the caller's", function()
    local url = sb:script("agent", { body = '{"access_token":"t"}' })
    local def = shop.definition { login = { url = url } }
    assert(bearer.login(def, {}, { ca_file = sb.ca_file }):token())
    assert(bearer.login(def, {}, { ca_file = sb.ca_file, user_agent = "shop/7" }):token())
    local records = sb:requests "agent"
    assert.equal("bearer/" .. bearer._VERSION, records[1].headers["user-agent"])
    assert.equal("shop/7", records[2].headers["user-agent"])
  end)

  it("login:request is the same", function()
    sb:script("login", { body = '{"access_token":"t"}' })
    sb:script("api", { body = '{"fine":true}', headers = { ["X-Tea"] = "green" } })
    local def = shop.definition {
      base_url = sb.url .. "/scripted", login = { url = sb.url .. "/scripted/login" },
      authorize = { headers = { ["X-Key"] = "${token}" } },
    }
    local call = {
      method = "PATCH", url = "/api?a=1", query = { b = "ü &" }, headers = { ["X-A"] = "${x}" },
      json = { text = "\"${x}\"\0", id = 4503599627370497 },
    }
    local transport, sent = shop.transport { { body = '{"access_token":"t"}' } }
    assert(bearer.login(def, {}, { transport = transport }):request(call))
    local response = assert(bearer.login(def, {}, { ca_file = sb.ca_file }):request(call))
    assert.same({ fine = true }, response.json())
    assert.equal("green", response.headers["x-tea"])
    local record, given = sb:requests("api")[1], sent[2]
    assert.equal(given.method, record.method)
    assert.equal(given.url, sb.url .. record.uri)
    assert.same(cjson.decode(given.body), cjson.decode(record.body))
    assert.truthy(record.body:find("4503599627370497", 1, true))
    for _, name in ipairs { "X-A", "X-Key", "Content-Type", "Accept" } do
      assert.equal(given.headers[name], lower_case(record.headers)[name:lower()], name)
    end
  end)

  it("retries leave the same request behind, no more than 1 + retries", function()
    local url = sb:script("retried", { { status = 502, body = "" } })
    local login = bearer.login(shop.definition { login = { url = url, form = { a = "b" } } }, {},
      { ca_file = sb.ca_file, retries = 1 })
    assert.equal("http_502", select(3, login:token()).code)
    local records = sb:requests "retried"
    assert.equal(2, #records)
    assert.equal(records[1].body, records[2].body)
  end)

  it("an answer that hangs ends with the option timeout", function()
    local url = sb:script("slow", { body = "{}", delay = 120 })
    local login = bearer.login(shop.definition { login = { url = url } }, {},
      { ca_file = sb.ca_file, timeout = 0.3 })
    local began = os.time()
    local err = select(3, login:token())
    assert.equal("timeout", err.code)
    assert.equal("transient", err.class)
    assert.is_true(os.difftime(os.time(), began) < 50)
  end)
end)
