/*
 * Events, for metrics.
 */
#include "lua/event.h"

/* The list in the registry holds a listener, an event and its login in turn. */
enum { EACH = 3 };

static int push_listener(lua_State *L, int options) { /* [-0, +1 or 0, -] */
  if (!bearer_options_have(bearer_options_at(L, options), BEARER_OPTION_EVENT))
    return 0;
  bearer_get_slot(L, options, BEARER_OPTION_EVENT);
  return 1;
}

int bearer_event_begin(lua_State *L, int options, const char *name,
                       const char *provider) {
  luaL_checkstack(L, 10, NULL);
  if (!push_listener(L, options))
    return 0;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "event");
  lua_pushstring(L, provider);
  lua_setfield(L, -2, "provider");
  return 1;
}

void bearer_event_note(lua_State *L, int options, int login) {
  bearer_lua_state *state = bearer_state_of(L);
  int event = lua_gettop(L);
  bearer_state_push(L, BEARER_EVENTS); /* event, events */
  if (push_listener(L, options)) {     /* event, events, listener */
    lua_rawseti(L, -2, EACH * state->next_event + 1);
    lua_pushvalue(L, event);
    lua_rawseti(L, -2, EACH * state->next_event + 2);
    lua_pushvalue(L, login);
    lua_rawseti(L, -2, EACH * state->next_event + 3);
    state->next_event++;
  }
  lua_settop(L, event - 1);
}

/* core.events() -> how many there are to be told */
static int event_count(lua_State *L) {
  const bearer_lua_state *state = bearer_state_of(L);
  lua_pushinteger(L, state->next_event - state->first_event);
  return 1;
}

/* core.next_event() -> the listener, the event that is next and its login, each once */
static int event_next(lua_State *L) {
  bearer_lua_state *state = bearer_state_of(L);
  int n = EACH * state->first_event;
  lua_settop(L, 0);
  if (state->first_event == state->next_event)
    return 0;
  bearer_state_push(L, BEARER_EVENTS);
  for (int i = 1; i <= EACH; i++) {
    lua_rawgeti(L, 1, n + i);
    lua_pushnil(L);
    lua_rawseti(L, 1, n + i);
  }
  state->first_event++;
  if (state->first_event == state->next_event)
    state->first_event = state->next_event = 0;
  return EACH;
}

static const luaL_Reg functions[] = {
  { "events", event_count },
  { "next_event", event_next },
  { NULL, NULL },
};

void bearer_event_open(lua_State *L) {
  bearer_state_push(L, BEARER_EVENTS);
  if (lua_isnil(L, -1)) {
    lua_newtable(L);
    bearer_state_keep(L, BEARER_EVENTS);
  }
  lua_pop(L, 1);
  luaL_setfuncs(L, functions, 0);
}
