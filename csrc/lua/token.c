/*
 * Tokens: when they were bought and how long they last. Their methods are in
 * lua/bearer/token.lua.
 */
#include "lua/core.h"

#include "base/freshness.h"

typedef struct {
  bearer_lua *state; /* borrowed: lives as long as the Lua state */
  bearer_freshness freshness;
} token;

static token *check(lua_State *L) {
  return luaL_checkudata(L, 1, BEARER_TOKEN);
}

/* core.token(fields, sent_at, lifetime or nil, leeway or nil, jitter) */
static int token_new(lua_State *L) {
  lua_Number sent_at = luaL_checknumber(L, 2);
  lua_Number lifetime = luaL_optnumber(L, 3, 0);
  lua_Number leeway = luaL_optnumber(L, 4, -1);
  lua_Number jitter = luaL_optnumber(L, 5, 0);
  token *t;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  t = bearer_object_wrap(L, BEARER_TOKEN, sizeof(*t));
  t->state = bearer_lua_state(L);
  bearer_freshness_set(&t->freshness, sent_at, lifetime, leeway, jitter);
  return 1;
}

/* core.state(token) -> "fresh", "advisory", "mandatory", "expired" */
static int token_state(lua_State *L) {
  static const char *const names[] = { "none", "fresh", "advisory", "mandatory",
                                       "expired" };
  const token *t = check(L);
  lua_pushstring(L, names[bearer_freshness_at(&t->freshness,
                                              bearer_clock_monotonic(&t->state->clock))]);
  return 1;
}

/* core.times(token) -> the instants at which it turns advisory, mandatory, expired, and
   dies; math.huge when its lifetime is unknown */
static int token_times(lua_State *L) {
  const bearer_freshness *f = &check(L)->freshness;
  lua_pushnumber(L, f->advisory);
  lua_pushnumber(L, f->mandatory);
  lua_pushnumber(L, f->expired);
  lua_pushnumber(L, f->end);
  return 4;
}

static const luaL_Reg functions[] = {
  { "token", token_new },
  { "state", token_state },
  { "times", token_times },
  { NULL, NULL },
};

void bearer_token_open(lua_State *L) {
  bearer_object_type(L, BEARER_TOKEN, NULL, NULL);
  lua_pop(L, 1);
  luaL_setfuncs(L, functions, 0);
}
