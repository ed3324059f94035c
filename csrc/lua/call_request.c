/*
 * The caller's own request: checked when it is given, then made into one that is sent,
 * with the token put in. Everything in it is meant literally: "${x}" is just that.
 */
#include "lua/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/url.h"
#include "lua/value.h"

#define RELATIVE                                                                         \
  "request.url: is relative, and the provider has no base_url: a URL opens with "        \
  "https://"

/* ---- mistakes ------------------------------------------------------------------ */

static const struct {
  const char *name;
  int type; /* LUA_TNONE = any */
} fields[] = {
  { "method", LUA_TSTRING }, { "url", LUA_TSTRING },     { "headers", LUA_TTABLE },
  { "query", LUA_TTABLE },   { "json", LUA_TNONE },      { "form", LUA_TTABLE },
  { "body", LUA_TSTRING },   { "timeout", LUA_TNUMBER },
};

enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

static int find_field(const char *name) {
  for (int i = 0; i < FIELDS; i++)
    if (strcmp(fields[i].name, name) == 0)
      return i;
  return -1;
}

static void unknown_field(lua_State *L, const char *name) {
  const char *names[FIELDS];
  char quoted[BEARER_QUOTED_MAX], hint[BEARER_HINT_MAX] = "";
  for (int i = 0; i < FIELDS; i++)
    names[i] = fields[i].name;
  bearer_raise(L, "request: unknown field %s%s", bearer_quote(name, quoted),
               bearer_suggest(name, names, FIELDS, hint, sizeof(hint)));
}

static void check_fields(lua_State *L, int request) {
  lua_pushnil(L);
  while (lua_next(L, request) != 0) {
    char number[BEARER_QUOTED_MAX];
    const char *name = bearer_key_text(L, -2, number);
    int f = find_field(name), type = lua_type(L, -1);
    if (f < 0)
      unknown_field(L, name);
    else if (fields[f].type != LUA_TNONE && fields[f].type != type)
      bearer_raise(L, "request.%s: a %s expected, got %s%s", name,
                   lua_typename(L, fields[f].type), lua_typename(L, type),
                   strcmp(name, "body") == 0 && type == LUA_TTABLE
                       ? "; did you mean json or form?"
                       : "");
    lua_pop(L, 1);
  }
}

static int is_scalar(lua_State *L, int index) {
  int type = lua_type(L, index);
  return type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TBOOLEAN;
}

static int is_header_name(const char *name, size_t size) { /* RFC 9110, 5.6.2 */
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789!#$%&'*+.^_`|~-";
  return size > 0 && strlen(name) == size && strspn(name, allowed) == size;
}

static void check_header(lua_State *L, int name, int value) {
  char quoted[BEARER_QUOTED_MAX], number[BEARER_QUOTED_MAX];
  const char *text = bearer_key_text(L, name, number);
  size_t size = lua_type(L, name) == LUA_TSTRING ? lua_rawlen(L, name) : 0;
  if (!is_header_name(text, size))
    bearer_raise(L, "request.headers: %s is not the name of a header",
                 bearer_quote(text, quoted));
  bearer_quote(text, quoted);
  if (!is_scalar(L, value))
    bearer_raise(L, "request.headers[%s]: a text expected, got %s", quoted,
                 luaL_typename(L, value));
  if (lua_type(L, value) != LUA_TSTRING)
    return;
  text = lua_tolstring(L, value, &size);
  if (bearer_splits_header(text, size))
    bearer_raise(L,
                 "request.headers[%s]: holds a control character, which would split it",
                 quoted);
}

static int is_scalars(lua_State *L, int index) {
  int is = 1;
  if (!lua_istable(L, index))
    return is_scalar(L, index);
  lua_pushnil(L);
  while (is && lua_next(L, index) != 0) {
    is = lua_type(L, -2) == LUA_TNUMBER && is_scalar(L, lua_gettop(L));
    lua_pop(L, is ? 1 : 2);
  }
  return is;
}

static void check_parameter(lua_State *L, const char *field, int name, int value) {
  char quoted[BEARER_QUOTED_MAX], number[BEARER_QUOTED_MAX];
  const char *text = bearer_key_text(L, name, number);
  size_t size = lua_type(L, name) == LUA_TSTRING ? lua_rawlen(L, name) : 0;
  if (lua_type(L, name) != LUA_TSTRING || strlen(text) != size)
    bearer_raise(L, "request.%s: %s is not the name of a parameter", field,
                 bearer_quote(text, quoted));
  if (!is_scalars(L, value))
    bearer_raise(L, "request.%s[%s]: a text or a list of texts expected", field,
                 bearer_quote(text, quoted));
}

