-- Once a login is closed, nobody keeps the refresh token: not a token that the caller holds, not
-- its successor, not a renewal under way.
local helper = require "spec.support.helper"
local sandbox = require "spec.sandbox"

describe("a refresh token from a file", function()
  local sb, folder

  setup(function()
    sb, folder = sandbox.start(), helper.folder()
    helper.must(("head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \\n' >%s/refresh")
      :format(helper.quote(folder)))
  end)

  teardown(function()
    helper.must("rm -rf " .. helper.quote(folder))
    sb:stop()
  end)

  it("is in memory no more when its login is closed, whoever holds a token", function()
    local body = '{"access_token":"t","expires_in":3600}'
    local url = sb:script("quick", { body = body })
    local slow = sb:script("slow", { body = body, delay = 2 })
    local text, status = helper.run(helper.command {
      "timeout", 30, helper.interpreter, "spec/support/held.lua", helper.build "scan", url, slow,
      sb.ca_file, folder,
    })
    assert.equal(0, status, text)
    local counts, title = {}, nil
    for line in text:gmatch "[^\n]+" do
      if line:find "^%d+$" then
        counts[title] = tonumber(line)
      else
        title = line
      end
    end
    if not counts.before then
      return pending "this user may not look into a process of its own"
    end
    assert.is_true(counts.open > 0, "the search finds nothing")
    counts.open = nil
    for what, count in pairs(counts) do
      assert.equal(0, count, what)
    end
  end)
end)
