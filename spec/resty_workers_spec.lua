--- bearer inside nginx: workers that come and go, requests that are given up, timers that are not
-- granted.
local nginx_host = require "spec.support.nginx_host"
local nginx_stage = require "spec.support.nginx_stage"

local describe_nginx = nginx_host.is_wanted() and describe or pending

describe_nginx("in nginx, workers", function()
  local s

  setup(function()
    s = nginx_stage.open()
  end)

  teardown(function()
    s:close()
  end)

  local expected -- in the error log

  after_each(function()
    local pattern = expected
    expected = nil
    s:clear(pattern)
  end)

  local function location(path, code)
    return ("location = %s { content_by_lua_block { %s } }\n"):format(path, code)
  end

  -- A header by each of the workers.
  local function pids_served(count)
    local pids, found = {}, 0
    assert.is_true(nginx_host.wait_until(function()
      for _, answer in ipairs(s.host:get_all("/x", 20)) do
        local pid = answer.body:match "^Authorization %d+ (%d+)$"
        assert.is_string(pid, answer.body)
        found = found + (pids[pid] and 0 or 1)
        pids[pid] = true
      end
      return found >= count
    end))
    return pids
  end

  local header_and_pid = location("/x", [[ngx.print(header(), " ", ngx.worker.pid())]])

  it("all serve a login made in init_by_lua, also after a reload", function()
    s:start { workers = 2, server = header_and_pid }
    local old = pids_served(2)
    s.host:reload()
    assert.is_true(s.host:wait_for_workers(2))
    for pid in pairs(pids_served(2)) do
      assert.is_nil(old[pid])
    end
    assert.equal(4, s:logins())
  end)

  -- ---- that end ---------------------------------------------------------------------------

  it("that are reloaded answer those who wait for a login", function()
    s.sb:tell("hubsoft", { delay = 0.3 })
    s:start {}
    local waiting_one = s.host:send "/header"
    s:await_logins(1)
    s.host:reload()
    s:check_header(s.host:receive(waiting_one))
    assert.is_true(s.host:wait_for_workers(1))
    assert.equal(1, s:logins())
  end)

  it("that quit answer those who wait for a login", function()
    s.sb:tell("hubsoft", { delay = 0.3 })
    s:start {}
    local waiting_one = s.host:send "/header"
    s:await_logins(1)
    s.host:signal "QUIT"
    s:check_header(s.host:receive(waiting_one))
    assert.is_true(s.host:wait_for_end())
  end)

  it("that are terminated with a login in flight end at once", function()
    s.sb:tell("hubsoft", { delay = 60 })
    s:start {}
    local waiting_one = s.host:send "/header"
    s:await_logins(1)
    s.host:signal "TERM"
    assert.is_true(s.host:wait_for_end(50))
    assert.is_nil(s.host:receive(waiting_one).status)
    assert.equal(1, s.host:ended_workers())
  end)

  for _, signal in ipairs { "QUIT", "HUP" } do
    it(("that end by %s do not wait for a login that nobody waits for"):format(signal), function()
      s.sb:tell("hubsoft", { delay = 60 })
      s:start { server = location("/prewarm", "bearer.prewarm(erp)") }
      s.host:get "/prewarm"
      s:await_logins(1)
      s.host:signal(signal)
      assert.is_true(s.host:wait_for_workers(1, 50))
      assert.equal(0, s.sb:count("hubsoft", "login", 200)) -- the server is still at it
    end)
  end

  it("finish what is nearly done when they end", function()
    s.sb:tell("hubsoft", { delay = 0.3 })
    s:start {
      init = [[erp = new_login { on_event = function(event)
        ngx.log(ngx.NOTICE, "an event: ", event.event)
      end }]],
      server = location("/prewarm", "bearer.prewarm(erp)"),
    }
    s.host:get "/prewarm"
    s:await_logins(1)
    s.host:signal "QUIT"
    assert.is_true(s.host:wait_for_end())
    assert.matches("an event: login", s.host:log())
  end)

  it("serve timers that run at their end", function()
    s:start { server = location("/x", [[
      assert(ngx.timer.at(3600, function(premature)
        ngx.log(ngx.NOTICE, "premature: ", premature, ", ", header())
        erp:forget()
        bearer.prewarm(erp)
      end))]]) }
    s.host:get "/x"
    s.host:signal "QUIT"
    assert.is_true(s.host:wait_for_end())
    assert.matches("premature: true, Authorization %d+", s.host:log())
  end)

  -- ---- requests that are given up -----------------------------------------------------------

  local check_abort = "lua_check_client_abort on;"

  it("that lose the request which began a login keep its answer for the others", function()
    s.sb:tell("hubsoft", { delay = 0.3 })
    s:start { http = check_abort }
    local first = s.host:send "/header"
    s:await_logins(1)
    local others = { s.host:send "/header", s.host:send "/header" }
    first:close()
    for _, other in ipairs(others) do
      s:check_header(s.host:receive(other))
    end
    assert.equal(1, s:logins())
  end)

  it("that lose every request keep the answer for the next", function()
    s.sb:tell("hubsoft", { delay = 0.3 })
    s:start { http = check_abort }
    local first = s.host:send "/header"
    s:await_logins(1)
    first:close()
    s:await_fresh()
    s:check_header(s.host:get "/header")
    assert.equal(1, s:logins())
  end)

  it("whose request ends itself while a thread of it waits keep the answer", function()
    s.sb:tell("hubsoft", { delay = 0.3 })
    s:start { server = location("/x", [[
      ngx.thread.spawn(header)
      ngx.sleep(0.05)
      ngx.exit(499)]]) }
    s.host:get "/x"
    s:await_fresh()
    s:check_header(s.host:get "/header")
    assert.equal(1, s:logins())
  end)

  it("are not held up by requests that were given up", function()
    s.sb:tell("hubsoft", { delay = 60 })
    s:start {
      http = check_abort, init = "arrived = 0",
      server = location("/x", "arrived = arrived + 1 header()")
        .. location("/arrived", "ngx.print(arrived)"),
    }
    local first, second = s.host:send "/x", s.host:send "/x"
    assert.is_true(nginx_host.wait_until(function()
      return s.host:get("/arrived").body == "2"
    end))
    first:close()
    second:close()
    s:await_logins(1)
    assert.equal("none", s.host:get("/status").body)
    s.host:signal "QUIT"
    assert.is_true(s.host:wait_for_end(50))
  end)

  -- ---- timers that are not granted ------------------------------------------------------------

  local occupy = [[
    for i = 1, 8 do
      ngx.timer.at(%d, function()
        while not ngx.worker.exiting() do ngx.sleep(0.01) end
      end)
    end]]

  it("log in when there is no room for pending timers", function()
    s.sb:tell("hubsoft", { delay = 0.2 })
    s:start {
      http = "lua_max_pending_timers 8;", server = location("/occupy", occupy:format(3600)),
    }
    s.host:get "/occupy"
    for _, answer in ipairs(s.host:get_all("/header", 30)) do
      s:check_header(answer)
    end
    assert.equal(1, s:logins())
  end)

  it("log in when there is no room for running timers", function()
    s.sb:tell("hubsoft", { delay = 0.2 })
    s:start { http = "lua_max_running_timers 1;", server = location("/occupy", occupy:format(0)) }
    expected = "%[alert%].* 1 lua_max_running_timers are not enough"
    s.host:get "/occupy"
    for _, answer in ipairs(s.host:get_all("/header", 30)) do
      s:check_header(answer)
    end
    assert.equal(1, s:logins())
  end)

  it("whose only mover is given up have another one take over", function()
    s.sb:tell("hubsoft", { delay = 0.3 })
    s:start {
      http = check_abort .. "lua_max_pending_timers 8;",
      server = location("/occupy", occupy:format(3600)),
    }
    s.host:get "/occupy"
    local first = s.host:send "/header"
    s:await_logins(1)
    local others = { s.host:send "/header", s.host:send "/header" }
    first:close()
    for _, other in ipairs(others) do
      s:check_header(s.host:receive(other))
    end
    assert.equal(1, s:logins())
  end)
end)
