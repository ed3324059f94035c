--- The definition language, as data: which field takes what.
-- @module bearer.definition.language
-- @local
local core = require "bearer.core"
local inputs = require "bearer.definition.inputs"
local names = require "bearer.definition.names"
local paths = require "bearer.definition.paths"
local request = require "bearer.definition.request"
local shape = require "bearer.definition.shape"
local text = require "bearer.definition.text"
local words = require "bearer.definition.words"

local language = {}

--- What is part of the language but not of this version: reported, and not looked at any
-- further. Support is added by deleting the entry; each has its shape in its place already.
language.unsupported = {
  ["definition.sign"] = true,
  ["definition.after"] = true,
  ["request.cert"] = true,
  ["token.make"] = true,
  ["authorize.cookies"] = function(value)
    return value == true
  end,
  ["token.format"] = function(value)
    return value == "text" or value == "cookies"
  end,
}

local boolean = shape.of("boolean", "true or false")

local function sentence(c, path, value)
  if type(value) ~= "string" then
    shape.expected(c, path, "a text", value)
  elseif value == "" or value:find("%c") then
    c.fault(path, "is empty or holds control characters")
  end
end

local function name(c, path, value)
  if type(value) ~= "string" then
    shape.expected(c, path, "a text", value)
  elseif not value:find("^[%w_][%w_.-]*$") then
    c.fault(path, words.quote(value) .. " holds more than letters, digits, '_', '.' and '-'")
  end
end

-- A shape whose texts know what this stage knows.
local function at_stage(stage, checker)
  return function(c, path, value)
    c.stage, c.names = stage, names.known(c.def, stage)
    checker(c, path, value)
  end
end

local function lifetime(c, path, value)
  if type(value) ~= "number" then
    shape.expected(c, path, "a number of seconds", value)
  elseif value <= 0 then
    c.fault(path, "a lifetime is more than 0 seconds")
  end
end

-- In other formats these are no paths, but patterns or names of cookies.
local function found_in_json(checker)
  return function(c, path, value)
    local format = c.def.token.format
    if format == nil or format == "json" then
      checker(c, path, value)
    end
  end
end

local path, path_or_none = found_in_json(paths.some), found_in_json(paths.or_none)

local token = shape.record("token", {
  value = path,
  type = path_or_none,
  scope = path_or_none,
  refresh_token = path_or_none,
  expires_in = path_or_none,
  expires_at = path_or_none,
  issued_at = path_or_none,
  refresh_expires_in = path_or_none,
  unit = shape.choice { s = true, ms = true, min = true, h = true, d = true, clock = true },
  zone = text.zone,
  lifetime = lifetime,
  format = shape.choice { json = true, text = true, cookies = true },
  make = text.any,
  keep = found_in_json(paths.kept),
})

local authorize = shape.record("authorize", {
  headers = request.headers,
  query = request.fields,
  json = shape.map(shape.any_name, text.json),
  cookies = boolean,
})

local codes = shape.list("a list of codes", shape.word)

local errors = shape.record("error", {
  code = paths.or_none, message = paths.or_none,
  denied = codes, throttled = codes, refused = codes,
})

local function host(c, at, value)
  if type(value) ~= "string" then
    shape.expected(c, at, "a host, like files.example.com:8443", value)
  elseif not core.is("host", value) then
    c.fault(at, words.quote(value) .. " is no host, like files.example.com:8443"
      .. (value:find("://", 1, true) and "; leave its https:// out" or ""))
  end
end

local function anything() end

--- The shape of a definition whose `extends` is resolved.
language.definition = shape.record("definition", {
  name = name,
  title = sentence,
  docs = sentence,
  inputs = inputs.map,
  one_of = inputs.groups,
  base_url = at_stage("base_url", text.url),
  hosts = shape.list("a list of hosts", host),
  sign = anything,
  login = request.list "login",
  token = at_stage("login", token),
  refresh = request.list "refresh",
  after = request.list "after",
  logout = request.list "logout",
  authorize = at_stage("authorize", authorize),
  error = errors,
}, { "name", "inputs", "login" })

return language
