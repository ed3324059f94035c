--- The examples, each run as a program of its own against the sandbox.
local cjson = require "cjson"
local helper = require "spec.support.helper"
local sandbox = require "spec.sandbox"

describe("the example", function()
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

  -- What it prints, and how it ends.
  local function run(example, environment, ...)
    local words = { "env" }
    for name, value in pairs(environment) do
      words[#words + 1] = name .. "=" .. value
    end
    for _, word in ipairs { helper.interpreter, "examples/" .. example, ... } do
      words[#words + 1] = word
    end
    return helper.run(helper.command(words))
  end

  local function hubsoft(changes)
    local known = sb.credentials.hubsoft
    local environment = {
      HUBSOFT_CLIENT_ID = known.client_id, HUBSOFT_SECRET = known.client_secret,
      HUBSOFT_USERNAME = known.username, HUBSOFT_PASSWORD = known.password,
    }
    for name, value in pairs(changes or {}) do
      environment[name] = value
    end
    return environment
  end

  it("quickstart.lua logs in and makes a call", function()
    local output, status = run("quickstart.lua", hubsoft(), sb.host, sb.ca_file)
    assert.matches("^Authorization\tBearer eyJ%w+…\nHTTP 200\t%d+ bytes\n$", output)
    assert.equal(0, status)
    assert.equal(1, sb:count("hubsoft", "logins"))
  end)

  it("quickstart.lua says why a login fails, without the secret", function()
    local secret = "quite another password"
    local output, status = run("quickstart.lua", hubsoft { HUBSOFT_PASSWORD = secret },
      sb.host, sb.ca_file)
    assert.matches("^hubsoft: login failed: ", output)
    assert.is_nil(output:find(secret, 1, true))
    assert.equal(1, status)
    assert.equal(1, sb:count("hubsoft", "logins"))
  end)

  it("quickstart.lua asks nobody whose certificate it cannot check", function()
    local output, status = run("quickstart.lua", hubsoft(), sb.host)
    assert.matches("%(tls; POST https://", output)
    assert.equal(1, status)
    assert.equal(0, sb:count("hubsoft", "logins"))
  end)

  local granted = '{"status":"granted","ticket":{"id":"t 1","region":"eu/west"}}'

  it("new_provider.lua logs in in two steps and makes a call", function()
    local url = sb:script("acme", {
      { body = granted },
      { body = '{"session":{"id":"session-1","minutes":30}}' },
      { body = '[{"number":"A-17"}]' },
    })
    local output, status = run("new_provider.lua", { ACME_KEY = "k&y" }, url, sb.ca_file)
    assert.equal("a session in eu/west, for 30 minutes\nHTTP 200\tA-17\n", output)
    assert.equal(0, status)

    local asked = sb:requests "acme"
    assert.equal(3, #asked)
    assert.equal("Basic bGlzYm9uOmsmeQ==", asked[1].headers.authorization) -- lisbon:k&y
    assert.equal("/scripted/acme/eu%2Fwest/sessions", asked[2].uri)
    assert.equal("t 1", cjson.decode(asked[2].body).ticket)
    assert.equal("/scripted/acme/orders?open=true", asked[3].uri)
    assert.equal("session-1", asked[3].headers["x-acme-session"])
  end)

  it("new_provider.lua takes a no in a 200 for a no", function()
    local url = sb:script("acme", {
      { body = '{"status":"refused","reason":"unknown_key","text":"no key k&y here"}' },
    })
    local output, status = run("new_provider.lua", { ACME_KEY = "k&y" }, url, sb.ca_file)
    assert.matches("^acme: login failed: no key %*%*%* here "
      .. "%(unknown_key, HTTP 200; POST https://[^\n]*%)\n$", output)
    assert.equal(1, status)
    assert.equal(1, #sb:requests "acme")
  end)

  for _, example in ipairs { "quickstart.lua", "new_provider.lua" } do
    it(example .. " says how it is called", function()
      local output, status = run(example, {})
      assert.matches("^" .. example:gsub("%.", "%%.") .. " [A-Z]", output)
      assert.equal(2, status)
    end)
  end
end)
