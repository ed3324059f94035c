-- Every function of the core, and every method, with nonsense: an error or a harmless result, and
-- the process lives.
local bearer = require "bearer"
local core = require "bearer.core"
local patience = require "spec.support.patience"
local shop = require "spec.support.shop"

local newproxy = rawget(_G, "newproxy")

local function answer()
  return { status = 200, headers = {}, body = '{"access_token":"t","refresh_token":"r"}' }
end

local function nothing() end

local definition = require("bearer.definition").compile

-- One of each kind, living and not.
local function things()
  local login = shop.login({ inputs = { p = { optional = true } } }, {})
  local token = assert(login:token())
  local closed = shop.login()
  closed:close()
  local wiped = shop.login()
  assert(wiped:token())
  wiped:close()
  local failing = shop.login(nil, nil, { "no" })
  local _, _, err = failing:token()
  local _, renewal = core.acquire(shop.login(), "token")
  local call = core.request(login, { url = "https://shop.example/x" })
  local transfer = core.transfer({ url = "https://127.0.0.1:1/", timeout = 0.01 }, nil)
  local list = {
    login, token, closed, failing, err, renewal, call, transfer,
    bearer.provider(shop.definition()), bearer.env "HOME", bearer.file "/nowhere",
    io.stdout, newproxy and newproxy(true) or coroutine.create(nothing),
    coroutine.create(nothing), nothing, print, {}, { url = 1 }, { inputs = 1, name = {} },
    { 1, 2, 3 }, setmetatable({}, { __index = function() error "index" end }),
    setmetatable({}, { __tostring = function() error "tostring" end }),
    { url = "https://x/", headers = { a = {} } }, { name = "x", inputs = {} },
    "", "login", "token", "bearer.login", "\0", ("x"):rep(100000), 0, -1, 1, 2.5, 1e308, -1e308,
    0 / 0, true, false, string.rep("[", 1000),
  }
  return list
end

-- These change the state that all share, or wait: with what they are given here alone.
local spared = { method = true, clock = true, jitter = true, use = true, poll = true,
  wait = true }

-- A generator of our own: the same sequence on every Lua.
local seed = 12345
local function random(n)
  seed = (seed * 16807) % 2147483647
  return seed % n + 1
end

local is_slow = os.getenv "SUITE_CHILD" or (os.getenv "LD_PRELOAD" or ""):find "vgpreload"

