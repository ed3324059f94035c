/*
 * Logins, as far as they must be fast: login:header() while the token is fresh. The other
 * methods are in lua/bearer/login.lua.
 */
#include "lua/core.h"

#include <math.h>

static const char mark; /* its address marks a login */

typedef struct {
  const char *mark;   /* borrowed */
  bearer_lua *state;  /* borrowed: lives as long as the Lua state */
  double fresh_until; /* monotonic; until then the header below is handed out */
  bearer_tick tick;   /* when that was last looked at */
} login;

/* The uservalues: the fields, and the header's name and value. Lua 5.3 and older have
   room for the fields alone, and look there. */
#if LUA_VERSION_NUM >= 504
enum { FIELDS = 1, NAME, VALUE };
#define new_login(L)         lua_newuserdatauv(L, sizeof(login), VALUE)
#define push_header(L, what) lua_getiuservalue(L, 1, what)
#else
enum { NAME = 1, VALUE };
#define new_login(L) lua_newuserdata(L, sizeof(login))
#define push_header(L, what)                                                             \
  (lua_getuservalue(L, 1), lua_rawgeti(L, -1, what), lua_remove(L, -2))
#endif

/* core.login(fields) */
static int login_new(lua_State *L) {
  login *l;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  l = new_login(L); /* fields, login */
  l->mark = &mark;
  l->state = bearer_lua_state(L);
  l->fresh_until = -INFINITY;
  l->tick = (bearer_tick){ 0, 0 };
  lua_insert(L, -2);
  lua_setuservalue(L, -2); /* login */
  luaL_setmetatable(L, BEARER_LOGIN);
  return 1;
}

/* core.serve(login[, until, name, value]): header() answers with these by itself until
   then; not at all without */
static int login_serve(lua_State *L) {
  login *l = luaL_checkudata(L, 1, BEARER_LOGIN);
  lua_settop(L, 4);
  l->fresh_until = luaL_optnumber(L, 2, -INFINITY);
  l->tick = (bearer_tick){ 0, 0 };
#if LUA_VERSION_NUM >= 504
  lua_setiuservalue(L, 1, VALUE);
  lua_setiuservalue(L, 1, NAME);
#else
  lua_getuservalue(L, 1); /* …, name, value, fields */
  lua_insert(L, -3);
  lua_rawseti(L, -3, VALUE);
  lua_rawseti(L, -2, NAME);
#endif
  return 0;
}

/* Within one tick of the coarse clock, a few ms, nothing gets old. */
static int is_fresh(login *l) {
  if (bearer_clock_same_tick(&l->state->clock, &l->tick))
    return 1;
  if (bearer_clock_monotonic(&l->state->clock) < l->fresh_until)
    return 1;
  l->tick = (bearer_tick){ 0, 0 };
  return 0;
}

/* core.fresh_header(login) -> name, value; nil when it must be looked for */
static int login_fresh_header(lua_State *L) {
  login *l = luaL_testudata(L, 1, BEARER_LOGIN);
  if (l == NULL || !is_fresh(l)) {
    lua_pushnil(L);
    return 1;
  }
  push_header(L, NAME);
  push_header(L, VALUE);
  return 2;
}

#if LUA_VERSION_NUM >= 503
static int after_slow(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  return lua_gettop(L);
}

/* luaL_testudata without its look into the registry. */
static login *test_login(lua_State *L) { /* [-0, +0, m] */
  login *l = lua_touserdata(L, 1);
  if (l == NULL || lua_rawlen(L, 1) != sizeof(*l) || l->mark != &mark)
    l = luaL_testudata(L, 1, BEARER_LOGIN);
  return l;
}

/* The method. Upvalue: what to do when there is no fresh header; that may yield, and goes
   on in after_slow. */
static int login_header(lua_State *L) {
  login *l = test_login(L);
  if (l != NULL && is_fresh(l)) {
    push_header(L, NAME);
    push_header(L, VALUE);
    return 2;
  }
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_callk(L, 1, LUA_MULTRET, 0, after_slow);
  return lua_gettop(L);
}

/* core.header_method(slow) -> the method */
static int login_header_method(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  lua_pushcclosure(L, login_header, 1);
  return 1;
}
#endif

/* core.clock_address() -> of the bearer_clock: LuaJIT reads `frozen` there by itself */
static int login_clock_address(lua_State *L) {
  lua_pushlightuserdata(L, &bearer_lua_state(L)->clock);
  return 1;
}

static const luaL_Reg functions[] = {
  { "login", login_new },
  { "serve", login_serve },
  { "fresh_header", login_fresh_header },
  { "clock_address", login_clock_address },
#if LUA_VERSION_NUM >= 503
  { "header_method", login_header_method },
#endif
  { NULL, NULL },
};

void bearer_login_open(lua_State *L) { /* object.c makes the type */
  luaL_setfuncs(L, functions, 0);
}
