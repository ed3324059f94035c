--- The shapes of texts: what may stand where a text is expected, and the names in it.
-- @module bearer.definition.text
-- @local
local core = require "bearer.core"
local names = require "bearer.definition.names"
local shape = require "bearer.definition.shape"
local slips = require "bearer.definition.slips"
local words = require "bearer.definition.words"

local text = {}

local function check_name(c, path, name)
  if name == "" then
    c.fault(path, "'${}' names nothing")
  elseif not words.is_identifier(name) then
    c.fault(path, ("%s is not a name"):format(words.quote("${" .. name .. "}")))
  elseif c.names[name] or c.partial then
    return
  elseif names.builtins[name] or c.everywhere[name] then
    c.fault(path, ("unknown name %s in this place, though it is known in others")
      :format(words.quote(name)))
  else
    c.fault(path, ("unknown name %s%s"):format(words.quote(name),
      c.suggest(name, c.names)))
  end
end

-- Every name in a text; false when one never ends.
local function check_names(c, path, value)
  local at = value:find("${", 1, true)
  while at do
    local stop = value:find("}", at, true)
    if not stop then
      c.fault(path, ("'${' without '}' at character %d"):format(at))
      return false
    end
    check_name(c, path, value:sub(at + 2, stop - 1))
    at = value:find("${", stop, true)
  end
  return true
end

local no_tables = { string = true, number = true, boolean = true, ["function"] = true }

local function alternative(check)
  return function(c, path, value)
    if not no_tables[type(value)] then
      return shape.expected(c, path, "a text", value)
    end
    local whole = type(value) ~= "string" or check_names(c, path, value)
    if type(value) == "string" then
      slips.check_text(c, path, value)
    end
    if check and whole and type(value) ~= "function" then
      check(c, path, tostring(value))
    end
  end
end

-- A text, or a list: the first whose names are all known.
local function text_with(check)
  return shape.some("a list of texts", alternative(check))
end

--- A text where any character may stand.
text.any = text_with()

--- A text that goes into a header.
text.header = text_with(function(c, path, value)
  if words.splits_header(value) then
    c.fault(path, "holds a control character (a line break would start another header)")
  end
end)

--- Where a clock stands, as "-03:00" says it; with names in it, who knows.
text.zone = text_with(function(c, path, value)
  if not value:find("${", 1, true) and not core.is("zone", value) then
    c.fault(path, ("%s is no zone, like '-03:00'"):format(words.quote(value)))
  end
end)

--- The name of a header (RFC 9110, 5.6.2).
function text.header_name(c, path, name)
  if not name:find("^[%w!#$%%&'*+.^_`|~-]+$") then
    c.fault(path, "not the name of a header")
  end
end

-- Names stand for something: what they give is looked at when it is known.
local function has_dots(rest)
  local path = rest:match("^[^/?]*([^?]*)"):gsub("%${[^}]*}", "x"):gsub("%%2[eE]", ".")
  return (path .. "/"):find("/%.%.?/") ~= nil
end

-- Whether plain http will do is not known here: the option allow_http is the login's.
local function check_literal_url(c, path, rest)
  if rest:find("^[/?:]") or rest == "" then
    c.fault(path, "names no host")
  elseif has_dots(rest) then
    c.fault(path, "has '.' or '..' as a path segment")
  elseif rest:match("^[^/?]*"):find("@", 1, true) then
    c.fault(path, "holds a user; give the credentials as 'basic'")
  end
end

-- An input that opens a URL goes in as it is only when it was checked as a URL; any other kind
-- is percent-encoded, and no URL comes of it.
local function check_opening(c, path, name)
  local inputs = type(c.def.inputs) == "table" and c.def.inputs or {}
  local input = inputs[name]
  if type(input) == "table" and input.kind ~= "url" and not input.enum then
    c.fault(path, ("opens with %s, so that input must be of kind 'url'")
      :format(words.quote("${" .. name .. "}")))
  end
end

--- A URL that is asked, whatever stands in it for names. Reports what its literal part says.
function text.absolute_url(c, path, value)
  local scheme, rest = value:match("^([A-Za-z]+)://(.*)$")
  scheme = scheme and scheme:lower()
  local opening = value:match("^%${([^}]*)}")
  if value:gsub("%${[^}]*}", ""):find("[%c%s\128-\255#\\]") then
    c.fault(path, "holds a character that no URL to ask may hold")
  elseif opening then
    check_opening(c, path, opening)
  elseif scheme == "https" or scheme == "http" then
    check_literal_url(c, path, rest)
    slips.check_host(c, path, value)
  else
    c.fault(path, "a URL opens with https:// or with a name")
  end
end

--- A text that makes an absolute URL.
text.url = text_with(text.absolute_url)

local json_leaf = alternative()

--- What `json` holds: texts, lists (arrays) and tables of them.
function text.json(c, path, value)
  if type(value) ~= "table" then
    return json_leaf(c, path, value)
  end
  local is_list = value[1] ~= nil
  for _, key in ipairs(words.sorted(value)) do
    local at = words.path(path, key)
    if is_list and type(key) ~= "number" then
      c.fault(at, "a name in a list")
    else
      shape.visit(c, at, value[key], text.json)
    end
  end
end

return text
