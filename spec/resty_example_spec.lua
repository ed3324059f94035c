--- examples/openresty/nginx.conf, as it is but for addresses and paths.
local cjson = require "cjson"
local launch = require "spec.sandbox.launch"
local nginx = require "spec.sandbox.nginx"
local nginx_host = require "spec.support.nginx_host"
local nginx_stage = require "spec.support.nginx_stage"

local describe_nginx = nginx_host.is_wanted() and describe or pending

describe_nginx("examples/openresty/nginx.conf", function()
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

  -- Where the tree, the sandbox and a free port take the place of an installation.
  local function localized(o)
    local text = launch.read "examples/openresty/nginx.conf"
    local function put(old, new)
      local from, to = text:find(old, 1, true)
      assert.is_truthy(from, "the example has no " .. old)
      text = text:sub(1, from - 1) .. new .. text:sub(to + 1)
    end
    local ca = "/etc/ssl/certs/ca-certificates.crt"
    local temporary = { "pid nginx.pid;" }
    put("include /etc/nginx/modules-enabled/*.conf;", nginx.load_lines(o.modules) .. "\n"
      .. (o.user and ("user %s;"):format(o.user) or "") .. table.concat(temporary))
    put("auto", "2")
    put("stderr warn", "error.log notice")
    put("access_log off;", ([[access_log off;
      client_body_temp_path tmp/body; proxy_temp_path tmp/proxy; fastcgi_temp_path tmp/fastcgi;
      uwsgi_temp_path tmp/uwsgi; scgi_temp_path tmp/scgi;
      lua_package_path "%s/lua/?.lua;%s/lua/?/init.lua;;";
      lua_package_cpath "%s/build/luajit/?.so;;";]]):format(o.root, o.root, o.root))
    put('host = "erp.example.com"', ('host = "localhost:%d"'):format(s.sb.process.port))
    put(ca, s.sb.ca_file)
    put("erp.example.com:443", s.sb.host)
    put("listen 127.0.0.1:8080", "listen 127.0.0.1:" .. o.port)
    put("proxy_ssl_name erp.example.com", "proxy_ssl_name localhost")
    put(ca, s.sb.ca_file)
    return text
  end

  local function start(changes)
    local known = s.sb.credentials.hubsoft
    local environment = {
      HUBSOFT_CLIENT_ID = known.client_id, HUBSOFT_USERNAME = known.username,
      HUBSOFT_SECRET = known.client_secret,
    }
    for name, value in pairs(changes or {}) do
      environment[name] = value
    end
    s:start_as {
      workers = 2, environment = environment, config = localized,
      before = function(o)
        o.password_file = o.dir .. "/password"
        environment.HUBSOFT_PASSWORD_FILE = o.password_file
        launch.write(o.password_file, known.password .. "\n")
      end,
    }
  end

  -- Wait until so many logins succeeded.
  local function await_answers(count)
    assert.is_true(nginx_host.wait_until(function()
      return s.sb:count("hubsoft", "login", 200) >= count
    end))
  end

  local api, accept = "/api/v1/integracao/cliente", "Accept: application/json\r\n"

  local function check_api()
    local answer = s.host:get(api, accept)
    assert.equal(200, answer.status)
    assert.is_table(cjson.decode(answer.body))
  end

  it("logs in ahead in each worker, and passes requests on with the token", function()
    start()
    await_answers(2)
    for _, answer in ipairs(s.host:get_all(api, 20, accept)) do
      assert.equal(200, answer.status)
    end
    assert.equal(2, s:logins())
    assert.equal(20, s.sb:count("hubsoft", "call", 200))
    assert.matches("^fresh ", s.host:get("/status").body)
  end)

  it("goes on after a reload, with the file's new password", function()
    start()
    await_answers(2)
    check_api()
    s.sb:tell("hubsoft", { credentials = { password = "another" } })
    launch.write(s.host.password_file, "another\n")
    s.host:reload()
    assert.is_true(s.host:wait_for_workers(2))
    await_answers(4)
    check_api()
  end)

  -- So many requests one after the other: how many of each status, and by worker (the generation
  -- of tokens tells nothing here; each has one of its own).
  local function statuses(count)
    local found = {}
    for _ = 1, count do
      local status = s.host:get(api, accept).status
      found[status] = (found[status] or 0) + 1
    end
    return found
  end

  it("recovers from revoked tokens: one 401 a worker at most, then 200s", function()
    start()
    await_answers(2)
    assert.same({ [200] = 20 }, statuses(20))
    for round = 1, 3 do
      s.sb:revoke("hubsoft", "access")
      if round > 1 then -- the tokens of before had just been bought for refused ones
        s.host:signal "HUP"
        assert.is_true(s.host:wait_for_workers(2 * (round - 1)))
        await_answers(2 * round)
        s.sb:revoke("hubsoft", "access")
      end
      local logins = s:logins()
      local found = statuses(60)
      assert.is_true((found[401] or 0) >= 1 and found[401] <= 2, "401s: " .. tostring(found[401]))
      assert.equal(60 - found[401], found[200])
      assert.equal(found[401], s:logins() - logins) -- each bought one token
      assert.same({ [200] = 20 }, statuses(20))
    end
  end)

  it("recovers though many ask at once, with one login a worker", function()
    start()
    await_answers(2)
    s.sb:revoke("hubsoft", "access")
    local logins = s:logins()
    local found = {}
    for _, answer in ipairs(s.host:get_all(api, 40, accept)) do
      found[answer.status] = (found[answer.status] or 0) + 1
    end
    assert.equal(40, (found[401] or 0) + (found[200] or 0))
    assert.is_true(s:logins() - logins <= 2)
    statuses(20) -- a worker that had none of the 40
    assert.same({ [200] = 40 }, statuses(40))
    assert.is_true(s:logins() - logins <= 2)
  end)

  it("asks an API that refuses everything for few logins", function()
    start()
    await_answers(2)
    s.sb:tell("hubsoft", { call = { status = 401 } })
    assert.same({ [401] = 60 }, statuses(60))
    assert.is_true(s:logins() <= 4, s:logins())
  end)

  it("does not take a 401 for one of its own where it sent no token", function()
    start { HUBSOFT_SECRET = nginx_stage.wrong_password }
    expected = "%[error%].*hubsoft: login failed: "
    for _ = 1, 10 do
      assert.equal(503, s.host:get(api, accept).status)
    end
    assert.is_true(s:logins() <= 2)
  end)

  it("answers 503 and says when to come back while the login is refused", function()
    start { HUBSOFT_SECRET = nginx_stage.wrong_password }
    expected = "%[error%].*hubsoft: login failed: "
    assert.equal(503, s.host:get(api).status)
    local held = nginx_host.wait_until(function() -- in both workers
      local answer = s.host:get(api)
      return answer.headers["retry-after"] and answer
    end)
    assert.equal(503, held.status)
    assert.matches("^%d+$", held.headers["retry-after"])
    assert.equal(0, s.sb:count("hubsoft", "call"))
    assert.is_true(s:logins() <= 2)
  end)
end)
