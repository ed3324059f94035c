/*
 * Lua values as variables, as texts and as JSON, and back.
 */
#ifndef BEARER_VALUE_H
#define BEARER_VALUE_H

#include "base/json_writer.h"
#include "base/vars.h"
#include "lua/class.h"

#pragma GCC visibility push(hidden)

/* Is it a value that a definition or an answer can hold: text, number, boolean, table? */
int bearer_value_is_plain(lua_State *L, int index); /* [-0, +0, -] */

/* The kind of a value, for people: "a text", "a list", "a table", "nothing". */
const char *bearer_value_kind(lua_State *L, int index); /* [-0, +0, -] */

/* Append a text, number or boolean as the text that people mean. 0 for anything else. */
int bearer_value_text(lua_State *L, int index, bearer_buffer *out); /* [-0, +0, -] */

/* Make it a variable. NULL, or what is wrong with it. [-0, +0, m] */
const char *bearer_value_to_var(lua_State *L, int index, bearer_vars *vars, int name,
                                bearer_var_use use, int secret);

/* Push a variable with its type. [-0, +1, m] */
void bearer_push_var(lua_State *L, const bearer_vars *vars, int name);

/* Write any value. NULL, or what JSON cannot say. [-0, +0, -] */
const char *bearer_json_value(lua_State *L, int index, bearer_json *json);

/* Likewise; a userdata is written by `object`, which says 0 when it cannot. */
typedef struct {
  int (*object)(lua_State *L, int index, bearer_json *json, void *user);
  void *user;
} bearer_json_objects;
const char *bearer_json_value_with(lua_State *L, int index, bearer_json *json,
                                   const bearer_json_objects *objects);

/* Push what JSON text says, or nil when it is none; it may open with a byte order mark.
   The text stays where it is while Lua collects. JSON's null is a light userdata. [-0,
   +1, m] */
void bearer_json_decode(lua_State *L, const char *text, size_t size);
int bearer_is_null(lua_State *L, int index); /* nil, or JSON's null */

void bearer_value_open(lua_State *L);

#pragma GCC visibility pop

#endif
