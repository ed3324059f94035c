--- bearer inside nginx: functions of the host's that yield, and what its error log may not show.
local nginx_host = require "spec.support.nginx_host"
local nginx_stage = require "spec.support.nginx_stage"

local describe_nginx = nginx_host.is_wanted() and describe or pending

-- A transport made of cosockets. It counts its calls, and those under way.
local transport = [[
  sent, at_once, most_at_once = 0, 0, 0

  local function exchange(request)
    local host, port, path = request.url:match "^https://([^:/]+):(%d+)(.*)$"
    local socket = ngx.socket.tcp()
    socket:settimeout(request.timeout * 1000)
    assert(socket:connect(host, tonumber(port)))
    assert(socket:sslhandshake(nil, host, false))
    local head = { request.method .. " " .. path .. " HTTP/1.1", "Host: " .. host,
      "Connection: close" }
    for name, value in pairs(request.headers) do
      head[#head + 1] = name .. ": " .. value
    end
    local body = request.body or ""
    head[#head + 1] = "Content-Length: " .. #body .. "\r\n\r\n" .. body
    assert(socket:send(table.concat(head, "\r\n")))
    local text = assert(socket:receive "*a")
    local status, _, rest = text:match "^HTTP/1.1 (%d+)(.-)\r\n\r\n(.*)$"
    local chunk = rest:match "^%x+\r\n(.-)\r\n0\r\n\r\n$"
    return { status = tonumber(status), headers = {}, body = chunk or rest }
  end

  function transport(request)
    sent, at_once = sent + 1, at_once + 1
    most_at_once = math.max(most_at_once, at_once)
    local ok, answer = pcall(exchange, request)
    at_once = at_once - 1
    if not ok then
      return nil, "the cosocket failed"
    end
    return answer
  end

  erp = new_login { transport = transport }
]]

describe_nginx("in nginx, a function of the host's", function()
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

  local counts = location("/counts", "ngx.print(sent, ' ', most_at_once)")
  local header_filter = "location = /filter { return 200; " ..
    'header_filter_by_lua_block { ngx.header["X-Word"] = header() } }'
  local check_abort = "lua_check_client_abort on;"

  it("may be the transport and yield, while many wait for it", function()
    s.sb:tell("hubsoft", { delay = 0.2 })
    s:start { init = transport, server = counts }
    for _, answer in ipairs(s.host:get_all("/header", 30)) do
      s:check_header(answer)
    end
    assert.equal("1 1", s.host:get("/counts").body)
    assert.equal(1, s:logins())
  end)

  it("may be the transport of several logins at once", function()
    s.sb:tell("hubsoft", { delay = 0.2 })
    s:start { init = transport, server = counts .. location("/x", [[
      local logins, threads = {}, {}
      for i = 1, 5 do
        logins[i] = new_login { transport = transport }
        threads[i] = ngx.thread.spawn(function() return (logins[i]:header()) end)
      end
      for i = 1, 5 do ngx.print(select(2, ngx.thread.wait(threads[i])), " ") end
    ]]) }
    assert.equal(("Authorization "):rep(5), s.host:get("/x").body)
    assert.equal("5 5", s.host:get("/counts").body)
  end)

  it("goes on when the request that began the login is given up", function()
    s.sb:tell("hubsoft", { delay = 0.3 })
    s:start { init = transport, http = check_abort, server = counts }
    local first = s.host:send "/header"
    s:await_logins(1)
    local others = { s.host:send "/header", s.host:send "/header" }
    first:close()
    for _, other in ipairs(others) do
      s:check_header(s.host:receive(other))
    end
    assert.equal("1 1", s.host:get("/counts").body)
    assert.equal(1, s:logins())
  end)

  it("runs for a login that is begun where nothing can wait", function()
    s:start { init = transport, server = counts .. header_filter }
    assert.equal("cannot_wait", s.host:get("/filter").headers["x-word"])
    s:await_fresh()
    assert.matches("^Authorization %d+$", s.host:get("/filter").headers["x-word"])
    assert.equal("1 1", s.host:get("/counts").body)
  end)

  it("runs for a login that is begun when a worker starts", function()
    s:start { init = transport, init_worker = "bearer.prewarm(erp)", server = counts }
    s:await_fresh()
    assert.equal("1 1", s.host:get("/counts").body)
  end)

  it("may be the transport of a login in several steps", function()
    local url = s.sb:script("steps", {
      { body = '{"ticket":"t1"}' }, { body = '{"ticket":"t2"}' },
      { body = '{"access_token":"end"}' },
    })
    local step = ("{ url = %q, form = { t = '${ticket}' }, keep = { ticket = 'ticket' } }")
      :format(url)
    s:start { init = transport .. ([[erp = bearer.login({
      name = "steps", inputs = {}, login = { { url = %q, keep = { ticket = "ticket" } }, %s, %s },
    }, {}, { transport = transport })]]):format(url, step, step) }
    assert.equal("Authorization 10", s.host:get("/header").body)
    assert.equal(3, #s.sb:requests "steps")
  end)

  it("makes authorised calls, in the request that asks for them", function()
    s:start { init = transport, server = location("/call", [[
      local response, _, err = erp:request { url = "/api/v1/integracao/cliente" }
      ngx.print(response and response.status or err.code)]]) }
    assert.equal("200", s.host:get("/call").body)
    s.sb:revoke "hubsoft"
    assert.equal("200", s.host:get("/call").body)
    assert.equal(2, s:logins())
  end)

  it("may raise: nobody waits for ever, and the log does not tell what it held", function()
    s:start { init = [[erp = new_login { retries = 0, transport = function(request)
      ngx.sleep(0.01)
      error("request: " .. request.body)
    end }]] }
    for _, answer in ipairs(s.host:get_all("/header", 5)) do
      assert.equal("network", answer.body)
    end
  end)

  it("is given a thread by those who wait, when nginx grants no timer", function()
    s.sb:tell("hubsoft", { delay = 0.2 })
    s:start {
      init = transport, http = "lua_max_running_timers 1;",
      server = counts .. location("/occupy",
        "ngx.timer.at(0, function() while not ngx.worker.exiting() do ngx.sleep(0.01) end end)"),
    }
    expected = "%[alert%].* 1 lua_max_running_timers are not enough"
    s.host:get "/occupy"
    for _, answer in ipairs(s.host:get_all("/header", 10)) do
      s:check_header(answer)
    end
    assert.equal("1 1", s.host:get("/counts").body)
  end)

  local slow_input = [[
    asked = 0
    erp = new_login({}, { password = function()
      asked = asked + 1
      ngx.sleep(0.1)
      return %q
    end })
  ]]

  it("may be an input and yield, while many wait for it", function()
    s:start {
      init = slow_input:format(s.sb.credentials.hubsoft.password), http = check_abort,
      server = location("/asked", "ngx.print(asked)") .. header_filter,
    }
    s.host:send("/header"):close()
    for _, answer in ipairs(s.host:get_all("/header", 10)) do
      s:check_header(answer)
    end
    assert.equal("1", s.host:get("/asked").body)
    s.host:get "/forget"
    assert.equal("cannot_wait", s.host:get("/filter").headers["x-word"])
    s:await_fresh()
    assert.equal("2", s.host:get("/asked").body)
    assert.equal(2, s:logins())
  end)

  it("may be an input, and the hold be lifted while it yields", function()
    s:start {
      init = slow_input:format(nginx_stage.wrong_password),
      server = location("/x", [[
        local code = header()
        local thread = ngx.thread.spawn(header)
        ngx.sleep(0.02) -- now the thread is asking whether the secret has changed
        erp:reset()
        local _, again = ngx.thread.wait(thread)
        ngx.print(code, " ", again)]]),
    }
    local code, again = s.host:get("/x").body:match "^(%S+) (%S+)$"
    assert.equal(code, again)
    assert.equal(2, s:logins()) -- the lifted hold lets it try anew
  end)

  it("may be an input that raises", function()
    s:start { init = [[erp = new_login({}, { password = function()
      ngx.sleep(0.01)
      error "no vault"
    end })]] }
    assert.equal("no_secret", s.host:get("/header").body)
  end)

  -- ---- the error log --------------------------------------------------------------------------

  it("may log every error: none shows a secret", function()
    s:start {
      init = ([[
        function log(what) ngx.log(ngx.WARN, "told: ", tostring(what)) end
        logins = {
          new_login({ on_event = function(event)
            for name, value in pairs(event) do log(name .. "=" .. tostring(value)) end
          end }, { password = %q }),
          new_login({ retries = 0, timeout = 0.05 }),
          erp,
        }]]):format(nginx_stage.wrong_password),
      server = location("/x", [[
        for _, login in ipairs(logins) do
          local t, message, err = login:token()
          log(t or message)
          log(err)
          log(login)
          for _, field in ipairs { "code", "description", "step" } do log(err and err[field]) end
          for name, value in pairs(err and err.details or {}) do
            log(name .. "=" .. tostring(value))
          end
          log(login:status().last_error)
        end
        error(tostring(logins[1]:status().last_error)) ]]),
    }
    expected = "lua entry thread aborted: .*hubsoft: login failed: "
    s.sb:tell("hubsoft", { login = { delay = 0.2 } })
    s.host:get "/x"
    local log = s.host:log()
    for _, told in ipairs { "hubsoft: login failed: ", "invalid_", "timeout", "bearer.login",
      "bearer.token", "event=failure" } do
      assert.is_truthy(log:find(told, 1, true), told)
    end
  end)
end)
