/*
 * Events, for metrics: noted in the midst of a step, told when it is done, by loop.lua.
 */
#ifndef BEARER_EVENT_H
#define BEARER_EVENT_H

#include "lua/options.h"
#include "lua/state.h"

#pragma GCC visibility push(hidden)

/* Push an event: a table with its name and its provider. options: stack index of those
   with the listener. 0: nobody listens, and nothing is pushed. [-0, +1 or 0, m] */
int bearer_event_begin(lua_State *L, int options, const char *name, const char *provider);
/* Note the event on top, of the login at `login`, for the listener. [-1, +0, m] */
void bearer_event_note(lua_State *L, int options, int login);

void bearer_event_open(lua_State *L);

#pragma GCC visibility pop

#endif