/* Look at each entry of a map in this field, if there is one. */
static void check_map(lua_State *L, int request, const char *field, int are_headers) {
  int map;
  lua_getfield(L, request, field);
  map = lua_gettop(L);
  if (!lua_isnil(L, map)) {
    lua_pushnil(L);
    while (lua_next(L, map) != 0) {
      if (are_headers)
        check_header(L, map + 1, map + 2);
      else
        check_parameter(L, field, map + 1, map + 2);
      lua_settop(L, map + 1);
    }
  }
  lua_settop(L, map - 1);
}

static int has(lua_State *L, int request, const char *field) {
  int is;
  lua_getfield(L, request, field);
  is = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return is;
}

static void check_method(lua_State *L, int request) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  char quoted[BEARER_QUOTED_MAX];
  const char *method;
  lua_getfield(L, request, "method");
  method = lua_tostring(L, -1);
  if (method != NULL && (*method == '\0' || strspn(method, letters) != lua_rawlen(L, -1)))
    bearer_raise(L, "request.method: %s is not a method", bearer_quote(method, quoted));
  lua_pop(L, 1);
}

static void check_timeout(lua_State *L, int request) {
  lua_getfield(L, request, "timeout");
  if (!lua_isnil(L, -1) && !(lua_tonumber(L, -1) > 0 && lua_tonumber(L, -1) < 1e9))
    bearer_raise(L, "request.timeout: a number of seconds above 0 expected");
  lua_pop(L, 1);
}

void bearer_call_check(lua_State *L, int request) {
  if (!lua_istable(L, request))
    bearer_raise(L, "request: a table expected, got %s", bearer_type_name(L, request));
  luaL_checkstack(L, 20, NULL);
  check_fields(L, request);
  if (!has(L, request, "url"))
    bearer_raise(L, "request.url: is missing");
  check_map(L, request, "headers", 1);
  check_map(L, request, "query", 0);
  check_map(L, request, "form", 0);
  check_method(L, request);
  check_timeout(L, request);
  if (has(L, request, "json") + has(L, request, "form") + has(L, request, "body") > 1)
    bearer_raise(L, "request: json, form and body exclude each other");
}

/* Make base_url of the inputs alone; 0 when it takes more. */
static int known_base(const bearer_login *l, bearer_buffer *out) {
  const bearer_part *n = &l->def->base_url;
  if (n->kind != BEARER_PART_TEXT || bearer_template_missing(&n->text, &l->inputs) >= 0)
    return 0;
  bearer_template_expand(&n->text, &l->inputs, 1, out);
  return !out->failed;
}

/* A base of any kind serves: it was, or will be, checked by itself. */
static void check_relative(lua_State *L, const bearer_login *l, const char *url) {
  bearer_buffer joined = { 0 };
  bearer_url_fault fault;
  if (l->def->base_url.kind == BEARER_PART_ABSENT)
    bearer_raise(L, RELATIVE);
  bearer_url_join(&joined, "https://h", url);
  fault = bearer_url_check(bearer_buffer_string(&joined), 0);
  if (joined.failed)
    fault = BEARER_URL_OK;
  bearer_buffer_free(&joined);
  if (fault != BEARER_URL_OK)
    bearer_raise(L, "request: its URL %s", bearer_url_explain(fault));
}

static void check_absolute(lua_State *L, const bearer_login *l, const char *url,
                           const bearer_options *o) {
  bearer_url_fault fault = bearer_url_check(url, o->allow_http);
  bearer_buffer base = { 0 };
  char text[400];
  int may = 1;
  if (fault != BEARER_URL_OK)
    bearer_raise(L, "request: its URL %s", bearer_url_explain(fault));
  if (known_base(l, &base))
    may = bearer_token_may_reach(l->def, o, bearer_buffer_string(&base), url, text,
                                 sizeof(text));
  bearer_buffer_free(&base);
  if (!may)
    bearer_raise(L, "request: %s", text);
}

void bearer_call_check_url(lua_State *L, const bearer_login *l, int request,
                           int options) {
  const char *url;
  lua_getfield(L, request, "url");
  url = lua_tostring(L, -1);
  if (strlen(url) != lua_rawlen(L, -1))
    bearer_raise(L, "request: its URL %s", bearer_url_explain(BEARER_URL_BYTES));
  if (bearer_url_is_absolute(url))
    check_absolute(L, l, url, bearer_options_at(L, options));
  else
    check_relative(L, l, url);
  lua_pop(L, 1);
}

/* ---- a copy of one's own ------------------------------------------------------- */

/* Push a shallow copy of the table at index; an empty one when it is none. [-0, +1, m] */
static void push_copy(lua_State *L, int index) {
  int is_table = lua_istable(L, index);
  lua_newtable(L);
  if (!is_table)
    return;
  lua_pushnil(L);
  while (lua_next(L, index) != 0) { /* copy, key, value */
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -4);
  }
}

