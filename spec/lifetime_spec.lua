-- How long a token is taken to live, where servers say it in their own ways. What single texts and
-- numbers mean: spec/unit/lifetime.c and date.c.
local cjson = require "cjson"
local core = require "bearer.core"
local encode = require "spec.support.encode"
local rehearsal = require "spec.support.rehearsal"

local now = 1700000000 -- where the clock of a rehearsal stands
local date = "Tue, 14 Nov 2023 22:13:20 GMT" -- the same

describe("a lifetime", function()
  local r, heard

  before_each(function()
    r, heard = rehearsal.new(), {}
  end)

  after_each(function()
    r:stop()
  end)

  local function jwt(claims)
    return encode.jwt(cjson.encode(claims))
  end

  local function answer(body, headers)
    body.access_token = body.access_token or "t"
    return function()
      return { status = 200, headers = headers or { date = date }, body = cjson.encode(body) }
    end
  end

  local function listening(changes, inputs)
    return r:login({ on_event = function(event)
      heard[#heard + 1] = event
    end }, inputs, changes)
  end

  -- Seconds that the token of this answer lives, or nil; or nil, a sentence and an error.
  local function life(body, token, headers)
    r:play(answer(body, headers))
    local found, message, err = listening { token = token or {} }:token()
    if not found then
      return nil, message, err
    end
    return found:expires_in()
  end

  describe("of a JWT", function()
    it("issued long ago is what is left of it, not exp - iat", function()
      assert.equal(600, life { access_token = jwt { iat = now - 3000, exp = now + 600 } })
      assert.equal(600, life { access_token = jwt { iat = now - 3000, exp = now + 600 },
        expires_in = 3600 })
      assert.equal(600, life({ access_token = jwt { iat = now - 3000, exp = now + 600 } },
        { lifetime = 7200, expires_in = false }))
    end)

    it("that a cache kept is less its Age", function()
      core.clock(1000, now + 86400) -- our clock is off, and that is no matter
      assert.equal(500, life({ access_token = jwt { iat = now - 3000, exp = now + 600 } }, nil,
        { date = date, age = "100" }))
      assert.equal(600, life({ access_token = jwt { iat = now - 3000, exp = now + 600 } }, nil,
        { date = date, age = "-3000" }))
      assert.equal(600, life({ access_token = jwt { iat = now, exp = now + 600 } }, nil, {}))
    end)

    it("dead for an hour is none: it had expired when it came, and is not asked for all the time",
      function()
        local dead = { access_token = jwt { iat = now - 7200, exp = now - 3600 } }
        r:play(answer(dead))
        local login = r:login()
        for _ = 1, 5 do
          local none, message, err = login:header()
          assert.is_nil(none)
          assert.same({ "bad_answer", "transient" }, { err.code, err.class })
          assert.is_truthy(message:find("had expired when it came", 1, true))
        end
        assert.equal(1, r:count())
        dead.expires_in = 300 -- the answer says something of its own
        r:play(answer(dead))
        r:pass(5)
        assert(login:token())
      end)

    it("whose refreshed tokens keep the first iat and live 5 s: no call carries a dead one",
      function()
        local function grant()
          local _, wall = core.now()
          return { status = 200, headers = { date = os.date("!%a, %d %b %Y %H:%M:%S GMT", wall) },
            body = cjson.encode { access_token = jwt { iat = now, exp = wall + 5 } } }
        end
        r:play(grant)
        local login = r:login()
        for _ = 1, 287 do
          assert(login:header())
          local _, wall = core.now()
          assert.is_true(wall < login:token():claims().exp)
          r:pass(1)
        end
      end)
  end)

  describe("that cannot be read is no reason to fail a good login:", function()
    for _, odd in ipairs {
      "", "never", false, true, -1, 0, 9223372036854775807, "-1", "null", {}, "1 month",
      "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2023-11-14 18:13:20",
    } do
      local text = cjson.encode { odd }
      it("expires_in or expires_at " .. text, function()
        local paths = { expires_in = "x", expires_at = "y", lifetime = 300 }
        assert.equal(300, life({ x = odd, y = odd }, paths))
        assert.equal(60, life({ x = odd, y = odd, access_token = jwt { exp = now + 60 } }, paths))
        paths.lifetime = nil
        assert.same({}, { life({ x = odd, y = odd }, paths) })
      end)
    end
  end)

  describe("is read:", function()
    for text, seconds in pairs {
      ["1h"] = 3600, ["3600s"] = 3600, ["3600 seconds"] = 3600, PT1H = 3600, ["15m"] = 900,
      ["1 day"] = 86400, ["0:20:00"] = 1200, ["2023-11-14 23:13:20 UTC"] = 3600,
      ["/Date(1700003600350)/"] = 3600.35, ["2023-11-14T23:13:20+00:00[UTC]"] = 3600,
      ["Tue, 14 Nov 2023 23:13:20 GMT"] = 3600, ["2023-11-14T18:13:20.5-05:00"] = 3600.5,
    } do
      it("expires_in or expires_at " .. text, function()
        assert.near(seconds, life { expires_in = text }, 1e-6)
        assert.near(seconds, life({ at = text }, { expires_at = "at", unit = "min" }), 1e-6)
      end)
    end

    it("a Unix time as expires_in", function()
      assert.equal(3600, life { expires_in = now + 3600 })
      assert.equal(3600, life { expires_in = tostring(now + 3600) })
      assert.equal(3600, life { expires_in = (now + 3600) * 1000 })
    end)

    it("in hours and days", function()
      assert.equal(7200, life({ expires_in = 2 }, { unit = "h" }))
      assert.equal(86400, life({ expires_in = "1" }, { unit = "d" }))
    end)
  end)

  describe("to a date without a zone", function()
    local west = "2023-11-14 18:13:20" -- in an hour, at -05:00

    it("is measured in the zone that the definition names", function()
      for _, text in ipairs { west, "2023-11-14T18:13:20", "Tue, 14 Nov 2023 18:13:20" } do
        assert.near(3600, life({ at = text }, { expires_at = "at", zone = "-05:00" }), 1e-6)
      end
      assert.equal(3600, life({ at = "2023-11-14T23:13:20Z" },
        { expires_at = "at", zone = "-05:00" }))
    end)

    it("or that an input names", function()
      r:play(answer { at = west })
      local login = listening({
        inputs = { password = { secret = true }, code = { optional = true }, zone = {} },
        token = { expires_at = "at", zone = "${zone}" },
      }, { password = "p", zone = "-0500" })
      assert.near(3600, assert(login:token()):expires_in(), 1e-6)
    end)

    it("counted as UTC, in silence, where the zone that an input named is none", function()
      local changes = {
        inputs = { password = { secret = true }, code = { optional = true },
          zone = { optional = true } },
        token = { expires_at = "at", zone = "${zone}" },
      }
      local ok, err = pcall(listening, changes, { password = "p", zone = "CET" })
      assert.is_false(ok)
      assert.matches("token%.zone is no zone, like '%-03:00' %(it is made of inputs%.zone%)", err)
      r:play(answer { at = "2023-11-14 23:13:20" })
      assert.equal(3600, assert(listening(changes, { password = "p" }):token()):expires_in())
    end)

    it("is measured from issued_at, if that is such a date, too", function()
      assert.equal(3600, life({ at = west, from = "2023-11-14 17:13:20" },
        { expires_at = "at", issued_at = "from" }))
    end)

    it("else it is taken for UTC, and a past one says nothing", function()
      assert.equal(3600, life({ at = "2023-11-14 23:13:20" }, { expires_at = "at" }))
      assert.equal(60, life({ at = west }, { expires_at = "at", lifetime = 60 }))
    end)
  end)

  it("counts from issued_at where the answer was kept somewhere", function()
    local token = { issued_at = "issued_at" }
    assert.equal(600, life({ expires_in = 3600, issued_at = now - 3000 }, token))
    assert.equal(600, life({ expires_in = 3600, issued_at = tostring((now - 3000) * 1000) }, token))
  end)

  it("good tokens were thrown away as our clock was ahead, and the server told no time", function()
    local token = { expires_at = "at", lifetime = 60 }
    assert.equal(60, life({ at = now - 7200 }, token, {}))
    assert.equal(3600, life({ at = now - 3600,
      access_token = jwt { iat = now - 7200, exp = now - 3600 } }, token, {}))
    assert.is_nil(life({ at = now - 7200 }, token)) -- it does tell
  end)

  describe("that was not read", function()
    it("is told once, by an event without the value", function()
      r:play(answer { expires_in = "s3cret", at = -1 })
      local login = listening { token = { expires_at = "at" } }
      assert(login:token())
      assert(login:refresh())
      local odd = {}
      for _, event in ipairs(heard) do
        if event.event == "odd" then
          odd[#odd + 1] = event
        end
      end
      assert.equal(2, #odd)
      assert.same({ "expires_in", "a text", "rehearsal", 1 },
        { odd[1].field, odd[1].found, odd[1].provider, odd[1].logins })
      assert.same({ "expires_at", "a number" }, { odd[2].field, odd[2].found })
      assert.is_nil(cjson.encode(heard):find("s3cret", 1, true))
    end)

    it("is not, where all was", function()
      life { expires_in = 300 }
      assert.equal("login", heard[1].event)
      assert.equal(1, #heard)
    end)
  end)
end)
