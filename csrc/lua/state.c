/*
 * What one Lua state owns: its clock and its transfers.
 */
#include "lua/core.h"

#include <math.h>
#include <string.h>

static char key; /* its address names the state in the registry */

bearer_lua *bearer_lua_state(lua_State *L) {
  bearer_lua *state;
  lua_pushlightuserdata(L, &key);
  lua_rawget(L, LUA_REGISTRYINDEX);
  state = lua_touserdata(L, -1);
  lua_pop(L, 1); /* the registry keeps it */
  return state;
}

static int state_gc(lua_State *L) {
  bearer_lua *state = lua_touserdata(L, 1);
  bearer_client_close(&state->net);
  bearer_buffer_free(&state->handed);
  return 0;
}

/* core.now() -> seconds on the monotonic clock, Unix time */
static int state_now(lua_State *L) {
  const bearer_lua *state = bearer_lua_state(L);
  lua_pushnumber(L, bearer_clock_monotonic(&state->clock));
  lua_pushnumber(L, bearer_clock_wall(&state->clock));
  return 2;
}

/* core.clock([monotonic, wall]): stop the clocks at these instants; run on without */
static int state_clock(lua_State *L) {
  bearer_clock *clock = &bearer_lua_state(L)->clock;
  clock->frozen = !lua_isnoneornil(L, 1);
  clock->monotonic = luaL_optnumber(L, 1, 0);
  clock->wall = luaL_optnumber(L, 2, 0);
  return 0;
}

/* core.poll([max_ms]) -> how many transfers are under way, as soon as one has ended */
static int state_poll(lua_State *L) {
  lua_Number ms = luaL_optnumber(L, 1, 0);
  if (!(ms >= 0)) /* negative or NaN */
    ms = 0;
  if (ms > 60000)
    ms = 60000;
  lua_pushinteger(L, bearer_client_poll(&bearer_lua_state(L)->net, (long)ceil(ms)));
  return 1;
}

/* core.next_ended() -> the id of a transfer that has ended, each once, or nil */
static int state_next_ended(lua_State *L) {
  const bearer_transfer *t = bearer_client_next_ended(&bearer_lua_state(L)->net);
  if (t == NULL)
    lua_pushnil(L);
  else
    lua_pushinteger(L, (lua_Integer)t->id);
  return 1;
}

/* core.has_ended() -> is there one for core.next_ended()? */
static int state_has_ended(lua_State *L) {
  lua_pushboolean(L, bearer_client_has_ended(&bearer_lua_state(L)->net));
  return 1;
}

/* core.fd() -> a descriptor to watch for reading, or nil */
static int state_fd(lua_State *L) {
  int fd = bearer_client_fd(&bearer_lua_state(L)->net);
  if (fd < 0)
    lua_pushnil(L);
  else
    lua_pushinteger(L, fd);
  return 1;
}

static const luaL_Reg functions[] = {
  { "now", state_now },
  { "clock", state_clock },
  { "poll", state_poll },
  { "next_ended", state_next_ended },
  { "has_ended", state_has_ended },
  { "fd", state_fd },
  { NULL, NULL },
};

void bearer_lua_open(lua_State *L) {
  bearer_lua *state;
  luaL_setfuncs(L, functions, 0);
  lua_pushlightuserdata(L, &key);
  lua_rawget(L, LUA_REGISTRYINDEX);
  if (lua_isnil(L, -1)) {
    state = lua_newuserdata(L, sizeof(*state)); /* core, nil, state */
    memset(state, 0, sizeof(*state));
    bearer_client_init(&state->net);
    lua_newtable(L); /* core, nil, state, mt */
    lua_pushcfunction(L, state_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2); /* core, nil, state */
    lua_pushlightuserdata(L, &key);
    lua_insert(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX); /* core, nil */
  }
  lua_pop(L, 1);
}
