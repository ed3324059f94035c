#!/bin/bash
# A module may export luaopen_* and nothing else: symbols.sh FILE…
set -eu
status=0
for file; do
  symbols=$(nm -D --defined-only "$file" | awk '{ print $NF }')
  if ! grep -q '^luaopen_bearer_core$' <<<"$symbols"; then
    echo "$file: does not export luaopen_bearer_core"
    status=1
  fi
  if extra=$(grep -v '^luaopen_' <<<"$symbols"); then
    echo "$file: exports" $extra
    status=1
  fi
done
exit $status
