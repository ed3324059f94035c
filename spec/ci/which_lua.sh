#!/bin/sh
# What the Makefile has to know of a Lua: which_lua.sh LUA [PREFIX]
# Prints "NAME VERSION PACKAGE LUADIR LIBDIR": lua5.4 or luajit, whatever it is called here; pkg-config's
# name of it, or "-" when that knows none; and the folders below PREFIX, without one any, where this
# Lua itself looks for modules.
set -eu
lua=$1 prefix=${2:-}
unset LUA_INIT LUA_INIT_5_2 LUA_INIT_5_3 LUA_INIT_5_4 LUA_PATH LUA_PATH_5_2 LUA_PATH_5_3 LUA_PATH_5_4 \
  LUA_CPATH LUA_CPATH_5_2 LUA_CPATH_5_3 LUA_CPATH_5_4

# Fedora's Lua looks for C modules in lib64, and not below /usr/local.
ask='
local version = _VERSION:match "%d+%.%d+"
local function folder(path, kind, ending)
  local wanted = "^(/.*/lua/" .. version:gsub("%.", "%%.") .. ")/%?%." .. ending .. "$"
  for entry in path:gmatch "[^;]+" do
    local found = entry:match(wanted)
    if found and found:sub(1, #PREFIX + 1) == PREFIX .. "/" then
      return found
    end
  end
  return (PREFIX == "" and "/usr/local" or PREFIX) .. "/" .. kind .. "/lua/" .. version
end
print((rawget(_G, "jit") and "luajit" or "lua" .. version) .. " " .. version
  .. " " .. folder(package.path, "share", "lua") .. " " .. folder(package.cpath, "lib", "so"))'

guess() { # NAME VERSION, of one that is built for without being here
  echo "$1 $2 ${prefix:-/usr/local}/share/lua/$2 ${prefix:-/usr/local}/lib/lua/$2"
}

if command -v "$lua" >/dev/null; then
  facts=$("$lua" -e "PREFIX = [==[${prefix%/}]==] $ask" 2>/dev/null) || facts=
else
  case $lua in
    lua5.[1-4]) facts=$(guess "$lua" "${lua#lua}") ;;
    luajit) facts=$(guess luajit 5.1) ;;
    *) facts= ;;
  esac
fi
case $facts in
  luajit\ 5.*\ /*\ /* | lua5.*\ 5.*\ /*\ /*) ;;
  *)
    echo "LUA=$lua: there is no such Lua. It is the name or path of an interpreter: lua, lua5.4, luajit …" >&2
    exit 1 ;;
esac

read -r name version luadir libdir <<END
$facts
END
package=-
case $name in
  luajit) candidates="${lua##*/} luajit" wanted=2. ;;
  *) candidates="${lua##*/} lua-$version lua$version lua${version%.*}${version#*.} lua" wanted=$version ;;
esac
for candidate in $candidates; do
  case $(${PKG_CONFIG:-pkg-config} --modversion "$candidate" 2>/dev/null || true) in
    "$wanted"*) package=$candidate; break ;;
  esac
done
echo "$name $version $package $luadir $libdir"
