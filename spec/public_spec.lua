-- The public names are a contract: what is exported, what editors are told, and what the README
-- lists are the same.
local bearer = require "bearer"
local core = require "bearer.core"
local shop = require "spec.support.shop"
local words = require "spec.support.words"

-- The contract. `store` is part of it as well, and comes with the stores.
local public = {
  bearer = {
    "_VERSION", "defaults", "env", "fd", "file", "login", "poll", "prewarm", "provider",
    "providers", "timeout", "transport", "use", "warn",
  },
  login = {
    "authorize", "close", "forget", "header", "headers", "logout", "refresh", "reject", "request",
    "reset", "status", "token",
  },
  token = {
    "authorize", "claims", "expired", "expires_at", "expires_in", "generation", "get", "header",
    "headers", "refresh", "scope", "type", "value",
  },
  options = {
    "allow_hosts", "allow_http", "ca_file", "ca_pem", "cert", "connect_timeout", "key",
    "key_password", "leeway", "max_response", "on_event", "proxy", "refused", "retries", "timeout",
    "transport", "user_agent",
  },
  error = {
    "class", "code", "description", "details", "held", "message", "provider", "request",
    "retry_after", "status", "step",
  },
  request = { "body", "form", "headers", "json", "method", "query", "timeout", "url" },
}

local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

-- The names that a pattern captures, sorted.
local function names_in(text, pattern)
  local found = {}
  for name in text:gmatch(pattern) do
    found[name] = true
  end
  return sorted_keys(found)
end

local function methods_of(object)
  return sorted_keys(debug.getmetatable(object).__index)
end

-- The fields that a class is declared with.
local function fields_of_class(meta, class)
  local fields, inside = {}, false
  for line in meta:gmatch "[^\n]+" do
    local opened = line:match "^%-%-%-@class ([%w_.]+)"
    if opened or not line:find "^%-%-%-" then
      inside = opened == class
    end
    local name = line:match "^%-%-%-@field ([%w_]+)"
    if inside and name then
      fields[name] = true
    end
  end
  return sorted_keys(fields)
end

describe("what is exported", function()
  it("is what the contract says", function()
    assert.same(public.bearer, sorted_keys(bearer))
    local login = shop.login()
    assert.same(public.login, methods_of(login))
    assert.same(public.token, methods_of(assert(login:token())))
  end)
  it("are options of these names", function()
    local all = core.options()
    table.sort(all)
    assert.same(public.options, all)
    for _, name in ipairs(public.options) do
      local ok, err = pcall(bearer.login, shop.definition(), {},
        { [name] = coroutine.create(function() end) })
      assert.is_false(ok)
      assert.truthy(err:find("options." .. name .. ": a ", 1, true), err)
    end
  end)
  it("are requests of these fields", function()
    local fine = {
      method = "POST", url = "https://shop.example/", headers = {}, query = {}, body = "",
      timeout = 5,
    }
    assert(shop.login():request(fine))
    for _, name in ipairs(public.request) do
      local request = { url = "https://shop.example/", [name] = function() end }
      local ok, err = pcall(function() local _ = shop.login():request(request) end)
      assert.is_false(ok)
      assert.truthy(err:find("request." .. name .. ": ", 1, true), err)
    end
  end)
  it("are errors of these fields", function()
    local login = shop.login(nil, nil, { {
      status = 429, headers = { ["retry-after"] = "5" },
      body = { error = "slow_down", error_description = "Not so fast", more = 1 },
    } })
    assert.is_nil(select(3, login:token()).held)
    local _, _, err = login:token()
    for _, field in ipairs(public.error) do
      assert.not_nil(err[field], field)
    end
    assert.is_nil(err.anything)
  end)
  it("leaves no name behind in the globals", function()
    for _, name in ipairs { "bearer", "login", "core", "token" } do
      assert.is_nil(rawget(_G, name))
    end
  end)
end)

describe("the types for editors", function()
  local meta = read "lua/bearer/meta.lua"
  it("name what is exported", function()
    local functions = names_in(meta, "\nfunction bearer%.([%w_]+)")
    functions[#functions + 1] = "_VERSION"
    table.sort(functions)
    assert.same(public.bearer, functions)
    assert.same(public.login, names_in(meta, "\nfunction login:([%w_]+)"))
    assert.same(public.token, names_in(meta, "\nfunction token:([%w_]+)"))
    assert.same(public.options, fields_of_class(meta, "bearer.options"))
    assert.same(public.error, fields_of_class(meta, "bearer.error"))
    assert.same(public.request, fields_of_class(meta, "bearer.request"))
  end)
  it("name the words of a definition, of its inputs and of its requests", function()
    local known = words.known()
    for class, list in pairs { definition = known.definition, input = known.input,
      step = known.request } do
      assert.same(list, fields_of_class(meta, "bearer." .. class), class)
    end
  end)
  it("name the fields of a status", function()
    core.clock(0, 1700000000)
    local login = shop.login(nil, nil, { { body = { access_token = "t", expires_in = 3600 } },
      { status = 500, body = "" } })
    assert(login:token())
    login:refresh()
    local fields = sorted_keys(login:status())
    core.clock()
    assert.same(fields_of_class(meta, "bearer.status"), fields)
  end)
  it("is Lua, and declares what it says it is for", function()
    assert.matches("^%-%-%-@meta bearer\n", meta)
    assert(loadfile "lua/bearer/meta.lua")
  end)
end)

describe("the README's lists", function()
  local readme = read "README.md"
  it("name what is exported", function()
    assert.same(public.bearer, names_in(readme, "\n| `bearer%.([%w_]+)"))
    assert.same(public.login, names_in(readme, "\n| `login:([%w_]+)"))
    local all = {}
    for row in readme:gmatch "\n| (`token:[^|]*)|" do
      for name in row:gmatch "`token:([%w_]+)" do
        all[name] = true
      end
    end
    assert.same(public.token, sorted_keys(all))
  end)
  it("name every option, and every field of an error and of a request", function()
    for _, list in ipairs { public.options, public.error } do
      for _, name in ipairs(list) do
        assert.truthy(readme:find("`" .. name .. "`", 1, true), name)
      end
    end
  end)
end)
