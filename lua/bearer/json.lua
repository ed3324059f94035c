--- JSON, by cjson. That writes numbers with 14 digits, which turns a long id into another one;
-- here a number is written as it is. And it reads what is not JSON; here it is refused.
-- @module bearer.json
local core = require "bearer.core"
local cjson = require("cjson").new() -- private: the settings of `require "cjson"` are shared

cjson.encode_keep_buffer(false) -- what was encoded is not kept
cjson.encode_sparse_array(true)
cjson.decode_max_depth(100)
cjson.decode_invalid_numbers(false) -- NaN and Infinity are not JSON

local json = {}

local deepest = 1000 -- as cjson has it

local function is_whole(n)
  return n % 1 == 0 and n > -2 ^ 63 and n < 2 ^ 63
end

-- NaN and the infinities are left to cjson, which refuses them.
local function loses_digits(n)
  if n ~= n or n == math.huge or n == -math.huge then
    return false
  elseif is_whole(n) then
    return n <= -1e14 or n >= 1e14
  end
  return tonumber(("%.14g"):format(n)) ~= n
end

--- A number as a text, none of its digits lost.
-- @tparam number n
-- @treturn string
function json.number(n)
  if is_whole(n) then
    return ("%d"):format(n)
  elseif loses_digits(n) then
    return (("%.17g"):format(n):gsub(",", ".")) -- a locale may have its own point
  end
  return (("%.14g"):format(n):gsub(",", "."))
end

local function needs_marks(value, depth)
  if type(value) == "number" then
    return loses_digits(value)
  elseif type(value) ~= "table" then
    return false
  elseif depth > deepest then
    error("it is nested too deep", 0)
  end
  for _, item in pairs(value) do
    if needs_marks(item, depth + 1) then
      return true
    end
  end
  return false
end

-- A copy in which such numbers are texts, to be found again by the mark.
local function marked(value, mark)
  if type(value) == "number" and loses_digits(value) then
    return mark .. json.number(value)
  elseif type(value) ~= "table" then
    return value
  end
  local copy = {}
  for key, item in pairs(value) do
    copy[key] = marked(item, mark)
  end
  return copy
end

local function encode(value)
  local ok, result = pcall(cjson.encode, value)
  return ok and result or error(result, 0) -- without a position in here
end

--- Encode a value.
-- @param value
-- @treturn string
-- @raise on what JSON cannot say
function json.encode(value)
  if not needs_marks(value, 1) then
    return encode(value)
  end
  local mark = core.primitives.hex(core.primitives.random(12)) .. ":" -- no text holds it
  return (encode(marked(value, mark)):gsub('"' .. mark .. '([^"]*)"', "%1"))
end

--- Decode a stranger's text.
-- @tparam string text
-- @treturn[1] any the value; JSON's null is a light userdata
-- @treturn[2] nil
function json.decode(text)
  local ok, value = pcall(cjson.decode, text)
  if ok and not text:find("\0", 1, true) then -- cjson takes a NUL for the end
    return value
  end
end

return json
