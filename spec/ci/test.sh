#!/bin/bash
# `make test`: everything, on everything. One line a step; the log of a step that failed is shown,
# all of them stay in build/log. The last line is "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1
export LC_ALL=C.UTF-8
export ASAN_OPTIONS=detect_leaks=1:exitcode=99:allocator_may_return_null=1 # for the unit tests
unset MAKEFLAGS MFLAGS MAKEOVERRIDES LUA CC CFLAGS SANITIZE

declare -A pids=() began=()
passed=0
failed=0
logs=build/log
deadline=$((SECONDS + ${TEST_SECONDS:-900})) # no step starts or runs on after this
jobs=$(nproc 2>/dev/null || echo 2)

finish() {
  trap - EXIT
  kill "${pids[@]}" 2>/dev/null # those that are still under way, when this was interrupted
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
  exit $?
}
trap 'failed=$((failed + 1)); finish' EXIT INT TERM # reached only when this script breaks

# What a log says, as "PASSED FAILED": count_KIND LOG STATUS
count_check() {
  [ "$2" = 0 ] && echo 1 0 || echo 0 1
}

# A runner that stops before its plan, finds a leak at the end, or runs nothing is one failure more.
count_tap() {
  local ok not_ok skipped plan
  ok=$(grep -c '^ok ' "$1")
  not_ok=$(grep -c '^not ok ' "$1")
  skipped=$(grep -c '^ok .* # SKIP$' "$1")
  plan=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$1" | tail -n 1)
  if [ "${plan:-0}" = 0 ] || [ "$plan" != $((ok + not_ok)) ] || [ "$2" -gt 1 ] ||
    { [ "$2" != 0 ] && [ "$not_ok" = 0 ]; }; then
    not_ok=$((not_ok + 1))
  fi
  echo "$((ok - skipped)) $not_ok"
}

# A C unit test closes with "N passed, N failed".
count_unit() {
  local counts
  counts=$(sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$1")
  case "$counts:$2" in
    "":*) echo 0 1 ;;
    *" 0":0) echo "$counts" ;;
    *" 0":*) echo "${counts% *} 1" ;;
    *) echo "$counts" ;;
  esac
}

# The lines of a log that tell what went wrong; of "# run TEST", the one where a crash ended it.
show() { # KIND LOG
  if [ "$1" = tap ]; then
    awk '/^# run / { run = $0; next } /^(not ok|1[.][.])/ { run = "" } /^ok / { run = ""; next }
         { if (run != "") print run; run = ""; print } END { if (run != "") print run }' "$2" |
      head -n 300
  else
    tail -n 150 "$2"
  fi | sed 's/^/    /'
}

log_of() { # TITLE
  echo "$logs/${1//[^A-Za-z0-9.-]/_}.log"
}

start() { # SECONDS TITLE COMMAND…: in the background, until `report`
  local limit=$1 title=$2 log left
  shift 2
  log=$(log_of "$title")
  left=$((deadline - SECONDS))
  [ "$limit" -gt "$left" ] && limit=$left
  began[$title]=$SECONDS
  (
    [ "$limit" -gt 0 ] || { echo "no time left" >"$log"; exit 124; }
    timeout -k 5 "$limit" "$@" >"$log" 2>&1 </dev/null
    status=$?
    [ "$status" = 124 ] && echo "stopped after $limit s" >>"$log"
    exit "$status"
  ) &
  pids[$title]=$!
}

report() { # KIND TITLE
  local kind=$1 title=$2 log status good bad
  log=$(log_of "$title")
  wait "${pids[$title]}"
  status=$?
  read -r good bad < <("count_$kind" "$log" "$status")
  passed=$((passed + good))
  failed=$((failed + bad))
  if [ "$bad" = 0 ]; then
    printf 'ok    %-38s %4d passed %4d s\n' "$title" "$good" $((SECONDS - began[$title]))
  else
    printf 'FAIL  %-38s %4d passed, %d failed (%s)\n' "$title" "$good" "$bad" "$log"
    show "$kind" "$log"
  fi
  [ "$bad" = 0 ]
}

step() { # KIND SECONDS TITLE COMMAND…
  local kind=$1
  shift
  start "$@"
  report "$kind" "$2"
}

check() {
  step check "$@"
}

units() { # LUA MAKE-ARGUMENT: the C unit tests, as built for LUA
  local build=build/$1${2:+-asan} unit
  compgen -G 'spec/unit/*.c' >/dev/null || return 0
  check 120 "unit tests built${2:+, sanitized}" make -j"$jobs" unit-build LUA="$1" WERROR=1 $2 ||
    return 0
  for unit in spec/unit/*.c; do
    unit=$(basename "$unit" .c)
    step unit 60 "unit $unit${2:+, sanitized}" "$build/unit/$unit"
  done
}

start_specs() { # MODE LUA SECONDS
  start "$3" "specs, $1, $2" bash spec/ci/suite.sh "$1" "$2" -o spec/ci/tap.lua
}

# Side by side: most of the time they wait.
specs() { # SECONDS "MODE LUA"…
  local seconds=$1 each
  shift
  for each; do start_specs "${each% *}" "${each#* }" "$seconds"; done
  for each; do report tap "specs, ${each% *}, ${each#* }"; done
}

if ! sh spec/ci/setup.sh test; then
  failed=1
  finish
fi
mkdir -p "$logs"

for lua in lua5.4 luajit lua5.1 lua5.2 lua5.3; do
  check 120 "build, $lua" make -j"$jobs" all LUA="$lua" WERROR=1
done
for lint in lua format analyze floors rockspec shell; do
  check 180 "lint, $lint" make -j"$jobs" "lint-$lint"
done
check 60 "docs" make docs
check 20 "symbols" bash spec/ci/symbols.sh build/{lua5.?,luajit}/bearer/core.so

start_specs valgrind lua5.4 1200 # slow: the rest goes on meanwhile
units lua5.4 ""
check 60 "fuzz targets, replayed" make -j"$jobs" fuzz-replay WERROR=1
specs 400 "plain lua5.4" "plain luajit"
for lua in lua5.2 lua5.3; do
  check 20 "require, $lua" bash spec/ci/suite.sh run "$lua" -e 'require "bearer"'
done
for lua in lua5.4 luajit; do
  check 120 "build, sanitized, $lua" make -j"$jobs" all LUA="$lua" WERROR=1 SANITIZE=1
done
specs 400 "plain lua5.1" "asan lua5.4" "asan luajit"
units lua5.4 SANITIZE=1
check 90 "threads, under ThreadSanitizer" make threads
for lua in lua5.4 luajit; do
  check 120 "rock, $lua" bash spec/ci/rock.sh "$lua"
done
check 120 "demo" make demo
report tap "specs, valgrind, lua5.4"
finish
