--- README.md is run and compared with the code. Its examples name hosts, users and secrets that do
-- not exist: here they stand for those of the sandbox.
local bearer = require "bearer"
local core = require "bearer.core"
local exchange = require "bearer.exchange"
local language = require "bearer.definition.language"
local options = require "bearer.options"
local readme = require "spec.support.readme"
local sandbox = require "spec.sandbox"

local text = readme.read "README.md"

-- A local of the function, by its name: what the code keeps to itself, and README.md tells.
local function upvalue(f, wanted)
  local i = 1
  repeat
    local name, value = debug.getupvalue(f, i)
    if name == wanted then
      return value
    end
    i = i + 1
  until not name
  error("no local named " .. wanted)
end

local function definition_of(name)
  return core.fields(bearer.provider(name), "bearer.provider").def
end

describe("README.md: an example", function()
  local sb, env, printed

  -- Inputs that log in at the sandbox. Those that README.md does not give are not added.
  local function real_inputs(provider, given)
    local inputs, known = {}, sb.credentials[provider] or {}
    for name, value in pairs(given) do
      if type(value) ~= "table" then
        value = known[name] or type(value) == "userdata" and "a secret" or value
      end
      inputs[name] = value
    end
    return inputs
  end

  local function real_login(provider, inputs, given)
    local all = { ca_file = sb.ca_file }
    for name, value in pairs(given or {}) do
      all[name] = value
    end
    return bearer.login(provider, real_inputs(provider, inputs), all)
  end

  local stand_in = setmetatable({ login = real_login }, { __index = bearer })

  local function record(...)
    local parts = {}
    for i = 1, select("#", ...) do
      parts[i] = tostring((select(i, ...)))
    end
    local line = debug.getinfo(2, "l").currentline
    printed[line] = (printed[line] or "") .. table.concat(parts, " ")
  end

  -- The blocks are read one after the other, so a later one knows the locals of those before it.
  local function as_globals(block)
    return ("\n" .. block):gsub("\nlocal ", "\n"):sub(2)
  end

  local function compile(block)
    local acme = sb.url .. "/scripted/acme"
    local source = as_globals(block.text):gsub("https://api%.acme%.example", acme)
    local name = "=README.md:" .. block.line
    local setfenv = rawget(_G, "setfenv") -- Lua 5.1 and LuaJIT
    if setfenv then
      return setfenv(assert(rawget(_G, "loadstring")(source, name)), env)
    end
    return assert(load(source, name, "t", env))
  end

  -- What a line says it prints, behind "-->"; "…" ends what can be said.
  local function check_printed(block)
    local number = 0
    for line in readme.lines(block.text) do
      number = number + 1
      local expected = line:match("%-%->%s*(.*)$")
      if expected then
        local found = (printed[number] or "nothing"):gsub("%s+", " ")
        local start, open = expected:gsub("%s+", " "):gsub("…$", "")
        if open > 0 then
          found = found:sub(1, #start)
        end
        assert.equal(start, found)
      end
    end
  end

  -- A file with a definition can be required from then on, as if it lay on package.path.
  local function install(def)
    bearer.provider(def)
    package.preload["bearer.providers." .. def.name] = function()
      return def
    end
  end

  local installed = {}

  setup(function()
    sb = sandbox.start()
    sb:script("acme", {
      { body = '{"session":{"id":"s-1","seconds":1800}}' },
      { body = '[{"number":"A-17"}]' },
    })
    env = setmetatable({
      print = record,
      require = function(name)
        return name == "bearer" and stand_in or require(name)
      end,
    }, { __index = _G })
  end)

  teardown(function()
    for _, name in ipairs(installed) do
      package.preload["bearer.providers." .. name] = nil
      package.loaded["bearer.providers." .. name] = nil
    end
    sb:stop()
  end)

  for _, block in ipairs(readme.blocks(text, "lua")) do
    it(("runs: line %d"):format(block.line), function()
      printed = {}
      local def = compile(block)()
      if block.text:find("^return ") then
        install(def)
        installed[#installed + 1] = def.name
      end
      check_printed(block)
      bearer.use "blocking" -- whatever the example is about
    end)
  end

  it("asked the sandbox, and nobody else", function()
    assert.equal(1, sb:count("hubsoft", "logins", 200))
    assert.equal(1, sb:count("oauth2_client_credentials", "logins", 200))
    assert.equal(2, #sb:requests("acme"))
  end)

  it("is the same as the one that is run by itself", function()
    local first = readme.blocks(text, "lua")[1].text
    for _, name in ipairs { "hubsoft", "HUBSOFT_SECRET", "/api/v1/integracao/cliente" } do
      assert.truthy(first:find(name, 1, true))
      assert.truthy(readme.read("examples/quickstart.lua"):find(name, 1, true))
    end
  end)
end)

describe("README.md names all of the code, and no more:", function()
  local function same(expected, found)
    table.sort(expected)
    assert.same(expected, found)
  end

  it("the module's functions", function()
    local found = readme.names(readme.rows(text, "Module"), 1, "^bearer%.([%w_]+)")
    same(readme.keys(bearer), found)
  end)

  it("the methods of logins and tokens", function()
    for _, noun in ipairs { "login", "token" } do
      local heading = noun:sub(1, 1):upper() .. noun:sub(2)
      local found = readme.names(readme.rows(text, heading), 1, "^" .. noun .. ":([%w_]+)")
      same(readme.keys(core.metatable("bearer." .. noun).__index), found)
    end
  end)

  it("the fields of status()", function()
    local said = readme.section(text, "Login"):match("`login:status%(%)` has (.*)$")
    local login = bearer.login("cambyopro", { client_id = "b", client_secret = "s" })
    for field in pairs(login:status()) do
      assert.truthy(said:find("`" .. field .. "`", 1, true), field)
    end
    login:close()
  end)

  it("the options and their defaults", function()
    local rows = readme.rows(text, "Options", "option")
    same(readme.keys(upvalue(options.check, "known")), readme.names(rows, 1))
    local defaults = upvalue(options.check, "defaults")
    for _, row in ipairs(rows) do
      local default = defaults[readme.spans(row[1])[1]]
      if default ~= nil then
        assert.equal(tostring(default), row[2]:match("^%w+"), row[1])
      end
    end
  end)

  it("the fields of errors", function()
    local fields = {}
    for field in readme.read("lua/bearer/errors.lua"):gmatch("@tfield %S+ ([%w_]+)") do
      fields[#fields + 1] = field
    end
    same(fields, readme.names(readme.rows(text, "Errors", "field"), 1))
  end)

  -- The texts that an assignment to `code` may give, those on a line of their own as the last of
  -- several results, and those that a transfer may end with in C.
  local function codes_of_the_code()
    local codes = { http_NNN = true }
    for code in pairs(exchange.explained) do
      codes[code] = true
    end
    local files = assert(io.popen "ls lua/bearer/*.lua lua/bearer/drivers/*.lua")
    for file in files:lines() do
      local source = readme.read(file)
      for code in source:gmatch('\n%s+"(%l[%l_]*%l)"\n') do
        codes[code] = true
      end
      for value in source:gmatch("[%s{]code = ([^\n]*)") do
        value = value:gsub(", %l[%w_]* = .*$", ""):gsub('[=~]= "[^"]*"', "")
        for code in value:gmatch('"(%l[%l_]*%l)"') do
          codes[code] = true
        end
      end
    end
    files:close()
    local c = readme.read "csrc/http/transfer.c" .. readme.read "csrc/http/worker.c"
    for _, pattern in ipairs { "return BEARER_([%u_]+);", "multi, BEARER_([%u_]+)," } do
      for code in c:gmatch(pattern) do
        codes[code:lower()] = true
      end
    end
    return readme.keys(codes)
  end

  it("the codes of errors", function()
    same(codes_of_the_code(), readme.names(readme.rows(text, "Errors", "code"), 1))
  end)

  local function words_of(shape)
    return readme.keys(upvalue(shape, "fields"))
  end

  -- The words of a record that this version supports.
  local function supported(title, shape)
    local found = {}
    for _, word in ipairs(words_of(shape)) do
      if language.unsupported[title .. "." .. word] ~= true then
        found[#found + 1] = word
      end
    end
    return found
  end

  it("the words of the definition language", function()
    local top = upvalue(language.definition, "fields")
    local authorize = upvalue(top.authorize, "checker")
    local tables = {
      ["Of the definition"] = { "definition", language.definition },
      ["Of an input"] = { "input", upvalue(top.inputs, "item") },
      ["Of a request"] = { "request", upvalue(top.login, "one") },
      ["Of `token`"] = { "token", upvalue(top.token, "checker") },
      ["Of `error`"] = { "error", top.error },
    }
    for intro, record in pairs(tables) do
      local words = supported(record[1], record[2])
      words[#words + 1] = record[1] == "definition" and "extends" or nil -- resolved before
      same(words, readme.names(readme.rows(text, "Words", "word", intro), 1))
    end
    local found = readme.names(readme.rows(text, "Words", "word", "Of `authorize`"), 1)
    found[#found + 1] = "cookies" -- said below the tables
    table.sort(found)
    same(words_of(authorize), found)
  end)

  it("the words that are not supported yet", function()
    local said = readme.section(text, "Words"):match("The language also has (.*)$")
    for path in pairs(language.unsupported) do
      local word = path:match("[^.]+$")
      assert.truthy(said:find((word == "format" and "formats `%s`" or "`%s`")
        :format(word == "format" and "text" or word), 1, true), path)
    end
  end)

  it("the kinds of inputs, and the primitives of functions", function()
    local rows = readme.rows(text, "Words", "word", "Of an input")
    local kinds = {}
    for _, row in ipairs(rows) do
      if row[1] == "`kind`" then
        kinds = readme.spans(row[2])
      end
    end
    table.sort(kinds)
    local check_value = upvalue(require("bearer.inputs").check, "check_value")
    same(readme.keys(upvalue(check_value, "kinds")), kinds)

    local said = readme.section(text, "Texts"):match("`f` has(.-)%. It returns")
    local found = {}
    for _, span in ipairs(readme.spans(said)) do
      found[#found + 1] = span:match("^%w+")
    end
    local primitives = readme.keys(core.primitives)
    primitives[#primitives + 1], primitives[#primitives + 2] = "json", "text"
    table.sort(found)
    same(primitives, found)
  end)
end)

describe("README.md's table of providers", function()
  local rows = readme.rows(text, "Providers")

  -- "*`client_secret?`*, `unit?`" as {client_secret = {secret, optional, values}, …}
  local function inputs_in(cell)
    local found = {}
    for star, name, mark in cell:gmatch("(%*?)`([%w_]+)(%??)`") do
      found[name] = { secret = star ~= "", optional = mark ~= "", values = {} }
    end
    return found
  end

  -- Values stand in parentheses: cut them out first, and keep them by the name before.
  local function read_inputs(cell)
    local values = {}
    cell = cell:gsub("`([%w_]+)%??`%*? (%b())", function(name, list)
      values[name] = readme.spans(list)
      return nil
    end)
    local found = inputs_in((cell:gsub(" %b()", "")))
    for name, list in pairs(values) do
      found[name].values = list
    end
    return found
  end

  local function in_group(def, name)
    for _, group in ipairs(def.one_of or {}) do
      for _, member in ipairs(group) do
        if member == name then
          return true
        end
      end
    end
    return false
  end

  it("has every provider that is shipped", function()
    local shipped = assert(io.popen "ls lua/bearer/providers")
    local names = {}
    for file in shipped:lines() do
      names[#names + 1] = file:match("^(.*)%.lua$")
    end
    shipped:close()
    table.sort(names)
    assert.same(names, readme.names(rows, 1))
  end)

  for _, row in ipairs(rows) do
    local name = readme.spans(row[1])[1]
    it("has the inputs of " .. name, function()
      local def, found = definition_of(name), read_inputs(row[3])
      assert.same(readme.keys(def.inputs), readme.keys(found))
      for input, said in pairs(found) do
        local spec = def.inputs[input]
        assert.equal(spec.secret == true, said.secret, input)
        local optional = spec.optional and not in_group(def, input) or spec.default ~= nil
        assert.equal(optional == true, said.optional, input)
        if #said.values > 0 then
          assert.same(spec.enum or { spec.default }, said.values, input)
        end
      end
    end)
  end
end)

describe("README.md", function()
  local function exists(path)
    local file = io.open(path)
    return file ~= nil and file:close() ~= nil
  end

  it("names targets of the Makefile", function()
    local targets = {}
    for target in ("\n" .. readme.read "Makefile"):gmatch("\n([%l-]+):") do
      targets[target] = true
    end
    local named = 0
    for target in text:gmatch("[\n`]make ([%l-]+)") do
      assert.truthy(targets[target], target)
      named = named + 1
    end
    assert.is_true(named > 5)
  end)

  it("names files that are there", function()
    for path in text:gmatch("[%s=%(]([%w_]+/[%w_/-]+%.%l+)") do
      assert.is_true(path:find("^bearer/") ~= nil or exists(path), path)
    end
    for path in text:gmatch("%]%(([^#)][^)]*)%)") do
      assert.is_true(exists(path), path)
    end
  end)

  it("links to headings that are there", function()
    local slugs = {}
    for title in readme.prose(text):gmatch("\n#+ ([^\n]*)") do
      slugs[title:lower():gsub("[^%w%s-]", ""):gsub("%s", "-")] = true
    end
    for slug in text:gmatch("%]%(#([^)]*)%)") do
      assert.truthy(slugs[slug], slug)
    end
  end)

  it("has the version of the module in the change log", function()
    local log = readme.read "CHANGELOG.md"
    assert.truthy(log:find("\n## " .. bearer._VERSION:gsub("%.", "%%.") .. "\n") or
      log:find "\n## Unreleased", bearer._VERSION)
  end)
end)
