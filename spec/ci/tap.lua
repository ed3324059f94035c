-- An output handler for busted: TAP, one flushed line at a time, so that a crash shows where.
-- (busted's own says nothing before the first test ends and breaks on a spec that cannot be read.)
local base = require "busted.outputHandlers.base"
local pretty = require "pl.pretty"

local function say(...)
  io.stdout:write(table.concat({ ... }), "\n")
  io.stdout:flush()
end

local function text(message)
  if message == nil then
    return "no message"
  end
  return type(message) == "string" and message or pretty.write(message)
end

local function comment(message)
  for line in (text(message) .. "\n"):gmatch("(.-)\n") do
    say("# ", line)
  end
end

return function()
  local busted = require "busted"
  local handler = base()
  local count = 0

  local function result(verdict, name)
    count = count + 1
    say(verdict, " ", tostring(count), " - ", (name:gsub("\n", " ")))
  end

  local function failed(fault)
    local trace = fault.trace or {}
    result("not ok", fault.name or "?")
    if trace.short_src and trace.currentline then
      say("# ", trace.short_src, ":", tostring(trace.currentline))
    end
    comment(fault.message)
  end

  local ended = {}

  function ended.success(name)
    result("ok", name)
  end

  function ended.pending(name)
    result("ok", name .. " # SKIP")
  end

  function ended.failure()
    failed(handler.failures[#handler.failures])
  end

  function ended.error()
    failed(handler.errors[#handler.errors])
  end

  busted.subscribe({ "suite", "reset" }, function()
    count = 0
    return nil, true
  end)
  busted.subscribe({ "test", "start" }, function(element)
    say("# run ", handler.getFullName(element))
    return nil, true
  end)
  busted.subscribe({ "test", "end" }, function(element, _, status)
    ended[status](handler.getFullName(element))
    return nil, true
  end)
  busted.subscribe({ "error" }, function(element) -- outside of a test
    if element.descriptor ~= "it" then
      failed(handler.errors[#handler.errors])
    end
    return nil, true
  end)
  busted.subscribe({ "suite", "end" }, function()
    say("1..", tostring(count))
    return nil, true
  end)
  return handler
end
