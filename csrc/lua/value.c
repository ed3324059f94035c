/*
 * Lua values as variables, as texts and as JSON, and back.
 */
#include "lua/value.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lua/state.h"

int bearer_value_is_plain(lua_State *L, int index) {
  int type = lua_type(L, index);
  return type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TBOOLEAN ||
         type == LUA_TTABLE;
}

int bearer_is_null(lua_State *L, int index) {
  return lua_isnoneornil(L, index) ||
         (lua_islightuserdata(L, index) && lua_touserdata(L, index) == NULL);
}

const char *bearer_value_kind(lua_State *L, int index) {
  static const char *const kinds[] = { "nothing",    "a boolean",  "a light userdata",
                                       "a number",   "a text",     "a table",
                                       "a function", "a userdata", "a thread" };
  int type = lua_type(L, index), is_list;
  if (type == LUA_TTABLE) {
    lua_rawgeti(L, index, 1);
    is_list = !lua_isnil(L, -1);
    lua_pop(L, 1);
    return is_list ? "a list" : "a table";
  }
  return type < 0 ? kinds[0] : kinds[type];
}

/* ---- texts --------------------------------------------------------------------- */

static int number_text(lua_State *L, int index, char text[BEARER_NUMBER_MAX]) {
  if (lua_isinteger(L, index))
    return snprintf(text, BEARER_NUMBER_MAX, "%lld", (long long)lua_tointeger(L, index));
  return bearer_number_text(lua_tonumber(L, index), text);
}

int bearer_value_text(lua_State *L, int index, bearer_buffer *out) {
  char number[BEARER_NUMBER_MAX];
  const char *text;
  size_t size;
  switch (lua_type(L, index)) {
  case LUA_TSTRING:
    text = lua_tolstring(L, index, &size);
    bearer_buffer_add(out, text, size);
    return 1;
  case LUA_TNUMBER:
    bearer_buffer_add(out, number, (size_t)number_text(L, index, number));
    return 1;
  case LUA_TBOOLEAN:
    bearer_buffer_text(out, lua_toboolean(L, index) ? "true" : "false");
    return 1;
  default:
    return 0;
  }
}

/* ---- variables ----------------------------------------------------------------- */

static const char *table_to_json(lua_State *L, int index, bearer_buffer *out) {
  bearer_json json;
  const char *why;
  bearer_json_begin(&json, out);
  why = bearer_json_value(L, index, &json);
  return why != NULL ? why : json.too_deep ? "it is nested too deep" : NULL;
}

const char *bearer_value_to_var(lua_State *L, int index, bearer_vars *vars, int name,
                                bearer_var_use use, int secret) {
  bearer_buffer text = { 0 };
  bearer_var_type type = BEARER_VAR_TEXT;
  const char *why = NULL;
  switch (lua_type(L, index)) {
  case LUA_TTABLE:
    type = BEARER_VAR_JSON;
    why = table_to_json(L, lua_absindex(L, index), &text);
    break;
  case LUA_TNUMBER:
    type = BEARER_VAR_NUMBER;
    break;
  case LUA_TBOOLEAN:
    type = BEARER_VAR_BOOLEAN;
    break;
  case LUA_TSTRING:
    break;
  default:
    return "a text, number, boolean or table expected";
  }
  if (type != BEARER_VAR_JSON)
    bearer_value_text(L, index, &text);
  if (why == NULL &&
      (text.failed || !bearer_vars_set(vars, name, type, use, secret,
                                       bearer_buffer_string(&text), text.size)))
    why = "not enough memory";
  bearer_buffer_free(&text);
  return why;
}

static void push_number(lua_State *L, const char *text) { /* [-0, +1, -] */
#if LUA_VERSION_NUM >= 503
  if (lua_stringtonumber(L, text) == 0)
    lua_pushnil(L);
#else
  lua_pushstring(L, text);
  lua_pushnumber(L, lua_tonumber(L, -1));
  lua_remove(L, -2);
#endif
}

/* What is pushed is copied first: to push may collect, and what is collected may close
   the login that the variable belongs to. */
