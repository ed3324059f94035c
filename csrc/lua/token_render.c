/*
 * What a token is sent as: its header, and whatever else `authorize` says.
 */
#include "lua/token.h"

#include <openssl/crypto.h>
#include <string.h>
#include <strings.h>

#include "lua/value.h"

static int closed(lua_State *L, const bearer_token *t) { /* [-0, +3, m] */
  bearer_failure f;
  bearer_failure_set(&f, BEARER_CLOSED, "the login is closed, and its token wiped");
  return bearer_fail(L, &f, t->def->name, BEARER_STEP_LOGIN);
}

static int failed(lua_State *L, const bearer_context *c) { /* [-0, +3, m] */
  char text[sizeof(c->fault.what) + 64];
  bearer_failure f;
  bearer_fault_explain(&c->fault, text, sizeof(text));
  bearer_failure_set(&f, BEARER_BAD_REQUEST, NULL);
  bearer_failure_describe(&f, c->vars, text, strlen(text));
  return bearer_fail(L, &f, c->def->name, BEARER_STEP_REQUEST);
}

/* What the places of `authorize` are read with. The provider is pushed. [-0, +1, -] */
static bearer_context context_of(lua_State *L, int index, bearer_token *t) {
  bearer_context c;
  memset(&c, 0, sizeof(c));
  luaL_checkstack(L, 20, NULL);
  bearer_get_slot(L, index, BEARER_TOKEN_PROVIDER);
  c.L = L;
  c.def = t->def;
  c.provider = lua_gettop(L);
  c.vars = &t->vars;
  c.holder = index;
  return c;
}

/* Push a header's value, if it can be handed out; what was kept of an answer could split
   it. 1, 0 when there is none, -1 when a function of the definition failed. */
static int push_header_text(bearer_context *c, const bearer_part *n) {
  bearer_buffer value = { 0 };
  bearer_placed placed = bearer_build_text(c, n, 0, &value);
  int bad = placed != BEARER_PLACE_DONE ||
            bearer_splits_header(bearer_buffer_string(&value), value.size);
  if (bad)
    bearer_buffer_free(&value);
  else
    bearer_push_buffer(c->L, &value);
  if (placed == BEARER_PLACE_FAULT && c->fault.kind == BEARER_FAULT_DEFINITION)
    return -1;
  return !bad;
}

/* `Authorization`, the token's type, the token. */
static void push_plain_header(lua_State *L, const bearer_token *t) { /* [-0, +2, m] */
  const bearer_var *token = bearer_vars_get(&t->vars, BEARER_NAME_TOKEN);
  bearer_buffer value = { 0 };
  bearer_buffer_text(&value, t->type != NULL ? t->type : "Bearer");
  bearer_buffer_text(&value, " ");
  if (token != NULL)
    bearer_buffer_add(&value, token->value.data, token->value.size);
  bearer_push_buffer(L, &value);
  lua_pushliteral(L, "Authorization");
  lua_insert(L, -2);
}

static int render(lua_State *L, int index, bearer_token *t) { /* [-0, +2 or 3, m] */
  bearer_context c = context_of(L, index, t);
  const bearer_part *n =
      t->def->token_header >= 0 ? &t->def->headers.items[t->def->token_header] : NULL;
  int there = 0, count = 2;
  if (n != NULL) {
    lua_pushstring(L, n->key);
    there = push_header_text(&c, n);
    if (there <= 0)
      lua_pop(L, 1);
  }
  if (there < 0)
    count = failed(L, &c);
  else if (there == 0)
    push_plain_header(L, t);
  lua_remove(L, c.provider);
  return count;
}

int bearer_token_push_header(lua_State *L, int index) {
  bearer_token *t = lua_touserdata(L, index);
  if (t->is_closed)
    return closed(L, t);
  bearer_get_slot(L, index, BEARER_TOKEN_NAME);
  bearer_get_slot(L, index, BEARER_TOKEN_VALUE);
  if (lua_toboolean(L, -1))
    return 2;
  lua_pop(L, 2);
  if (render(L, index, t) == 3)
    return 3;
  lua_pushvalue(L, -2);
  bearer_set_slot(L, index, BEARER_TOKEN_NAME);
  lua_pushvalue(L, -1);
  bearer_set_slot(L, index, BEARER_TOKEN_VALUE);
  return 2;
}

/* Set a header in the table at `to`: name and value are on top. Names know no case: the
   caller's "authorization" makes way as well. [-2, +0, m] */
static void set_header(lua_State *L, int to) {
  int name = lua_gettop(L) - 1;
  lua_pushnil(L);
  while (lua_next(L, to) != 0) { /* a field that is there may be cleared meanwhile */
    lua_pop(L, 1);
    if (lua_type(L, -1) == LUA_TSTRING &&
        strcasecmp(lua_tostring(L, -1), lua_tostring(L, name)) == 0) {
      lua_pushvalue(L, -1);
      lua_pushnil(L);
      lua_rawset(L, to);
    }
  }
  lua_rawset(L, to);
}

