/***
Secret references: where a secret is, read when a login is sent, never kept as a Lua
string.
@module bearer.core
*/
#include "lua/secret_ref.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "lua/value.h"

typedef struct {
  char is_file;
  char has_field; /* of a JSON file: its name stands behind the path and a NUL */
  char name[];    /* of the variable, or the path */
} reference;

static const char *field_of(const reference *r) {
  return r->name + strlen(r->name) + 1;
}

int bearer_secret_ref_is(lua_State *L, int index) {
  return luaL_testudata(L, index, BEARER_SECRET) != NULL;
}

/* ---- reading ------------------------------------------------------------------- */

/* systemd puts a service's credentials into a folder of its own; a relative path is
   looked for there first. */
static const char *read_relative(const char *path, bearer_secret *out) {
  const char *folder = path[0] != '/' ? getenv("CREDENTIALS_DIRECTORY") : NULL;
  char whole[4096];
  if (folder == NULL || folder[0] == '\0' ||
      snprintf(whole, sizeof(whole), "%s/%s", folder, path) >= (int)sizeof(whole))
    return "does not exist";
  return bearer_file_read(whole, BEARER_FILE_MAX, out);
}

/* A whole ASN.1 SEQUENCE, such as PKCS#12: its last byte may look like a newline. */
static int is_der(const bearer_secret *s) {
  const unsigned char *data = (const unsigned char *)s->data;
  size_t size = 0, count = s->size > 2 && data[0] == 0x30 ? (size_t)(data[1] & 0x7f) : 0;
  if (count < 1 || count > 4 || data[1] < 0x80 || s->size < 2 + count)
    return 0;
  for (size_t i = 0; i < count; i++)
    size = size << 8 | data[2 + i];
  return size == s->size - 2 - count;
}

static const char *read_file(const char *path, bearer_secret *out) {
  const char *why = read_relative(path, out);
  if (why != NULL && strcmp(why, "does not exist") == 0)
    why = bearer_file_read(path, BEARER_FILE_MAX, out);
  if (why == NULL && !is_der(out))
    out->size = bearer_file_without_newline(out->data, out->size);
  return why;
}

/* One field of the JSON that was read: it passes through lua-cjson. */
static const char *take_field(lua_State *L, const char *name, bearer_secret *out) {
  const char *text, *why = NULL;
  size_t size;
  int top = lua_gettop(L);
  lua_pushlstring(L, out->data, out->size);
  bearer_secret_clear(out);
  text = lua_tolstring(L, -1, &size);
  bearer_json_decode(L, text, size);
  if (!lua_istable(L, -1))
    why = "is no JSON object";
  else
    lua_getfield(L, -1, name);
  if (why == NULL && lua_type(L, -1) != LUA_TSTRING)
    why = "has no such field that is a text";
  if (why == NULL) {
    text = lua_tolstring(L, -1, &size);
    why = bearer_secret_set(out, text, size) ? NULL : "not enough memory";
  }
  lua_settop(L, top);
  return why;
}

static const char *read_variable(const char *name, bearer_secret *out) {
  const char *value = getenv(name);
  if (value == NULL)
    return "is not set";
  return bearer_secret_set(out, value, strlen(value)) ? NULL : "not enough memory";
}

const char *bearer_secret_ref_read(lua_State *L, int index, bearer_secret *out) {
  const reference *r = luaL_checkudata(L, index, BEARER_SECRET);
  const char *why = r->is_file ? read_file(r->name, out) : read_variable(r->name, out);
  if (why == NULL && r->has_field)
    why = take_field(L, field_of(r), out);
  if (why == NULL && out->size == 0)
    why = "is empty";
  if (why != NULL)
    bearer_secret_clear(out);
  return why;
}

/* ---- making -------------------------------------------------------------------- */

static const char *check_name(lua_State *L, const char *function, size_t *size) {
  const char *name;
  bearer_check_dot(L, function);
  if (lua_type(L, 1) != LUA_TSTRING)
    bearer_raise(L, "%s: a text expected, got %s", function, bearer_type_name(L, 1));
  name = lua_tolstring(L, 1, size);
  if (*size == 0 || strlen(name) != *size)
    bearer_raise(L, "%s: a name without NUL expected", function);
  return name;
}

static int make(lua_State *L, int is_file, const char *name, size_t size,
                const char *field, size_t field_size) {
  reference *r = bearer_new(L, BEARER_SECRET, sizeof(*r) + size + field_size + 2, 0);
  r->is_file = (char)is_file;
  r->has_field = field != NULL;
  memcpy(r->name, name, size);
  if (field != NULL)
    memcpy(r->name + size + 1, field, field_size);
  return 1;
}

/***
A secret in an environment variable.
@function env
@tparam string name of the variable
@treturn bearer.secret_ref
*/
static int secret_ref_env(lua_State *L) {
  size_t size;
  const char *name = check_name(L, "env", &size);
  return make(L, 0, name, size, NULL, 0);
}

/* The one there is: json. [-0, +0, v] */
static void check_options(lua_State *L, int index) {
  static const char *const names[] = { "json" };
  char quoted[BEARER_QUOTED_MAX], hint[BEARER_HINT_MAX], number[BEARER_QUOTED_MAX];
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    const char *name = bearer_key_text(L, -2, number);
    if (strcmp(name, names[0]) != 0)
      bearer_raise(L, "file: unknown option %s%s", bearer_quote(name, quoted),
                   bearer_suggest(name, names, 1, hint, sizeof(hint)));
    if (lua_type(L, -1) != LUA_TSTRING || lua_rawlen(L, -1) == 0 ||
        strlen(lua_tostring(L, -1)) != lua_rawlen(L, -1))
      bearer_raise(L, "file.json: the name of a field expected");
    lua_pop(L, 1);
  }
}

/***
A secret in a file; its last newline is dropped. The file is read again at each login, so
that a rotated secret is noticed. A relative path is looked for below
`$CREDENTIALS_DIRECTORY` first, where systemd sets it.
@function file
@tparam string path of a regular file of at most 1 MiB
@tparam[opt] table options `{ json = "field" }`: one field of a JSON file
@treturn bearer.secret_ref
*/
static int secret_ref_file(lua_State *L) {
  size_t size, field_size = 0;
  const char *name = check_name(L, "file", &size), *field = NULL;
  if (!lua_isnoneornil(L, 2)) {
    if (!lua_istable(L, 2))
      return bearer_raise(L, "file: a table expected, got %s", bearer_type_name(L, 2));
    check_options(L, 2);
    lua_getfield(L, 2, "json");
    if (!lua_isnil(L, -1))
      field = lua_tolstring(L, -1, &field_size);
  }
  return make(L, 1, name, size, field, field_size);
}

static int secret_ref_tostring(lua_State *L) {
  const reference *r = luaL_checkudata(L, 1, BEARER_SECRET);
  lua_pushfstring(L, "%s %s", r->is_file ? "file" : "environment variable", r->name);
  return 1;
}

static const luaL_Reg metamethods[] = {
  { "__tostring", secret_ref_tostring },
  { NULL, NULL },
};

static const luaL_Reg functions[] = {
  { "env", secret_ref_env },
  { "file", secret_ref_file },
  { NULL, NULL },
};

void bearer_secret_ref_open(lua_State *L) {
  bearer_class_make(L, BEARER_SECRET, metamethods, NULL);
  luaL_setfuncs(L, functions, 0);
}
