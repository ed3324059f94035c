-- What `make demo` and `make test` do before they begin: spec/ci/setup.sh, on a made-up Debian.
local helper = require "spec.support.helper"

if os.getenv "SUITE_CHILD" or os.getenv "LD_PRELOAD" then
  return -- shell scripts alone
end

describe("setting up", function()
  local folder

  before_each(function()
    folder = helper.folder()
  end)

  after_each(function()
    helper.must("rm -rf " .. helper.quote(folder))
  end)

  -- A program of this Debian: it notes its words, and then does this.
  local function program(name, script)
    local file = assert(io.open(folder .. "/" .. name, "w"))
    file:write("#!/bin/sh\necho ", name, ' "$@" >>', folder, "/calls\n", script, "\n")
    file:close()
    helper.must("chmod +x " .. folder .. "/" .. name)
  end

  -- With nothing installed but these; `user` is who it is.
  local function set_up(user, installed)
    program("id", "echo " .. user)
    program("dpkg-query", ('for p; do :; done; case " %s " in *" $p "*) echo installed ;; '
      .. "*) exit 1 ;; esac"):format(installed or ""))
    program("apt-get", ("ls %s/policy >>%s/calls 2>&1"):format(folder, folder))
    program("deb-systemd-helper", "")
    program("update-rc.d", "")
    local text, status = helper.run(("POLICY=%s/policy PATH=%s:$PATH sh spec/ci/setup.sh sandbox")
      :format(folder, folder))
    return text, status, helper.must("cat " .. folder .. "/calls")
  end

  it("as somebody who is not root names the command, and does nothing", function()
    local text, status, calls = set_up(1000)
    assert.equal(1, status)
    assert.matches("run: sudo sh /%S+/spec/ci/setup.sh sandbox\n", text)
    assert.is_nil(calls:find "apt%-get")
  end)

  it("leaves no web server that starts, now or with the machine", function()
    local _, status, calls = set_up(0)
    assert.equal(0, status)
    assert.matches("apt%-get [^\n]* install [^\n]* nginx [^\n]*\n" .. folder .. "/policy\n", calls)
    assert.matches("update%-rc%.d nginx disable", calls)
    assert.matches("deb%-systemd%-helper disable nginx.service", calls)
    assert.not_equal(0, (select(2, helper.run("test -e " .. folder .. "/policy"))))
  end)

  it("leaves a web server that was there as it was", function()
    local _, status, calls = set_up(0, "nginx nginx-common")
    assert.equal(0, status)
    assert.matches("apt%-get [^\n]* install", calls)
    assert.is_nil(calls:find "disable")
  end)

  it("is no matter of the environment's proxies: the demo asks 127.0.0.1 itself", function()
    local nobody = "http://127.0.0.1:1"
    local text, status = helper.run(helper.command { "env", "https_proxy=" .. nobody,
      "http_proxy=" .. nobody, "all_proxy=" .. nobody, "HTTPS_PROXY=" .. nobody, "bash",
      "spec/ci/suite.sh", "run", helper.interpreter:match "[^/]*$", "spec/sandbox/demo.lua" })
    assert.equal(0, status, text)
    assert.matches("6 of 6 logins work", text)
  end)
end)
