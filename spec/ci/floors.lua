-- Is the house built as its map says? Reads the tables of csrc/README.md, and looks at every
-- #include of csrc/ and every require of lua/:
--   lua5.4 spec/ci/floors.lua [FOLDER]   says what is wrong, and fails when something is
local root = arg and arg[1] or "."
local map = "csrc/README.md"

local wrong = {}

local function fault(...)
  wrong[#wrong + 1] = string.format(...)
end

local function read(path)
  local file = assert(io.open(root .. "/" .. path))
  local text = file:read("*a")
  file:close()
  return text
end

local function files(folder, pattern)
  local found = {}
  local pipe = assert(io.popen(("cd '%s' && find %s -type f"):format(root, folder)))
  for path in pipe:lines() do
    if path:find(pattern) then
      found[#found + 1] = path
    end
  end
  pipe:close()
  table.sort(found)
  return found
end

-- ---- the map ----------------------------------------------------------------------------

local function spans(cell)
  local found = {}
  for span in cell:gmatch("`([^`]*)`") do
    found[#found + 1] = span
  end
  return found
end

local function cells(line)
  local row = {}
  for cell in line:gmatch("|([^|]*)") do
    row[#row + 1] = spans(cell)
  end
  return row
end

-- The rows of the table below a heading, each a list of cells, each a list of `names`.
local function rows(text, heading)
  local found, inside, count = {}, false, 0
  for line in (text .. "\n"):gmatch("(.-)\n") do
    local title = line:match("^#+ (.*)$")
    if title then
      inside, count = title == heading, 0
    elseif inside and line:find("^|") then
      count = count + 1
      if count > 2 then
        found[#found + 1] = cells(line)
      end
    end
  end
  if #found == 0 then
    fault("%s: no table below \"%s\"", map, heading)
  end
  return found
end

local function set(list)
  local found = {}
  for _, item in ipairs(list or {}) do
    found[item] = true
  end
  return found
end

-- ---- circles ----------------------------------------------------------------------------

-- edges: {from = {to = where, …}, …}. Each circle is told once.
local function find_circles(edges)
  local state, trail = {}, {}
  local function visit(node)
    state[node] = "open"
    trail[#trail + 1] = node
    local targets = {}
    for to in pairs(edges[node] or {}) do
      targets[#targets + 1] = to
    end
    table.sort(targets)
    for _, to in ipairs(targets) do
      if state[to] == "open" then
        local from = 1
        while trail[from] ~= to do
          from = from + 1
        end
        fault("a circle: %s, %s", table.concat(trail, ", ", from), to)
      elseif not state[to] then
        visit(to)
      end
    end
    trail[#trail] = nil
    state[node] = "done"
  end
  local nodes = {}
  for node in pairs(edges) do
    nodes[#nodes + 1] = node
  end
  table.sort(nodes)
  for _, node in ipairs(nodes) do
    if not state[node] then
      visit(node)
    end
  end
end

local function add_edge(edges, from, to)
  if from ~= to then
    edges[from] = edges[from] or {}
    edges[from][to] = true
  end
end

-- ---- C ----------------------------------------------------------------------------------

local floors, foreign = {}, {}

-- Without comments; the paths of includes stay.
local function without_comments(text)
  return (text:gsub("/%*.-%*/", " "):gsub("//[^\n]*", ""))
end

-- {"base/buffer.h" = "base/buffer", …}: which module each file of the map belongs to.
local function modules_of_the_map(text)
  local modules = {}
  for floor in pairs(floors) do
    for _, row in ipairs(rows(text, floor)) do
      local module = floor .. "/" .. (row[1][1] or "?")
      for _, name in ipairs(row[1]) do
        local both = { floor .. "/" .. name .. ".h", floor .. "/" .. name .. ".c" }
        for _, file in ipairs(name:find("%.[ch]$") and { floor .. "/" .. name } or both) do
          if modules[file] then
            fault("%s: %s is listed twice", map, file)
          end
          modules[file] = module
        end
      end
    end
  end
  return modules
end

local function starts_with_one_of(text, list)
  for start in pairs(list) do
    if text:sub(1, #start) == start then
      return true
    end
  end
  return false
end

local function check_quoted(modules, edges, file, floor, path)
  local target = path:match("^(%w+)/")
  if not modules[path] then
    fault("csrc/%s: includes \"%s\", which is no file of the map", file, path)
  elseif not floors[floor].own[target] then
    fault("csrc/%s: %s may not include %s (\"%s\")", file, floor, target, path)
  else
    add_edge(edges, modules[file] or file, modules[path])
  end
end

local function check_c_file(modules, edges, file)
  local floor = file:match("^(%w+)/")
  if not floors[floor] then
    return fault("csrc/%s: is on no floor of the map", file)
  elseif not modules[file] then
    fault("csrc/%s: is not in %s", file, map)
  end
  for line in without_comments(read("csrc/" .. file)):gmatch("[^\n]+") do
    local rest = line:match("^%s*#%s*include%s*(.*)$")
    local quoted, angled = (rest or ""):match('^"([^"]+)"'), (rest or ""):match("^<([^>]+)>")
    if quoted then
      check_quoted(modules, edges, file, floor, quoted)
    elseif angled then
      local is_foreign = starts_with_one_of(angled, foreign) or angled:find("^lua")
        or angled == "lualib.h"
      if is_foreign and not starts_with_one_of(angled, floors[floor].others) then
        fault("csrc/%s: %s may not include <%s>", file, floor, angled)
      elseif angled == "lua.h" and file ~= "lua/compat.h" then
        fault("csrc/%s: <lua.h> is included by lua/compat.h alone", file)
      end
    elseif rest then
      fault("csrc/%s: an include that cannot be read: %s", file, line)
    end
  end
end

local function check_c(text)
  for _, row in ipairs(rows(text, "Floors")) do
    local name = row[1][1]
    floors[name] = { own = set(row[2]), others = set(row[3]) }
    for other in pairs(floors[name].others) do
      foreign[other] = true
    end
  end
  local modules, edges, there = modules_of_the_map(text), {}, {}
  for _, path in ipairs(files("csrc", "%.[ch]$")) do
    local file = path:gsub("^csrc/", "")
    there[file] = true
    check_c_file(modules, edges, file)
  end
  for file in pairs(modules) do
    if not there[file] then
      fault("%s: csrc/%s is not there", map, file)
    end
  end
  find_circles(edges)
end

-- ---- Lua --------------------------------------------------------------------------------

-- "lua/bearer/init.lua" is the module "bearer", "lua/bearer/x/y.lua" is "bearer.x.y".
local function module_name(path)
  return (path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

local function matches(pattern, name)
  local below = pattern:match("^(.*)%.%*$")
  return name == pattern or name == below
    or below ~= nil and name:sub(1, #below + 1) == below .. "."
end

-- Without comments. A "--" in a string would count as one; there is none.
local function lua_code(text)
  return (text:gsub("%-%-%[%[.-%]%]", ""):gsub("%-%-[^\n]*", ""))
end

-- The names in an argument of require's: literals. One that ends in "." is put before others.
local function literals(argument)
  local found = {}
  for name in argument:gmatch("[\"']([%w_.]+)[\"']") do
    found[#found + 1] = name:find("%.$") and name .. "*" or name
  end
  return found
end

-- All that is required in the code. What cannot be read is told.
local function required(code, tell)
  local found = {}
  local at = 1
  while true do
    local from, to = code:find("%f[%w_]require%f[^%w_]", at)
    if not from then
      return found
    end
    local before, after = code:sub(1, from - 1), code:sub(to + 1)
    local line = after:match("^[^\n]*")
    local argument = after:match("^%s*([\"'][^\"']*[\"'])") or after:match("^%s*(%b())")
    if not argument and before:find("pcall%(%s*$") then
      argument = after:match("^%s*,([^)]*)%)")
    end
    local names = argument and literals(argument) or {}
    for _, name in ipairs(names) do
      found[#found + 1] = name
    end
    local is_alias = before:find("local%s+$") or before:find("local%s+require%s*=%s*$")
    if #names == 0 and not is_alias then -- "local require = require"
      tell("require" .. line)
    end
    at = to + 1
  end
end

local function row_of(rules, name)
  local found
  for _, rule in ipairs(rules) do
    if rule[1][1] == name then
      return rule
    elseif matches(rule[1][1], name) and (not found or #rule[1][1] > #found[1][1]) then
      found = rule
    end
  end
  return found
end

local function may_require(rule, name)
  for _, pattern in ipairs(rule and rule[2] or {}) do
    if matches(pattern, name) or pattern == name then
      return true
    end
  end
  return false
end

local function check_lua(text)
  local rules, edges = rows(text, "The shell of Lua"), {}
  for _, path in ipairs(files("lua", "%.lua$")) do
    local name = module_name(path)
    local rule = row_of(rules, name)
    for _, other in ipairs(required(lua_code(read(path)), function(what)
      fault("%s: a require that cannot be read: %s", path, what)
    end)) do
      if not may_require(rule, other) then
        fault("%s: %s may not require %s", path, name, other)
      end
      add_edge(edges, name, other)
    end
  end
  for _, rule in ipairs(rules) do
    if not rule[1][1] then
      fault("%s: a row of \"The shell of Lua\" without a module", map)
    end
  end
  find_circles(edges)
end

-- ---- all --------------------------------------------------------------------------------

local text = read(map)
check_c(text)
check_lua(text)
if #wrong > 0 then
  io.stderr:write(table.concat(wrong, "\n"), "\n")
  os.exit(1)
end
