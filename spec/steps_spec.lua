-- What `make test` runs its steps with: spec/ci/steps.sh.
local helper = require "spec.support.helper"

describe("a step of make test", function()
  local folder

  before_each(function()
    folder = helper.folder()
  end)

  after_each(function()
    helper.must("rm -rf " .. helper.quote(folder))
  end)

  -- What a run of these steps prints, and how it ends.
  local function run(steps, environment)
    return helper.run(("env logs=%s %s bash -c %s"):format(helper.quote(folder), environment or "",
      helper.quote("set -u; . spec/ci/steps.sh; " .. steps .. "\nfinish")))
  end

  -- Dead, though nobody may have asked for its status yet.
  local function await_end()
    helper.must(("i=0; while grep -q '^State:[^Z]*$' /proc/$(cat %s/child)/status 2>/dev/null; do "
      .. "i=$((i + 1)); [ $i -lt 600 ] || exit 1; sleep 0.1; done"):format(folder))
  end

  local function ends_with(last, text)
    assert.equal(last, text:match "([^\n]*)\n*$")
  end

  it("has no time that a slow machine could miss: it is silence that ends it", function()
    local text, status = run("check slow sh -c 'sleep 1.2; echo still there; sleep 1.2'",
      "HANG_SECONDS=60")
    assert.equal(0, status)
    ends_with("1 passed, 0 failed", text)
  end)

  it("that hangs is ended with all that it started, and the test that hung is named", function()
    local text, status = run("step tap specs sh -c 'echo ok 1 - fine; echo \"# run it hangs\"; "
      .. "sleep 600 & echo $! >" .. folder .. "/child; wait'; check next true", "HANG_SECONDS=1")
    assert.equal(1, status)
    assert.matches("# run it hangs\n *hung: nothing was heard of it for %d+ s\n", text)
    ends_with("2 passed, 1 failed", text)
    await_end()
  end)

  it("is stopped when the time of the whole run is over, and the next one says so", function()
    local text, status = run("deadline=$((SECONDS + 5)); check long sleep 600; check next true",
      "TEST_SECONDS=77")
    assert.equal(1, status)
    assert.matches("stopped here: all 77 s are over", text, 1, true)
    assert.matches("no time left: all 77 s are over", text, 1, true)
    ends_with("0 passed, 2 failed", text)
  end)

  it("that is under way when all is interrupted is ended, too", function()
    local text = run("start one sh -c 'echo $$ >" .. folder .. "/child; exec sleep 600'; "
      .. "until [ -s " .. folder .. "/child ]; do sleep 0.1; done; kill $$")
    ends_with("0 passed, 1 failed", text)
    await_end()
  end)
end)
