--- Which providers there are: modules named `bearer.providers.NAME` on `package.path`, and
-- definitions that are given.
-- @module bearer.definition.catalogue
local core = require "bearer.core"
local definition = require "bearer.definition"
local words = require "bearer.definition.words"

local require = require -- some hosts take these away later
local io, package = io, package

local catalogue = {}

-- Lua cannot list a folder by itself; a shell can. What comes from package.path is quoted.
local function files_in(folder)
  local names = {}
  local quoted = "'" .. folder:gsub("'", "'\\''") .. "'"
  local ok, listing = pcall(function()
    return io.popen("ls -1 -- " .. quoted .. " 2>/dev/null")
  end)
  if ok and listing then -- some hosts have no popen
    for name in listing:lines() do
      names[#names + 1] = name
    end
    listing:close()
  end
  return names
end

local function provider_folder(template)
  local folder = template:match("^(.*)%?%.lua$")
  return folder and folder .. "bearer/providers/"
end

--- The names, sorted, each once.
-- @treturn {string,…}
function catalogue.names()
  local seen, names = {}, {}
  for template in (package.path or ""):gmatch("[^;]+") do
    local folder = provider_folder(template)
    for _, file in ipairs(folder and files_in(folder) or {}) do
      local name = file:match("^([%w_]+)%.lua$")
      if name and not seen[name] then
        seen[name] = true
        names[#names + 1] = name
      end
    end
  end
  table.sort(names)
  return names
end

--- Load a definition by its name.
-- @tparam string name
-- @treturn[1] table
-- @treturn[2] nil
-- @treturn[2] string why there is none
function catalogue.load(name)
  if not name:find("^[%w_]+$") then
    return nil, "not the name of a provider"
  end
  local ok, result = pcall(require, "bearer.providers." .. name)
  if ok and type(result) == "table" then
    return result
  elseif ok then
    return nil, "its module returns no table"
  end
  local absent = ("module 'bearer.providers.%s' not found"):format(name)
  return nil, tostring(result):find(absent, 1, true) and "no such provider" or tostring(result)
end

local function suggest(name)
  local found = {}
  for _, one in ipairs(catalogue.names()) do
    found[one] = true
  end
  return words.suggester()(name, found)
end

--- Likewise, or an error that says what may have been meant.
-- @raise when there is none
function catalogue.find(name)
  local def, why = catalogue.load(name)
  if not def then
    error(("bearer: provider %s: %s%s"):format(words.quote(name), why,
      why == "no such provider" and suggest(name) or ""), 0)
  end
  return def
end

-- What `extends` names.
local function load_parent(name)
  local def, why = catalogue.load(name)
  return def, why == "no such provider" and why .. suggest(name) or why
end

local compiled = setmetatable({}, { __mode = "v" }) -- providers by name
local warned = setmetatable({}, { __mode = "k" }) -- definitions: once each, not for each login

--- Told what looks like a slip in a definition that is loaded.
function catalogue.warn() end

local function compile(def)
  local result, notes = definition.compile(def, load_parent)
  if not result then
    error("bearer: the definition has faults:\n  " .. table.concat(notes, "\n  "), 0)
  end
  local provider = core.provider(result)
  for _, note in ipairs(warned[def] and {} or notes) do
    catalogue.warn(("bearer: definition '%s': %s"):format(result.name, note))
  end
  warned[def] = true
  return provider
end

--- The provider that is meant.
-- @tparam string|table|bearer.provider given its name, its definition, or itself
-- @treturn bearer.provider
-- @raise when there is none, with every fault of a bad definition
function catalogue.provider(given)
  if core.type(given) == "bearer.provider" then
    return given
  elseif type(given) == "string" then
    compiled[given] = compiled[given] or compile(catalogue.find(given))
    return compiled[given]
  elseif type(given) == "table" then
    words.check_dot(given, "login")
    return compile(given)
  end
  error("bearer: a provider's name, definition or provider expected, got " .. type(given), 0)
end

return catalogue
