--- JSON as the vendors print it: fields in the order of their documents, "/" unescaped.
local cjson = require("cjson").new()

cjson.encode_keep_buffer(false)
cjson.encode_number_precision(14)
cjson.decode_invalid_numbers(false)

local json = { null = cjson.null }

local written = {} -- marks a table that holds finished text

--- The text of a value.
function json.encode(value)
  if type(value) == "table" and getmetatable(value) == written then
    return value.text
  end
  return (cjson.encode(value):gsub("\\/", "/"))
end

--- An object with its fields in this order: a list of name, value, name, value…
function json.fields(list)
  local parts = {}
  for i = 1, #list, 2 do
    parts[#parts + 1] = json.encode(list[i]) .. ":" .. json.encode(list[i + 1])
  end
  return setmetatable({ text = "{" .. table.concat(parts, ",") .. "}" }, written)
end

--- The same from arguments; a nil value is left out.
function json.object(...)
  local list = {}
  for i = 1, select("#", ...), 2 do
    local name, value = select(i, ...)
    if value ~= nil then
      local n = #list
      list[n + 1], list[n + 2] = name, value
    end
  end
  return json.fields(list)
end

--- An array, also when it is empty.
function json.array(list)
  local parts = {}
  for i, value in ipairs(list) do
    parts[i] = json.encode(value)
  end
  return setmetatable({ text = "[" .. table.concat(parts, ",") .. "]" }, written)
end

--- Read a text.
-- @treturn any|nil
function json.decode(text)
  local ok, value = pcall(cjson.decode, text)
  if ok then
    return value
  end
  return nil, value
end

return json
