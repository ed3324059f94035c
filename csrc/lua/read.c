/*
 * What an answer says.
 */
#include "lua/read.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/url.h"
#include "lua/state.h"
#include "lua/value.h"

/* ---- the body ------------------------------------------------------------------ */

typedef struct {
  const char *data;
  size_t size;
} span;

static int is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

void bearer_trim(const char **text, size_t *size) {
  while (*size > 0 && is_space((*text)[0])) {
    ++*text;
    --*size;
  }
  while (*size > 0 && is_space((*text)[*size - 1]))
    --*size;
}

static span body_of(const bearer_response *r) {
  span s = { bearer_buffer_string(&r->body), r->body.size };
  if (s.size >= 3 && memcmp(s.data, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
    s.data += 3;
    s.size -= 3;
  }
  return s;
}

static int opens_with(span s, const char *any) {
  return s.size > 0 && strchr(any, s.data[0]) != NULL;
}

/* The media type in lower case, without parameters. */
static void media_type(const bearer_response *r, char *type, size_t room) {
  bearer_buffer value = { 0 };
  size_t size;
  type[0] = '\0';
  if (bearer_response_header(r, "content-type", &value)) {
    size = strcspn(bearer_buffer_string(&value), "; \t");
    size = size < room ? size : room - 1;
    for (size_t i = 0; i < size; i++)
      type[i] = (char)(value.data[i] >= 'A' && value.data[i] <= 'Z' ? value.data[i] + 32
                                                                    : value.data[i]);
    type[size] = '\0';
  }
  bearer_buffer_free(&value);
}

/* A bare text is an answer as well: "eyJ…" with quotes is JSON, eyJ… without is text. Is
   it one? [-0, +1, m] */
static int push_root(lua_State *L, const bearer_response *r) {
  span body = body_of(r), bare = body;
  char type[64];
  bearer_trim(&bare.data, &bare.size);
  if (opens_with(bare, "{[")) { /* JSON, or nothing */
    bearer_json_decode(L, body.data, body.size);
    return 0;
  }
  media_type(r, type, sizeof(type));
  if (strcmp(type, "text/plain") == 0 && !opens_with(bare, "\"")) {
    lua_pushlstring(L, bare.data, bare.size);
    return 1;
  }
  bearer_json_decode(L, body.data, body.size);
  if (!lua_isnil(L, -1) || bare.size == 0 || strstr(type, "html") != NULL ||
      opens_with(bare, "<%\""))
    return 0;
  lua_pop(L, 1);
  lua_pushlstring(L, bare.data, bare.size);
  return 1;
}

void bearer_read(bearer_answer *a, bearer_context *c, const bearer_response *response) {
  memset(a, 0, sizeof(*a));
  a->c = c;
  a->response = response;
  luaL_checkstack(c->L, 20, NULL);
  a->is_text = push_root(c->L, response);
  a->root = lua_gettop(c->L);
}

/* ---- paths --------------------------------------------------------------------- */

/* What is walked came from lua-cjson: its tables have no metatables. */
int bearer_read_find_one(lua_State *L, int root, const bearer_path *path) {
  int at = root, top = lua_gettop(L);
  if (path->count == 0)
    lua_pushvalue(L, root);
  for (int i = 0; i < path->count; i++) {
    const bearer_path_step *s = &path->steps[i];
    if (!lua_istable(L, at)) {
      lua_settop(L, top);
      return 0;
    }
    if (s->key != NULL)
      lua_getfield(L, at, s->key);
    else
      lua_rawgeti(L, at, s->index);
    if (i > 0)
      lua_replace(L, top + 1);
    at = top + 1;
  }
  if (!bearer_is_null(L, top + 1))
    return 1;
  lua_settop(L, top);
  return 0;
}

int bearer_read_find(lua_State *L, int root, const bearer_paths *paths) {
  for (int i = 0; i < paths->count; i++)
    if (bearer_read_find_one(L, root, &paths->list[i]))
      return 1;
  return 0;
}

/* ---- expectations -------------------------------------------------------------- */

int bearer_value_equals(lua_State *L, int index, const bearer_value *wanted) {
  size_t size;
  const char *text;
  if (lua_type(L, index) != wanted->type)
    return 0;
  switch (wanted->type) {
  case LUA_TSTRING:
    text = lua_tolstring(L, index, &size);
    return size == wanted->size && memcmp(text, wanted->text, size) == 0;
  case LUA_TBOOLEAN:
    return lua_toboolean(L, index) == (wanted->number != 0);
  case LUA_TNUMBER:
    return !(lua_tonumber(L, index) < wanted->number) &&
           !(lua_tonumber(L, index) > wanted->number);
  default:
    return 0;
  }
}

static int is_met(bearer_answer *a, const bearer_expectation *e) {
  lua_State *L = a->c->L;
  int met = 0;
  if (!bearer_read_find_one(L, a->root, &e->path))
    return 0;
  for (int i = 0; i < e->count && !met; i++)
    met = bearer_value_equals(L, lua_gettop(L), &e->values[i]);
  lua_pop(L, 1);
  return met;
}

static int all_are_met(bearer_answer *a, const bearer_exchange *x) {
  for (int i = 0; i < x->expect_count; i++)
    if (!is_met(a, &x->expect[i])) {
      a->unmet = &x->expect[i].path;
      return 0;
    }
  return 1;
}

static void unexpected(bearer_answer *a, const char *code, const char *message) {
  if (!lua_istable(a->c->L, a->root) && code == NULL && message == NULL)
    bearer_refusal_broken(a, "the answer is not what was expected");
  else
    bearer_refusal(a, code, message);
}

static const char *text_at(lua_State *L, int index) {
  return lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : NULL;
}

/* A function judges the answer: true, or false with a code and a message. */
static int asks_function(bearer_answer *a, const bearer_exchange *x) {
  lua_State *L = a->c->L;
  int top = lua_gettop(L), ok;
  bearer_get_slot(L, a->c->provider, BEARER_PROVIDER_FUNCTIONS);
  lua_rawgeti(L, -1, x->expect_function);
  lua_replace(L, top + 1);
  lua_pushvalue(L, a->root);
  switch (lua_pcall(L, 1, 3, 0)) {
  case 0:
    ok = lua_toboolean(L, top + 1);
    if (!ok)
      unexpected(a, text_at(L, top + 2), text_at(L, top + 3));
    break;
  case LUA_ERRMEM:
    return lua_error(L);
  default:
    ok = 0;
    if (!bearer_push_raised(L, top + 1))
      lua_pushstring(L, luaL_typename(L, top + 1));
    lua_pushfstring(L, "its `expect` raised an error: %s", lua_tostring(L, -1));
    unexpected(a, NULL, lua_tostring(L, -1));
  }
  if (a->details == 0)
    lua_settop(L, top);
  return ok;
}

int bearer_read_judge(bearer_answer *a, const bearer_exchange *x) {
  long status = a->response->status;
  if (status < 200 || status > 299) {
    bearer_refusal(a, NULL, NULL);
    return 0;
  }
  if (x->expect_function != 0)
    return asks_function(a, x);
  if (all_are_met(a, x))
    return 1;
  unexpected(a, NULL, NULL);
  return 0;
}

/* scheme://host and nothing else: no secret, though the answer gave it. */
static int is_origin(lua_State *L, int index) {
  bearer_buffer origin = { 0 };
  size_t size;
  const char *text;
  int is;
  if (lua_type(L, index) != LUA_TSTRING)
    return 0;
  text = lua_tolstring(L, index, &size);
  if (strlen(text) == size && bearer_url_is_absolute(text))
    bearer_url_origin(&origin, text);
  size -= size > 0 && text[size - 1] == '/';
  is = origin.size == size && size > 0 && strncasecmp(origin.data, text, size) == 0;
  bearer_buffer_free(&origin);
  return is;
}

void bearer_read_keep(bearer_answer *a, const bearer_keeps *keeps) {
  lua_State *L = a->c->L;
  for (int i = 0; i < keeps->count; i++)
    if (bearer_read_find(L, a->root, &keeps->list[i].paths)) {
      int found = lua_gettop(L);
      const char *why = bearer_value_to_var(L, found, a->c->vars, keeps->list[i].name,
                                            BEARER_VAR_OPENER, !is_origin(L, found));
      lua_pop(L, 1);
      if (why != NULL && strcmp(why, "not enough memory") == 0)
        luaL_error(L, "%s", why);
    }
}

/* ---- for Lua ------------------------------------------------------------------- */

static void push_lower(lua_State *L, const char *name, size_t size) { /* [-0, +1, m] */
  char lower[256];
  size = size < sizeof(lower) ? size : sizeof(lower);
  for (size_t i = 0; i < size; i++)
    lower[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
  lua_pushlstring(L, lower, size);
}

/* Note one more value for the name on top: `lists` has those of each name that came more
   than once. [-1, +0, m] */
static void add_value(lua_State *L, int lists, const char *value, size_t size) {
  lua_pushvalue(L, -1);
  lua_rawget(L, lists); /* name, list */
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, lists);
  }
  lua_pushlstring(L, value, size);
  lua_rawseti(L, -2, (int)lua_rawlen(L, -2) + 1);
  lua_pop(L, 2);
}