static void copy_field(lua_State *L, int copy, const char *field) {
  lua_getfield(L, copy, field);
  push_copy(L, lua_gettop(L));
  lua_setfield(L, copy, field);
  lua_pop(L, 1);
}

/* The caller's tables stay as they are: the token is put into copies. [-0, +1, m] */
static void push_private_copy(lua_State *L, int request, int copies_json) {
  int copy;
  push_copy(L, request);
  copy = lua_gettop(L);
  copy_field(L, copy, "headers");
  copy_field(L, copy, "query");
  lua_getfield(L, copy, "json");
  if (copies_json && lua_istable(L, -1))
    copy_field(L, copy, "json");
  lua_settop(L, copy);
}

/* ---- building ------------------------------------------------------------------ */

static int mistake(bearer_call *call, const char *text) {
  snprintf(call->mistake, sizeof(call->mistake), "%s", text);
  return 0;
}

static int bad_base(bearer_call *call, const char *text) {
  bearer_failure_set(&call->failure, BEARER_BAD_ANSWER, text);
  call->failure.class = BEARER_TERMINAL;
  return 0;
}

/* The absolute URL. What the base_url is made of may be what an answer said. */
static int put_url(lua_State *L, bearer_call *call, int token, const char *url,
                   int allow_http) {
  bearer_request *r = &call->sending.request;
  bearer_request base;
  int ok;
  if (token == 0 || bearer_url_is_absolute(url)) {
    bearer_buffer_text(&r->url, url);
    return 1;
  }
  if (call->def->base_url.kind == BEARER_PART_ABSENT)
    return mistake(call, RELATIVE);
  memset(&base, 0, sizeof(base));
  if (!bearer_token_base_url(L, token, &base.url)) {
    bearer_request_clear(&base);
    return bad_base(call, "no answer gave what the provider's base_url is made of");
  }
  ok = bearer_build_check_url(&base, allow_http) == NULL;
  if (ok)
    bearer_url_join(&r->url, bearer_buffer_string(&base.url), url);
  bearer_request_clear(&base);
  return ok || bad_base(call, "the provider's base_url is no absolute https URL");
}

typedef int (*add_parameter)(bearer_request *, const char *, const char *, size_t);

static int put_scalar(lua_State *L, bearer_request *r, const char *key, int index,
                      add_parameter add) {
  bearer_buffer text = { 0 };
  int ok = bearer_value_text(L, index, &text) && !text.failed &&
           add(r, key, bearer_buffer_string(&text), text.size);
  bearer_buffer_free(&text);
  return ok;
}

