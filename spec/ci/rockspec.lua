-- Are the rockspec's lists of modules and C files those of the tree?
--   lua5.4 spec/ci/rockspec.lua           says what differs, and fails when something does
--   lua5.4 spec/ci/rockspec.lua --write   brings the lists up to date
local path = "rockspec/bearer-scm-1.rockspec"

local function read(name)
  local file = assert(io.open(name))
  local text = file:read("*a")
  file:close()
  return text
end

local function files(command)
  local found = {}
  local pipe = assert(io.popen(command))
  for line in pipe:lines() do
    found[#found + 1] = line
  end
  pipe:close()
  table.sort(found)
  return found
end

-- "lua/bearer/init.lua" is the module "bearer", "lua/bearer/x/y.lua" is "bearer.x.y".
local function module_name(file)
  return (file:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

-- The lines between two lines of the rockspec, which stay as they are.
local function put(text, opening, closing, lines)
  local _, before = text:find("\n" .. opening .. "\n", 1, true)
  local after = text:find("\n" .. closing .. "\n", before, true)
  assert(before and after, path .. ": no line " .. opening)
  return text:sub(1, before) .. table.concat(lines, "\n") .. text:sub(after)
end

local function with_lists(text)
  local c, lua = {}, {}
  for _, file in ipairs(files("find csrc -name '*.c'")) do
    c[#c + 1] = ('        "%s",'):format(file)
  end
  for _, file in ipairs(files("find lua -name '*.lua'")) do
    lua[#lua + 1] = ('    ["%s"] = "%s",'):format(module_name(file), file)
  end
  text = put(text, "      sources = {", "      },", c)
  return put(text, "  modules = {", '    ["bearer.core"] = {', lua)
end

local function lines_of(text)
  local set = {}
  for line in text:gmatch("[^\n]+") do
    set[line] = true
  end
  return set
end

local function report(from, to, sentence)
  local known = lines_of(from)
  for line in to:gmatch("[^\n]+") do
    if not known[line] then
      print(("%s: %s: %s"):format(path, sentence, line:match("^%s*(.*)$")))
    end
  end
end

local old = read(path)
local new = with_lists(old)
if arg[1] == "--write" then
  local file = assert(io.open(path, "w"))
  file:write(new)
  file:close()
elseif old ~= new then
  report(old, new, "is missing")
  report(new, old, "is not in the tree")
  print(path .. ": bring it up to date with `make rockspec`")
  os.exit(1)
end