void bearer_push_var(lua_State *L, const bearer_vars *vars, int name) {
  const bearer_var *var = bearer_vars_get(vars, name);
  char number[BEARER_NUMBER_MAX] = "";
  if (var == NULL) {
    lua_pushnil(L);
  } else if (var->type == BEARER_VAR_BOOLEAN) {
    lua_pushboolean(L, var->value.data[0] == 't');
  } else if (var->type == BEARER_VAR_NUMBER) {
    snprintf(number, sizeof(number), "%s", var->value.data);
    push_number(L, number);
  } else if (var->type == BEARER_VAR_JSON) {
    bearer_push_bytes(L, var->value.data, var->value.size);
    bearer_json_decode(L, lua_tostring(L, -1), lua_rawlen(L, -1));
    lua_remove(L, -2);
  } else {
    bearer_push_bytes(L, var->value.data, var->value.size);
  }
}

/* ---- JSON ---------------------------------------------------------------------- */

/* How lua-cjson's fork in OpenResty marks arrays. Kept in a list of this order. */
enum { ARRAY_MT = 1, EMPTY_ARRAY_MT, EMPTY_ARRAY };
static const char *const marks[] = { "array_mt", "empty_array_mt", "empty_array" };

static int is_mark(lua_State *L, int index, int mark) { /* [-0, +0, -] */
  int is;
  bearer_state_push(L, BEARER_JSON_MARKS);
  lua_rawgeti(L, -1, mark);
  is = lua_toboolean(L, -1) && lua_rawequal(L, -1, index);
  lua_pop(L, 2);
  return is;
}

static int is_marked_array(lua_State *L, int index) {
  int is;
  if (!lua_getmetatable(L, index))
    return 0;
  is = is_mark(L, lua_gettop(L), ARRAY_MT) || is_mark(L, lua_gettop(L), EMPTY_ARRAY_MT);
  lua_pop(L, 1);
  return is;
}

/* How many items a table has as an array, holes included; -1 = it is an object. Holes
   make it one when there are more of them than items, as lua-cjson has it. */
static int array_size(lua_State *L, int index) {
  lua_Number most = 0, n;
  int count = 0;
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    lua_pop(L, 1);
    n = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
    if (!(n >= 1) || floor(n) != n) {
      lua_pop(L, 1);
      return -1;
    }
    most = n > most ? n : most;
    count++;
  }
  if (count == 0)
    return is_marked_array(L, index) ? 0 : -1;
  return most > 10 && most > 2.0 * count ? -1 : (int)most;
}

static const char *array(lua_State *L, int index, int size, bearer_json *json,
                         const bearer_json_objects *objects) {
  const char *why = NULL;
  bearer_json_open(json, '[');
  for (int i = 1; i <= size && why == NULL; i++) {
    lua_rawgeti(L, index, i);
    why = bearer_json_value_with(L, lua_gettop(L), json, objects);
    lua_pop(L, 1);
  }
  bearer_json_close(json, ']');
  return why;
}

static const char *object(lua_State *L, int index, bearer_json *json,
                          const bearer_json_objects *objects) {
  const char *why = NULL, *key;
  char number[BEARER_NUMBER_MAX];
  size_t size;
  bearer_json_open(json, '{');
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    if (lua_type(L, -2) == LUA_TSTRING) {
      key = lua_tolstring(L, -2, &size);
      bearer_json_key(json, key, size);
    } else if (lua_type(L, -2) == LUA_TNUMBER) {
      size = (size_t)number_text(L, lua_gettop(L) - 1, number);
      bearer_json_key(json, number, size);
    } else {
      why = "a key is neither a text nor a number";
    }
    if (why == NULL)
      why = bearer_json_value_with(L, lua_gettop(L), json, objects);
    if (why != NULL) {
      lua_pop(L, 2);
      break;
    }
    lua_pop(L, 1);
  }
  bearer_json_close(json, '}');
  return why;
}

