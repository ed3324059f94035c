--- The options of a login: their types, their defaults.
-- @module bearer.options
local core = require "bearer.core"
local words = require "bearer.definition.words"

local options = {}

local function seconds(value)
  return type(value) == "number" and value > 0 and value < math.huge, "a number of seconds above 0"
end

local function of_type(name)
  return function(value)
    return type(value) == name, "a " .. name
  end
end

local function text(value)
  return type(value) == "string" and value ~= "" and not value:find("%z"), "a text"
end

local function secret(value)
  return text(value) or core.type(value) == "bearer.reference", "a text or a secret reference"
end

local function count(least)
  return function(value)
    return type(value) == "number" and value >= least and value <= 2 ^ 31 and value % 1 == 0,
      "a whole number of at least " .. least
  end
end

local function header_text(value)
  return text(value) and not value:find("%c"), "a text on one line"
end

local known = {
  timeout = seconds,
  connect_timeout = seconds,
  retries = count(0),
  ca_file = text,
  ca_pem = secret,
  cert = secret,
  key = secret,
  proxy = text,
  user_agent = header_text,
  max_response = count(1),
  allow_http = of_type "boolean",
  leeway = function(value)
    return type(value) == "number" and value >= 0 and value < math.huge, "a number of seconds"
  end,
  refused = of_type "function",
  on_event = of_type "function",
  transport = of_type "function",
}

local defaults = {
  timeout = 30,
  connect_timeout = 5,
  retries = 2,
  max_response = 1024 * 1024,
  allow_http = false,
}

--- Check what the caller gave and fill in the rest.
-- @tparam ?table given
-- @tparam string version for the user agent
-- @treturn table a private copy
-- @raise on an unknown name or a wrong type
function options.check(given, version)
  if given ~= nil and type(given) ~= "table" then
    error("options: a table expected, got " .. type(given), 0)
  end
  local checked = { user_agent = "bearer/" .. version }
  for name, value in pairs(defaults) do
    checked[name] = value
  end
  for name, value in pairs(given or {}) do
    local check = known[name]
    if not check then
      error(("options: unknown option %s%s"):format(words.quote(name),
        words.suggester()(name, known)), 0)
    end
    local ok, expected = check(value)
    if not ok then
      error(("options.%s: %s expected"):format(name, expected), 0)
    end
    checked[name] = value
  end
  return checked
end

return options
