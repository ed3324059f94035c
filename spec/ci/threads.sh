#!/bin/bash
# Lua states in threads, under ThreadSanitizer: threads.sh. Each logs in, is closed in the middle
# of a login, and during a lookup that hangs.
set -eu
cd "$(dirname "$0")/../.."
build=build/lua5.4-tsan
make --no-print-directory -s all LUA=lua5.4 BUILD="$build" CFLAGS="-O1 -g -fsanitize=thread" \
  LDFLAGS=-fsanitize=thread
gcc -D_GNU_SOURCE -std=c11 -O1 -g -fsanitize=thread -rdynamic -pthread -o "$build/states" \
  spec/support/states.c $(pkg-config --cflags --libs lua5.4) -ldl
TSAN_OPTIONS=halt_on_error=1:exitcode=66 exec bash spec/ci/suite.sh run lua5.4 spec/ci/threads.lua \
  "$build"