/* Append the values of the list on top to the text below it, in one go: one after the
   other would cost the square of what a server chooses. [-2, +1, m] */
static void join_values(lua_State *L) {
  bearer_buffer text = { 0 };
  size_t size;
  const char *value = lua_tolstring(L, -2, &size);
  bearer_buffer_add(&text, value, size);
  for (int i = 1, count = (int)lua_rawlen(L, -1); i <= count; i++) {
    lua_rawgeti(L, -1, i);
    value = lua_tolstring(L, -1, &size);
    bearer_buffer_text(&text, ", ");
    bearer_buffer_add(&text, value, size);
    lua_pop(L, 1);
  }
  lua_pop(L, 2);
  bearer_push_buffer(L, &text);
}

void bearer_read_push_headers(lua_State *L, const bearer_response *response) {
  const char *name, *value;
  size_t at = 0, name_size, value_size;
  int headers, lists;
  lua_newtable(L);
  lua_newtable(L);
  lists = lua_gettop(L);
  headers = lists - 1;
  while (bearer_response_next_header(response, &at, &name, &name_size, &value,
                                     &value_size)) {
    push_lower(L, name, name_size); /* name */
    lua_pushvalue(L, -1);
    lua_rawget(L, headers);
    if (!lua_isnil(L, -1)) {
      lua_pop(L, 1);
      add_value(L, lists, value, value_size);
      continue;
    }
    lua_pop(L, 1);
    lua_pushlstring(L, value, value_size);
    lua_rawset(L, headers);
  }
  lua_pushnil(L);
  while (lua_next(L, lists) != 0) { /* name, list */
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -1);
    lua_rawget(L, headers); /* name, list, name, text */
    lua_pushvalue(L, -3);
    join_values(L);
    lua_rawset(L, headers);
    lua_pop(L, 1);
  }
  lua_settop(L, headers);
}

