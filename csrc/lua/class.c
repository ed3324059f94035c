/*
 * Types of userdata, and values on their way into Lua.
 */
#include "lua/class.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "base/secret.h"
#include "lua/state.h"

/* ---- types --------------------------------------------------------------------- */

void bearer_class_make(lua_State *L, const char *type, const luaL_Reg *metamethods,
                       const luaL_Reg *methods) {
  if (!luaL_newmetatable(L, type)) { /* mt */
    lua_pop(L, 1);
    return;
  }
  if (metamethods != NULL)
    luaL_setfuncs(L, metamethods, 0);
  if (methods != NULL) {
    lua_newtable(L); /* mt, methods */
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index"); /* mt */
  }
  lua_pushstring(L, type);
  lua_setfield(L, -2, "__name"); /* mt */
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable"); /* getmetatable shows nothing to change */
  lua_pop(L, 1);
}

void *bearer_new(lua_State *L, const char *type, size_t size, int slots) {
  void *object = bearer_new_slotted(L, size, slots);
  memset(object, 0, size); /* valid and empty before __gc can see it */
  luaL_setmetatable(L, type);
  return object;
}

const char *bearer_type_name(lua_State *L, int index) {
  if (lua_type(L, index) == LUA_TUSERDATA && luaL_getmetafield(L, index, "__name")) {
    if (lua_isstring(L, -1))
      return lua_tostring(L, -1);
    lua_pop(L, 1);
  }
  lua_pushstring(L, luaL_typename(L, index));
  return lua_tostring(L, -1);
}

/* The table of the module where its first argument would be. */
void bearer_check_dot(lua_State *L, const char *name) {
  int is_module = 0;
  if (lua_istable(L, 1)) {
    lua_pushliteral(L, "_VERSION");
    lua_rawget(L, 1);
    lua_pushliteral(L, "login");
    lua_rawget(L, 1);
    is_module = lua_type(L, -2) == LUA_TSTRING && lua_isfunction(L, -1);
    lua_pop(L, 2);
  }
  if (is_module)
    bearer_raise(L, "%s: call it with a dot, as bearer.%s(...)", name, name);
}

void *bearer_check(lua_State *L, int index, const char *type, const char *method) {
  void *object = luaL_testudata(L, index, type);
  if (object == NULL && index == 1)
    bearer_check_dot(L, method);
  if (object == NULL)
    bearer_raise(L, "%s: a %s expected, got %s%s", method, type,
                 bearer_type_name(L, index),
                 index == 1 && (lua_isnoneornil(L, 1) || lua_istable(L, 1)) &&
                         strcmp(method, "prewarm") != 0
                     ? "; call it with a colon"
                     : "");
  return object;
}

/* ---- mistakes ------------------------------------------------------------------ */

static int ends_with(const char *text, const char *end) {
  size_t size = strlen(text), end_size = strlen(end);
  return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

/* A C function, or one of our Lua files that only passes things on. */
static int is_ours(const lua_Debug *at) {
  return at->currentline < 0 || ends_with(at->source, "bearer/loop.lua") ||
         ends_with(at->source, "bearer/drivers/calls.lua") ||
         ends_with(at->source, "bearer/init.lua");
}

void bearer_push_where(lua_State *L) {
  lua_Debug at;
  int level = 0;
  while (lua_getstack(L, level, &at) && lua_getinfo(L, "Sl", &at) && is_ours(&at))
    level++;
  luaL_where(L, level);
}

int bearer_raise(lua_State *L, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  bearer_push_where(L);
  lua_pushstring(L, text);
  lua_concat(L, 2);
  return lua_error(L);
}

int bearer_refuse(lua_State *L) {
  lua_getfield(L, -1, "message"); /* err, message */
  lua_insert(L, -2);              /* message, err */
  lua_pushnil(L);
  lua_insert(L, -3); /* nil, message, err */
  return 3;
}

const char *bearer_quote(const char *text, char quoted[BEARER_QUOTED_MAX]) {
  enum { LONGEST = 60 };
  size_t size = strlen(text), at = 0;
  quoted[at++] = '\'';
  for (size_t i = 0; i < size && i < LONGEST; i++)
    quoted[at++] =
        (char)((unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i]);
  snprintf(quoted + at, BEARER_QUOTED_MAX - at, "%s'", size > LONGEST ? "..." : "");
  return quoted;
}

const char *bearer_key_text(lua_State *L, int index, char text[BEARER_QUOTED_MAX]) {
  if (lua_type(L, index) == LUA_TSTRING)
    return lua_tostring(L, index);
  if (lua_type(L, index) == LUA_TNUMBER)
    snprintf(text, BEARER_QUOTED_MAX, "%.14g", (double)lua_tonumber(L, index));
  else
    snprintf(text, BEARER_QUOTED_MAX, "%s", luaL_typename(L, index));
  return text;
}

const char *bearer_suggest(const char *word, const char *const *list, int count,
                           char *text, size_t room) {
  char quoted[BEARER_QUOTED_MAX];
  int found = bearer_nearest(word, list, count);
  size_t at = 0;
  text[0] = '\0';
  if (found >= 0)
    snprintf(text, room, "; did you mean %s?", bearer_quote(list[found], quoted));
  for (int i = 0; found < 0 && i < count && at < room; i++)
    at += (size_t)snprintf(text + at, room - at, "%s%s",
                           i > 0       ? ", "
                           : count > 1 ? "; there are "
                                       : "; there is ",
                           list[i]);
  return text;
}

/* ---- into Lua ------------------------------------------------------------------ */

void bearer_set_number(lua_State *L, const char *name, double n) {
  lua_pushnumber(L, n);
  lua_setfield(L, -2, name);
}

void bearer_copy_field(lua_State *L, int from, const char *name) {
  lua_getfield(L, from, name);
  lua_setfield(L, -2, name);
}

/* Runs below lua_pcall, so that the buffer is freed also when this raises. What is pushed
   stands in the state: an argument would have to be allocated. */
static int push_handed(lua_State *L) {
  const bearer_buffer *b = bearer_state_of(L)->handed;
  lua_pushlstring(L, bearer_buffer_string(b), b->size);
  return 1;
}

void bearer_push_buffer(lua_State *L, bearer_buffer *b) {
  bearer_lua_state *state = bearer_state_of(L);
  bearer_buffer mine = *b, *outer = state->handed;
  int status = LUA_ERRMEM;
  memset(b, 0, sizeof(*b));
  if (!mine.failed) {
    bearer_state_push(L, BEARER_PUSH_HANDED);
    state->handed = &mine;
    status = lua_pcall(L, 0, 1, 0);
    state->handed =
        outer; /* a finalizer may have pushed something of its own meanwhile */
  }
  bearer_buffer_free(&mine);
  if (mine.failed)
    luaL_error(L, "not enough memory");
  if (status != 0)
    lua_error(L);
}

void bearer_push_bytes(lua_State *L, const char *data, size_t size) {
#if LUA_VERSION_NUM >= 502 /* copies first, and collects then */
  lua_pushlstring(L, data, size);
#else
  bearer_buffer copy = { 0 };
  char small[256];
  if (size <= sizeof(small)) { /* no memory to be freed should this raise */
    memcpy(small, data, size);
    lua_pushlstring(L, small, size);
    bearer_wipe(small, size);
    return;
  }
  bearer_buffer_add(&copy, data, size);
  bearer_push_buffer(L, &copy);
#endif
}

void bearer_class_open(lua_State *L) {
  lua_pushcfunction(L, push_handed);
  bearer_state_keep(L, BEARER_PUSH_HANDED);
}
