/*
 * The primitives that a function in a definition gets as its second argument.
 */
#ifndef BEARER_PRIMITIVES_H
#define BEARER_PRIMITIVES_H

#include "lua/class.h"

#pragma GCC visibility push(hidden)

/* Puts its functions into the table on top. [-0, +0, m] */
void bearer_primitives_open(lua_State *L);

#pragma GCC visibility pop

#endif
