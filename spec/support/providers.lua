--- The definitions of providers, merged and checked, as plain tables.
local definition = require "bearer.definition"

local providers = {}

--- Finds what `extends` names.
function providers.load(name)
  local found, def = pcall(require, "bearer.providers." .. name)
  return found and def or nil, "no such provider"
end

--- A definition with `extends` resolved and all defaults.
-- @tparam string|table given the name of a provider, or a definition
function providers.definition(given)
  local def = type(given) == "string" and assert(providers.load(given)) or given
  local whole, faults = definition.compile(def, providers.load)
  return assert(whole, faults and table.concat(faults, "\n"))
end

return providers
