--- README.md is run and compared with the code. Its examples name hosts, users and secrets that do
-- not exist: here they stand for those of the sandbox.
local bearer = require "bearer"
local core = require "bearer.core"
local definition = require "bearer.definition"
local jitter = require "spec.support.jitter"
local language = require "bearer.definition.language"
local providers = require "spec.support.providers"
local readme = require "spec.support.readme"
local sandbox = require "spec.sandbox"
local shop = require "spec.support.shop"
local words = require "spec.support.words"

local text = readme.read "README.md"

-- The fields that a class of the types for editors is declared with.
local function fields_of_class(class)
  local fields, inside = {}, false
  for line in readme.lines(readme.read "lua/bearer/meta.lua") do
    local opened = line:match "^%-%-%-@class ([%w_.]+)"
    if opened or not line:find "^%-%-%-" then
      inside = opened == class
    end
    fields[#fields + 1] = inside and line:match "^%-%-%-@field ([%w_]+)" or nil
  end
  return fields
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
    local login = shop.login()
    for noun, object in pairs { login = login, token = assert(login:token()) } do
      local heading = noun:sub(1, 1):upper() .. noun:sub(2)
      local found = readme.names(readme.rows(text, heading), 1, "^" .. noun .. ":([%w_]+)")
      same(readme.keys(debug.getmetatable(object).__index), found)
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

  it("the options", function()
    same(core.options(), readme.names(readme.rows(text, "Options", "option"), 1))
  end)

  it("the fields of a request", function()
    local said = readme.section(text, "Login"):match("\nA request is `{(.-)}`")
    local found = {}
    for field in said:gmatch "%w+" do
      found[#found + 1] = field
    end
    table.sort(found)
    same(fields_of_class "bearer.request", found)
  end)

  it("the defaults of options", function()
    local said = {}
    for _, row in ipairs(readme.rows(text, "Options", "option")) do
      said[readme.spans(row[1])[1]] = row[2]
    end
    local function number(name)
      return tonumber(said[name]:match "^%d+")
    end
    core.clock(1000, 1700000000) -- stands still
    jitter(0)
    finally(function()
      core.clock()
      jitter()
    end)
    local transport, sent = shop.transport { "no route" }
    local def = shop.definition()
    assert.is_nil((bearer.login(def, {}, { transport = transport }):token()))
    assert.equal(number "timeout", sent[1].timeout)
    assert.equal(1 + number "retries", #sent)
    assert.equal("false", said.allow_http:match "^%w+")
    local insecure = shop.definition { login = { url = "http://shop.example/" } }
    assert.is_false(pcall(bearer.login, insecure, {}))
    assert(bearer.login(insecure, {}, { allow_http = true }))
  end)

  it("the default of max_response", function()
    local sb = sandbox.start()
    finally(function()
      sb:stop()
    end)
    local most = tonumber(readme.section(text, "Options"):match "| `max_response` | (%d+) bytes")
    local body = '{"access_token":"t"}'
    for longer, is_fine in pairs { [0] = true, [1] = false } do
      local url = sb:script("size" .. longer, { body = body .. (" "):rep(most - #body + longer) })
      local login = bearer.login(shop.definition { login = { url = url } }, {},
        { ca_file = sb.ca_file, retries = 0 })
      local token, _, err = login:token()
      assert.equal(is_fine, token ~= nil)
      assert.equal(is_fine, err == nil or err.code ~= "too_large")
      login:close()
    end
  end)

  it("the fields of errors", function()
    same(fields_of_class "bearer.error", readme.names(readme.rows(text, "Errors", "field"), 1))
  end)

  it("the codes of errors, their classes, and what happened", function()
    local said, known = {}, {}
    for code, row in pairs(core.codes()) do
      known[code] = { row.class, row.sentence }
    end
    for _, row in ipairs(readme.rows(text, "Errors", "code")) do
      local code = readme.spans(row[1])[1]
      if code ~= "http_NNN" then
        assert.is_nil(said[code], code)
        said[code] = { row[2], row[3] }
      end
    end
    assert.same(known, said)
  end)

  it("the words of the definition language", function()
    local known = words.known()
    for intro, record in pairs {
      ["Of the definition"] = "definition", ["Of an input"] = "input", ["Of a request"] = "request",
      ["Of `token`"] = "token", ["Of `error`"] = "error",
    } do
      same(known[record], readme.names(readme.rows(text, "Words", "word", intro), 1))
    end
    local found = readme.names(readme.rows(text, "Words", "word", "Of `authorize`"), 1)
    found[#found + 1] = "cookies" -- said below the tables
    table.sort(found)
    same(known.authorize, found)
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
    local fault = definition.faults(shop.definition { inputs = { x = { kind = "odd" } } })[1]
    local known = {}
    for kind in fault:match("is not one of (.*)$"):gsub(" or ", ", "):gmatch "%l+" do
      known[#known + 1] = kind
    end
    same(known, kinds)

    local said = readme.section(text, "Texts"):match("`f` has(.-)%. It returns")
    local found = {}
    for _, span in ipairs(readme.spans(said)) do
      found[#found + 1] = span:match("^%w+")
    end
    local primitives
    shop.sends { form = { x = function(_, f)
      primitives = readme.keys(f)
      return "x"
    end } }
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
      local def, found = providers.definition(name), read_inputs(row[3])
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
