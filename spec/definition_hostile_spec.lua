local definition = require "bearer.definition"

local function shop()
  return { name = "shop", inputs = { user = {} }, login = { url = "https://h/login", json = {} } }
end

-- Finds out without raising, in a sensible time, and in words that are safe to print.
local function faults_of(def, load)
  local started = os.clock()
  local faults = definition.faults(def, load)
  assert.is_true(os.clock() - started < 20, "took too long")
  for _, fault in ipairs(faults) do
    if #fault > 2000 or fault:find("%c") then
      error("not fit to print: " .. fault:sub(1, 100))
    end
  end
  return faults
end

describe("bearer.definition, hostile definitions:", function()
  it("a table that contains itself", function()
    local def = shop()
    def.login.json.a = def
    assert.same({ "login.json.a: contains itself" }, faults_of(def))
    def = {}
    def.extends, def.inputs, def.login, def[1] = def, def, def, def
    assert.is_true(#faults_of(def) > 3)
  end)

  it("one table in two places, which is no circle", function()
    local def, shared = shop(), { "x" }
    def.login.json.a, def.login.json.b = shared, { shared }
    assert.same({}, faults_of(def))
  end)

  it("ten thousand levels", function()
    local def, deep = shop(), {}
    def.login.json.a = deep
    for _ = 1, 10000 do
      deep.a = {}
      deep = deep.a
    end
    local faults = faults_of(def)
    assert.equal(1, #faults)
    assert.matches("^login%.json%.a%.a.*: is nested too deep$", faults[1])
  end)

  it("few tables that hold each other very many times", function()
    local def, bomb = shop(), {}
    for _ = 1, 90 do
      bomb = { bomb, bomb }
    end
    def.login.json.a = bomb
    local faults = faults_of(def)
    assert.equal(1, #faults)
    assert.matches("the definition is too large from here on$", faults[1])
  end)

  it("metatables, which are never asked", function()
    local function trap()
      error "touched"
    end
    local mt = { __index = trap, __pairs = trap, __len = trap, __tostring = trap, __eq = trap,
      __metatable = false }
    local def = shop()
    def.login.headers, def.inputs.user = setmetatable({}, mt), setmetatable({}, mt)
    local faults = faults_of(def)
    table.sort(faults)
    assert.same({ "inputs.user: has a metatable; a definition is plain data",
      "login.headers: has a metatable; a definition is plain data" }, faults)
    assert.same({ "definition: has a metatable; a definition is plain data" },
      faults_of(setmetatable(shop(), mt)))
  end)

  it("keys that are no texts", function()
    local def = shop()
    def.login.json[true], def.login.json[{}], def.inputs[1.5] = 1, 2, 3
    def.login.headers = { [0] = "x", [-1] = "y", [math.huge] = "z", [1e300] = "a", [2 ^ 53] = "b" }
    local faults = faults_of(def)
    table.sort(faults)
    assert.same({
      "inputs: a key that is a number; keys are texts",
      "login.headers: a key that is a number; keys are texts",
      "login.json: a key that is a boolean; keys are texts",
      "login.json: a key that is a table; keys are texts",
    }, faults)
  end)

  it("lists with holes", function()
    local def = shop()
    def.login.json = { "a", nil, "c", nil, nil, "f" }
    assert.same({ "login.json: a list with holes" }, faults_of(def))
  end)

  it("values that are no data", function()
    local def = shop()
    def.login.json.a, def.login.json.b = coroutine.create(function() end), io.stdout
    def.login.form, def.title = 0 / 0, -math.huge
    local faults = faults_of(def)
    table.sort(faults)
    assert.same({ "login.form: is not a finite number",
      "login.form: there is 'json' already; a request has one body",
      "login.json.a: may not be a thread", "login.json.b: may not be a userdata",
      "title: is not a finite number" }, faults)
  end)

  it("functions in every field", function()
    local function nothing() end
    local def = { extends = nothing }
    for _, field in ipairs { "name", "title", "docs", "inputs", "one_of", "login", "token",
      "refresh", "logout", "authorize", "error" } do
      def[field] = nothing
    end
    assert.equal(12, #faults_of(def))
    def = shop()
    def.login.json = nil
    def.login.method, def.login.headers, def.login.form = print, print, print
    def.login.basic, def.login.keep, def.token = print, print, { value = print, unit = print }
    def.error = { code = print, denied = { print } }
    assert.equal(9, #faults_of(def))
  end)

  it("every kind of value in every field", function()
    local kinds = { 3, "x", true, false, {}, { "x" }, { x = "x" }, { {} }, { { {} } }, print }
    local fields = { "name", "title", "docs", "extends", "inputs", "one_of", "base_url", "sign",
      "login", "token", "refresh", "after", "logout", "authorize", "error", "method", "url",
      "query", "headers", "basic", "bearer", "cert", "json", "form", "body", "content_type",
      "expect", "keep", "value", "type", "scope", "unit", "lifetime", "format", "make", "code",
      "denied", "cookies", "kind", "secret", "default", "enum", "join" }
    for _, field in ipairs(fields) do
      for _, value in ipairs(kinds) do
        local inner = { [field] = value }
        faults_of(inner)
        faults_of { login = inner, token = inner, authorize = inner, error = inner,
          refresh = { inner }, logout = inner, inputs = { a = inner }, one_of = inner }
      end
    end
  end)

  it("names full of control characters, and very long ones", function()
    local def = shop()
    def["a\27[2J\n"], def.login[("x"):rep(1e5)] = 1, 2
    def.login.form, def.login.json = { a = "${a\n\0b}${" .. ("y"):rep(1e5) .. "}" }, nil
    def.name = "a\n" .. ("z"):rep(1e5)
    assert.equal(5, #faults_of(def))
  end)

  it("texts that are dear to read", function()
    for _, text in ipairs { ("${"):rep(1e5), ("${"):rep(1e5) .. "}", ("${}"):rep(3e4),
      ("${user"):rep(5e4), ("["):rep(3e5), ("a."):rep(1e5) } do
      local def = shop()
      def.login.url, def.base_url, def.token = text, text, { value = text }
      local faults = faults_of(def)
      assert.is_true(#faults > 1)
      assert.is_nil(faults[1]:find("too large", 1, true))
    end
  end)

  it("a flood of slips of the pen", function()
    local def = shop()
    def.one_of = {}
    for i = 1, 2000 do
      def["logn" .. i], def.inputs["user" .. i], def.one_of[i] = i, {}, { "usre" .. i }
    end
    assert.equal(4000, #faults_of(def))
  end)

  it("more than anybody needs", function()
    local def = shop()
    def.title = ("x"):rep(2 * 1024 * 1024)
    local faults = faults_of(def)
    assert.matches("the definition is too large from here on$", faults[1])
    def = shop()
    for i = 1, 1e5 do
      def.login.json[i] = {}
    end
    faults = faults_of(def)
    assert.matches("the definition is too large from here on$", faults[1])
  end)
end)
