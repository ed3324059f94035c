#!/bin/bash
# Does csrc/ compile against musl, as on Alpine? Debian has no libcurl for musl: the headers of the
# other one are taken, without those of glibc beside them, and nothing is linked.
set -eu
cd "$(dirname "$0")/../.."
multiarch=/usr/include/$(gcc -print-multiarch)
headers=build/musl/include
rm -rf "$headers"
mkdir -p "$headers/machine"
for library in curl openssl linux asm asm-generic lua5.4-deb-multiarch.h; do
  [ ! -e "$multiarch/$library" ] || ln -s "$multiarch/$library" "$headers/machine/"
  [ ! -e "/usr/include/$library" ] || ln -s "/usr/include/$library" "$headers/"
done
printf '%s\n' csrc/*/*.c | xargs -P "$(nproc)" -n 8 musl-gcc -std=c11 -D_GNU_SOURCE -fPIC -Icsrc \
  -Wall -Wextra -Wpedantic -Werror -isystem "$headers" -isystem "$headers/machine" \
  $(pkg-config --cflags lua5.4) -fsyntax-only
