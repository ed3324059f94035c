--- Which providers there are: modules named `bearer.providers.NAME` on `package.path`.
-- @module bearer.catalogue
local catalogue = {}

-- Lua cannot list a folder by itself; a shell can. Names come from files, so they are quoted.
local function files_in(folder)
  local names = {}
  local quoted = "'" .. folder:gsub("'", "'\\''") .. "'"
  local listing = io.popen("ls -1 " .. quoted .. " 2>/dev/null")
  if listing then
    for name in listing:lines() do
      names[#names + 1] = name
    end
    listing:close()
  end
  return names
end

local function folder_and_suffix(template)
  local folder, suffix = template:match("^(.*)%?(.*)$")
  if folder and suffix == ".lua" then
    return folder .. "bearer/providers/"
  end
end

--- The names, sorted, each once.
-- @treturn {string,…}
function catalogue.names()
  local seen, names = {}, {}
  for template in package.path:gmatch("[^;]+") do
    local folder = folder_and_suffix(template)
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
