/*
 * Userdata with a table behind them: provider, login and error are no more than that; the
 * Lua modules fill the tables and add the methods. Nothing in Lua reaches a table but
 * through core.fields, which bearer's own modules alone call.
 */
#include "lua/core.h"

#include <string.h>

void *bearer_object_new(lua_State *L, const char *type, size_t size) {
  lua_newtable(L);
  return bearer_object_wrap(L, type, size);
}

void *bearer_object_wrap(lua_State *L, const char *type, size_t size) {
  void *object = lua_newuserdata(L, size); /* fields, object */
  memset(object, 0, size);                 /* valid and empty before __gc can see it */
  lua_insert(L, -2);                       /* object, fields */
  lua_setuservalue(L, -2);                 /* object */
  luaL_setmetatable(L, type);
  return object;
}

void bearer_object_type(lua_State *L, const char *type, const luaL_Reg *metamethods,
                        const luaL_Reg *methods) {
  luaL_newmetatable(L, type); /* mt */
  if (metamethods != NULL)
    luaL_setfuncs(L, metamethods, 0);
  lua_newtable(L); /* mt, methods */
  if (methods != NULL)
    luaL_setfuncs(L, methods, 0);
  lua_setfield(L, -2, "__index"); /* mt */
  lua_pushstring(L, type);
  lua_setfield(L, -2, "__name"); /* mt */
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable"); /* getmetatable shows nothing to change */
}

void bearer_buffer_push(lua_State *L, bearer_buffer *b) {
  bearer_buffer *handed = &bearer_lua_state(L)->handed;
  int failed = b->failed;
  bearer_buffer_free(handed);
  *handed = *b;
  memset(b, 0, sizeof(*b));
  if (!failed)
    lua_pushlstring(L, bearer_buffer_string(handed), handed->size);
  bearer_buffer_free(handed);
  if (failed)
    luaL_error(L, "not enough memory");
}

static const char *const types[] = { BEARER_PROVIDER, BEARER_LOGIN, BEARER_TOKEN,
                                     BEARER_ERROR, NULL };

/* core.object(type, fields) -> a userdata with these fields */
static int object_new(lua_State *L) {
  int which = luaL_checkoption(L, 1, NULL, types);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  bearer_object_wrap(L, types[which], 1);
  return 1;
}

/* "file:line: " of the first Lua code from this level on. [-0, +1, m] */
static void push_where(lua_State *L, int level) {
  lua_Debug at;
  while (lua_getstack(L, level, &at) && lua_getinfo(L, "l", &at) && at.currentline < 0)
    level++; /* a C function, such as pcall */
  luaL_where(L, level);
}

static int wrong_object(lua_State *L, const char *type) { /* [-0, +0, v] */
  const char *got = luaL_typename(L, 1);
  if (lua_type(L, 1) == LUA_TUSERDATA && luaL_getmetafield(L, 1, "__name"))
    got = luaL_optstring(L, -1, got);
  push_where(L, 3); /* this, what asked for the fields, the method, its caller */
  lua_pushfstring(L, "%s%s: a %s expected, got %s", lua_tostring(L, -1),
                  lua_tostring(L, 3), type, got);
  return lua_error(L);
}

/* core.fields(object, type, method) -> its table. When it is none of that type: with a
   method, a mistake of that method's caller. */
static int object_fields(lua_State *L) {
  const char *type = luaL_checkstring(L, 2);
  if (luaL_testudata(L, 1, type) == NULL)
    return lua_isstring(L, 3) ? wrong_object(L, type)
                              : luaL_argerror(L, 1, "an object of another type expected");
  lua_getuservalue(L, 1);
  return 1;
}

/* core.type(value) -> "bearer.login" and its like, or nil */
static int object_type(lua_State *L) {
  for (int i = 0; types[i] != NULL; i++)
    if (luaL_testudata(L, 1, types[i]) != NULL) {
      lua_pushstring(L, types[i]);
      return 1;
    }
  if (luaL_testudata(L, 1, BEARER_REFERENCE) != NULL)
    lua_pushliteral(L, BEARER_REFERENCE);
  else
    lua_pushnil(L);
  return 1;
}

/* core.metatable(type) -> the metatable, for the Lua module that adds its methods */
static int object_metatable(lua_State *L) {
  luaL_getmetatable(L, luaL_checkstring(L, 1));
  return 1;
}

static const luaL_Reg functions[] = {
  { "object", object_new }, { "fields", object_fields },
  { "type", object_type },  { "metatable", object_metatable },
  { NULL, NULL },
};

void bearer_object_open(lua_State *L) {
  for (int i = 0; types[i] != NULL; i++)
    if (strcmp(types[i], BEARER_TOKEN) != 0) { /* token.c makes its own */
      bearer_object_type(L, types[i], NULL, NULL);
      lua_pop(L, 1);
    }
  luaL_setfuncs(L, functions, 0);
}
