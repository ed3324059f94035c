/*
 * Secret references: where a secret is, read when a login is sent, never kept as a Lua
 * string.
 */
#ifndef BEARER_SECRET_REF_H
#define BEARER_SECRET_REF_H

#include "base/secret.h"
#include "http/transfer.h"
#include "lua/class.h"

#pragma GCC visibility push(hidden)

int bearer_secret_ref_is(lua_State *L, int index); /* [-0, +0, -] */

/* Read what it names. NULL, or why not: words that go on after its own name. With a field
   of a JSON file, Lua reads the file. [-0, +0, m] */
const char *bearer_secret_ref_read(lua_State *L, int index, bearer_secret *out);

void bearer_secret_ref_open(lua_State *L);

#pragma GCC visibility pop

#endif
