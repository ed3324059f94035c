/*
 * A request in the making: texts come from Lua, the values in them from a scope, and the
 * bytes stay in C. A scope of nil means: the text as it stands.
 */
#include "lua/core.h"

#include <string.h>

#include "base/encode.h"
#include "http/url.h"

bearer_request *bearer_request_check(lua_State *L, int index) {
  return luaL_checkudata(L, index, BEARER_REQUEST);
}

/* core.request(method) */
static int request_new(lua_State *L) {
  const char *method = luaL_checkstring(L, 1);
  bearer_request *m = bearer_object_new(L, BEARER_REQUEST, sizeof(*m));
  bearer_buffer_text(&m->method, method);
  return 1;
}

static int failed(lua_State *L, const char *kind, const char *what, size_t size) {
  lua_pushnil(L); /* [-0, +3, m] */
  lua_pushstring(L, kind);
  lua_pushlstring(L, what, size);
  return 3;
}

/* Expand the text at index from the scope at index - 1 into *out. 0 when done; otherwise
   the values to return are pushed, and out is free. [-0, +3?, m] */
static int expand(lua_State *L, int index, int for_url, bearer_buffer *out) {
  const bearer_vars *n = bearer_scope_optional(L, index - 1);
  size_t size, missing_size = 0;
  const char *text = luaL_checklstring(L, index, &size), *missing = NULL;
  if (n == NULL)
    bearer_buffer_add(out, text, size);
  else
    missing = bearer_vars_expand(n, text, size, for_url, out, &missing_size);
  if (missing != NULL) {
    bearer_buffer_free(out);
    return failed(L, "unknown", missing, missing_size);
  }
  if (out->failed) {
    bearer_buffer_free(out);
    luaL_error(L, "not enough memory");
  }
  return 0;
}

static int done(lua_State *L, const bearer_buffer *target) { /* [-0, +1, v] */
  if (target->failed)
    luaL_error(L, "not enough memory");
  lua_pushboolean(L, 1);
  return 1;
}

/* request:url(scope, text): opens the URL, or adds to it */
static int request_url(lua_State *L) {
  bearer_request *m = bearer_request_check(L, 1);
  bearer_buffer url = { 0 };
  int results = expand(L, 3, 1, &url);
  if (results > 0)
    return results;
  bearer_buffer_add(&m->url, bearer_buffer_string(&url), url.size);
  bearer_buffer_free(&url);
  return done(L, &m->url);
}

static void add_pair(bearer_buffer *to, char separator, const char *key,
                     const bearer_buffer *value, int form) {
  void (*encode)(bearer_buffer *, const void *, size_t) =
      form ? bearer_encode_form : bearer_encode_percent;
  if (separator != '\0')
    bearer_buffer_add(to, &separator, 1);
  encode(to, key, strlen(key));
  bearer_buffer_add(to, "=", 1);
  encode(to, bearer_buffer_string(value), value->size);
}

/* request:query(key, scope, text) */
static int request_query(lua_State *L) {
  bearer_request *m = bearer_request_check(L, 1);
  const char *key = luaL_checkstring(L, 2);
  bearer_buffer value = { 0 };
  int results = expand(L, 4, 0, &value);
  if (results > 0)
    return results;
  add_pair(&m->url, strchr(bearer_buffer_string(&m->url), '?') != NULL ? '&' : '?', key,
           &value, 0);
  bearer_buffer_free(&value);
  return done(L, &m->url);
}

/* request:form(key, scope, text) */
static int request_form(lua_State *L) {
  bearer_request *m = bearer_request_check(L, 1);
  const char *key = luaL_checkstring(L, 2);
  bearer_buffer value = { 0 };
  int results = expand(L, 4, 0, &value);
  if (results > 0)
    return results;
  add_pair(&m->body, m->body.size > 0 ? '&' : '\0', key, &value, 1);
  bearer_buffer_free(&value);
  return done(L, &m->body);
}

/* request:body([scope, text]): with neither, an empty one */
static int request_body(lua_State *L) {
  bearer_request *m = bearer_request_check(L, 1);
  bearer_buffer value = { 0 };
  int results = lua_isnoneornil(L, 3) ? 0 : expand(L, 3, 0, &value);
  if (results > 0)
    return results;
  m->has_body = 1;
  bearer_buffer_add(&m->body, bearer_buffer_string(&value), value.size);
  bearer_buffer_free(&value);
  return done(L, &m->body);
}

