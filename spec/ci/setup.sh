#!/bin/sh
# Install the Debian packages that are missing: setup.sh build|sandbox|test|fuzz
# Not root: say which command would do it, and fail.
set -eu

build="gcc libc6-dev make pkg-config lua5.4 liblua5.4-dev libcurl4-openssl-dev libssl-dev lua-cjson"
# luajit2, not luajit: they conflict, and nginx's Lua module wants the former's library.
sandbox="$build nginx libnginx-mod-http-lua lua-resty-core lua-resty-lrucache
  lua-socket openssl"
test="$sandbox luajit2 libluajit2-5.1-dev lua5.1 liblua5.1-0-dev lua5.2 liblua5.2-dev lua5.3
  liblua5.3-dev lua-busted lua-check lua-ldoc lua-cqueues lua-luv luarocks clang-format valgrind curl
  musl-tools"
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
  echo "packages are missing; run: sudo sh $(readlink -f "$0") ${1:-test}" >&2
  echo "which installs$missing" >&2
  exit 1
fi

log=$(mktemp)
policy=${POLICY:-/usr/sbin/policy-rc.d}
clean_up() {
  rm -f "$log"
  [ -z "${ours:-}" ] || rm -f "$policy"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

# No web server on port 80: not now (policy-rc.d), and not after the next start of the machine
# (disable), unless nginx was there before.
ours=
case $missing in
  *nginx*)
    [ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && ours=yes; } ;;
esac
had_nginx=$(dpkg-query -W -f '${db:Status-Status}' nginx-common 2>/dev/null || true)

leave_no_server() {
  case $had_nginx in installed*) return ;; esac
  [ -e /lib/systemd/system/nginx.service ] || [ -e /etc/init.d/nginx ] || return 0
  DPKG_MAINTSCRIPT_PACKAGE=nginx-common deb-systemd-helper disable nginx.service || true
  update-rc.d nginx disable || true
} >>"$log" 2>&1

echo "installing$missing"
# --no-remove: nothing of the user's goes away.
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
options="-qq -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0"
if ! { apt-get $options update && timeout -k 10 1800 apt-get $options --no-remove \
       install --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
  cat "$log" >&2
  echo "could not install$missing" >&2
  exit 1
fi
leave_no_server
