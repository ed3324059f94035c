/*
 * The only place that knows which Lua this is: 5.1 to 5.4 and LuaJIT 2.1.
 */
#ifndef BEARER_COMPAT_H
#define BEARER_COMPAT_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#if defined(__GNUC__)
#define BEARER_EXPORT __attribute__((visibility("default")))
#else
#define BEARER_EXPORT LUALIB_API
#endif

#if LUA_VERSION_NUM < 502 /* a uservalue is the environment, and is never nil */
#define lua_setuservalue lua_setfenv
#define lua_getuservalue lua_getfenv
#define lua_rawlen       lua_objlen
#define lua_absindex(L, i)                                                               \
  ((i) > 0 || (i) <= LUA_REGISTRYINDEX ? (i) : lua_gettop(L) + (i) + 1)
#endif

/* Lua 5.1 and LuaJIT look for modules in the same folders, and what was built for one of
   them is loaded by the other: nothing that only LuaJIT has may be needed. */
#if LUA_VERSION_NUM < 502
int lua_isyieldable(lua_State *L) __attribute__((weak)); /* NULL in Lua 5.1 itself */
#pragma GCC visibility push(hidden)
void bearer_compat_setfuncs(lua_State *L, const luaL_Reg *functions, int upvalues);
void bearer_compat_setmetatable(lua_State *L, const char *type);
void *bearer_compat_testudata(lua_State *L, int index, const char *type);
#pragma GCC visibility pop
#define luaL_setfuncs     bearer_compat_setfuncs
#define luaL_setmetatable bearer_compat_setmetatable
#define luaL_testudata    bearer_compat_testudata
#undef luaL_newlib
#define luaL_newlib(L, l) (lua_newtable(L), luaL_setfuncs(L, l, 0))
#endif

/* May the caller yield? In Lua 5.1 and 5.2 all that is known is whether it is a
 * coroutine. */
#if LUA_VERSION_NUM >= 503
#define bearer_can_yield(L) lua_isyieldable(L)
#else
#pragma GCC visibility push(hidden)
int bearer_can_yield(lua_State *L);                             /* [-0, +0, -] */
#pragma GCC visibility pop
#endif

#if LUA_VERSION_NUM < 503
#define lua_isinteger(L, i) ((void)(L), (void)(i), 0) /* there are only floats */
#endif

/* Slots: the Lua values that a userdata holds on to. Indices into the stack are absolute.
   Lua 5.4 has room for them in the userdata; elsewhere they are the array of a table that
   is its only uservalue. */
#if LUA_VERSION_NUM >= 504
#define bearer_new_slotted(L, size, slots) lua_newuserdatauv(L, size, slots)
#define bearer_get_slot(L, index, n)       ((void)lua_getiuservalue(L, index, n))
#define bearer_set_slot(L, index, n)       ((void)lua_setiuservalue(L, index, n))
#else
#pragma GCC visibility push(hidden)
void *bearer_new_slotted(lua_State *L, size_t size, int slots); /* [-0, +1, m] */
void bearer_get_slot(lua_State *L, int index, int n);           /* [-0, +1, -] */
void bearer_set_slot(lua_State *L, int index, int n);           /* [-1, +0, -] */
#pragma GCC visibility pop
#endif

#endif
