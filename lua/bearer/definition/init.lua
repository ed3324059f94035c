--- Provider definitions: tables that say how an endpoint wants to be asked.
--
-- The language is described in the README; its shapes are in `bearer.definition.language`.
-- A definition may come from anywhere: whatever it holds, the answer is a list of faults.
-- @module bearer.definition
local compiled = require "bearer.definition.compiled"
local copy = require "bearer.definition.copy"
local inherit = require "bearer.definition.inherit"
local language = require "bearer.definition.language"
local names = require "bearer.definition.names"
local shape = require "bearer.definition.shape"
local slips = require "bearer.definition.slips"
local words = require "bearer.definition.words"

local definition = {}

local function collector()
  local faults = {}
  return faults, function(path, message)
    faults[#faults + 1] = (path == "" and "definition" or path) .. ": " .. message
  end
end

-- own: the inputs that it does not inherit.
local function check(def, whole, own, fault, warn)
  local context = {
    fault = fault, warn = warn, slipped = {}, def = def, partial = not whole,
    suggest = words.suggester(), everywhere = names.all(def), unsupported = language.unsupported,
  }
  shape.visit(context, "", def, language.definition)
  if type(def.inputs) == "table" and whole then
    slips.check_inputs(context, own)
  end
end

local function keys_of(map)
  local keys = {}
  for key in next, type(map) == "table" and map or {} do
    keys[key] = true
  end
  return keys
end

-- The merged private copy, all faults, and what is no fault, but looks like a slip.
local function read(def, load)
  local faults, fault = collector()
  local warnings, warn = collector()
  if type(def) ~= "table" then
    fault("", "expected a table, got " .. words.kind(def))
    return nil, faults
  end
  local tree = copy.tree(def, fault)
  if tree == copy.faulty then
    return nil, faults
  end
  local own = keys_of(tree.inputs)
  local merged, whole = inherit.resolve(tree, load, fault)
  check(merged, whole, own, fault, warn)
  return merged, faults, warnings
end

--- The faults of a definition, all of them at once.
-- @tparam table def see the definition language
-- @tparam[opt] function load `name -> table | nil, message`: finds what `extends` names
-- @treturn {string,…} one sentence per fault, each opening with its path, as in
--   `login.url: unknown name 'hots'; did you mean 'host'?`; empty when there is none
function definition.faults(def, load)
  local _, faults = read(def, load)
  return faults
end

--- Compile a definition.
-- @tparam table def
-- @tparam[opt] function load as for `definition.faults`
-- @treturn[1] table a private copy with `extends` resolved and all defaults filled in
-- @treturn[1] {string,…} what is hardly what was meant, with a path each
-- @treturn[2] nil
-- @treturn[2] {string,…} the faults
function definition.compile(def, load)
  local merged, faults, warnings = read(def, load)
  if #faults > 0 then
    return nil, faults
  end
  return compiled.from(merged), warnings
end

return definition
