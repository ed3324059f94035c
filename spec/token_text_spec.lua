-- Tokens and their types as servers write them, and what is said when there is none. The words
-- of paths: path_spec; lifetimes: lifetime_spec.
local shop = require "spec.support.shop"

local json = { ["content-type"] = "application/json" }

local function answered(body, changes, headers)
  return shop.login(changes, nil, { { body = body, headers = headers or json } })
end

-- The header's value, or nil and the error.
local function value_of(body, changes, headers)
  local name, value, err = answered(body, changes, headers):header()
  return name and value, err
end

describe("a token that is no bare text is sent as one:", function()
  for body, value in pairs {
    ['{"access_token":"Bearer abc"}'] = "Bearer abc",
    ['{"access_token":"bearer  abc","token_type":"bearer"}'] = "Bearer abc",
    ['{"access_token":"Bearer abc","token_type":"JWT"}'] = "Bearer abc",
    ['{"access_token":"Token abc","token_type":"Token"}'] = "Token abc",
    ['{"access_token":"abc\\n"}'] = "Bearer abc",
    ['{"access_token":" \\r\\n\\tabc  "}'] = "Bearer abc",
    ['{"access_token":" Bearer abc\\n"}'] = "Bearer abc",
    ['{"access_token":12345}'] = "Bearer 12345",
    ['{"access_token":9007199254740991}'] = "Bearer 9007199254740991",
    ['{"access_token":"bearer"}'] = "Bearer bearer",
    ['{"access_token":"BearerToken"}'] = "Bearer BearerToken",
  } do
    it(body, function()
      assert.equal(value, assert(value_of(body)))
    end)
  end

  it("its value() and what a definition's texts get is the token alone", function()
    local login = answered('{"access_token":"Bearer abc\\n"}',
      { authorize = { headers = { ["X-Token"] = "${token}" } } })
    assert.equal("abc", assert(login:token()):value())
    assert.same({ "X-Token", "abc" }, { login:header() })
  end)

  it("a bare answer, too", function()
    local bare = { token = { value = "$" } }
    assert.equal("Bearer abc", assert(value_of('"Bearer abc\\n"', bare)))
    assert.equal("Bearer abc", assert(value_of("Bearer abc\r\n", bare,
      { ["content-type"] = "text/plain" })))
    assert.equal("Bearer 12", assert(value_of("12", bare)))
  end)

  it("but not one whose last digits were lost, nor one with blanks or lines in its midst",
    function()
      for _, value in ipairs {
        "90071992547409931", "1.5", "1e300", '"a b"', '"a\\nb"', '"Bearer a b"', '"\\u0000"',
      } do
        local none, err = value_of('{"access_token":' .. value .. "}")
        assert.is_nil(none, value)
        assert.equal("no_token", err.code)
        assert.is_truthy(err.message:find("no text that a header can carry", 1, true), err.message)
      end
    end)

  it("a refresh token likewise", function()
    for given, sent in pairs { ['"r1\\n"'] = "r1", ["77"] = "77" } do
      local login, requests = shop.login({
        refresh = { url = "https://shop.example/refresh",
          form = { refresh_token = "${refresh_token}" } },
      }, nil, { { body = '{"access_token":"a","refresh_token":' .. given .. "}" } })
      assert(login:token())
      assert(login:refresh())
      assert.equal("refresh_token=" .. sent, requests[2].body)
    end
  end)
end)

describe("a token type", function()
  for _, odd in ipairs {
    '""', '"Bearer Token"', '"bearer "', '" BEARER"', "true", "false", "null", "7", "{}",
    '"urn:x:y"', '"\\n"', '"Bearer\\r\\nX: y"', '"b\195\164rer"',
  } do
    it("that is no word means Bearer: " .. odd, function()
      local login = answered('{"access_token":"abc","token_type":' .. odd .. "}")
      assert.equal("Bearer abc", select(2, assert(login:header())))
      assert.equal("Bearer", login:token():type())
    end)
  end

  it("that is one is kept, without the blanks around it", function()
    assert.equal("MAC abc", assert(value_of '{"access_token":"abc","token_type":" MAC\\n"}'))
  end)
end)

describe("the answer holds no token:", function()
  local function said(body, token, headers)
    local none, err = value_of(body, { token = token }, headers)
    assert.is_nil(none)
    return err.description
  end

  it("where it was looked for, and which keys were there instead", function()
    assert.equal("the answer holds no token at access_token; it has: data.expires, data.jwt, "
      .. "status", said '{"data":{"jwt":"s3cr3t","expires":7},"status":"ok"}')
    assert.equal("the answer holds no token at data.token or token; it has: data",
      said('{"data":7}', { value = { "data.token", "token" } }))
    assert.equal("the answer holds no token at access_token; it is empty", said "{}")
    assert.equal("the answer holds no token at access_token; it is a list, of {access_token}",
      said '[{"access_token":"a"}]')
    assert.equal("the answer holds no token at access_token; it is a bare text ($ reads one)",
      said '"abc"')
    assert.equal("the answer holds no token at access_token; it is a number", said "12")
  end)

  it("also where something else stands in its place", function()
    for value, what in pairs {
      ['""'] = "an empty text", ['" "'] = "an empty text", ["false"] = "a boolean",
      ['{"a":1}'] = "a table", ["[]"] = "a table", ['["x"]'] = "a list",
    } do
      assert.equal("the answer holds no token at access_token; " .. what .. " stands there",
        said('{"access_token":' .. value .. "}"))
    end
  end)

  it("a session's id that stood as a key was shown", function()
    assert.equal("the answer holds no token at access_token; it has: ok and 1 more",
      said '{"sessions":{"0f8c2f0e6f0d4b1e9c3e2a55d1a7e0b1":[]},"ok":1}')
    assert.is_nil((said '{"sessions":{"0f8c2f0e6f0d4b1e9c3e2a55d1a7e0b1":{"a":1}}}'):find "0f8c")
    assert.is_truthy((said '{"oauth2_access_token_expires":1}'):find("oauth2_access", 1, true))
  end)

  it("values are not shown, nor keys that are no names, nor too many", function()
    local text = said('{"s3cr3t with blanks":1,"' .. ("k"):rep(60) .. '":2,"a\\nb":3,"ok":4}')
    assert.equal("the answer holds no token at access_token; it has: ok and 3 more", text)
    local keys = {}
    for i = 1, 500 do
      keys[i] = ('"key_%03d":"s3cr3t"'):format(i)
    end
    text = said("{" .. table.concat(keys, ",") .. "}")
    assert.is_true(#text < 300)
    assert.is_truthy(text:find("it has: key_001, key_002, ", 1, true), text)
    assert.is_truthy(text:find("and %d+ more$"), text)
  end)

  it("a key that is a secret of the login is masked", function()
    local login = shop.login({
      inputs = { password = { secret = true } },
      login = { url = "https://shop.example/login", form = { p = "${password}" } },
    }, { password = "hunter22" }, { { body = '{"hunter22":1,"other":2}' } })
    local _, message = login:token()
    assert.is_nil(message:find("hunter22", 1, true))
    assert.is_truthy(message:find("other", 1, true))
  end)
end)
