/*
 * What login:header() is measured against: a C function that does nothing, and a C
 * closure that returns two anchored strings.
 */
#include "../../csrc/lua/compat.h"

BEARER_EXPORT int luaopen_baseline(lua_State *L);

static int empty(lua_State *L) {
  (void)L;
  return 0;
}

static int anchored(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  return 1;
}

int luaopen_baseline(lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, empty);
  lua_setfield(L, -2, "empty");
  lua_pushliteral(L, "Bearer 0123456789012345678901234567890123456789");
  lua_pushcclosure(L, anchored, 1);
  lua_setfield(L, -2, "anchored");
  return 1;
}