static int splits_a_header(const bearer_buffer *b) {
  for (size_t i = 0; i < b->size; i++) {
    unsigned char c = (unsigned char)b->data[i];
    if ((c < 0x20 && c != '\t') || c == 0x7f)
      return 1;
  }
  return 0;
}

/* Take the value into a header and free it. [-0, +1 or 3, v] */
static int add_header(lua_State *L, bearer_request *m, const char *name,
                      bearer_buffer *value) {
  int bad = splits_a_header(value);
  int ok =
      !value->failed &&
      (bad || bearer_request_header(m, name, bearer_buffer_string(value), value->size));
  bearer_buffer_free(value);
  if (bad)
    return failed(L, "unsafe", name, strlen(name));
  if (!ok)
    return luaL_error(L, "not enough memory");
  lua_pushboolean(L, 1);
  return 1;
}

/* request:header(name, scope, text) */
static int request_header(lua_State *L) {
  bearer_request *m = bearer_request_check(L, 1);
  const char *name = luaL_checkstring(L, 2);
  bearer_buffer value = { 0 };
  int results = expand(L, 4, 0, &value);
  return results > 0 ? results : add_header(L, m, name, &value);
}

static int request_has_header(lua_State *L) {
  lua_pushboolean(
      L, bearer_request_has_header(bearer_request_check(L, 1), luaL_checkstring(L, 2)));
  return 1;
}

static void add_credential(bearer_buffer *to, bearer_buffer *from, int encode) {
  if (encode)
    bearer_encode_form(to, bearer_buffer_string(from), from->size);
  else
    bearer_buffer_add(to, bearer_buffer_string(from), from->size);
  to->failed |= from->failed;
  bearer_buffer_free(from);
}

/* A buffer that is wiped with its object: to hold while something may raise.
   [-0, +1, m] */
static bearer_buffer *collected_buffer(lua_State *L) {
  bearer_request *m = bearer_object_new(L, BEARER_REQUEST, sizeof(*m));
  return &m->body;
}

/* request:basic(encode, hider, user_scope, user, password_scope, password): RFC 7617;
   with encode both are form-encoded first (RFC 6749 2.3.1). The hider scope learns the
   credentials, which an error text could repeat. */
static int request_basic(lua_State *L) {
  bearer_request *m = bearer_request_check(L, 1);
  int encode = lua_toboolean(L, 2), results;
  bearer_vars *hider = bearer_scope_optional(L, 3);
  bearer_buffer *user, password = { 0 }, both = { 0 }, value = { 0 };
  lua_settop(L, 7);
  user = collected_buffer(L);
  if ((results = expand(L, 5, 0, user)) > 0)
    return results;
  if ((results = expand(L, 7, 0, &password)) > 0) {
    bearer_buffer_free(user);
    return results;
  }
  add_credential(&both, user, encode);
  bearer_buffer_text(&both, ":");
  add_credential(&both, &password, encode);
  bearer_buffer_text(&value, "Basic ");
  bearer_encode_base64(&value, both.data, both.size);
  if (both.failed || (hider != NULL && !value.failed &&
                      !bearer_vars_hide(hider, value.data + 6, value.size - 6)))
    value.failed = 1;
  bearer_buffer_free(&both);
  return add_header(L, m, "Authorization", &value);
}

/* The number n of the placeholder "MARKERn" that begins at from, or 0. *end: behind it.
 */
static size_t placeholder(const char *from, const char *stop, const char *marker,
                          size_t marker_size, const char **end) {
  size_t n = 0;
  if ((size_t)(stop - from) < marker_size + 3 || *from != '"' ||
      memcmp(from + 1, marker, marker_size) != 0)
    return 0;
  for (from += marker_size + 1; from < stop && *from >= '0' && *from <= '9'; from++)
    n = n * 10 + (size_t)(*from - '0');
  *end = from + 1; /* behind the quote */
  return n;
}

/* request:json(skeleton, marker, scopes, texts): the skeleton is JSON in which each
   string MARKERn stands for texts[n], expanded from scopes[n] */
