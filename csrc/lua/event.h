/*
 * Events, for metrics: noted in the midst of a step, told when it is done, by loop.lua.
 */
#ifndef BEARER_EVENT_H
#define BEARER_EVENT_H

#include "lua/login.h"

#pragma GCC visibility push(hidden)

/* Push an event of the login at index: a table with its name, its provider and the
   counts. 0: nobody listens, and nothing is pushed. [-0, +1 or 0, m] */
int bearer_event_begin(lua_State *L, int index, const char *name);
/* Note the event on top for the login's listener. [-1, +0, m] */
void bearer_event_note(lua_State *L, int index);

void bearer_event_open(lua_State *L);

#pragma GCC visibility pop

#endif