describe("nonsense", function()
  before_each(function()
    bearer.defaults { timeout = 0.05, connect_timeout = 0.05, retries = 0 }
  end)

  after_each(function()
    bearer.defaults()
    core.clock()
    core.jitter()
    bearer.use "blocking"
    patience.settle(5)
  end)

  local function still_works()
    assert.equal("t1", assert(shop.login():token()):value())
  end

  it("in each place of each function of the core", function()
    local list = things()
    for name, f in pairs(core) do
      if type(f) == "function" and not spared[name] then
        pcall(f)
        for _, first in ipairs(list) do
          pcall(f, first)
          for _ = 1, is_slow and 3 or 30 do
            pcall(f, first, list[random(#list)], list[random(#list)], list[random(#list)],
              list[random(#list)])
          end
        end
      end
    end
    core.defaults()
    still_works()
  end)

  it("for what changes the state that all share", function()
    for _, name in ipairs { "method", "clock", "jitter" } do
      for _, thing in ipairs(things()) do
        pcall(core[name], thing)
        pcall(core[name], thing, thing)
        pcall(core[name], "no.such.type", thing, thing)
        core.clock()
        core.jitter()
      end
    end
    for _, thing in ipairs(things()) do
      if type(thing) ~= "number" then
        pcall(core.poll, thing)
      end
      pcall(bearer.use, thing)
      bearer.use "blocking"
    end
    pcall(core.poll, 0 / 0)
    pcall(core.poll, -1e308)
    still_works()
  end)

  it("as the self and the arguments of each method and metamethod", function()
    local list = things()
    local function try(f)
      pcall(f)
      for _, first in ipairs(list) do
        pcall(f, first, list[random(#list)], list[random(#list)])
      end
    end
    for _, object in ipairs(things()) do
      local metatable = type(object) == "userdata" and object ~= io.stdout
        and debug.getmetatable(object) or {}
      for name, method in pairs(metatable) do
        if type(method) == "function" and name ~= "__gc" then
          try(method)
        elseif type(method) == "table" then
          for key, f in pairs(method) do
            if key ~= "close" then
              try(f)
            end
          end
        end
      end
    end
    still_works()
  end)

  it("a finalizer that is called by hand, for its own kind and for others", function()
    local finalizers = {}
    for _, object in ipairs(things()) do
      local metatable = type(object) == "userdata" and object ~= io.stdout
        and debug.getmetatable(object) or {}
      finalizers[#finalizers + 1] = metatable.__gc
    end
    assert.is_true(#finalizers > 5)
    for _, finalizer in ipairs(finalizers) do
      pcall(finalizer)
      for _, object in ipairs(things()) do
        if object ~= io.stdout then
          pcall(finalizer, object)
        end
        local methods = type(object) == "userdata" and object ~= io.stdout
          and (debug.getmetatable(object) or {}).__index
        for _, method in pairs(type(methods) == "table" and methods or {}) do
          pcall(method, object)
        end
        pcall(tostring, object)
        pcall(core.step, object)
        pcall(core.result, object)
        pcall(core.header, object, object)
      end
      pcall(finalizer, io.stdout)
    end
    assert.equal("file", io.type(io.stdout))
    still_works()
  end)

  it("in definitions that nobody has checked", function()
    local values = { 1, "x", true, {}, { 1 }, nothing, io.stdout, { { {} } }, "${x}", "${", 0 / 0,
      { kind = "text", text = 5 }, { kind = 5 }, { items = 3 } }
    local compiled = assert(definition(shop.definition {
      inputs = { p = { secret = true, optional = true } }, base_url = "https://shop.example",
      login = { url = "https://shop.example/", json = { a = "${p}", b = { 1 } },
        headers = { ["X-A"] = "${p}" }, keep = { api = "api" }, expect = { a = 1 } },
      refresh = { url = "https://shop.example/", form = { r = "${refresh_token}" } },
    }, function() end))
    local function copy(t)
      local c = {}
      for key, value in pairs(t) do
        c[key] = type(value) == "table" and copy(value) or value
      end
      return c
    end
    -- Each place of it, one after the other.
    local function places(t, found, path)
      for key, value in pairs(t) do
        local own = { path, key }
        found[#found + 1] = own
        if type(value) == "table" then
          places(value, found, own)
        end
      end
      return found
    end
    local function put(t, path, value)
      local keys = {}
      while path do
        table.insert(keys, 1, path[2])
        path = path[1]
      end
      for i = 1, #keys - 1 do
        t = t[keys[i]]
      end
      t[keys[#keys]] = value
    end
    for _, place in ipairs(places(compiled, {})) do
      for i = 0, #values do
        local broken = copy(compiled)
        put(broken, place, values[i])
        local ok, provider = pcall(core.provider, broken)
        if ok then
          local made, login = pcall(core.login, provider, {}, { transport = answer })
          if made then
            pcall(login.token, login)
            pcall(login.refresh, login)
            pcall(login.request, login, { url = "/x" })
            pcall(login.authorize, login, { url = "/x", json = { a = 1 } })
            login:close()
          end
        end
      end
    end
    still_works()
  end)

  it("objects that are not whole, found on the stack while they are made", function()
    local busy, looks = false, 0
    local function look()
      if busy or looks > 500 then
        return
      end
      busy, looks = true, looks + 1
      for level = 2, 12 do
        if not debug.getinfo(level, "f") then
          break
        end
        for i = 1, 12 do
          local name, value = debug.getlocal(level, i)
          if not name then
            break
          end
          if type(value) == "userdata" and value ~= io.stdout then
            pcall(tostring, value)
            pcall(core.login, value, {}, {})
            pcall(core.acquire, value, "token")
            pcall(core.step, value)
            pcall(core.result, value)
            pcall(core.transfer, { url = "https://127.0.0.1:1/" }, value)
            pcall(core.request, value, { url = "https://x/" })
            local methods = (debug.getmetatable(value) or {}).__index
            for key, method in pairs(type(methods) == "table" and methods or {}) do
              if key ~= "close" then
                pcall(method, value)
              end
            end
          end
        end
      end
      busy = false
    end
    local keep = true
    local function again()
      if not keep or looks > 500 then
        return
      end
      local object = newproxy and newproxy(true) or setmetatable({}, {})
      local metatable = debug.getmetatable(object)
      metatable.__gc = function()
        look()
        again()
      end
      setmetatable(metatable, metatable)
      if not newproxy then
        setmetatable(object, { __gc = metatable.__gc })
      end
    end
    again()
    local pause = collectgarbage("setpause", 0)
    for _ = 1, is_slow and 30 or 300 do
      local ok, login = pcall(shop.login, { inputs = { a = { optional = true } } }, { a = "x" })
      if ok then
        pcall(login.token, login)
        pcall(login.request, login, { url = "https://shop.example/" })
        login:close()
      end
      pcall(bearer.provider, shop.definition { login = { url = "https://x/", json = { "a" } } })
      pcall(bearer.login, shop.definition(), {}, { retries = -1 })
      collectgarbage "step"
    end
    keep = false
    collectgarbage("setpause", pause)
    collectgarbage()
    collectgarbage()
    still_works()
  end)
end)
