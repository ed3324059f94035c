--- The plain OAuth 2.0 stand-in: each rule of RFC 6749 that it keeps is broken here once.
local cjson = require "cjson"
local mime = require "mime"
local sandbox = require "spec.sandbox"
local socket = require "socket"

local FORM = "application/x-www-form-urlencoded"

local function escape(text)
  return (text:gsub("[^%w]", function(c)
    return ("%%%02X"):format(c:byte())
  end))
end

local function form(fields)
  local parts = {}
  for name, value in pairs(fields) do
    for _, one in ipairs(type(value) == "table" and value or { value }) do
      parts[#parts + 1] = name .. "=" .. escape(one)
    end
  end
  return table.concat(parts, "&")
end

describe("the sandbox as a plain OAuth 2.0 server", function()
  local sb, client, owner

  setup(function()
    sb = sandbox.start()
    client, owner = sb.credentials.oauth2_client_credentials, sb.credentials.oauth2_password
  end)

  teardown(function()
    sb:stop()
  end)

  before_each(function()
    sb:reset()
  end)

  local function basic(id, secret)
    return "Basic " .. (mime.b64(escape(id) .. ":" .. escape(secret)))
  end

  -- Status, JSON (or the body), headers.
  local function send(method, path, headers, body)
    local lines = { ("%s %s HTTP/1.1"):format(method, path), "Host: sandbox", "Connection: close",
      "Content-Length: " .. #body }
    for name, value in pairs(headers) do
      lines[#lines + 1] = value and name .. ": " .. value or nil
    end
    local connection = assert(socket.connect("127.0.0.1", tonumber(sb.http_url:match("%d+$"))))
    connection:settimeout(5)
    connection:send(table.concat(lines, "\r\n") .. "\r\n\r\n" .. body)
    local text = connection:receive("*a")
    connection:close()
    local status, head, rest = text:match("^HTTP/1%.1 (%d+)[^\r]*(.-\r\n)\r\n(.*)$")
    local ok, decoded = pcall(cjson.decode, rest)
    return tonumber(status), ok and decoded or rest, head:lower()
  end

  local function post(path, fields, headers)
    local all = { ["Content-Type"] = FORM,
      Authorization = basic(client.client_id, client.client_secret) }
    for name, value in pairs(headers or {}) do
      all[name] = value
    end
    return send("POST", path, all, type(fields) == "string" and fields or form(fields))
  end

  local function ask(fields, headers)
    return post("/oauth2/token", fields, headers)
  end

  local function by_password(changes, headers)
    local fields = { grant_type = "password", username = owner.username,
      password = owner.password }
    for name, value in pairs(changes or {}) do
      fields[name] = value or nil
    end
    return ask(fields, headers)
  end

  local function refresh(value, changes)
    local fields = { grant_type = "refresh_token", refresh_token = value }
    for name, one in pairs(changes or {}) do
      fields[name] = one
    end
    return ask(fields)
  end

  local function call(value)
    return (send("GET", "/oauth2/resource", { Authorization = "Bearer " .. value }, ""))
  end

  local function check_refusal(expected, code, status, t)
    assert.same({ expected, code }, { status, t.error })
    assert.is_string(t.error_description)
  end

  it("sells an hour for client credentials, and no refresh token", function()
    local status, t, head = ask { grant_type = "client_credentials", scope = "read write" }
    assert.same({ 200, "Bearer", 3600, "read write" },
      { status, t.token_type, t.expires_in, t.scope })
    assert.is_nil(t.refresh_token)
    assert.matches("cache%-control: no%-store", head)
    assert.equal(200, call(t.access_token))
  end)

  it("knows the client by one way only, the one it registered", function()
    local both = { client_id = client.client_id, client_secret = client.client_secret }
    local none = { Authorization = false }
    check_refusal(401, "invalid_client", by_password(nil, none))
    check_refusal(401, "invalid_client", by_password(both, none))
    check_refusal(400, "invalid_request", by_password(both))
    check_refusal(401, "invalid_client",
      by_password(nil, { Authorization = basic(client.client_id, "wrong") }))
    check_refusal(400, "invalid_request", by_password(nil, { Authorization =
      "Basic " .. (mime.b64(client.client_id .. ":" .. client.client_secret)) }))
    assert.matches("www%-authenticate: basic",
      select(3, by_password(nil, { Authorization = basic("x", "wrong") })))
    sb:tell("oauth2", { auth = "form" })
    assert.equal(200, (by_password(both, none)))
    check_refusal(401, "invalid_client", by_password())
    sb:tell("oauth2", { auth = "none" })
    assert.equal(200, (by_password({ client_id = client.client_id }, none)))
    check_refusal(401, "invalid_client", by_password(both, none))
    check_refusal(400, "unauthorized_client",
      ask({ grant_type = "client_credentials", client_id = client.client_id }, none))
  end)

  it("refuses what is no token request", function()
    for _, case in ipairs {
      { { grant_type = false } }, { { username = false } }, { { password = "" } },
      { { surprise = "x" } }, { nil, { ["Content-Type"] = "application/json" } },
      { nil, { ["Content-Type"] = false } },
    } do
      check_refusal(400, "invalid_request", by_password(case[1], case[2]))
    end
    check_refusal(400, "invalid_request", ask "grant_type=password&grant_type=password")
    check_refusal(400, "invalid_request", post("/oauth2/token?a=b", "grant_type=password"))
    check_refusal(400, "unsupported_grant_type", by_password { grant_type = "implicit" })
    check_refusal(400, "invalid_grant", by_password { password = "wrong" })
    check_refusal(400, "invalid_scope", by_password { scope = "read everything" })
    check_refusal(400, "invalid_target", by_password { resource = "relative" })
    assert.equal(200, (by_password { resource = { "https://a.example", "https://b.example" } }))
  end)

  it("rotates refresh tokens, and ends the family of one that comes twice", function()
    local _, first = by_password { scope = "read write" }
    local status, second = refresh(first.refresh_token, { scope = "read" })
    assert.same({ 200, "read" }, { status, second.scope })
    check_refusal(400, "invalid_scope", refresh(second.refresh_token, { scope = "write" }))
    assert.same({ 200, 200 }, { call(first.access_token), call(second.access_token) })
    check_refusal(400, "invalid_grant", refresh(first.refresh_token))
    check_refusal(400, "invalid_grant", refresh(second.refresh_token))
    assert.same({ 401, 401 }, { call(first.access_token), call(second.access_token) })
  end)

  it("knows the refresh token that a customer brings, afresh after each reset", function()
    local brought = sb.credentials.oauth2_refresh_token.refresh_token
    assert.equal(200, (refresh(brought)))
    assert.equal(400, (refresh(brought)))
    sb:reset()
    sb:tell("oauth2", { rotate = false })
    local _, t = refresh(brought)
    assert.is_nil(t.refresh_token)
    assert.equal(200, (refresh(brought)))
  end)

  it("revokes", function()
    local _, t = by_password()
    local function revoke(fields, headers)
      return post("/oauth2/revoke", fields, headers)
    end
    check_refusal(400, "unsupported_token_type",
      revoke { token = t.access_token, token_type_hint = "id_token" })
    check_refusal(400, "invalid_request", revoke {})
    check_refusal(401, "invalid_client",
      revoke({ token = t.access_token }, { Authorization = false }))
    local status, body = revoke { token = "nobody's" }
    assert.same({ 200, "" }, { status, body })
    assert.equal(200, call(t.access_token))
    assert.equal(200, (revoke { token = t.access_token, token_type_hint = "access_token" }))
    assert.equal(401, call(t.access_token))
    local _, next_one = refresh(t.refresh_token)
    assert.equal(200, (revoke { token = next_one.refresh_token }))
    assert.equal(401, call(next_one.access_token))
  end)
end)
