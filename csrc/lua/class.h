/*
 * Types of userdata, and values on their way into Lua.
 */
#ifndef BEARER_CLASS_H
#define BEARER_CLASS_H

#include "base/buffer.h"
#include "lua/compat.h"

#define BEARER_ERROR    "bearer.error"
#define BEARER_LOGIN    "bearer.login"
#define BEARER_PROVIDER "bearer.provider"
#define BEARER_SECRET   "bearer.secret_ref"
#define BEARER_TOKEN    "bearer.token"

#pragma GCC visibility push(hidden)

/* Make the type: its metatable with these metamethods, and methods as its __index. One
   that is there already stays as it is: living objects keep the methods that Lua put on
   them. [-0, +0, m] */
void bearer_class_make(lua_State *L, const char *type, const luaL_Reg *metamethods,
                       const luaL_Reg *methods);

/* A zeroed userdata with its metatable, and so many slots. [-0, +1, m] */
void *bearer_new(lua_State *L, const char *type, size_t size, int slots);

/* The userdata at index, whose struct opens with a pointer to this mark; NULL when it is
   another. As luaL_testudata, without a look into the registry. [-0, +0, -] */
static inline void *bearer_test(lua_State *L, int index, const char *mark) {
  void *object = lua_touserdata(L, index);
  if (object == NULL || lua_type(L, index) != LUA_TUSERDATA ||
      lua_rawlen(L, index) < sizeof(mark) || *(const char *const *)object != mark)
    return NULL;
  return object;
}

/* What kind of thing is at index: "number", "bearer.login". [-0, +1, m] */
const char *bearer_type_name(lua_State *L, int index);

/* The userdata at index, of this type; otherwise a mistake of the caller of `method`.
   [-0, +0, v] */
void *bearer_check(lua_State *L, int index, const char *type, const char *method);

/* Raise a mistake of the caller's, at the line of the first Lua code that is not ours.
   [-0, +0, v] */
int bearer_raise(lua_State *L, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "file:line: " of that code. [-0, +1, m] */
void bearer_push_where(lua_State *L);

/* Raise when a function of the module was called with a colon: its first argument is the
   module then. [-0, +0, v] */
void bearer_check_dot(lua_State *L, const char *name);

#define BEARER_QUOTED_MAX 80
#define BEARER_HINT_MAX   320

/* A name between quotes, safe to show: cut, and without control characters. */
const char *bearer_quote(const char *text, char quoted[BEARER_QUOTED_MAX]);
/* A key as text: itself, or what kind of thing it is. [-0, +0, -] */
const char *bearer_key_text(lua_State *L, int index, char text[BEARER_QUOTED_MAX]);
/* "; did you mean 'x'?", or "; there are a, b": all of the list, as far as there is room.
 */
const char *bearer_suggest(const char *word, const char *const *list, int count,
                           char *text, size_t room);

/* Push bytes that Lua code could free while Lua collects, or that are to be wiped however
   this ends. Both raise when memory ran out. [-0, +1, m] */
void bearer_push_bytes(lua_State *L, const char *data, size_t size);
void bearer_push_buffer(lua_State *L, bearer_buffer *b); /* and free it */

/* Before anything is pushed. [-0, +0, m] */
void bearer_class_open(lua_State *L);

/* nil, message, err of the error on top. [-1, +3, m] */
int bearer_refuse(lua_State *L);

/* Set a field of the table on top: to a number; to what it is in the table at `from`.
   [-0, +0, e] */
void bearer_set_number(lua_State *L, const char *name, double n);
void bearer_copy_field(lua_State *L, int from, const char *name);

#pragma GCC visibility pop

#endif
