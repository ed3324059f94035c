-- `make install`, for a Lua of any name, beside another one, and back.
local helper = require "spec.support.helper"

local quote, must = helper.quote, helper.must
local this = helper.interpreter:match "[^/]*$"

if os.getenv "SUITE_CHILD" or os.getenv "LD_PRELOAD" then
  return -- nothing of it is ours to check for leaks
end

describe("make install", function()
  local folder

  before_each(function()
    folder = helper.folder()
  end)

  after_each(function()
    must("rm -rf " .. quote(folder))
  end)

  local function make(arguments)
    return "env -u MAKEFLAGS -u MFLAGS -u MAKEOVERRIDES -u LUA -u PREFIX PATH="
      .. quote(folder) .. ":$PATH make -s --no-print-directory " .. arguments
  end

  -- This Lua under another name, as Fedora, Arch and Homebrew have it.
  local function call_it(name, environment)
    local path = folder .. "/" .. name
    local file = assert(io.open(path, "w"))
    file:write("#!/bin/sh\n", environment or "", " exec ", this, ' "$@"\n')
    file:close()
    must("chmod +x " .. quote(path))
  end

  local function installed()
    return must(("cd %s && find . -name '*.lua' -o -name core.so | sort"):format(quote(folder)))
  end

  -- What a Lua that knows of these folders alone says.
  local function version_by(lua, share, lib)
    return must(("cd / && LUA_PATH='%s/?.lua;%s/?/init.lua;%s' LUA_CPATH='%s/?.so;%s' %s -e %s")
      :format(share, share, package.path:match "/usr/share/lua/[^;]*", lib,
        package.cpath:match "/usr/lib/[^;]*", lua,
        quote "print(require 'bearer'._VERSION)"))
  end

  local version = _VERSION:match "%d%.%d"

  it("LUA=lua asks that Lua for its version, and where it looks", function()
    call_it "lua"
    must(make("install LUA=lua DESTDIR=" .. quote(folder)))
    local root = folder .. "/usr/local"
    assert.matches("^%d", version_by(this, root .. "/share/lua/" .. version,
      root .. "/lib/lua/" .. version))
  end)

  it("goes where that Lua looks for C modules, not where others do", function()
    call_it("lua", ("LUA_PATH='./?.lua;/usr/share/lua/%s/?.lua' LUA_CPATH='/usr/lib64/lua/%s/?.so'")
      :format(version, version))
    must(make("install LUA=lua DESTDIR=" .. quote(folder)))
    local found = installed()
    assert.truthy(found:find(("./usr/lib64/lua/%s/bearer/core.so\n"):format(version), 1, true))
    assert.truthy(found:find(("./usr/share/lua/%s/bearer/init.lua\n"):format(version), 1, true))
    must("rm -rf " .. quote(folder .. "/usr"))
    must(make("install LUA=lua PREFIX=/opt/x DESTDIR=" .. quote(folder)))
    local core = ("./opt/x/lib/lua/%s/bearer/core.so\n"):format(version)
    assert.truthy(installed():find(core, 1, true))
  end)

  it("LUA=nonsense is refused in a sentence", function()
    for _, name in ipairs { "nonsense", "true", "lua9" } do
      local text, status = helper.run(make("install LUA=" .. name))
      assert.equal(2, status)
      assert.truthy(text:find("LUA=" .. name .. ": there is no such Lua", 1, true), text)
    end
  end)

  it("make uninstall takes all of it back, and nothing of others", function()
    local own = folder .. "/usr/local/share/lua/" .. version .. "/bearer/providers/own.lua"
    must(make("install LUA=" .. this .. " DESTDIR=" .. quote(folder)))
    must("touch " .. quote(own))
    must(make("uninstall LUA=" .. this .. " DESTDIR=" .. quote(folder)))
    assert.equal("." .. own:sub(#folder + 1) .. "\n", (installed()))
    must("rm " .. quote(own))
    must(make("install LUA=" .. this .. " DESTDIR=" .. quote(folder)))
    must(make("uninstall LUA=" .. this .. " DESTDIR=" .. quote(folder)))
    assert.equal("", (must(("cd %s && find . -name bearer"):format(quote(folder)))))
  end)

  if version == "5.1" then
    it("for Lua 5.1 and LuaJIT, which look in the same folder, serves both", function()
      local root = folder .. "/usr/local"
      for _, last in ipairs { "lua5.1", "luajit" } do
        must(make("install LUA=" .. last .. " DESTDIR=" .. quote(folder)))
        for _, lua in ipairs { "lua5.1", "luajit" } do
          assert.matches("^%d", version_by(lua, root .. "/share/lua/5.1", root .. "/lib/lua/5.1"))
        end
      end
    end)
  end
end)
