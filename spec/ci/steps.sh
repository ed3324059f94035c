#!/bin/bash
# Steps, their logs and their counts: for test.sh to source. No step has a time that a slow or busy
# machine could miss. What stops one is silence, which is a hang: nothing new in its log for
# HANG_SECONDS; or the end of TEST_SECONDS for the whole run, before whoever started it loses patience.
declare -A pids=() began=()
passed=0
failed=0
logs=${logs:-build/log}
hang_seconds=${HANG_SECONDS:-900}
test_seconds=${TEST_SECONDS:-4500}
deadline=$((SECONDS + test_seconds))

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

# The lines of a log that tell what went wrong; of "# run TEST", the one where a crash or a hang
# ended it.
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

# Ends a command that says nothing any more.
watch() { # PID LOG
  local quiet
  while sleep 1; do
    quiet=$(($(date +%s) - $(stat -c %Y "$2")))
    if [ "$quiet" -gt "$hang_seconds" ]; then
      echo "hung: nothing was heard of it for $quiet s" >>"$2"
      kill "$1" # timeout, which ends all that it has started
      return
    fi
  done
}

run() { # LOG COMMAND…
  local log=$1 left=$((deadline - SECONDS)) command watcher status
  shift
  [ "$left" -gt 0 ] || { echo "no time left: all $test_seconds s are over" >"$log"; return 124; }
  timeout -k 10 "$left" "$@" >"$log" 2>&1 </dev/null &
  command=$!
  watch "$command" "$log" >/dev/null 2>&1 &
  watcher=$!
  trap 'kill "$command" "$watcher"; exit 143' TERM
  wait "$command"
  status=$?
  kill "$watcher" 2>/dev/null
  [ "$status" != 124 ] || echo "stopped here: all $test_seconds s are over" >>"$log"
  return "$status"
}

start() { # TITLE COMMAND…: in the background, until `report`
  local title=$1
  shift
  began[$title]=$SECONDS
  (trap - EXIT INT TERM; run "$(log_of "$title")" "$@") &
  pids[$title]=$!
}

report() { # KIND TITLE
  local kind=$1 title=$2 log status good bad
  log=$(log_of "$title")
  wait "${pids[$title]}"
  status=$?
  unset "pids[$title]"
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

step() { # KIND TITLE COMMAND…
  local kind=$1
  shift
  start "$@"
  report "$kind" "$1"
}

check() {
  step check "$@"
}
