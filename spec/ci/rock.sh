#!/bin/bash
# Build the rock into a fresh tree, as a user would, then use it from there: rock.sh LUA
# Nothing is fetched: lua-cjson is Debian's, and LuaRocks is told so.
set -eu
cd "$(dirname "$0")/../.."
lua=$1
case $lua in
  luajit) version=5.1 ;;
  *) version=${lua#lua} ;;
esac
tree=$PWD/build/rock-$lua
rm -rf "$tree"
mkdir -p "$tree/source"

# A copy of the sources: LuaRocks leaves its objects beside them.
cp -R csrc lua rockspec README.md LICENSE "$tree/source" 2>/dev/null || true
cat >"$tree/config.lua" <<END
rocks_provided = { ["lua-cjson"] = "2.1.0-1" }
END

include=$(pkg-config --cflags-only-I "$lua" | sed "s,^-I,,; s, .*,,")
(
  cd "$tree/source"
  LUAROCKS_CONFIG=$tree/config.lua luarocks --lua-version="$version" --tree="$tree" \
    make rockspec/bearer-scm-1.rockspec LUA_INCDIR="$include"
)
rm -rf "$tree/source"
bash spec/ci/symbols.sh "$tree/lib/lua/$version/bearer/core.so"

unset LUA_PATH_5_2 LUA_PATH_5_3 LUA_PATH_5_4 LUA_CPATH_5_2 LUA_CPATH_5_3 LUA_CPATH_5_4
export LUA_PATH="$tree/share/lua/$version/?.lua;$tree/share/lua/$version/?/init.lua;;"
export LUA_CPATH="$tree/lib/lua/$version/?.so;;"
exec "$lua" spec/ci/rock.lua "$tree"
