/*
 * Names for Lua: the userdata in which a login, a flight and a token keep their values.
 * A value that is no text (a number, a boolean, a table) is kept in the uservalue as
 * well, so that ${name} alone can give it back with its type.
 */
#include "lua/core.h"

#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"

bearer_vars *bearer_scope_check(lua_State *L, int index) {
  return luaL_checkudata(L, index, BEARER_SCOPE);
}

bearer_vars *bearer_scope_optional(lua_State *L, int index) {
  return lua_isnoneornil(L, index) ? NULL : bearer_scope_check(L, index);
}

static void need(lua_State *L, int ok) {
  if (!ok)
    luaL_error(L, "not enough memory");
}

/* core.scope([other]) -> a scope, a copy of the other's */
static int scope_new(lua_State *L) {
  const bearer_vars *other = bearer_scope_optional(L, 1);
  bearer_vars *n = bearer_object_new(L, BEARER_SCOPE, sizeof(*n));
  if (other == NULL)
    return 1;
  need(L, bearer_vars_copy(n, other));
  lua_getuservalue(L, -1); /* scope, to */
  lua_getuservalue(L, 1);  /* scope, to, from */
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) { /* scope, to, from, name, value */
    lua_pushvalue(L, -2);
    lua_insert(L, -2); /* scope, to, from, name, name, value */
    lua_rawset(L, -5);
  }
  lua_pop(L, 2);
  return 1;
}

