#!/bin/sh
# Install the Debian packages that are missing: setup.sh build|sandbox|test|fuzz
# Not root: say which command would do it, and fail.
set -eu

build="gcc libc6-dev make pkg-config lua5.4 liblua5.4-dev libcurl4-openssl-dev libssl-dev lua-cjson"
# luajit2, not luajit: they conflict, and nginx's Lua module wants the former's library.
sandbox="$build nginx libnginx-mod-http-lua lua-resty-core lua-resty-lrucache
  lua-socket openssl"
test="$sandbox luajit2 libluajit2-5.1-dev lua5.1 liblua5.1-0-dev lua5.2 liblua5.2-dev lua5.3
  liblua5.3-dev lua-busted lua-check lua-ldoc lua-cqueues lua-luv luarocks clang-format valgrind curl"
fuzz="$build clang libclang-rt-14-dev"

case ${1:-test} in
  build) wanted=$build ;;
  sandbox) wanted=$sandbox ;;
  test) wanted=$test ;;
  fuzz) wanted=$fuzz ;;
  *) echo "setup.sh build|sandbox|test|fuzz" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
  echo "not a Debian system: make sure that the like of these is there:" $wanted >&2
  exit 0
fi

missing=
for package in $wanted; do
  case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true) in
    installed*) ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
  echo "packages are missing; run: sudo apt-get update && sudo apt-get install --no-install-recommends$missing" >&2
  exit 1
fi

echo "installing$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# RUNLEVEL=1: Debian would start nginx on port 80; --no-remove: nothing of the user's goes away.
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
options="-qq -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0"
if ! { apt-get $options update && timeout -k 10 400 apt-get $options --no-remove \
       install --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
  cat "$log" >&2
  echo "could not install$missing" >&2
  exit 1
fi
