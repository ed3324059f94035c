--- What several benchmarks need: the middle of some figures, and fresh processes of themselves.
local helper = require "spec.support.helper"

local bench = {}

--- The Lua that runs this, for a title.
bench.host = jit and jit.version or _VERSION

--- The one in the middle, and the largest.
function bench.median(list)
  local sorted = {}
  for i, figure in ipairs(list) do
    sorted[i] = figure
  end
  table.sort(sorted)
  return sorted[math.ceil(#sorted / 2)], sorted[#sorted]
end

--- The command that runs this very script once more, with arguments.
function bench.command(...)
  return helper.command { helper.interpreter, arg[0], ... }
end

--- Run it.
-- @treturn {number,…} the numbers on its last line
function bench.child(...)
  local text, figures = helper.must(bench.command(...)), {}
  for word in text:match("([^\n]*)\n*$"):gmatch "%S+" do
    figures[#figures + 1] = assert(tonumber(word), text)
  end
  return figures
end

return bench