/* 0: nil, message, err are pushed. */
static int add_headers(lua_State *L, bearer_context *c, int to) {
  for (int i = 0; i < c->def->headers.count; i++) {
    const bearer_part *n = &c->def->headers.items[i];
    int there;
    lua_pushstring(L, n->key);
    there = push_header_text(c, n);
    if (there < 0) {
      failed(L, c);
      return 0;
    }
    if (there)
      set_header(L, to);
    else
      lua_pop(L, 1);
  }
  return 1;
}

/* All headers into the table at `to`, the token's among them. */
static int put_headers(lua_State *L, int index, bearer_context *c, int to) {
  int count;
  if (!add_headers(L, c, to))
    return 0;
  count = bearer_token_push_header(L, index);
  if (count == 3)
    return 0;
  set_header(L, to);
  return 1;
}

static int add_values(lua_State *L, bearer_context *c, const bearer_fields *fields,
                      int to) {
  for (int i = 0; i < fields->count; i++) {
    lua_pushstring(L, fields->items[i].key);
    if (bearer_build_value(c, &fields->items[i]) == BEARER_PLACE_FAULT &&
        c->fault.kind == BEARER_FAULT_DEFINITION) {
      failed(L, c);
      return 0;
    }
    lua_rawset(L, to);
  }
  return 1;
}

/* Push the table in this field of the table at index, or a new one. [-0, +1, e] */
static void get_table(lua_State *L, int index, const char *name) {
  lua_getfield(L, index, name);
  if (!lua_istable(L, -1)) {
    lua_pop(L, 1);
    lua_newtable(L);
  }
}

static int is_object(lua_State *L, int index) {
  int is;
  if (!lua_istable(L, index))
    return 0;
  lua_rawgeti(L, index, 1);
  is = lua_isnil(L, -1);
  lua_pop(L, 1);
  return is;
}

static int put_elsewhere(lua_State *L, bearer_context *c, int request) {
  int ok = 1;
  lua_getfield(L, request, "json");
  if (c->def->has_json && is_object(L, lua_gettop(L)))
    return add_values(L, c, &c->def->json, lua_gettop(L));
  lua_pop(L, 1);
  if (!c->def->has_query)
    return 1;
  get_table(L, request, "query");
  ok = add_values(L, c, &c->def->query, lua_gettop(L));
  if (ok)
    lua_setfield(L, request, "query");
  return ok;
}

int bearer_token_authorize(lua_State *L, int index, int request) {
  bearer_token *t = lua_touserdata(L, index);
  bearer_context c = context_of(L, index, t);
  int headers, goes_elsewhere =
                   (t->def->has_query || t->def->has_json) && t->def->token_header < 0;
  if (t->is_closed) {
    closed(L, t);
    return 0;
  }
  get_table(L, request, "headers");
  headers = lua_gettop(L);
  if (!(goes_elsewhere ? add_headers(L, &c, headers)
                       : put_headers(L, index, &c, headers)))
    return 0;
  lua_settop(L, headers);
  lua_pushnil(L);
  if (lua_next(L, headers) != 0) {
    lua_pushvalue(L, headers);
    lua_setfield(L, request, "headers");
  }
  lua_settop(L, headers);
  return put_elsewhere(L, &c, request);
}

int bearer_token_put_headers(lua_State *L, int index, int to) {
  bearer_token *t = lua_touserdata(L, index);
  bearer_context c;
  if (t->is_closed) {
    closed(L, t);
    return 0;
  }
  c = context_of(L, index, t);
  if (!put_headers(L, index, &c, to))
    return 0;
  lua_remove(L, c.provider);
  return 1;
}

int bearer_token_base_url(lua_State *L, int index, bearer_buffer *out) {
  bearer_token *t = lua_touserdata(L, index);
  bearer_context c = context_of(L, index, t);
  bearer_placed placed = bearer_build_text(&c, &t->def->base_url, 1, out);
  lua_pop(L, 1);
  return placed == BEARER_PLACE_DONE && !out->failed;
}

int bearer_token_is(lua_State *L, int index, const char *text, size_t size) {
  const bearer_token *t = lua_touserdata(L, index);
  const bearer_var *token = bearer_vars_get(&t->vars, BEARER_NAME_TOKEN);
  size_t header_size;
  const char *header;
  int is = token != NULL && token->value.size == size &&
           CRYPTO_memcmp(token->value.data, text, size) == 0;
  int top = lua_gettop(L);
  if (!is && bearer_token_push_header(L, index) == 2) {
    header = lua_tolstring(L, -1, &header_size);
    is = header_size == size && CRYPTO_memcmp(header, text, size) == 0;
  }
  lua_settop(L, top);
  return is;
}
