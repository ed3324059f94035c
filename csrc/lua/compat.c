/*
 * What older Luas lack.
 */
#include "lua/compat.h"

#if LUA_VERSION_NUM < 504

void *bearer_new_slotted(lua_State *L, size_t size, int slots) {
  void *data;
  lua_createtable(L, slots, 0);    /* to set one of them later allocates nothing */
  data = lua_newuserdata(L, size); /* slots, data */
  lua_insert(L, -2);
  lua_setuservalue(L, -2); /* data */
  return data;
}

void bearer_get_slot(lua_State *L, int index, int n) {
  lua_getuservalue(L, index);
  lua_rawgeti(L, -1, n);
  lua_replace(L, -2);
}

void bearer_set_slot(lua_State *L, int index, int n) {
  lua_getuservalue(L, index); /* value, slots */
  lua_insert(L, -2);
  lua_rawseti(L, -2, n);
  lua_pop(L, 1);
}

#endif

#if LUA_VERSION_NUM < 502

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

#endif

#if LUA_VERSION_NUM < 503

int bearer_can_yield(lua_State *L) {
  int is_main = lua_pushthread(L);
  lua_pop(L, 1);
#if LUA_VERSION_NUM < 502
  if (lua_isyieldable != NULL) /* LuaJIT */
    return lua_isyieldable(L);
#endif
  return !is_main;
}

#endif

typedef int bearer_compat_unused; /* an empty translation unit is not ISO C */
