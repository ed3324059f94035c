--- The words of the definition language: what the code keeps to itself, and documents tell.
local language = require "bearer.definition.language"

local words = {}

--- A local of the function, by its name.
local function upvalue(f, wanted)
  local i = 1
  repeat
    local name, value = debug.getupvalue(f, i)
    if name == wanted then
      return value
    end
    i = i + 1
  until not name
  error("no local named " .. wanted)
end

--- The words of a record, sorted: those that this version supports, or all.
local function words_of(shape, title, also)
  local found = {}
  for word in pairs(upvalue(shape, "fields")) do
    if not title or language.unsupported[title .. "." .. word] ~= true then
      found[#found + 1] = word
    end
  end
  found[#found + 1] = also
  table.sort(found)
  return found
end

--- The supported words of each record: `{definition = {…}, input = {…}, …}`; of `authorize`, all.
function words.known()
  local top = upvalue(language.definition, "fields")
  return {
    definition = words_of(language.definition, "definition", "extends"), -- resolved before
    input = words_of(upvalue(top.inputs, "item"), "input"),
    request = words_of(upvalue(top.login, "one"), "request"),
    token = words_of(upvalue(top.token, "checker"), "token"),
    error = words_of(top.error, "error"),
    authorize = words_of(upvalue(top.authorize, "checker")),
  }
end

return words
