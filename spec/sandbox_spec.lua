--- The stand-ins are only worth something when they refuse: each rule is broken here once.
local cjson = require "cjson"
local helper = require "spec.support.helper"
local mime = require "mime"
local sandbox = require "spec.sandbox"
local socket = require "socket"

local JSON = "application/json"
local FORM = "application/x-www-form-urlencoded"

local function escape(text)
  return (text:gsub("[^%w]", function(c)
    return ("%%%02X"):format(c:byte())
  end))
end

local function form(fields)
  local parts = {}
  for name, value in pairs(fields) do
    parts[#parts + 1] = name .. "=" .. escape(value)
  end
  return table.concat(parts, "&")
end

local function with(base, changes)
  local new = {}
  for k, v in pairs(base) do
    new[k] = v
  end
  for k, v in pairs(changes or {}) do
    new[k] = v ~= "drop" and v or nil
  end
  return new
end

-- The JSON of an answer given as status, body, …
local function decoded(_, body)
  return cjson.decode(body)
end

describe("the sandbox", function()
  local sb

  setup(function()
    sb = sandbox.start()
  end)

  teardown(function()
    local log = sb:log()
    sb:stop()
    assert.not_matches("%[error%]", log)
  end)

  before_each(function()
    sb:reset()
  end)

  -- One request over the plain listener: status, body, and the headers by lower-case name.
  local function send(method, path, headers, body)
    local lines = { ("%s %s HTTP/1.1"):format(method, path), "Host: sandbox", "Connection: close" }
    for name, value in pairs(headers or {}) do
      lines[#lines + 1] = name .. ": " .. value
    end
    lines[#lines + 1] = "Content-Length: " .. #(body or "")
    local connection = assert(socket.connect("127.0.0.1", tonumber(sb.http_url:match("%d+$"))))
    connection:settimeout(5)
    connection:send(table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or ""))
    local text, _, partial = connection:receive("*a")
    connection:close()
    text = text or partial or ""
    local status, head, rest = text:match("^HTTP/1%.1 (%d+)[^\r]*(.-\r\n)\r\n(.*)$")
    local found = {}
    for name, value in (head or ""):gmatch("([%w-]+): ([^\r]*)\r\n") do
      found[name:lower()] = value
    end
    return tonumber(status), rest or text, found
  end

  local function last(provider)
    local list = sb:requests(provider)
    return list[#list]
  end

  describe("in general", function()
    it("serves TLS with a certificate that its CA file vouches for", function()
      local command = "curl -s -o /dev/null -w '%%{http_code}' %s %s/nowhere"
      local ca = helper.quote(sb.ca_file)
      assert.equal("404", helper.run(command:format("--cacert " .. ca, sb.url)))
      assert.equal("000", helper.run(command:format("", sb.url)))
      local by_name = sb.url:gsub("127%.0%.0%.1", "localhost")
      assert.equal("404", helper.run(command:format("--cacert " .. ca, by_name)))
      assert.equal("404", helper.run(command:format("--tls-max 1.2 --cacert " .. ca, sb.url)))
    end)

    it("records what was asked, byte for byte", function()
      send("PUT", "/api/clients?a=%20b", { ["X-Odd_Name"] = "v" }, "a\0b\255")
      local r = last("cambyopro")
      assert.same({ "PUT", "/api/clients?a=%20b", "/api/clients", "a=%20b", "a\0b\255", 405 },
        { r.method, r.uri, r.path, r.query, r.body, r.status })
      assert.equal("v", r.headers["x-odd_name"])
      assert.is_false(r.tls)
      assert.matches("method", r.refused)
    end)

    it("counts by kind and status, and forgets on reset", function()
      send("GET", "/api/clients", { Accept = JSON })
      send("POST", "/api/no-auth/authentication/v1/login", { Accept = JSON }, "{}")
      send("POST", "/api/elsewhere")
      assert.same({ 3, 1, 1, 1, 1, 0 }, { sb:count("cambyopro"), sb:count("cambyopro", "calls"),
        sb:count("cambyopro", "login"), sb:count("cambyopro", "other", 404),
        sb:count("cambyopro", "logins", 400), sb:count("cambyopro", "refreshes") })
      sb:reset()
      assert.equal(0, sb:count("cambyopro"))
      assert.same({}, sb:requests("cambyopro"))
    end)

    it("refuses a misspelt setting, kind or provider", function()
      assert.error_matches(function() sb:tell("hubsoft", { delai = 1 }) end, "delai")
      assert.error_matches(function() sb:tell("hubsoft", { call = { statis = 1 } }) end, "statis")
      assert.error_matches(function() sb:tell("hubsopht", {}) end, "hubsopht")
    end)

    it("ends on stop, folder and all, and may be stopped twice", function()
      local other = sandbox.start { certificate_name = "elsewhere.example" }
      finally(function() other:stop() end)
      assert.equal("60", helper.run(("curl -s --cacert %s %s/; printf $?"):format(
        helper.quote(other.ca_file), other.url)))
      other:stop()
      other:stop()
      assert.is_nil(io.open(other.ca_file))
      assert.is_nil((socket.connect("127.0.0.1", tonumber(other.host:match("%d+$")))))
    end)

    it("asks for a client certificate when started so", function()
      local other = sandbox.start { client_certificate = true }
      local command = "curl -s -o /dev/null -w '%%{http_code}' --cacert %s %s %s/"
      finally(function() other:stop() end)
      local ca = helper.quote(other.ca_file)
      local proof = ("--cert %s --key %s"):format(helper.quote(other.client_cert),
        helper.quote(other.client_key))
      assert.equal("400", helper.run(command:format(ca, "", other.url)))
      assert.equal("404", helper.run(command:format(ca, proof, other.url)))
    end)

    it("without a temporary folder does not start, and leaves the repository alone", function()
      local copy = helper.folder()
      finally(function() helper.must("rm -rf " .. helper.quote(copy)) end)
      helper.must(("cp -r spec %s"):format(helper.quote(copy)))
      local text, status = helper.run(("cd %s && TMPDIR=/nowhere %s -e %s"):format(
        helper.quote(copy), helper.interpreter, helper.quote [[
          package.path = "./?.lua;./?/init.lua;" .. package.path
          local sb = require("spec.sandbox").start()
          sb:stop()]]))
      assert.not_equal(0, status)
      assert.matches("cannot make a temporary folder", text, 1, true)
      assert.equal("spec\n", (helper.must("ls " .. helper.quote(copy))))
    end)

    it("dies with the process that started it", function()
      local text = helper.run(helper.interpreter .. [[ -e '
        local sb = require("spec.sandbox").start()
        print(sb.ca_file, sb.host)
        os.exit(0, false)']])
      local file, port = text:match("^([^\t]+)\t127%.0%.0%.1:(%d+)")
      assert.is_string(file, text)
      local limit = socket.gettime() + 3
      local alive
      repeat
        socket.sleep(0.02)
        alive = socket.connect("127.0.0.1", tonumber(port))
        if alive then
          alive:close()
        end
      until not alive or socket.gettime() > limit
      assert.is_nil(alive)
      assert.is_nil(io.open(file))
    end)
  end)

  describe("told to misbehave", function()
    local path = "/authentication/api/v1/oauth2/token"

    local function login()
      local c = sb.credentials.cobuilder
      return send("POST", path, { ["Content-Type"] = JSON }, cjson.encode {
        clientId = c.client_id, clientSecret = c.client_secret,
      })
    end

    it("answers a status, with Retry-After, without acting on the request", function()
      sb:tell("cobuilder", { status = 429, retry_after = 7 })
      local status, _, headers = login()
      assert.same({ 429, "7" }, { status, headers["retry-after"] })
      assert.equal(1, sb:count("cobuilder", "login", 429))
      sb:tell("cobuilder", { status = false })
      assert.equal(200, (login()))
    end)

    it("fails so many times, or loses so many answers", function()
      sb:tell("cobuilder", { fail_next = 2 })
      assert.same({ 503, 503, 200 }, { (login()), (login()), (login()) })
      sb:tell("cobuilder", { lose_next = 1 })
      local status, body = login()
      assert.is_nil(status)
      assert.equal("", body)
      assert.equal(1, sb:count("cobuilder", "login", 0))
      assert.equal(200, (login()))
    end)

    it("waits, and overrides body, content type and headers", function()
      sb:tell("cobuilder", { delay = 0.3, body = "a\0b", content_type = "text/odd",
        headers = { ["X-Odd"] = "1" } })
      local before = socket.gettime()
      local status, body, headers = login()
      assert.is_true(socket.gettime() - before >= 0.1) -- nginx's clock runs in steps
      assert.same({ 200, "a\0b", "text/odd", "1" },
        { status, body, headers["content-type"], headers["x-odd"] })
    end)

    it("misbehaves on one kind only when told so", function()
      sb:tell("cobuilder", { call = { status = 502 } })
      assert.equal(200, (login()))
      assert.equal(502, (send("GET", "/products/api/v1/products")))
    end)

    it("ends the older tokens of a single session", function()
      sb:tell("cobuilder", { single_session = true, form = "text" })
      local _, old = login()
      local _, new = login()
      local function call(token)
        return (send("GET", "/products/api/v1/products", { Authorization = "Bearer " .. token }))
      end
      assert.same({ 401, 200 }, { call(old), call(new) })
    end)

    it("tells the moved time in its Date", function()
      sb:advance(-86400 * 3650)
      local _, _, headers = login()
      assert.matches("20[12]%d", headers.date)
      assert.is_true(tonumber(headers.date:match("20%d%d")) < tonumber(os.date("%Y")) - 8)
    end)

    it("changes what it accepts as credentials", function()
      sb:tell("cobuilder", { credentials = { client_secret = "other" } })
      assert.equal(401, (login()))
    end)
  end)

  describe("as CambyoPro", function()
    local path = "/api/no-auth/authentication/v1/login"
    local headers = { ["Content-Type"] = JSON, Accept = JSON }

    local function login(fields, other, at, method)
      local c = sb.credentials.cambyopro
      local body = with({ clientId = c.client_id, clientSecret = c.client_secret }, fields)
      return send(method or "POST", at or path, with(headers, other), cjson.encode(body))
    end

    local function call(value, other)
      return send("GET", "/api/clients", with({ Accept = JSON, Authorization = value }, other))
    end

    it("lets the right login in", function()
      local status, body = login()
      local t = cjson.decode(body)
      assert.same({ 200, true, "Bearer", 86400 }, { status, t.success, t.tokenType, t.expiresIn })
      assert.matches("^atk_%w+$", t.accessToken)
      assert.equal(68, #t.accessToken)
      assert.matches("Empresa Fictícia", t.message, nil, true)
      assert.equal(200, (call("Bearer " .. t.accessToken)))
    end)

    it("refuses every other login", function()
      assert.equal(405, (login(nil, nil, nil, "GET")))
      assert.equal(404, (login(nil, nil, path .. "/")))
      for _, case in ipairs {
        { nil, nil, path .. "?a=b" }, { nil, { Accept = "drop" } }, { nil, { Accept = "*/*" } },
        { nil, { Authorization = "Bearer x" } }, { nil, { ["Content-Type"] = "text/plain" } },
        { nil, { ["Content-Type"] = FORM } }, { nil, { ["Content-Type"] = "drop" } },
        { nil, { ["Content-Type"] = JSON .. "; charset=iso-8859-1" } },
        { { clientId = "drop" } }, { { clientId = 42 } }, { { clientId = "" } },
        { { grant_type = "client_credentials" } }, { { clientSecret = "\255" } },
      } do
        assert.equal(400, (login(case[1], case[2], case[3])), last("cambyopro").refused)
        assert.is_string(last("cambyopro").refused)
      end
      local status, body = login { clientSecret = "wrong" }
      assert.equal(401, status)
      assert.same({ success = false, message = "Invalid credentials." }, cjson.decode(body))
    end)

    it("guards its calls", function()
      local token = decoded(login()).accessToken
      for _, value in ipairs { "drop", token, "bearer " .. token, "Bearer  " .. token,
        "Bearer x" } do
        assert.equal(401, (call(value)), value)
      end
      assert.equal(200, (call("Bearer " .. token)))
      sb:advance(86401)
      assert.equal(401, (call("Bearer " .. token)))
      assert.equal("the token has expired", last("cambyopro").refused)
    end)

    it("moves its login when told", function()
      sb:tell("cambyopro", { path = "/api/no_auth/authentication/v1/login" })
      assert.equal(404, (login()))
      assert.equal(200, (login(nil, nil, "/api/no_auth/authentication/v1/login")))
    end)

    it("can say success:false in a 200, or other fields", function()
      sb:tell("cambyopro", { success = false, omit = { "tokenType" }, expires_in_as = "string",
        fields = { message = "odd" } })
      local t = decoded(login())
      assert.is_nil(t.tokenType)
      assert.same({ false, "86400", "odd" }, { t.success, t.expiresIn, t.message })
    end)
  end)

  describe("as Cobuilder", function()
    local path = "/authentication/api/v1/oauth2/token"

    local function login(fields, other, at)
      local c = sb.credentials.cobuilder
      local body = with({ clientId = c.client_id, clientSecret = c.client_secret,
        audienceUrl = c.audience_url }, fields)
      return send("POST", at or path, with({ ["Content-Type"] = JSON, Accept = JSON }, other),
        cjson.encode(body))
    end

    it("answers the bare token, quoted when JSON is asked for", function()
      local status, body, headers = login()
      assert.equal(200, status)
      assert.matches('^"eyJ[^"]+"$', body)
      assert.matches("^application/json", headers["content-type"])
      status, body, headers = login(nil, { Accept = "drop" }, path .. "?")
      assert.equal(200, status)
      assert.matches("^eyJ[%w._-]+$", body)
      assert.matches("^text/plain", headers["content-type"])
    end)

    it("wears the other dresses when told", function()
      for name, pattern in pairs { text = "^eyJ[%w._-]+$", text_newline = "^eyJ[%w._-]+\r\n$",
        bom = "^\239\187\191eyJ", json = '^"eyJ' } do
        sb:tell("cobuilder", { form = name })
        assert.matches(pattern, select(2, login()))
      end
      sb:tell("cobuilder", { form = "text", jwt = false })
      assert.matches("^%w+$", select(2, login()))
    end)

    it("refuses with problem details", function()
      local status, body, headers = login { clientSecret = "wrong" }
      assert.equal(401, status)
      assert.matches("^application/problem%+json", headers["content-type"])
      assert.equal(401, cjson.decode(body).status)
      assert.equal(415, (login(nil, { ["Content-Type"] = FORM })))
      assert.equal(415, (login(nil, { ["Content-Type"] = "drop" })))
      for _, case in ipairs {
        { nil, { Authorization = "Basic eA==" } }, { nil, nil, path .. "?entities=true" },
        { { clientId = 1 } }, { { clientSecret = "drop" } }, { { audienceUrl = "relative" } },
        { { grant_type = "client_credentials" } },
      } do
        assert.equal(400, (login(case[1], case[2], case[3])), last("cobuilder").refused)
      end
      assert.equal(404, (login(nil, nil, path .. "/")))
    end)

    it("guards its calls", function()
      local token = cjson.decode("[" .. select(2, login()) .. "]")[1]
      local function call(value)
        return (send("GET", "/products/api/v1/products", { Authorization = value }))
      end
      assert.equal(200, call("Bearer " .. token))
      assert.equal(401, call("bearer " .. token))
      assert.equal(401, call('Bearer "' .. token .. '"'))
      sb:revoke("cobuilder")
      assert.equal(401, call("Bearer " .. token))
    end)
  end)

  describe("as Oracle Commerce", function()
    local function login(o)
      o = o or {}
      local bearer = "Bearer " .. sb.credentials.oracle_commerce.app_key
      local fields = with({ grant_type = "client_credentials" }, o.fields)
      return send(o.method or "POST", o.at or "/ccadmin/v1/login",
        with({ ["Content-Type"] = FORM, Authorization = bearer }, o.headers),
        o.body or form(fields))
    end

    local function user(at, fields, headers)
      local c = sb.credentials.oracle_commerce_user
      return login { at = at, headers = with({ Authorization = "drop" }, headers),
        fields = with({ grant_type = "password", username = c.username, password = c.password },
          fields) }
    end

    local function post(at, token, body, headers)
      return send("POST", at, with({ Authorization = "Bearer " .. token,
        ["Content-Type"] = JSON }, headers), body)
    end

    local function token_of(...)
      return decoded(...).access_token
    end

    local function products(token, api)
      return (send("GET", ("/%s/v1/products"):format(api or "ccadmin"),
        { Authorization = "Bearer " .. token }))
    end

    it("sells five minutes for an application key", function()
      for _, api in ipairs { "ccadmin", "ccapp", "ccappagent" } do
        local status, body = login { at = ("/%s/v1/login"):format(api) }
        local t = cjson.decode(body)
        assert.same({ 200, "bearer", 300 }, { status, t.token_type, t.expires_in })
        assert.matches("^[%w+/]+%.[%w+/]+=%.[%w+/]+=$", t.access_token)
        assert.matches("[+/]", t.access_token:match("[^.]*$"))
        assert.equal(200, products(t.access_token, api))
      end
    end)

    it("sells fifteen minutes to a user", function()
      local code = { totp_code = sb.credentials.oracle_commerce_user.totp_code }
      for at, fields in pairs { ["/ccadmin/v1/login"] = {}, ["/ccadmin/v1/mfalogin"] = code,
        ["/ccstore/v1/login"] = {}, ["/ccagent/v1/login"] = {} } do
        local status, body = user(at, fields)
        assert.same({ 200, 900 }, { status, cjson.decode(body).expires_in }, at)
      end
      assert.equal(401, (user("/ccadmin/v1/mfalogin", { totp_code = "000000" })))
      assert.equal(400, (user("/ccadmin/v1/mfalogin")))
      assert.equal(400, (user("/ccagent/v1/login", code)))
      assert.equal(401, (user("/ccagent/v1/login", { password = "wrong" })))
      assert.equal(400, (user("/ccstore/v1/login", nil, { Authorization = "Bearer x" })))
    end)

    it("asks a shopper for a second factor when told", function()
      sb:tell("oracle_commerce", { mfa = true })
      local first = decoded(user("/ccstore/v1/login"))
      assert.is_nil(first.access_token)
      local code = sb.credentials.oracle_commerce_user.totp_code
      assert.equal(401, (user("/ccstore/v1/login", { totp_code = code })))
      assert.equal(200, (user("/ccstore/v1/login", { totp_code = code,
        validation_token = first.validation_token })))
    end)

    it("refuses every other login", function()
      local status, body = login { headers = { Authorization = "Bearer wrong" } }
      local e = cjson.decode(body)
      assert.same({ 401, "401" }, { status, e.status })
      assert.matches("^%d+$", e.errorCode)
      assert.equal(401, (login { headers = { Authorization = "drop" } }))
      assert.equal(404, (login { at = "/ccadmin/v1/login/" }))
      assert.equal(405, (login { method = "GET" }))
      for _, case in ipairs {
        { at = "/ccadmin/v1/login?grant_type=client_credentials", body = "" },
        { at = "/ccadmin/v1/login?grant_type=client_credentials" },
        { fields = { grant_type = "authorization_code" } }, { fields = { scope = "all" } },
        { headers = { ["Content-Type"] = JSON } }, { headers = { ["Content-Type"] = "drop" } },
        { headers = { ["Content-Type"] = JSON }, body = '{"grant_type":"client_credentials"}' },
        { body = "grant_type=client_credentials&grant_type=client_credentials" },
        { body = "grant_type=client credentials" }, { body = "grant_type=%zz" },
      } do
        assert.equal(400, (login(case)), last("oracle_commerce").refused)
      end
      assert.equal(200, (login { headers = { ["Content-Type"] = FORM .. "; charset=UTF-8" } }))
    end)

    it("refreshes a living token of the same API", function()
      local old = token_of(login())
      local new = token_of(post("/ccadmin/v1/refresh", old, "{}"))
      assert.not_equal(old, new)
      assert.same({ 200, 200 }, { products(old), products(new) })
      assert.equal(200, (post("/ccadmin/v1/refresh", new, "", { ["Content-Type"] = "drop" })))
      assert.equal(401, (post("/ccapp/v1/refresh", new, "{}")))
      assert.equal(400, (post("/ccadmin/v1/refresh", new, '{"refresh_token":"x"}')))
      assert.equal(400, (post("/ccadmin/v1/refresh", new, "grant_type=refresh_token",
        { ["Content-Type"] = FORM })))
      local lower = { Authorization = "bearer " .. new }
      assert.equal(401, (post("/ccadmin/v1/refresh", new, "{}", lower)))
      sb:advance(301)
      assert.equal(401, (post("/ccadmin/v1/refresh", new, "{}")))
      assert.equal(401, products(new))
    end)

    it("verifies and logs out", function()
      local token = token_of(login())
      assert.equal('{"success":true}', (select(2, post("/ccadmin/v1/verify", token, "{}"))))
      sb:tell("oracle_commerce", { logout_result = false })
      assert.equal('{"result":false}', (select(2, post("/ccadmin/v1/logout", token, "{}"))))
      assert.equal(200, products(token))
      sb:tell("oracle_commerce", { logout_result = true })
      assert.equal('{"result":true}', (select(2, post("/ccadmin/v1/logout", token, "{}"))))
      assert.equal(401, products(token))
    end)

    it("varies its answers when told", function()
      sb:tell("oracle_commerce", { omit = { "expires_in" } })
      assert.is_nil(decoded(login()).expires_in)
      sb:tell("oracle_commerce", { omit = {}, expires_in_as = "string", lifetime = 930 })
      assert.equal("930", decoded(login()).expires_in)
      sb:tell("oracle_commerce", { error_form = "multi" })
      local e = decoded(login { headers = { Authorization = "drop" } })
      assert.is_nil(e.errorCode)
      assert.is_string(e.errors[1].errorCode)
      sb:tell("oracle_commerce", { revoke_old_on_refresh = true })
      local old = token_of(login())
      post("/ccadmin/v1/refresh", old, "{}")
      assert.equal(401, products(old))
    end)
  end)

  describe("as CRM.COM", function()
    local path = "/crmapi/rest/v2/authentication/token"

    local function basic(text)
      return "Basic " .. (mime.b64(text))
    end

    local function login(fields, other, at)
      local c = sb.credentials.crm_com
      local body = with({ unit = "1",
        access_token_identifier = { authentication_code = c.authentication_code } }, fields)
      local status, text = send("POST", at or path, with({ ["Content-Type"] = JSON,
        Authorization = basic(c.api_key .. ":") }, other), cjson.encode(body))
      return status, cjson.decode(text)
    end

    it("lets a code or a pass code in, with two hours in text claims", function()
      local status, t = login()
      assert.same({ 200, "OK", "", "" },
        { status, t.status.code, t.status.message, t.status.description })
      local payload = t.data.token:match("%.([^.]+)%."):gsub("-", "+"):gsub("_", "/")
      local claims = cjson.decode((mime.unb64(payload .. ("="):rep(-#payload % 4))))
      assert.is_string(claims.exp)
      assert.equal(7200, tonumber(claims.exp) - tonumber(claims.iat))
      local c = sb.credentials.crm_com_pass_code
      status, t = login { unit = "drop",
        access_token_identifier = { identifier = c.identifier, pass_code = c.pass_code } }
      assert.same({ 200, "OK" }, { status, t.status.code })
    end)

    it("refuses everything else inside a 200", function()
      local key = sb.credentials.crm_com.api_key
      local code = sb.credentials.crm_com.authentication_code
      for _, case in ipairs {
        { nil, { Authorization = basic(key) } }, { nil, { Authorization = basic(key .. ":x") } },
        { nil, { Authorization = basic("wrong:") } }, { nil, { Authorization = "drop" } },
        { nil, { Authorization = "Bearer " .. key } }, { nil, { ["Content-Type"] = FORM } },
        { nil, { ["Content-Type"] = "drop" } }, { { unit = 1 } }, { { user = "x" } },
        { { access_token_identifier = "drop" } }, { { access_token_identifier = code } },
        { { access_token_identifier = {} } },
        { { access_token_identifier = { authentication_code = "wrong" } } },
        { { access_token_identifier = { authentication_code = code, identifier = "x" } } },
        { { access_token_identifier = { identifier = "x" } } },
        { nil, nil, path .. "?unit=1" },
      } do
        local status, t = login(case[1], case[2], case[3])
        assert.equal(200, status)
        assert.equal(cjson.null, t.data)
        assert.not_equal("OK", t.status.code, last("crm_com").refused)
      end
      assert.equal(404, (login(nil, nil, path .. "/")))
    end)

    it("wants the token as a parameter, never in Authorization", function()
      local token = select(2, login()).data.token
      local at = "/crmapi/rest/v2/contacts/show"
      assert.equal(200, (send("GET", at .. "?token=" .. token .. "&page=1")))
      local function post(body, headers, where)
        return (send("POST", where or at, with({ ["Content-Type"] = JSON }, headers), body))
      end
      local body = cjson.encode { token = token, name = "x" }
      assert.equal(200, post(body))
      assert.equal(401, (send("GET", at, { Authorization = "Bearer " .. token })))
      assert.equal(401, (send("GET", at .. "?token=" .. token, { Authorization = "Bearer x" })))
      assert.equal(401, (send("GET", at .. "?token=" .. token .. "&token=" .. token)))
      assert.equal(401, post("{}"))
      assert.equal(401, post("{}", nil, at .. "?token=" .. token))
      assert.equal(401, post("token=" .. token, { ["Content-Type"] = FORM }))
      sb:advance(7201)
      assert.equal(401, post(body))
      sb:tell("crm_com", { call_failure_http = 200 })
      assert.equal(200, post(body))
    end)

    it("fails in the shapes it is told", function()
      sb:tell("crm_com", { failure_status = "INVALID_UNIT", nulls = true, data = "absent" })
      local _, t = login()
      assert.same({ "INVALID_UNIT", cjson.null, cjson.null },
        { t.status.code, t.status.message, t.status.description })
      assert.is_nil(t.data)
      sb:tell("crm_com", { failure_status = false, path = "/crmapi/rest/v2/elsewhere" })
      assert.equal(404, (login()))
      assert.equal("OK", select(2, login(nil, nil, "/crmapi/rest/v2/elsewhere")).status.code)
    end)
  end)

  describe("as HubSoft", function()
    local path = "/oauth/token"

    local function ask(fields, other, at)
      local status, body, headers = send("POST", at or path,
        with({ ["Content-Type"] = JSON, Accept = JSON }, other), cjson.encode(fields))
      local ok, t = pcall(cjson.decode, body)
      return status, ok and t or body, headers
    end

    local function login(fields, other, at)
      return ask(with(with(sb.credentials.hubsoft, { host = "drop", grant_type = "password" }),
        fields), other, at)
    end

    local function refresh(value, fields)
      local c = sb.credentials.hubsoft
      return ask(with({ grant_type = "refresh_token", refresh_token = value,
        client_id = c.client_id, client_secret = c.client_secret }, fields))
    end

    local function call(token, other)
      return send("GET", "/api/v1/integracao/cliente?busca=nome",
        with({ Accept = JSON, Authorization = "Bearer " .. token }, other))
    end

    it("lets the right login in for thirty days", function()
      local status, t, headers = login()
      assert.same({ 200, 2592000, "Bearer" }, { status, t.expires_in, t.token_type })
      assert.matches("^def50200%x+$", t.refresh_token)
      assert.equal(683, #t.access_token:match("[^.]*$"))
      local head = t.access_token:match("^[^.]*")
      assert.matches('"jti"', (mime.unb64(head .. ("="):rep(-#head % 4))))
      assert.equal("application/json; charset=UTF-8", headers["content-type"])
      assert.equal("no-store", headers["cache-control"])
      assert.equal(200, (call(t.access_token)))
    end)

    it("answers each mistake as league/oauth2-server 7.4 does", function()
      local function refused(status, code, ...)
        local got, t = login(...)
        assert.same({ status, code }, { got, t.error }, last("hubsoft").refused)
        assert.equal(t.error_description, t.message)
        return t
      end
      refused(401, "invalid_credentials", { password = "wrong" })
      refused(401, "invalid_client", { client_secret = "wrong", password = "wrong" })
      refused(401, "invalid_client", nil, { Authorization = "Basic eDp5" })
      refused(400, "unsupported_grant_type", { grant_type = "drop" })
      refused(400, "unsupported_grant_type", { grant_type = "client_credentials" })
      refused(400, "unsupported_grant_type", nil, { ["Content-Type"] = FORM })
      refused(400, "unsupported_grant_type", nil, { ["Content-Type"] = "drop" })
      refused(400, "unsupported_grant_type", nil, nil, path .. "?x=1")
      local t = refused(400, "invalid_request", { username = "drop" })
      assert.equal("Check the `username` parameter", t.hint)
      refused(400, "invalid_request", { client_id = 3 })
      refused(400, "invalid_request", { encrypted = "false" })
      assert.equal(406, (login(nil, { Accept = "drop" })))
      assert.equal(404, (login(nil, nil, path .. "/")))
      assert.equal('Basic realm="OAuth"',
        select(3, login(nil, { Authorization = "Basic eDp5" }))["www-authenticate"])
    end)

    it("answers as 9.x when told", function()
      sb:tell("hubsoft", { personality = "9" })
      local status, t = login { password = "wrong" }
      assert.same({ 400, "invalid_grant" }, { status, t.error })
      assert.is_nil(t.message)
      status, t = refresh("def50200")
      assert.same({ 400, "invalid_grant" }, { status, t.error })
    end)

    it("rotates: the old pair dies, and a second use is refused", function()
      local _, old = login()
      local status, new = refresh(old.refresh_token)
      assert.equal(200, status)
      assert.same({ 401, 200 }, { (call(old.access_token)), (call(new.access_token)) })
      local again, t = refresh(old.refresh_token)
      assert.same({ 401, "invalid_request", "Token has been revoked" }, { again, t.error, t.hint })
      assert.equal(401, (refresh(new.refresh_token, { client_id = "4" })))
      assert.equal(400, (refresh(new.refresh_token, { client_id = 3 })))
      assert.equal(401, (refresh(new.access_token)))
      assert.equal(200, (refresh(new.refresh_token)))
      assert.same({ 1, 6 }, { sb:count("hubsoft", "login"), sb:count("hubsoft", "refresh") })
    end)

    it("may end the whole family, or not rotate at all", function()
      sb:tell("hubsoft", { family = true })
      local _, old = login()
      local _, new = refresh(old.refresh_token)
      refresh(old.refresh_token)
      assert.same({ 401, 401 }, { (call(new.access_token)), (refresh(new.refresh_token)) })
      sb:tell("hubsoft", { rotate = false })
      _, old = login()
      _, new = refresh(old.refresh_token)
      assert.is_nil(new.refresh_token)
      assert.same({ 200, 200 }, { (call(new.access_token)), (refresh(old.refresh_token)) })
    end)

    it("sends who does not ask for JSON to the login page", function()
      local _, t = login()
      local status, _, headers = call(t.access_token, { Accept = "drop" })
      assert.equal(302, status)
      assert.matches("/login$", headers.location)
      local body
      status, body = call(t.access_token, { Authorization = "drop" })
      assert.same({ 401, '{"message":"Unauthenticated."}' }, { status, body })
      assert.equal(401, (call("", { Authorization = "bearer " .. t.access_token })))
      sb:revoke("hubsoft", "access")
      assert.equal(401, (call(t.access_token)))
      assert.equal(200, (refresh(t.refresh_token)))
    end)
  end)

  describe("with a script", function()
    it("plays the answers in turn and repeats the last", function()
      local url = sb:script("turn", {
        { status = 503, headers = { ["Retry-After"] = "3", Date = "then",
          ["Set-Cookie"] = { "a=1", "b=2" } } },
        { body = "a\0\255b", headers = { ["content-type"] = "x/y" } },
      })
      assert.equal(sb.url .. "/scripted/turn", url)
      local status, _, headers = send("GET", "/scripted/turn")
      assert.same({ 503, "3", "then" }, { status, headers["retry-after"], headers.date })
      for _ = 1, 2 do
        local again, body, other = send("POST", "/scripted/turn/deeper", nil, "sent")
        assert.same({ 200, "a\0\255b", "x/y" }, { again, body, other["content-type"] })
      end
      assert.equal(3, sb:count("turn"))
      assert.equal("sent", last("turn").body)
      assert.equal(404, (send("GET", "/scripted/unknown")))
    end)

    it("writes raw bytes, cuts bodies short, and hangs up", function()
      local command = "curl -s --cacert %s %s/scripted/%s; printf ' %%d' $?"
      sb:script("raw", { raw = "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\nrest" })
      assert.equal("rest", select(2, send("POST", "/scripted/raw", nil, "body")))
      sb:script("plain", { raw = "HTTP/1.1 200 OK\r\n\r\nrest" })
      sb:script("slow", { raw = { "HTTP/1.1 200 OK\r\n", "\r\nlate" }, chunk_delay = 0.01 })
      assert.equal("late 0", helper.run(command:format(helper.quote(sb.ca_file), sb.url, "slow")))
      sb:script("cut", { truncate = true, body = '{"access_token":' })
      local _, body, headers = send("GET", "/scripted/cut")
      assert.equal('{"access_token":', body)
      assert.equal(#body + 100, tonumber(headers["content-length"]))
      sb:script("gone", { close = true })
      assert.is_nil((send("GET", "/scripted/gone")))
      assert.equal("rest 0", helper.run(command:format(helper.quote(sb.ca_file), sb.url, "plain")))
      assert.matches(" 18$", (helper.run(command:format(helper.quote(sb.ca_file), sb.url, "cut"))))
      assert.matches(" 52$", (helper.run(command:format(helper.quote(sb.ca_file), sb.url, "gone"))))
    end)

    it("sends chunks, gzip and late answers", function()
      sb:script("odd", {
        { chunks = { "ab", "cd" }, chunk_delay = 0.01 },
        { gzip = "not gzip at all" },
        { delay = 0.3 },
      })
      local _, body, headers = send("GET", "/scripted/odd")
      assert.equal("chunked", headers["transfer-encoding"])
      assert.equal("2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", body)
      _, body, headers = send("GET", "/scripted/odd")
      assert.same({ "gzip", "not gzip at all" }, { headers["content-encoding"], body })
      local before = socket.gettime()
      assert.equal("", select(2, send("GET", "/scripted/odd")))
      assert.is_true(socket.gettime() - before >= 0.1) -- nginx's clock runs in steps
    end)
  end)
end)
