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
#endif

#if LUA_VERSION_NUM < 502 && !defined(LUAJIT_VERSION_NUM) && !defined(LUA_JITLIBNAME)
#define BEARER_PLAIN_51 /* LuaJIT 2.1 brings these three */
#pragma GCC visibility push(hidden)
void bearer_compat_setfuncs(lua_State *L, const luaL_Reg *functions, int upvalues);
void bearer_compat_setmetatable(lua_State *L, const char *type);
void *bearer_compat_testudata(lua_State *L, int index, const char *type);
#pragma GCC visibility pop
#define luaL_setfuncs     bearer_compat_setfuncs
#define luaL_setmetatable bearer_compat_setmetatable
#define luaL_testudata    bearer_compat_testudata
#define luaL_newlib(L, l) (lua_newtable(L), luaL_setfuncs(L, l, 0))
#endif

#if LUA_VERSION_NUM < 503
#define lua_isinteger(L, i) (0) /* there are only floats */
#endif

#endif
