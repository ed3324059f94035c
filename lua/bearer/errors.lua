--- Errors: the world's refusals. A `bearer.error` reads as a sentence for people; its fields
-- are for programs. No field ever holds a secret, a token or a request.
-- @module bearer.error
local core = require "bearer.core"

local errors = {}

local TYPE = "bearer.error"
local mt = core.metatable(TYPE)

local function fields_of(err)
  return core.fields(err, TYPE)
end

local function sentence(f)
  local status = f.status and f.code ~= "http_" .. f.status and ", HTTP " .. f.status or ""
  return ("%s: %s failed: %s (%s%s)"):format(f.provider or "bearer", f.step or "call",
    f.description or f.code, f.code, status)
end

--- The fields.
-- @table bearer.error
-- @tfield string message the sentence, as `tostring` gives it
-- @tfield string code stable: `invalid_grant`, `timeout`, `tls`, `http_503`, `bad_answer`, …
-- @tfield string class `terminal`, `throttled`, `transient` or `closed`
-- @tfield ?integer status of the HTTP answer
-- @tfield string provider its name
-- @tfield string step `login`, `refresh`, `request` or `logout`
-- @tfield ?string description a sentence, the provider's own where it gave one
-- @tfield ?number retry_after seconds until another attempt is made
-- @tfield ?table details the provider's own error fields, by their own names
mt.__index = function(err, key)
  local f = fields_of(err)
  if key == "message" then
    return sentence(f)
  end
  return f[key]
end

mt.__tostring = function(err)
  return sentence(fields_of(err))
end

mt.__concat = function(a, b)
  return tostring(a) .. tostring(b)
end

--- Make an error.
-- @tparam table fields as above
-- @treturn bearer.error
function errors.new(fields)
  return core.object(TYPE, fields)
end

--- What a method returns when the world refused.
-- @tparam bearer.error err
-- @treturn nil
-- @treturn string a sentence for people, so that `assert` and logs just work
-- @treturn bearer.error
function errors.refuse(err)
  return nil, tostring(err), err
end

local function deep_copy(value)
  if type(value) ~= "table" then
    return value
  end
  local copy = {}
  for key, item in pairs(value) do
    copy[key] = deep_copy(item)
  end
  return copy
end

--- The same error with other fields set, for a caller who gets it later. What that caller does to
-- its details is not seen by others.
-- @tparam bearer.error err
-- @tparam table changes
-- @treturn bearer.error
function errors.with(err, changes)
  local copy = deep_copy(fields_of(err))
  for key, value in pairs(changes) do
    copy[key] = value
  end
  return errors.new(copy)
end

local longest = 300

--- A stranger's text made fit to be shown: secrets masked, one line, not too long.
-- @tparam string text
-- @tparam ?bearer.scope scope whose secrets to mask
-- @treturn string
function errors.clean(text, scope)
  if scope then
    text = scope:redact(text, 4 * longest) -- no more of it than can be shown
  end
  text = text:gsub("[%s%c\127]+", " "):gsub("^ ", ""):gsub(" $", "") -- in linear time
  if #text > longest then
    text = text:sub(1, longest):gsub("[\192-\255][\128-\191]*$", "") .. "…"
  end
  return text
end

return errors
