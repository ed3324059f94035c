--- Reads README.md: its blocks of code, its tables by heading, what it links to.
local readme = {}

local function read(name)
  local file = assert(io.open(name, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

readme.read = read

local function lines(text)
  return (text .. "\n"):gmatch("(.-)\n")
end

readme.lines = lines

--- The blocks of a language: `{text, line}` each; `line` is where the first of it stands.
function readme.blocks(text, language)
  local blocks, block, number = {}, nil, 0
  for line in lines(text) do
    number = number + 1
    if block and line == "```" then
      block.text = table.concat(block, "\n")
      blocks[#blocks + 1] = block.language == language and block or nil
      block = nil
    elseif block then
      block[#block + 1] = line
    elseif line:find("^```") then
      block = { language = line:sub(4), line = number + 1 }
    end
  end
  assert(not block, "a block without an end")
  return blocks
end

--- The text without its blocks of code.
function readme.prose(text)
  local kept, inside = {}, false
  for line in lines(text) do
    if line:find("^```") then
      inside = not inside
    elseif not inside then
      kept[#kept + 1] = line
    end
  end
  return table.concat(kept, "\n")
end

--- What stands below a heading, up to the next one of any level.
function readme.section(text, heading)
  local found, inside = {}, false
  for line in lines(readme.prose(text)) do
    local title = line:match("^#+ (.*)$")
    if title then
      inside = title == heading
    elseif inside then
      found[#found + 1] = line
    end
  end
  assert(#found > 0, "no section " .. heading)
  return table.concat(found, "\n")
end

local function cells(line)
  local row = {}
  for cell in line:gmatch("|([^|]*)") do
    row[#row + 1] = cell:match("^%s*(.-)%s*$")
  end
  row[#row] = nil -- behind the last bar
  return row
end

--- The rows of the tables of a section, without their heads.
-- @tparam string text
-- @tparam string heading
-- @tparam[opt] string head only of the table whose first column is called so
-- @tparam[opt] string intro only of the table that this text stands before
function readme.rows(text, heading, head, intro)
  local rows, wanted, at, before = {}, false, 0, ""
  for line in lines(readme.section(text, heading)) do
    if not line:find("^|") then
      at, before = 0, line ~= "" and line or before
    else
      at = at + 1
      local row = cells(line)
      if at == 1 then
        wanted = (not head or row[1] == head) and (not intro or before:find(intro, 1, true) ~= nil)
      elseif at > 2 and wanted then
        rows[#rows + 1] = row
      end
    end
  end
  assert(#rows > 0, ("no table below %s (%s, %s)"):format(heading, head or "", intro or ""))
  return rows
end

--- The spans of code in a cell.
function readme.spans(cell)
  local spans = {}
  for span in cell:gmatch("`([^`]*)`") do
    spans[#spans + 1] = span
  end
  return spans
end

--- All spans of the rows' column, sorted; each may be cut to what a pattern captures.
function readme.names(rows, column, pattern)
  local names = {}
  for _, row in ipairs(rows) do
    for _, span in ipairs(readme.spans(row[column])) do
      names[#names + 1] = span:match(pattern or "^(.*)$")
    end
  end
  table.sort(names)
  return names
end

--- The keys of a table, sorted.
function readme.keys(map)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

return readme