/* response.json() -> the decoded body, nil when it is no JSON. Decoded when somebody
   asks, and once. Upvalues: the body, then what it says; has it been decoded? */
static int response_json(lua_State *L) {
  const char *text;
  size_t size;
  if (!lua_toboolean(L, lua_upvalueindex(2))) {
    text = lua_tolstring(L, lua_upvalueindex(1), &size);
    bearer_json_decode(L, text, size);
    lua_replace(L, lua_upvalueindex(1));
    lua_pushboolean(L, 1);
    lua_replace(L, lua_upvalueindex(2));
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  return 1;
}

void bearer_read_push_response(lua_State *L, const bearer_response *response) {
  lua_createtable(L, 0, 4);
  lua_pushinteger(L, response->status);
  lua_setfield(L, -2, "status");
  bearer_read_push_headers(L, response);
  lua_setfield(L, -2, "headers");
  lua_pushlstring(L, bearer_buffer_string(&response->body), response->body.size);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "body"); /* response, body */
  lua_pushboolean(L, 0);
  lua_pushcclosure(L, response_json, 2);
  lua_setfield(L, -2, "json");
}

/* ---- what a transport gave ----------------------------------------------------- */

static int add_header(lua_State *L, bearer_response *out, int name, int value) {
  bearer_buffer text = { 0 };
  size_t size;
  const char *bytes = lua_tolstring(L, name, &size);
  int ok = 1;
  if (bearer_value_text(L, value, &text))
    ok = !text.failed && bearer_response_add_header(
                             out, bytes, size, bearer_buffer_string(&text), text.size);
  bearer_buffer_free(&text);
  return ok;
}

/* Some hosts, nginx among them, have a list where there are several of one name. */
static void add_headers(lua_State *L, bearer_response *out, int headers) {
  int ok = 1;
  lua_pushnil(L);
  while (ok && lua_next(L, headers) != 0) {
    int value = lua_gettop(L);
    if (lua_type(L, value - 1) == LUA_TSTRING && lua_istable(L, value)) {
      for (int i = 1, count = (int)lua_rawlen(L, value); i <= count && ok; i++) {
        lua_rawgeti(L, value, i);
        ok = add_header(L, out, value - 1, value + 1);
        lua_settop(L, value);
      }
    } else if (lua_type(L, value - 1) == LUA_TSTRING) {
      ok = add_header(L, out, value - 1, value);
    }
    lua_settop(L, value - 1);
  }
  if (!ok)
    luaL_error(L, "not enough memory");
}

int bearer_read_transport(lua_State *L, int index, bearer_response *out) {
  lua_Number status;
  const char *body;
  size_t size;
  int top = lua_gettop(L);
  bearer_response_clear(out);
  if (!lua_istable(L, index))
    return 0;
  lua_getfield(L, index, "status");
  status = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
  lua_getfield(L, index, "headers");
  lua_getfield(L, index, "body");
  if (!(status >= 100 && status <= 999) || (double)(long)status < status ||
      (!lua_isnil(L, top + 3) && lua_type(L, top + 3) != LUA_TSTRING)) {
    lua_settop(L, top);
    return 0;
  }
  out->status = (long)status;
  if (lua_istable(L, top + 2))
    add_headers(L, out, top + 2);
  if (!lua_isnil(L, top + 3)) {
    body = lua_tolstring(L, top + 3, &size);
    bearer_buffer_add(&out->body, body, size);
  }
  lua_settop(L, top);
  if (out->body.failed)
    luaL_error(L, "not enough memory");
  return 1;
}