static int by_text(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Push the map's keys, sorted, in memory of Lua's. The map keeps them. [-0, +1, m] */
static const char **push_keys(lua_State *L, int map, int *count) {
  const char **keys;
  *count = 0;
  lua_pushnil(L);
  while (lua_next(L, map) != 0) {
    lua_pop(L, 1);
    ++*count;
  }
  keys = lua_newuserdata(L, ((size_t)*count + 1) * sizeof(*keys));
  *count = 0;
  lua_pushnil(L);
  while (lua_next(L, map) != 0) {
    lua_pop(L, 1);
    if (lua_type(L, -1) == LUA_TSTRING)
      keys[(*count)++] = lua_tostring(L, -1);
  }
  qsort(keys, (size_t)*count, sizeof(*keys), by_text);
  return keys;
}

/* A list repeats the key. */
static int put_parameters(lua_State *L, bearer_request *r, int map, add_parameter add) {
  int count, ok = 1, top = lua_gettop(L);
  const char **keys = push_keys(L, map, &count);
  for (int i = 0; i < count && ok; i++) {
    lua_getfield(L, map, keys[i]);
    if (lua_istable(L, -1)) {
      for (int n = 1, items = (int)lua_rawlen(L, -1); n <= items && ok; n++) {
        lua_rawgeti(L, top + 2, n);
        ok = put_scalar(L, r, keys[i], top + 3, add);
        lua_settop(L, top + 2);
      }
    } else {
      ok = put_scalar(L, r, keys[i], top + 2, add);
    }
    lua_settop(L, top + 1);
  }
  lua_settop(L, top);
  return ok;
}

static int put_headers(lua_State *L, bearer_request *r, int map) {
  int ok = 1;
  lua_pushnil(L);
  while (lua_next(L, map) != 0) {
    bearer_buffer text = { 0 };
    ok = ok && lua_type(L, map + 1) == LUA_TSTRING &&
         bearer_value_text(L, map + 2, &text) && !text.failed &&
         !bearer_splits_header(bearer_buffer_string(&text), text.size) &&
         bearer_request_header(r, lua_tostring(L, map + 1), bearer_buffer_string(&text),
                               text.size);
    bearer_buffer_free(&text);
    lua_settop(L, map + 1);
  }
  return ok;
}

static const char *put_json(lua_State *L, bearer_request *r, int index) {
  bearer_json json;
  const char *why;
  r->has_body = 1;
  bearer_json_begin(&json, &r->body);
  why = bearer_json_value(L, index, &json);
  return why != NULL ? why : json.too_deep ? "it is nested too deep" : NULL;
}

/* Which content type the body has, or NULL when there is none. 0: a mistake. */
static int put_body(lua_State *L, bearer_call *call, int from, const char **type) {
  bearer_request *r = &call->sending.request;
  const char *why, *body;
  size_t size;
  int top = lua_gettop(L);
  *type = NULL;
  lua_getfield(L, from, "json");
  lua_getfield(L, from, "form");
  lua_getfield(L, from, "body");
  if (!lua_isnil(L, top + 1)) {
    *type = "application/json";
    why = put_json(L, r, top + 1);
    if (why != NULL) {
      snprintf(call->mistake, sizeof(call->mistake), "request.json: %s", why);
      return 0;
    }
  } else if (lua_istable(L, top + 2)) {
    *type = "application/x-www-form-urlencoded";
    r->has_body = 1;
    if (!put_parameters(L, r, top + 2, bearer_build_form))
      return mistake(call, "request.form: texts or lists of texts expected");
  } else if (lua_type(L, top + 3) == LUA_TSTRING) {
    *type = "application/octet-stream";
    r->has_body = 1;
    body = lua_tolstring(L, top + 3, &size);
    bearer_buffer_add(&r->body, body, size);
  }
  lua_settop(L, top);
  return 1;
}

static void put_method(lua_State *L, bearer_request *r, int from) {
  const char *method;
  lua_getfield(L, from, "method");
  method = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1)
           : r->has_body                  ? "POST"
                                          : "GET";
  for (; *method != '\0'; method++) {
    char c = (char)(*method >= 'a' && *method <= 'z' ? *method - 32 : *method);
    bearer_buffer_add(&r->method, &c, 1);
  }
  lua_pop(L, 1);
}

static int put_default(bearer_request *r, const char *name, const char *value) {
  return value == NULL || bearer_request_has_header(r, name) ||
         bearer_request_header(r, name, value, strlen(value));
}

/* Of the table at `from`, which has everything in it. */
static int fill(lua_State *L, bearer_call *call, int from, int token, int allow_http) {
  bearer_request *r = &call->sending.request;
  const char *type, *why;
  int top = lua_gettop(L);
  lua_getfield(L, from, "url");
  if (!put_url(L, call, token, lua_tostring(L, top + 1), allow_http))
    return 0;
  lua_getfield(L, from, "query");
  if (!put_parameters(L, r, top + 2, bearer_build_query))
    return mistake(call, "request.query: texts or lists of texts expected");
  lua_getfield(L, from, "headers");
  if (!put_headers(L, r, top + 3))
    return mistake(call, "request.headers: texts on one line expected");
  if (!put_body(L, call, from, &type))
    return 0;
  put_method(L, r, from);
  if (!put_default(r, "Content-Type", type) ||
      !put_default(r, "Accept", "application/json"))
    luaL_error(L, "not enough memory");
  lua_settop(L, top);
  if (r->url.failed || r->body.failed || r->method.failed)
    luaL_error(L, "not enough memory");
  why = bearer_build_check_url(r, allow_http);
  if (why != NULL)
    snprintf(call->mistake, sizeof(call->mistake), "request: its URL %s", why);
  return why == NULL;
}

/* The host of an absolute URL has to be the provider's, or a named one. */
static int check_host(lua_State *L, bearer_call *call, int from, int token) {
  char text[400];
  int may;
  if (token == 0)
    return 1;
  lua_getfield(L, from, "url");
  may = bearer_token_may_go_to(L, token, lua_tostring(L, -1), text, sizeof(text));
  lua_pop(L, 1);
  if (!may)
    snprintf(call->mistake, sizeof(call->mistake), "request: %s", text);
  return may;
}

int bearer_call_build(lua_State *L, bearer_call *call, int request, int token,
                      int allow_http) {
  int copy;
  bearer_request_clear(&call->sending.request);
  push_private_copy(L, request, token != 0 && call->def->has_json);
  copy = lua_gettop(L);
  if (token != 0 && !bearer_token_authorize(L, token, copy)) {
    bearer_error_read(L, lua_gettop(L), NULL, &call->failure); /* nil, message, err */
    return 0;
  }
  return fill(L, call, copy, token, allow_http) && check_host(L, call, copy, token);
}
