-- Are the rockspec's lists those of the tree? Prints each difference; fails when there is one.
local rockspec = assert(arg[1] or "rockspec/bearer-scm-1.rockspec")

local function load_rockspec(path)
  local spec = {}
  local chunk
  if setfenv then -- luacheck: ignore 113
    chunk = setfenv(assert(loadfile(path)), spec) -- luacheck: ignore 113
  else
    chunk = assert(loadfile(path, "t", spec))
  end
  chunk()
  return spec
end

local function files(command)
  local found = {}
  local pipe = assert(io.popen(command))
  for line in pipe:lines() do
    found[line] = true
  end
  pipe:close()
  return found
end

local function listed(modules)
  local lua, c = {}, {}
  for _, source in pairs(modules) do
    if type(source) == "string" then
      lua[source] = true
    else
      for _, file in ipairs(source.sources) do
        c[file] = true
      end
    end
  end
  return lua, c
end

-- "lua/bearer/init.lua" is the module "bearer", "lua/bearer/x/y.lua" is "bearer.x.y".
local function module_name(file)
  return (file:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

local faults = {}

local function compare(tree, list, describe)
  for file in pairs(tree) do
    if not list[file] then
      faults[#faults + 1] = ("%s: missing: %s"):format(rockspec, describe(file))
    end
  end
  for file in pairs(list) do
    if not tree[file] then
      faults[#faults + 1] = ("%s: not in the tree: %s"):format(rockspec, file)
    end
  end
end

local modules = load_rockspec(rockspec).build.modules
local lua, c = listed(modules)
compare(files("find lua -name '*.lua'"), lua, function(file)
  return ('["%s"] = "%s",'):format(module_name(file), file)
end)
compare(files("find csrc -name '*.c'"), c, function(file)
  return ('"%s",'):format(file)
end)
for name, source in pairs(modules) do
  if type(source) == "string" and name ~= module_name(source) then
    faults[#faults + 1] = ("%s: %s is %s"):format(rockspec, source, module_name(source))
  end
end

table.sort(faults)
for _, fault in ipairs(faults) do
  print(fault)
end
os.exit(#faults == 0)
