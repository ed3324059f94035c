/*
 * What plain Lua 5.1 lacks of the auxiliary library.
 */
#include "lua/compat.h"

#ifdef BEARER_PLAIN_51

void bearer_compat_setfuncs(lua_State *L, const luaL_Reg *functions, int upvalues) {
  for (; functions->name != NULL; functions++) { /* [-upvalues, +0, m] */
    for (int i = 0; i < upvalues; i++)
      lua_pushvalue(L, -upvalues);
    lua_pushcclosure(L, functions->func, upvalues);
    lua_setfield(L, -(upvalues + 2), functions->name);
  }
  lua_pop(L, upvalues);
}

void bearer_compat_setmetatable(lua_State *L, const char *type) { /* [-0, +0, -] */
  luaL_getmetatable(L, type);
  lua_setmetatable(L, -2);
}

void *bearer_compat_testudata(lua_State *L, int index, const char *type) {
  void *data = lua_touserdata(L, index); /* [-0, +0, -] */
  int same;
  if (data == NULL || !lua_getmetatable(L, index))
    return NULL;
  luaL_getmetatable(L, type);
  same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same ? data : NULL;
}

#else
typedef int bearer_compat_unused; /* an empty translation unit is not ISO C */
#endif
