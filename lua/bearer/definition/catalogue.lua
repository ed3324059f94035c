--- Which providers there are: modules named `bearer.providers.NAME` on `package.path`.
-- @module bearer.definition.catalogue
local catalogue = {}

local io, package = io, package -- some hosts take them away later

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

return catalogue
