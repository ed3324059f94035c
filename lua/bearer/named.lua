--- Which names the texts of a definition mention.
-- @module bearer.named

local function add(node, found)
  if type(node) == "string" then
    for name in node:gmatch "%${([^}]*)}" do
      found[name] = true
    end
  elseif type(node) == "table" then
    for _, item in pairs(node) do
      add(item, found)
    end
  elseif type(node) == "function" then
    found["*"] = true
  end
end

--- The names in these texts, lists and tables of them.
-- @function named
-- @param ... parts of a compiled definition; nil is fine
-- @treturn {[string]=boolean,…} a set; it holds "*" when a function may ask for any name
return function(...)
  local found = {}
  for i = 1, select("#", ...) do
    add((select(i, ...)), found)
  end
  return found
end
