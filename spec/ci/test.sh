#!/bin/bash
# `make test`: everything, on everything. One line a step; the log of a step that failed is shown,
# all of them stay in build/log. The last line is "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1
export LC_ALL=C.UTF-8
export ASAN_OPTIONS=detect_leaks=1:exitcode=99:allocator_may_return_null=1 # for the unit tests
unset MAKEFLAGS MFLAGS MAKEOVERRIDES LUA CC CFLAGS SANITIZE PREFIX DESTDIR LUA_INCDIR
. spec/ci/steps.sh
jobs=$(nproc 2>/dev/null || echo 2)

units() { # LUA MAKE-ARGUMENT: the C unit tests, as built for LUA
  local build=build/$1${2:+-asan} unit
  compgen -G 'spec/unit/*.c' >/dev/null || return 0
  check "unit tests built${2:+, sanitized}" make -j"$jobs" unit-build LUA="$1" WERROR=1 $2 ||
    return 0
  for unit in spec/unit/*.c; do
    unit=$(basename "$unit" .c)
    step unit "unit $unit${2:+, sanitized}" "$build/unit/$unit"
  done
}

specs_title() { # MODE LUA [HALF]
  echo "specs, $1, $2${3:+, $3}"
}

# The even or the odd ones of the spec files: valgrind is slow, and there is more than one core.
half() { # even|odd
  find spec -name '*_spec.lua' | sort | awk -v half="$1" 'NR % 2 == (half == "odd")'
}

start_specs() { # "MODE LUA [HALF]"…: side by side, since most of the time they wait
  local each mode lua part
  for each; do
    read -r mode lua part <<<"$each"
    start "$(specs_title $each)" bash spec/ci/suite.sh "$mode" "$lua" -o spec/ci/tap.lua \
      ${part:+$(half "$part")}
  done
}

report_specs() {
  local each
  for each; do report tap "$(specs_title $each)"; done
}

if ! sh spec/ci/setup.sh test; then
  failed=1
  finish
fi
mkdir -p "$logs"
# Only apt asks for the world; a proxy to it is not one to 127.0.0.1.
unset http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY

check "build, lua5.4" make -j"$jobs" all LUA=lua5.4 WERROR=1
slow=("valgrind lua5.4 odd" "valgrind lua5.4 even")
start_specs "${slow[@]}" # the rest goes on meanwhile
for lua in luajit lua5.1 lua5.2 lua5.3; do
  check "build, $lua" make -j"$jobs" all LUA="$lua" WERROR=1
done
check "build, older libcurls" make -j"$jobs" older-curls WERROR=1
plain=("plain lua5.4" "plain luajit" "plain lua5.1")
start_specs "${plain[@]}"
for lua in lua5.4 luajit; do
  check "build, sanitized, $lua" make -j"$jobs" all LUA="$lua" WERROR=1 SANITIZE=1
done
for lint in lua format analyze floors rockspec shell; do
  check "lint, $lint" make -j"$jobs" "lint-$lint"
done
check "docs" make docs
check "symbols" bash spec/ci/symbols.sh build/{lua5.?,luajit}/bearer/core.so
check "build, musl" make musl
if command -v clang >/dev/null; then
  check "build, clang" make -j"$jobs" clang WERROR=1
else
  echo "skip  build, clang: there is none"
fi
for lua in lua5.2 lua5.3; do
  check "require, $lua" bash spec/ci/suite.sh run "$lua" -e 'require "bearer"'
done
units lua5.4 ""
check "fuzz targets, replayed" make -j"$jobs" fuzz-replay WERROR=1

sanitized=("asan lua5.4" "asan luajit")
start_specs "${sanitized[@]}"
report_specs "${plain[@]}"
units lua5.4 SANITIZE=1
step tap "specs, older libcurl" env SUITE_BUILD=build/curl-0x074a00 bash spec/ci/suite.sh plain \
  lua5.4 -o spec/ci/tap.lua spec/http/proxy_spec.lua spec/transport_spec.lua spec/transfer_spec.lua
check "threads, under ThreadSanitizer" make threads
for lua in lua5.4 luajit; do
  check "rock, $lua" bash spec/ci/rock.sh "$lua"
done
check "demo" make demo
report_specs "${sanitized[@]}" "${slow[@]}"
finish
