#!/bin/bash
# Run the specs, or one script, on the module in build/:
#   suite.sh plain|asan|valgrind LUA [busted's arguments]
#   suite.sh run LUA SCRIPT [its arguments]
set -eu
cd "$(dirname "$0")/../.."
mode=$1 lua=$2
shift 2

build=build/$lua
[ "$mode" = asan ] && build=build/$lua-asan
build=${SUITE_BUILD:-$build}
unset LUA_INIT LUA_INIT_5_2 LUA_INIT_5_3 LUA_INIT_5_4 LUA_PATH_5_2 LUA_PATH_5_3 LUA_PATH_5_4 \
  LUA_CPATH_5_2 LUA_CPATH_5_3 LUA_CPATH_5_4
# All servers are on 127.0.0.1; a spec of proxies sets its own.
unset http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY
export LUA_PATH="$PWD/lua/?.lua;$PWD/lua/?/init.lua;./?.lua;./?/init.lua;;"
export LUA_CPATH="$PWD/$build/?.so;;"

# A stand-in for the interpreter, first on PATH, that loads the sanitizers before it. They go no
# further (unpreload.c), so that nginx and shells run as they are, and a Lua started by a spec by
# its plain name comes through here again. There, on LuaJIT, nobody looks for leaks: LSan does not see
# what LuaJIT's own memory refers to, and takes all of it for lost when os.exit leaves the state open.
interpreter() {
  local bin=$PWD/$build/bin real
  mkdir -p "$bin"
  real=$(command -v "$lua")
  gcc -shared -fPIC -o "$bin/unpreload.so" spec/ci/unpreload.c
  cat >"$bin/$lua" <<END
#!/bin/bash
[ "\$SUITE_CHILD" != luajit ] || ASAN_OPTIONS=\$ASAN_OPTIONS:detect_leaks=0
export SUITE_CHILD=$lua
export LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so) \
$bin/unpreload.so"
exec -a "$lua" "$real" "\$@"
END
  chmod +x "$bin/$lua"
  PATH=$bin:$PATH
}

case $mode in
  run)
    exec "$lua" "$@" ;;
  plain)
    exec "$lua" "$(command -v busted)" "$@" ;;
  asan)
    interpreter
    export ASAN_OPTIONS=detect_leaks=1:exitcode=99:allocator_may_return_null=1
    export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:exitcode=99
    export LSAN_OPTIONS=suppressions=$PWD/spec/ci/lsan.supp:print_suppressions=0
    # A collector that never rests finds the objects that nobody anchored.
    exec "$lua" -e 'collectgarbage("setpause", 0)' "$(command -v busted)" "$@" ;;
  valgrind)
    exec valgrind -q --leak-check=full --show-leak-kinds=definite,indirect \
      --errors-for-leak-kinds=definite,indirect --error-exitcode=99 --num-callers=30 \
      --child-silent-after-fork=yes --suppressions=spec/ci/valgrind.supp \
      "$lua" "$(command -v busted)" "$@" ;;
  *)
    echo "suite.sh plain|asan|valgrind|run LUA …" >&2
    exit 2 ;;
esac