static const char *table(lua_State *L, int index, bearer_json *json,
                         const bearer_json_objects *objects) {
  int size;
  if (json->too_deep || json->depth >= BEARER_JSON_DEEPEST || !lua_checkstack(L, 10))
    return "it is nested too deep";
  size = array_size(L, index);
  return size >= 0 ? array(L, index, size, json, objects)
                   : object(L, index, json, objects);
}

const char *bearer_json_value(lua_State *L, int index, bearer_json *json) {
  return bearer_json_value_with(L, index, json, NULL);
}

const char *bearer_json_value_with(lua_State *L, int index, bearer_json *json,
                                   const bearer_json_objects *objects) {
  char number[BEARER_NUMBER_MAX];
  const char *text;
  size_t size;
  index = lua_absindex(L, index);
  switch (lua_type(L, index)) {
  case LUA_TSTRING:
    text = lua_tolstring(L, index, &size);
    bearer_json_string(json, text, size);
    return NULL;
  case LUA_TNUMBER:
    if (!lua_isinteger(L, index))
      return bearer_json_number(json, lua_tonumber(L, index)) ? NULL
                                                              : "a number is not finite";
    bearer_json_raw(json, number, (size_t)number_text(L, index, number));
    return NULL;
  case LUA_TBOOLEAN:
    text = lua_toboolean(L, index) ? "true" : "false";
    bearer_json_raw(json, text, strlen(text));
    return NULL;
  case LUA_TTABLE:
    return table(L, index, json, objects);
  case LUA_TNIL: /* a hole in a list */
    bearer_json_raw(json, "null", 4);
    return NULL;
  default:
    if (lua_type(L, index) == LUA_TUSERDATA && objects != NULL &&
        objects->object(L, index, json, objects->user))
      return NULL;
    if (!lua_islightuserdata(L, index))
      return "it holds a function, a thread or an object";
    text = is_mark(L, index, EMPTY_ARRAY) ? "[]" : "null";
    bearer_json_raw(json, text, strlen(text));
    return NULL;
  }
}

void bearer_json_decode(lua_State *L, const char *text, size_t size) {
  int status = LUA_ERRRUN;
  if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
    text += 3;
    size -= 3;
  }
  if (memchr(text, '\0', size) == NULL) { /* lua-cjson takes a NUL for the end */
    bearer_state_push(L, BEARER_JSON_DECODE);
    lua_pushlstring(L, text, size);
    status = lua_pcall(L, 1, 1, 0);
    if (status == LUA_ERRMEM)
      lua_error(L);
    if (status != 0)
      lua_pop(L, 1);
  }
  if (status != 0)
    lua_pushnil(L);
}

/* ---- opening ------------------------------------------------------------------- */

/* Call a setting of the lua-cjson on top. [-0, +0, e] */
static void set(lua_State *L, const char *name, int value) {
  lua_getfield(L, -1, name);
  if (value > 1)
    lua_pushinteger(L, value);
  else
    lua_pushboolean(L, value);
  lua_call(L, 1, 0);
}

void bearer_value_open(lua_State *L) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "cjson");
  lua_call(L, 1, 1); /* cjson */
  lua_getfield(L, -1, "new");
  lua_call(L, 0,
           1); /* cjson, ours: the settings of the former are shared with the host */
  set(L, "decode_max_depth", 100);
  set(L, "decode_invalid_numbers", 0); /* NaN and Infinity are not JSON */
  lua_getfield(L, -1, "decode");
  bearer_state_keep(L, BEARER_JSON_DECODE);
  lua_pop(L, 1);   /* cjson */
  lua_newtable(L); /* cjson, marks */
  for (int mark = ARRAY_MT; mark <= EMPTY_ARRAY; mark++) {
    lua_getfield(L, -2, marks[mark - 1]);
    if (lua_isnil(L, -1)) {
      lua_pop(L, 1);
      lua_pushboolean(L, 0);
    }
    lua_rawseti(L, -2, mark);
  }
  bearer_state_keep(L, BEARER_JSON_MARKS);
  lua_pop(L, 1);
}
