-- The lint that holds the house to its map, csrc/README.md: it passes as things are, and tells of
-- each way to break the map.
local helper = require "spec.support.helper"

local quote = helper.quote
local has_lua54 = select(2, helper.run "command -v lua5.4") == 0

local function lint(folder)
  return helper.run(("lua5.4 spec/ci/floors.lua %s"):format(quote(folder)))
end

;(has_lua54 and describe or pending)("spec/ci/floors.lua", function()
  local folder

  before_each(function()
    folder = helper.folder()
    helper.must(("cp -r csrc lua %s"):format(quote(folder)))
  end)

  after_each(function()
    helper.must("rm -rf " .. quote(folder))
  end)

  local function read(path)
    local file = assert(io.open(folder .. "/" .. path))
    local text = file:read "*a"
    file:close()
    return text
  end

  local function write(path, text)
    local file = assert(io.open(folder .. "/" .. path, "w"))
    file:write(text)
    file:close()
  end

  local function prepend(path, line)
    write(path, line .. "\n" .. read(path))
  end

  local function says(...)
    local text, status = lint(folder)
    assert.equal(1, status, text)
    for _, expected in ipairs { ... } do
      assert.truthy(text:find(expected, 1, true), text)
    end
  end

  it("has nothing to say of this tree", function()
    assert.same({ "", 0 }, { lint(folder) })
  end)

  it("tells of a floor that calls up", function()
    prepend("csrc/base/date.c", '#include "http/url.h"')
    prepend("csrc/http/url.h", '#include "lua/state.h"')
    says('csrc/base/date.c: base may not include http ("http/url.h")',
      'csrc/http/url.h: http may not include lua ("lua/state.h")')
  end)

  it("tells of another library's headers", function()
    prepend("csrc/base/date.c", "#include <curl/curl.h>")
    prepend("csrc/http/url.c", "#  include <lua.h>")
    prepend("csrc/base/clock.h", "#include <lauxlib.h> /* why? */")
    prepend("csrc/lua/read.c", "#include <lua.h>")
    says("csrc/base/date.c: base may not include <curl/curl.h>",
      "csrc/http/url.c: http may not include <lua.h>",
      "csrc/base/clock.h: base may not include <lauxlib.h>",
      "csrc/lua/read.c: <lua.h> is included by lua/compat.h alone")
  end)

  it("reads what may be from the map", function()
    prepend("csrc/base/date.c", "#include <curl/curl.h>")
    write("csrc/README.md", (read("csrc/README.md"):gsub("| `base` | `base` | `openssl/` |",
      "| `base` | `base` | `openssl/`, `curl/` |")))
    assert.same({ "", 0 }, { lint(folder) })
  end)

  it("tells of circles of modules", function()
    prepend("csrc/base/secret.c", '#include "base/vars.h"')
    says "a circle: base/"
  end)

  it("does not mind what stands in a comment", function()
    prepend("csrc/base/date.c", '/* #include "lua/state.h"\n#include <lua.h>\n*/')
    prepend("lua/bearer/providers/oauth2.lua", '-- require "socket"')
    assert.same({ "", 0 }, { lint(folder) })
  end)

  it("tells of files that are not in the map, or not in the tree", function()
    write("csrc/base/more.c", "")
    helper.must(("rm %s/csrc/base/nearest.h"):format(quote(folder)))
    helper.must(("mkdir %s/csrc/attic && touch %s/csrc/attic/x.c"):format(quote(folder),
      quote(folder)))
    says("csrc/base/more.c: is not in csrc/README.md", "csrc/base/nearest.h is not there",
      "csrc/attic/x.c: is on no floor of the map")
  end)

  it("tells of an include that cannot be read, or leads nowhere", function()
    prepend("csrc/base/date.c", "#include HEADER")
    prepend("csrc/base/file.c", '#include "secret.h"')
    says("csrc/base/date.c: an include that cannot be read",
      'csrc/base/file.c: includes "secret.h", which is no file of the map')
  end)

  it("tells of a module that requires what it may not", function()
    prepend("lua/bearer/providers/oauth2.lua", 'local x = require("bearer.core")')
    prepend("lua/bearer/definition/words.lua", "local x = require 'bearer.loop'")
    prepend("lua/bearer/drivers/manual.lua", 'local x = pcall(require, "luv")')
    prepend("lua/bearer/loop.lua", 'local x = require "bearer"')
    write("lua/bearer/more.lua", 'return require "bearer.core"')
    says("lua/bearer/providers/oauth2.lua: bearer.providers.oauth2 may not require bearer.core",
      "lua/bearer/definition/words.lua: bearer.definition.words may not require bearer.loop",
      "lua/bearer/drivers/manual.lua: bearer.drivers.manual may not require luv",
      "lua/bearer/loop.lua: bearer.loop may not require bearer",
      "lua/bearer/more.lua: bearer.more may not require bearer.core",
      "a circle: bearer, ")
  end)

  it("tells of a require that cannot be read", function()
    prepend("lua/bearer/definition/words.lua", "local x = require(name)")
    prepend("lua/bearer/loop.lua", "local x = pcall(require, name)")
    says("lua/bearer/definition/words.lua: a require that cannot be read: require(name)",
      "lua/bearer/loop.lua: a require that cannot be read")
  end)

  it("tells of a map without tables", function()
    write("csrc/README.md", "# The map of the house\n")
    says 'csrc/README.md: no table below "Floors"'
  end)
end)