static int request_json(lua_State *L) {
  bearer_request *m = bearer_request_check(L, 1);
  size_t size, marker_size, n;
  const char *from = luaL_checklstring(L, 2, &size);
  const char *marker = luaL_checklstring(L, 3, &marker_size);
  const char *stop = from + size, *end;
  luaL_checktype(L, 4, LUA_TTABLE);
  luaL_checktype(L, 5, LUA_TTABLE);
  m->has_body = 1;
  while (from < stop) {
    bearer_buffer value = { 0 };
    int results;
    n = placeholder(from, stop, marker, marker_size, &end);
    if (n == 0) {
      const char *next = memchr(from + 1, '"', (size_t)(stop - from) - 1);
      end = next != NULL ? next : stop;
      bearer_buffer_add(&m->body, from, (size_t)(end - from));
    } else {
      lua_settop(L, 5);
      lua_rawgeti(L, 4, (int)n);
      if (!lua_toboolean(L, -1)) { /* false: as it stands */
        lua_pop(L, 1);
        lua_pushnil(L);
      }
      lua_rawgeti(L, 5, (int)n);
      if ((results = expand(L, 7, 0, &value)) > 0)
        return results;
      bearer_encode_json(&m->body, bearer_buffer_string(&value), value.size);
      bearer_buffer_free(&value);
    }
    from = end;
  }
  return done(L, &m->body);
}

/* request:check(allow_http) -> true, or nil and what is wrong with the URL */
static int request_check_url(lua_State *L) {
  static const char *const faults[] = {
    NULL, "is no absolute https URL", "is not https",
    "carries a user or password: secrets have other places", "has a fragment"
  };
  const bearer_request *m = bearer_request_check(L, 1);
  const char *url = bearer_buffer_string(&m->url);
  bearer_url_fault fault = strlen(url) != m->url.size
                               ? BEARER_URL_BAD
                               : bearer_url_check(url, lua_toboolean(L, 2));
  if (fault == BEARER_URL_OK) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, faults[fault]);
  return 2;
}

static void push_headers(lua_State *L, const bearer_request *m) { /* [-0, +1, m] */
  lua_newtable(L);
  for (const struct curl_slist *h = m->headers; h != NULL; h = h->next) {
    size_t size = strcspn(h->data, ":;");
    const char *value = h->data + size + 1;
    lua_pushlstring(L, h->data, size);
    lua_pushstring(L, *value == ' ' ? value + 1 : value);
    lua_rawset(L, -3);
  }
}

/* request:export() -> {method, url, headers, body}: for a transport of the host's own */
static int request_export(lua_State *L) {
  const bearer_request *m = bearer_request_check(L, 1);
  lua_newtable(L);
  lua_pushlstring(L, bearer_buffer_string(&m->method), m->method.size);
  lua_setfield(L, -2, "method");
  lua_pushlstring(L, bearer_buffer_string(&m->url), m->url.size);
  lua_setfield(L, -2, "url");
  push_headers(L, m);
  lua_setfield(L, -2, "headers");
  if (m->has_body) {
    lua_pushlstring(L, bearer_buffer_string(&m->body), m->body.size);
    lua_setfield(L, -2, "body");
  }
  return 1;
}

/* request:origin() -> scheme://host[:port] */
static int request_origin(lua_State *L) {
  const bearer_request *m = bearer_request_check(L, 1);
  bearer_buffer out = { 0 };
  bearer_url_origin(&out, bearer_buffer_string(&m->url));
  bearer_buffer_push(L, &out);
  return 1;
}

/* request:clear(), also __gc: safe to call twice */
static int request_clear(lua_State *L) {
  bearer_request_clear(bearer_request_check(L, 1));
  return 0;
}

static const luaL_Reg metamethods[] = {
  { "__gc", request_clear },
  { NULL, NULL },
};

static const luaL_Reg methods[] = {
  { "url", request_url },
  { "query", request_query },
  { "form", request_form },
  { "body", request_body },
  { "header", request_header },
  { "basic", request_basic },
  { "json", request_json },
  { "check", request_check_url },
  { "export", request_export },
  { "origin", request_origin },
  { "clear", request_clear },
  { "has_header", request_has_header },
  { NULL, NULL },
};

static const luaL_Reg functions[] = {
  { "request", request_new },
  { NULL, NULL },
};

void bearer_request_open(lua_State *L) {
  bearer_object_type(L, BEARER_REQUEST, metamethods, methods);
  lua_pop(L, 1);
  luaL_setfuncs(L, functions, 0);
}
