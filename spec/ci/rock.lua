-- Run by rock.sh against an installed rock, with nothing of this tree on the paths.
local tree = assert(arg[1])
local bearer = require "bearer"

assert(type(bearer.login) == "function", "bearer.login is missing")
for _, path in ipairs { package.path, package.cpath } do
  assert(path:find(tree, 1, true), "the rock's tree is not on the path")
end
print("bearer " .. tostring(bearer._VERSION) .. " from " .. tree)
