--- bearer inside nginx: every phase, and one login for all who ask.
local nginx_host = require "spec.support.nginx_host"
local nginx_stage = require "spec.support.nginx_stage"
local patience = require "spec.support.patience"
local socket = require "socket"

local describe_nginx = nginx_host.is_wanted() and describe or pending

local function location(path, code)
  return ("location = %s { %s }\n"):format(path, code)
end

describe_nginx("in nginx", function()
  local s

  setup(function()
    s = nginx_stage.open()
  end)

  teardown(function()
    s:close()
  end)

  -- ---- phases that can wait ---------------------------------------------------------------

  local print_x = "content_by_lua_block { ngx.print(ngx.ctx.x) }"
  local waiting = {
    rewrite = "rewrite_by_lua_block { ngx.ctx.x = header() } " .. print_x,
    access = "access_by_lua_block { ngx.ctx.x = header() } " .. print_x,
    content = "content_by_lua_block { ngx.print(header()) }",
    thread = [[content_by_lua_block {
      local _, x = ngx.thread.wait(ngx.thread.spawn(header)) ngx.print(x)
    }]],
    coroutine = "content_by_lua_block { ngx.print((coroutine.wrap(header)())) }",
    pcall = "content_by_lua_block { ngx.print((select(2, pcall(header)))) }",
    timer = [[content_by_lua_block {
      local x
      assert(ngx.timer.at(0, function() x = header() end))
      while not x do ngx.sleep(0.005) end
      ngx.print(x)
    }]],
  }

  local function path_of(phase)
    return "/" .. phase:gsub("[^a-z]", "_")
  end

  -- One nginx for all of them; each test starts with no token.
  local function start(phases, more)
    local locations = {}
    for phase, code in pairs(phases) do
      locations[#locations + 1] = location(path_of(phase), code)
    end
    more.server = table.concat(locations) .. (more.server or "")
    s:start(more)
  end

  local function renew()
    s.host:get "/forget"
    s.sb:reset()
  end

  describe("the header is given in a phase that can wait:", function()
    setup(function()
      start(waiting, {})
    end)

    before_each(renew)

    teardown(function()
      s:clear()
    end)

    for phase in pairs(waiting) do
      it(phase, function()
        s:check_header(s.host:get(path_of(phase)))
        assert.equal(1, s:logins())
      end)
    end
  end)

  -- ---- phases that cannot -----------------------------------------------------------------

  -- Each leaves the word in the global `x`, or in X-Word.
  local print_global = "content_by_lua_block { ngx.print(x) }"
  local not_waiting = {
    set = 'set_by_lua_block $word { return header() } return 200 "$word";',
    header_filter = [[header_filter_by_lua_block { ngx.header["X-Word"] = header() } return 200;]],
    body_filter = [[body_filter_by_lua_block { ngx.arg[1] = ngx.arg[2] and header() or "" }
      content_by_lua_block { ngx.print "-" }]],
    balancer = 'proxy_pass http://balanced/x; proxy_http_version 1.1;',
    ["a C function's callback"] = [[content_by_lua_block {
      local x
      local _ = ("a"):gsub("a", function() x = header() end)
      ngx.print(x)
    }]],
    ["a module that is loaded"] = [[content_by_lua_block {
      local x
      package.preload.some = function() x = header() end
      package.loaded.some = nil
      require "some"
      ngx.print(x)
    }]],
  }
  local upstream = [[upstream balanced { server 127.0.0.1:1;
    balancer_by_lua_block {
      x = header()
      assert(require("ngx.balancer").set_current_peer("127.0.0.1", ngx.var.server_port))
    } }]]

  local function word_of(answer)
    return answer.headers["x-word"] or answer.body
  end

  describe("a phase that cannot wait says so, and begins the login:", function()
    setup(function()
      start(not_waiting, { http = upstream, server = location("/x", print_global) })
    end)

    before_each(renew)

    teardown(function()
      s:clear()
    end)

    for phase in pairs(not_waiting) do
      it(phase, function()
        s.sb:tell("hubsoft", { delay = 0.2 })
        assert.equal("cannot_wait", word_of(s.host:get(path_of(phase))))
        s:await_fresh()
        assert.matches("^Authorization %d+$", word_of(s.host:get(path_of(phase))))
        assert.equal(1, s:logins())
      end)
    end
  end)

  describe("bearer", function()
    after_each(function()
      s:clear()
    end)

    it("gives the header in ssl_certificate, while the client waits for its handshake", function()
      s:start {
        listen = "ssl",
        http = ([[ssl_certificate %s/server.pem; ssl_certificate_key %s/server.key;
          ssl_protocols TLSv1.2 TLSv1.3;]]):format(s.sb.dir, s.sb.dir),
        server = [[ssl_certificate_by_lua_block { in_handshake = header() }
          location = /x { content_by_lua_block { ngx.print(in_handshake) } }]],
      }
      local pipe = io.popen(("curl -s -m 10 --cacert '%s' https://127.0.0.1:%d/x")
        :format(s.sb.ca_file, s.host.port))
      local body = pipe:read "*a"
      pipe:close()
      assert.matches("^Authorization %d+$", body)
      assert.equal(1, s:logins())
    end)

    it("says in the log phase that it cannot wait, and is served once there is a token", function()
      s:start { server = location("/y", "log_by_lua_block { x = header() } return 200;")
        .. location("/x", print_global) }
      s.sb:tell("hubsoft", { delay = 0.2 })
      s.host:get "/y"
      assert.equal("cannot_wait", s.host:get("/x").body)
      s:await_fresh()
      s.host:get "/y"
      s:check_header(s.host:get "/x")
      assert.equal(1, s:logins())
    end)

    it("begins nothing in init: each worker would begin it again", function()
      s:start {
        init = "at_init = header() bearer.prewarm(erp) under_way = bearer.poll()",
        server = location("/x", "content_by_lua_block { ngx.print(at_init, under_way) }"),
      }
      assert.equal("cannot_wait0", s.host:get("/x").body)
      assert.equal(0, s:logins())
      s:check_header(s.host:get "/header")
    end)

    it("cannot wait in init_worker, but begins the login", function()
      s.sb:tell("hubsoft", { delay = 0.2 })
      s:start { init_worker = "x = header()", server = location("/x", print_global) }
      assert.equal("cannot_wait", s.host:get("/x").body)
      s:await_fresh()
      assert.equal(1, s:logins())
    end)

    it("prewarms a login in init_worker", function()
      s:start { init_worker = "bearer.prewarm(erp)" }
      s:await_fresh()
      assert.equal(1, s:logins())
      s:check_header(s.host:get "/header")
      assert.equal(1, s:logins())
    end)

    it("begins nothing in exit_worker, and is served while the token is fresh", function()
      s:start { http = [[exit_worker_by_lua_block {
        ngx.log(ngx.NOTICE, "at the end: ", header())
        erp:forget()
        ngx.log(ngx.NOTICE, "then: ", header())
      }]] }
      s:check_header(s.host:get "/header")
      s.host:signal "QUIT"
      assert.is_true(s.host:wait_for_end())
      assert.matches("at the end: Authorization %d+", s.host:log())
      assert.matches("then: cannot_wait", s.host:log())
      assert.equal(1, s:logins())
    end)

    -- ---- one login ------------------------------------------------------------------------------

    it("costs each worker one login for 100 requests at once", function()
      s.sb:tell("hubsoft", { delay = 0.2 })
      s:start { workers = 2, server = location("/x",
        'content_by_lua_block { ngx.print(header(), " ", ngx.worker.pid()) }') }
      local workers, count = {}, 0
      for _, answer in ipairs(s.host:get_all("/x", 100)) do
        local pid = assert(answer.body:match "^Authorization %d+ (%d+)$", answer.body)
        count = count + (workers[pid] and 0 or 1)
        workers[pid] = true
      end
      assert.equal(count, s:logins())
    end)

    it("does not delay another location while a login is stuck", function()
      s.sb:tell("hubsoft", { delay = 60 })
      s:start { http = "lua_check_client_abort on;" }
      local waiting_one = s.host:send "/header"
      s:await_logins(1)
      for _ = 1, 50 do
        assert.equal("fast", s.host:get("/fast").body)
      end
      assert.equal(0, s.sb:count("hubsoft", "login", 200)) -- it still is
      waiting_one:close()
    end)

    it("makes authorised calls, and logs in anew when the token was revoked", function()
      s:start { server = location("/call", [[content_by_lua_block {
        local response, _, err = erp:request { url = "/api/v1/integracao/cliente" }
        ngx.print(response and response.status or err.code)
      }]]) }
      assert.equal("200", s.host:get("/call").body)
      s.sb:revoke "hubsoft"
      assert.equal("200", s.host:get("/call").body)
      assert.equal(2, s:logins())
    end)

    it("takes note of a refused token in any phase, and never waits for it", function()
      local reject = [[local _, given = erp:header()
        if ngx.var.arg_reject then ngx.ctx.x = tostring(erp:reject(given)) end]]
      local phases = {
        rewrite = ("rewrite_by_lua_block { %s } content_by_lua_block { ngx.print(ngx.ctx.x) }")
          :format(reject),
        content = ("content_by_lua_block { %s ngx.print(ngx.ctx.x) }"):format(reject),
        header_filter = ([[header_filter_by_lua_block { %s ngx.header["X-Word"] = ngx.ctx.x }
          return 200 "-";]]):format(reject),
        body_filter = ([[body_filter_by_lua_block {
          if ngx.arg[2] then %s ngx.arg[1] = ngx.ctx.x else ngx.arg[1] = "" end }
          content_by_lua_block { ngx.print "-" }]]):format(reject),
        log = ([[log_by_lua_block { %s x = ngx.ctx.x } return 200 "-";]]):format(reject),
      }
      local locations = {}
      for phase, code in pairs(phases) do
        locations[#locations + 1] = location("/" .. phase, code)
      end
      s:start { server = table.concat(locations) .. location("/x", print_global)
        .. location("/again", "content_by_lua_block { erp:reset() }") }
      local logins = 0
      for phase in pairs(phases) do
        patience.longer(function(times)
          s.sb:tell("hubsoft", { delay = 0 })
          s:check_header(s.host:get "/header")
          s.host:get "/again" -- no limit
          s.sb:tell("hubsoft", { delay = 0.8 * times })
          local from = socket.gettime()
          local answer = s.host:get("/" .. phase .. "?reject=1")
          local took = socket.gettime() - from
          local word = phase == "log" and s.host:get("/x").body or word_of(answer)
          assert.equal("true", word, phase)
          s:await_fresh() -- though nobody asks for the header
          logins = logins + 1
          assert.equal(logins + 1, s:logins(), phase)
          return took < 0.6 * times
        end)
      end
    end)

    it("drops a refused token in exit_worker, and begins nothing", function()
      s:start { http = [[exit_worker_by_lua_block {
        local _, value = erp:header()
        ngx.log(ngx.NOTICE, "dropped: ", erp:reject(value))
        ngx.log(ngx.NOTICE, "then: ", header(), " ", bearer.poll())
      }]] }
      s:check_header(s.host:get "/header")
      s.host:signal "QUIT"
      assert.is_true(s.host:wait_for_end())
      assert.matches("dropped: true", s.host:log())
      assert.matches("then: cannot_wait 0", s.host:log())
      assert.equal(1, s:logins())
    end)

    it("tells an event though it is the last, and what its listener raises", function()
      s:start {
        init = [[
          bad = new_login { on_event = function(event) error("boo of " .. event.event) end }
        ]],
        server = location("/bad", "content_by_lua_block { ngx.print(word(bad:header())) }")
          .. location("/mine", [[content_by_lua_block {
            bad:forget()
            local heard
            local warn = bearer.warn
            bearer.warn = function(text) heard = text end
            bad:header()
            for _ = 1, 1000 do
              if heard then break end
              ngx.sleep(0.005)
            end
            bearer.warn = warn
            ngx.print(heard)
          }]])
          .. location("/filter", [[header_filter_by_lua_block {
            bearer.warn("boo of login, in header_filter")
          } return 200;]]),
      }
      s:check_header(s.host:get "/bad")
      assert.is_true(nginx_host.wait_until(function()
        return s.host:log():find("boo of login", 1, true)
      end) ~= nil)
      assert.matches("^bearer: on_event: .*boo of login$", s.host:get("/mine").body)
      s.host:get "/filter"
      local log = s.host:log()
      local told = "%[error%][^\n]*bearer: on_event: [^\n]*boo of login"
      assert.equal(1, (select(2, log:gsub(told, ""))))
      assert.equal(1, (select(2, log:gsub("%[error%][^\n]*boo of login, in header_filter", ""))))
      s:clear "boo of login"
    end)

    it("sends for bearer.transport, and for the send of a transport, where it can wait", function()
      local url = s.sb:script("x", { status = 201, body = "{}", delay = 0.1 })
      s:start {
        init = ([[
          function ask()
            local response, message, err = bearer.transport { url = %q, timeout = 5 }
            return response and response.status or err.code
          end
          bearer.defaults { ca_file = %q }
          passing = new_login { transport = function(request, send) return send(request) end }
          at_init = ask()
        ]]):format(url, s.sb.ca_file),
        server = location("/init", "content_by_lua_block { ngx.print(at_init) }")
          .. location("/content", "content_by_lua_block { ngx.print(ask()) }")
          .. location("/access", "access_by_lua_block { ngx.ctx.x = ask() } " .. print_x)
          .. location("/filter", [[header_filter_by_lua_block { ngx.header["X-Word"] = ask() }
            return 200 "-";]])
          .. location("/passing", "content_by_lua_block { ngx.print(word(passing:header())) }")
          .. location("/call", [[content_by_lua_block {
            ngx.print(passing:request({ url = "/api/v1/integracao/cliente" }).status)
          }]])
          .. location("/x", [[header_filter_by_lua_block {
            ngx.header["X-Word"] = word(passing:header()) } return 200 "-";]]),
      }
      assert.equal("cannot_wait", s.host:get("/init").body)
      assert.equal("201", s.host:get("/content").body)
      assert.equal("201", s.host:get("/access").body)
      assert.equal("cannot_wait", s.host:get("/filter").headers["x-word"])
      assert.equal(2, s.sb:count("x"))
      assert.equal("cannot_wait", s.host:get("/x").headers["x-word"]) -- but is begun
      for _, answer in ipairs(s.host:get_all("/passing", 10)) do
        s:check_header(answer)
      end
      assert.equal("200", s.host:get("/call").body)
      assert.equal(1, s:logins())
    end)

    it("renews a token in the background, ahead of its end", function()
      s.sb:tell("hubsoft", { lifetime = 400 })
      s:start { init = [[
        erp = new_login(nil, nil, { name = "hubsoft", extends = "hubsoft",
          refresh = { revokes = false } })
      ]], server = location("/age", [[content_by_lua_block {
        local core = require "bearer.core"
        core.clock(core.now() + 250, os.time() + 250)
        ngx.print(erp:token():generation(), " ", header())
        core.clock()
      }]]) .. location("/generation",
        "content_by_lua_block { ngx.print(erp:token():generation()) }") }
      s:check_header(s.host:get "/header")
      s.sb:tell("hubsoft", { delay = 0.2 })
      assert.matches("^1 Authorization %d+$", s.host:get("/age").body) -- the old one, at once
      assert.is_true(nginx_host.wait_until(function()
        return s.host:get("/generation").body == "2"
      end))
      assert.equal(2, s.sb:count("hubsoft", "login") + s.sb:count("hubsoft", "refresh"))
    end)
  end)
end)
