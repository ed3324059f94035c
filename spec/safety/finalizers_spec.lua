-- Finalizers that run at every collection, and do with logins whatever they like: what is handed
-- out in the meantime holds the right bytes, and nothing that was freed is used.
local bearer = require "bearer"
local core = require "bearer.core"
local patience = require "spec.support.patience"

local newproxy = rawget(_G, "newproxy")
local is_slow = os.getenv "SUITE_CHILD" or (os.getenv "LD_PRELOAD" or ""):find "vgpreload"
local rounds = is_slow and 300 or 6000 -- of some fifty texts each

local scope = ("read write "):rep(40) .. "end"
local kept = ("k"):rep(300)
local claims = "eyJhbGciOiJub25lIn0."
  .. "eyJzdWIiOiJzb21lYm9keSIsInRleHQiOiJhYmNkZWZnaGlqa2xtbm9wIn0.c2ln"

local function answer(token)
  return {
    status = 200, headers = { ["content-type"] = "application/json", ["x-other"] = kept },
    body = ('{"access_token":"%s","token_type":"Custom","refresh_token":"r","scope":"%s",'
      .. '"api":"%s","expires_in":3600}'):format(token, scope, kept),
  }
end

local wrong = {}

local function check(what, ok)
  if not ok then
    wrong[what] = (wrong[what] or 0) + 1
  end
end

local text = ("0123456789abcdef"):rep(30)
local hex = (text:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
local primitives

local function new(token, options)
  options = options or {}
  options.retries = 0
  options.transport = options.transport or function(request)
    check("a request's body", request.body == nil or request.body:find(text, 1, true)
      or request.body:find("r", 1, true))
    check("a request's header", request.headers["X-Text"] == text)
    return answer(token)
  end
  local head = { ["X-Text"] = "${password}" }
  return bearer.login({
    name = "shop", inputs = { password = { secret = true } }, base_url = "https://shop.example",
    login = {
      url = "https://shop.example/login", headers = head, keep = { api = "api" },
      json = { p = "${password}", f = function(v, f)
        primitives = f
        check("v", v.password == text)
        return f.text "${password}"
      end },
    },
    refresh = { url = "https://shop.example/r", headers = head, form = { r = "${refresh_token}" } },
    authorize = { headers = { Authorization = "Custom ${token}", ["X-Text"] = "${password}",
      ["X-Made"] = function(v) return v.password end } },
  }, { password = text }, options)
end

local function round(login, token)
  for _ = 1, 3 do
    check("value", token:value() == claims)
    check("type", token:type() == "Custom")
    check("scope", token:scope() == scope)
    check("get", token:get "api" == kept)
    check("claims", token:claims().text == "abcdefghijklmnop")
    local name, value = token:header()
    check("header", name == "Authorization" and value == "Custom " .. claims)
    local headers = token:headers()
    check("headers", headers["X-Text"] == text and headers["X-Made"] == text)
    check("tostring", tostring(token):find("bearer.token (shop", 1, true) == 1)
    name, value = login:header()
    check("a login's header", name == "Authorization" and value == "Custom " .. claims)
    check("status", login:status().state == "fresh")
    check("authorize", token:authorize({ url = "/x" }).headers["X-Text"] == text)
    check("hex", primitives.hex(text) == hex)
    check("json", primitives.json(text) == '"' .. text .. '"')
    check("base64", #primitives.base64(text) == 640)
    check("base64url", #primitives.base64url(text) == 640)
    check("digests", primitives.hex(primitives.sha256("abc")):sub(1, 8) == "ba7816bf"
      and primitives.hex(primitives.sha1("abc")):sub(1, 8) == "a9993e36")
    check("hmac", #primitives.hmac("sha512", text, text) == 64)
  end
end

-- What finalizers do: `act` is called again and again, at each collection.
local act, is_on, depth = nil, false, 0

local function arm()
  local function finalize()
    if not is_on then
      return
    end
    if depth < 3 then
      depth = depth + 1
      pcall(act)
      depth = depth - 1
    end
    arm()
  end
  if newproxy then
    debug.getmetatable(newproxy(true)).__gc = finalize
  else
    setmetatable({}, { __gc = finalize })
  end
end

local function with_finalizers(f, g)
  act, is_on, wrong = f, true, {}
  for _ = 1, 5 do
    arm()
  end
  local pause, step = collectgarbage("setpause", newproxy and 100 or 0),
    collectgarbage("setstepmul", 1000)
  local ok, why = pcall(g)
  collectgarbage("setpause", pause)
  collectgarbage("setstepmul", step)
  is_on = false
  collectgarbage()
  collectgarbage()
  assert(ok, why)
  assert.same({}, wrong)
end

describe("finalizers that", function()
  after_each(function()
    bearer.use "blocking"
    patience.settle(3)
  end)

  it("log in, ask and close leave all texts right", function()
    local login = new(claims)
    local token = assert(login:token())
    local mine
    local turn = 0
    with_finalizers(function()
      turn = turn + 1
      if turn % 50 == 0 then
        mine = new(("z"):rep(500))
        mine:token()
      elseif mine and turn % 50 == 1 then
        mine:close()
      end
      local other = ("y"):rep(400 + turn % 100) -- takes what was freed
      primitives.hex(other)
      token:header()
      login:headers()
      bearer.poll()
    end, function()
      local limit = core.now() + 5
      for i = 1, rounds do
        round(login, token)
        if i % 20 == 0 and core.now() > limit then
          break
        end
      end
    end)
  end)

  it("close, forget, log out and reset the very login that is asked", function()
    local current
    local turn = 0
    with_finalizers(function()
      turn = turn + 1
      local method = ({ "close", "forget", "reset", "token", "refresh", "logout", "header",
        "status" })[turn % 8 + 1]
      if current then
        current[method](current)
      end
      bearer.poll()
      local _ = ("y"):rep(300 + turn % 300)
    end, function()
      for i = 1, is_slow and 60 or 400 do
        current = new(claims)
        local ok, token = pcall(current.token, current)
        assert.is_true(ok)
        for _, name in ipairs { "value", "type", "scope", "claims", "header", "headers" } do
          local value = token and token[name](token)
          check(name, value == nil or name ~= "value" or value == claims)
          check(name, value == nil or name ~= "scope" or value == scope)
        end
        if token then
          token:get "api"
          current:reject(token)
        end
        current:request { url = "https://shop.example/x" }
        current:refresh()
        current:logout()
        if i % 3 == 0 then
          current:close()
        end
        collectgarbage "step"
      end
    end)
  end)

  it("ask begin no second login beside the first", function()
    bearer.use "manual"
    local current, sent = nil, 0
    with_finalizers(function()
      if current then
        bearer.prewarm(current)
        current:token()
      end
    end, function()
      for _ = 1, is_slow and 100 or 1000 do
        sent = 0
        current = new(claims, { transport = function()
          sent = sent + 1
          return answer(claims)
        end })
        bearer.prewarm(current)
        for _ = 1, 5 do
          local _ = { {}, {}, {} }
          current:token()
          bearer.poll()
        end
        check("one login", sent == 1)
        current:close()
      end
    end)
  end)

  it("raise leave no login stuck", function()
    local current
    with_finalizers(function()
      error "a finalizer"
    end, function()
      for _ = 1, is_slow and 50 or 300 do
        current = new(claims, { timeout = 0.05 })
        assert(pcall(function()
          local token, _, err = current:token()
          check("an answer", token or err)
          current:reset()
        end))
        current:close()
      end
    end)
  end)
end)