/* Keep the typed value beside the text, or forget an older one. The value is at 3. */
static void set_typed(lua_State *L, const char *name, int typed) { /* [-0, +0, m] */
  lua_getuservalue(L, 1);
  if (typed)
    lua_pushvalue(L, 3);
  else
    lua_pushnil(L);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

static void set_text(lua_State *L, bearer_vars *n, const char *name, int use,
                     int secret) { /* [-0, +0, v] */
  size_t size;
  const char *text;
  lua_pushvalue(L, 3); /* lua_tolstring would change a number in place */
  text = lua_tolstring(L, -1, &size);
  need(L, bearer_vars_set(n, name, text, size, (bearer_var_use)use, secret));
  lua_pop(L, 1);
}

/* A float that is a whole number reads like one, on every Lua. */
static void whole_number(lua_State *L) { /* [-0, +0, m]: the number at 3 */
  lua_Number x = lua_tonumber(L, 3);
  if (!lua_isinteger(L, 3) && x > -1e21 && x < 1e21 && floor(x) == x) {
    char text[32];
    lua_pushlstring(L, text, (size_t)snprintf(text, sizeof(text), "%.0f", x));
  } else {
    lua_pushvalue(L, 3);
    lua_tostring(L, -1);
  }
}

/* scope:set(name, value, use, secret) -> true, or nil and why a reference gave nothing.
   use: "text", "opener", "url" */
static int scope_set(lua_State *L) {
  static const char *const uses[] = { "text", "opener", "url", NULL };
  bearer_vars *n = bearer_scope_check(L, 1);
  const char *name = luaL_checkstring(L, 2);
  int use = luaL_checkoption(L, 4, "text", uses);
  int secret = lua_toboolean(L, 5);
  int type = lua_type(L, 3);
  if (type == LUA_TUSERDATA) {
    bearer_secret value = { 0 };
    const char *why = bearer_reference_read(L, 3, &value);
    int ok = why == NULL && bearer_vars_set(n, name, value.data, value.size,
                                            (bearer_var_use)use, secret);
    bearer_secret_clear(&value);
    if (why != NULL) {
      lua_pushnil(L);
      lua_pushstring(L, why);
      return 2;
    }
    need(L, ok);
  } else if (type == LUA_TNIL) {
    bearer_vars_remove(n, name);
  } else if (type == LUA_TSTRING) {
    set_text(L, n, name, use, secret);
  } else if (type == LUA_TNUMBER) {
    size_t size;
    const char *text;
    whole_number(L);
    text = lua_tolstring(L, -1, &size);
    need(L, bearer_vars_set(n, name, text, size, (bearer_var_use)use, secret));
  } else if (type == LUA_TBOOLEAN) {
    const char *text = lua_toboolean(L, 3) ? "true" : "false";
    need(L, bearer_vars_set(n, name, text, strlen(text), (bearer_var_use)use, secret));
  } else if (type == LUA_TTABLE) {
    bearer_vars_remove(n, name); /* has no text */
  } else {
    return luaL_argerror(L, 3, "a text, number, boolean, table or reference expected");
  }
  set_typed(L, name, type == LUA_TNUMBER || type == LUA_TBOOLEAN || type == LUA_TTABLE);
  lua_pushboolean(L, 1);
  return 1;
}

/* scope:hide(text): mask it in texts for people */
static int scope_hide(lua_State *L) {
  size_t size;
  const char *text = luaL_checklstring(L, 2, &size);
  need(L, bearer_vars_hide(bearer_scope_check(L, 1), text, size));
  return 0;
}

/* Push the typed value of the name at 2, or nil. [-0, +1, -] */
static void push_typed(lua_State *L) {
  lua_getuservalue(L, 1);
  lua_pushvalue(L, 2);
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

/* scope:unhide(): forget what was only to be hidden */
static int scope_unhide(lua_State *L) {
  bearer_vars *n = bearer_scope_check(L, 1);
  size_t count;
  do {
    count = n->count;
    bearer_vars_remove(n, "");
  } while (n->count < count);
  return 0;
}

/* scope:get(name) -> its value as Lua has it, secret or not; nil when it is not known */
static int scope_get(lua_State *L) {
  const bearer_vars *n = bearer_scope_check(L, 1);
  size_t size;
  const char *name = luaL_checklstring(L, 2, &size);
  const bearer_var *e = bearer_vars_get(n, name, size);
  push_typed(L);
  if (!lua_isnil(L, -1))
    return 1;
  if (e == NULL || e->value.data == NULL)
    lua_pushnil(L);
  else
    lua_pushlstring(L, e->value.data, e->value.size);
  return 1;
}

/* scope:typed(name) -> its value when that is no text, else nil */
static int scope_typed(lua_State *L) {
  bearer_scope_check(L, 1);
  luaL_checkstring(L, 2);
  push_typed(L);
  return 1;
}

/* scope:expand(text) -> the text with its names replaced, or nil and the unknown name */
static int scope_expand(lua_State *L) {
  const bearer_vars *n = bearer_scope_check(L, 1);
  size_t size, missing_size = 0;
  const char *text = luaL_checklstring(L, 2, &size), *missing;
  bearer_buffer out = { 0 };
  missing = bearer_vars_expand(n, text, size, lua_toboolean(L, 3), &out, &missing_size);
  if (missing == NULL) {
    bearer_buffer_push(L, &out);
    return 1;
  }
  bearer_buffer_free(&out);
  lua_pushnil(L);
  lua_pushlstring(L, missing, missing_size);
  return 2;
}

/* scope:missing(text) -> the first name in the text that is not known, or nil */
static int scope_missing(lua_State *L) {
  const bearer_vars *n = bearer_scope_check(L, 1);
  size_t size, at = 0, from, name_size;
  const char *text = luaL_checklstring(L, 2, &size);
  while (bearer_vars_next(text, size, &at, &from, &name_size)) {
    const bearer_var *e = bearer_vars_get(n, text + from + 2, name_size);
    if (e == NULL || e->value.data == NULL) {
      lua_pushlstring(L, text + from + 2, name_size);
      return 1;
    }
  }
  lua_pushnil(L);
  return 1;
}

/* The most bytes that a secret can become, however it is encoded. */
static size_t longest_form(const bearer_vars *n) {
  size_t longest = 0;
  for (size_t i = 0; i < n->count; i++)
    if (n->list[i].secret && n->list[i].value.size > longest)
      longest = n->list[i].value.size;
  return 12 * longest;
}

/* scope:redact(text[, most]) -> the text with every secret in it masked */
static int scope_redact(lua_State *L) {
  const bearer_vars *n = bearer_scope_check(L, 1);
  size_t size, longest = longest_form(n);
  const char *text = luaL_checklstring(L, 2, &size);
  size_t most = (size_t)luaL_optinteger(L, 3, 0);
  int is_cut = most > 0 && size > most + 2 * longest;
  bearer_buffer out = { 0 };
  bearer_vars_redact(n, text, is_cut ? most + 2 * longest : size, &out);
  if (is_cut) { /* a secret that the cut went through is not known as one */
    lua_pushlstring(L, bearer_buffer_string(&out),
                    out.size > longest ? out.size - longest : 0);
    bearer_buffer_free(&out);
    return 1;
  }
  bearer_buffer_push(L, &out);
  return 1;
}

static int by_name(const void *a, const void *b) {
  return strcmp((*(const bearer_var *const *)a)->name,
                (*(const bearer_var *const *)b)->name);
}

/* scope:fingerprint() -> what tells one set of secrets from another: a SHA-256 */
static int scope_fingerprint(lua_State *L) {
  const bearer_vars *n = bearer_scope_check(L, 1);
  const bearer_var **sorted = lua_newuserdata(L, (n->count + 1) * sizeof(*sorted));
  bearer_buffer all = { 0 };
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  size_t count = 0;
  for (size_t i = 0; i < n->count; i++)
    if (n->list[i].secret && n->list[i].name[0] != '\0')
      sorted[count++] = &n->list[i];
  qsort(sorted, count, sizeof(*sorted), by_name);
  for (size_t i = 0; i < count; i++) {
    bearer_buffer_add(&all, sorted[i]->name, strlen(sorted[i]->name) + 1);
    bearer_encode_base64(&all, sorted[i]->value.data, sorted[i]->value.size);
    bearer_buffer_add(&all, "", 1);
  }
  if (all.failed || !EVP_Digest(all.data, all.size, digest, &size, EVP_sha256(), NULL))
    size = 0;
  bearer_buffer_free(&all);
  need(L, size > 0);
  lua_pushlstring(L, (const char *)digest, size);
  return 1;
}

/* scope:clear(), also __gc: safe to call twice */
static int scope_clear(lua_State *L) {
  bearer_vars_clear(bearer_scope_check(L, 1));
  lua_newtable(L);
  lua_setuservalue(L, 1);
  return 0;
}

static int scope_gc(lua_State *L) {
  bearer_vars_clear(bearer_scope_check(L, 1));
  return 0;
}

static const luaL_Reg metamethods[] = {
  { "__gc", scope_gc },
  { NULL, NULL },
};

static const luaL_Reg methods[] = {
  { "set", scope_set },
  { "hide", scope_hide },
  { "unhide", scope_unhide },
  { "get", scope_get },
  { "typed", scope_typed },
  { "expand", scope_expand },
  { "missing", scope_missing },
  { "redact", scope_redact },
  { "clear", scope_clear },
  { "fingerprint", scope_fingerprint },
  { NULL, NULL },
};

static const luaL_Reg functions[] = {
  { "scope", scope_new },
  { NULL, NULL },
};

void bearer_scope_open(lua_State *L) {
  bearer_object_type(L, BEARER_SCOPE, metamethods, methods);
  lua_pop(L, 1);
  luaL_setfuncs(L, functions, 0);
}
