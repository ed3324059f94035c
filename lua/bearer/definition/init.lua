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
local words = require "bearer.definition.words"

local definition = {}

local function collector()
  local faults = {}
  return faults, function(path, message)
    faults[#faults + 1] = (path == "" and "definition" or path) .. ": " .. message
  end
end

local function check(def, whole, fault)
  local context = {
    fault = fault, def = def, partial = not whole,
    suggest = words.suggester(), everywhere = names.all(def), unsupported = language.unsupported,
  }
  shape.visit(context, "", def, language.definition)
end

-- The merged private copy, and all faults.
local function read(def, load)
  local faults, fault = collector()
  if type(def) ~= "table" then
    fault("", "expected a table, got " .. words.kind(def))
    return nil, faults
  end
  local tree = copy.tree(def, fault)
  if tree == copy.faulty then
    return nil, faults
  end
  local merged, whole = inherit.resolve(tree, load, fault)
  check(merged, whole, fault)
  return merged, faults
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
-- @treturn[2] nil
-- @treturn[2] {string,…} the faults
function definition.compile(def, load)
  local merged, faults = read(def, load)
  if #faults > 0 then
    return nil, faults
  end
  return compiled.from(merged)
end

return definition
