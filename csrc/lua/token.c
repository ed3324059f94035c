/***
Tokens: one answer of a token endpoint each. A token never changes; a refresh gives the
next one. Where there is nothing to give, the methods give nil.
@classmod bearer.token
*/
#include "lua/token.h"

#include <math.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/url.h"
#include "lua/value.h"

static const char mark; /* its address marks a token */

bearer_token *bearer_token_test(lua_State *L, int index) {
  bearer_token *t = bearer_test(L, index, &mark);
  return t != NULL && t->def != NULL ? t
                                     : NULL; /* at the end of a state it may be gone */
}

/* ---- making -------------------------------------------------------------------- */

bearer_token *bearer_token_new(lua_State *L, bearer_lua_state *state, int login,
                               int provider, int options, const bearer_definition *def) {
  bearer_token *t = bearer_new(L, BEARER_TOKEN, sizeof(*t), BEARER_TOKEN_SLOTS);
  int index = lua_gettop(L);
  t->mark = &mark;
  t->state = state;
  t->def = def;
  bearer_definition_retain(def);
  lua_pushvalue(L, login);
  bearer_set_slot(L, index, BEARER_TOKEN_LOGIN);
  lua_pushvalue(L, provider);
  bearer_set_slot(L, index, BEARER_TOKEN_PROVIDER);
  lua_pushvalue(L, options);
  bearer_set_slot(L, index, BEARER_TOKEN_OPTIONS);
  return t;
}

/* An address that has a secret in it is one, from then on. */
static void note_secret(bearer_vars *vars, int name) {
  for (int i = 0; i < vars->count; i++) {
    bearer_var *e = &vars->list[i];
    if (e->name == name && bearer_redact_finds(vars, e->value.data, e->value.size))
      e->secret = 1;
  }
}

/* What went into the login is no business of the token's: its calls do with less. */
static void leave_out_inputs(const bearer_definition *def, bearer_vars *vars) {
  note_secret(vars, BEARER_NAME_LOGIN_URL);
  bearer_vars_unhide(vars);
  for (int i = 0; i < def->input_count && !def->shows_functions; i++) {
    int name = def->inputs[i].name;
    if (!def->shown_by[name] && name != BEARER_NAME_REFRESH_TOKEN)
      bearer_vars_remove(vars, name);
  }
  if (!def->shown_by[BEARER_NAME_UUID] && !def->shows_functions)
    bearer_vars_remove(vars, BEARER_NAME_UUID);
  if (!def->shown_by[BEARER_NAME_NOW] && !def->shows_functions)
    bearer_vars_remove(vars, BEARER_NAME_NOW);
  if (!def->shown_by[BEARER_NAME_LOGIN_URL] && !def->shows_functions)
    bearer_vars_remove(vars, BEARER_NAME_LOGIN_URL);
}

static int set_var(lua_State *L, bearer_vars *vars, int name, int index) {
  size_t size;
  const char *text = lua_tolstring(L, index, &size);
  return bearer_vars_set(vars, name, BEARER_VAR_TEXT, BEARER_VAR_ENCODED, 1, text, size);
}

static int set_text(lua_State *L, char **text, int index) {
  if (index == 0)
    return 1;
  *text = strdup(lua_tostring(L, index));
  return *text != NULL;
}

/* Does a renewal need the refresh token? */
static int spends_refresh_token(const bearer_definition *def) {
  return bearer_definition_is_input(def, BEARER_NAME_REFRESH_TOKEN) ||
         (def->refresh.count > 0 && (def->refresh.mentions[BEARER_NAME_REFRESH_TOKEN] ||
                                     def->refresh.has_functions));
}

int bearer_token_fill(lua_State *L, bearer_token *t, bearer_vars *vars,
                      const bearer_found *found, double sent_at, double leeway,
                      double jitter) {
  int is_bearer = strcmp(lua_tostring(L, found->type), "Bearer") == 0;
  if (!set_text(L, &t->type, is_bearer ? 0 : found->type) ||
      !set_text(L, &t->scope, found->scope) ||
      !set_var(L, vars, BEARER_NAME_TOKEN, found->value))
    return 0;
  if (found->refresh_token != 0 && /* an answer without one leaves the old one as it is */
      !set_var(L, vars, BEARER_NAME_REFRESH_TOKEN, found->refresh_token))
    return 0;
  leave_out_inputs(t->def, vars);
  bearer_vars_trim(vars);
  t->vars = *vars;
  memset(vars, 0, sizeof(*vars));
  t->life = found->lifetime;
  t->was_zero = found->is_zero;
  t->was_dead = found->is_dead;
  bearer_freshness_set(&t->freshness, sent_at, found->lifetime, leeway, jitter);
  if (spends_refresh_token(t->def))
    bearer_freshness_refresh(&t->freshness, sent_at, found->refresh_lifetime, jitter);
  if (found->is_to_the_end)
    bearer_freshness_to_the_end(&t->freshness);
  return 1;
}

static int splits(const bearer_vars *vars, int name) {
  const bearer_var *var = bearer_vars_get(vars, name);
  return var != NULL && var->type == BEARER_VAR_TEXT &&
         bearer_splits_header(var->value.data, var->value.size);
}

/* A name without which the header that carries the token cannot be rendered; -1 = none.
 */
static int absent_name(const bearer_definition *def, const bearer_vars *vars,
                       const bearer_template *text) {
  if (!bearer_template_mentions(text, BEARER_NAME_TOKEN))
    return -1;
  for (int i = 0; i < text->count; i++) {
    int name = text->pieces[i].name;
    if (name >= BEARER_NAME_BUILTINS && !bearer_definition_is_input(def, name) &&
        bearer_vars_get(vars, name) == NULL)
      return name;
  }
  return -1;
}

int bearer_token_fault(const bearer_definition *def, const bearer_vars *vars, char *why,
                       size_t room) {
  for (int h = 0; h < def->headers.count; h++) {
    const bearer_part *n = &def->headers.items[h];
    int absent;
    for (int name = 0; name < def->names.count; name++)
      if (bearer_template_mentions(&n->text, name) && splits(vars, name) &&
          bearer_definition_is_kept(def, name)) {
        snprintf(why, room, "the answer's '%s' would split a header",
                 def->names.list[name]);
        return 1;
      }
    absent = absent_name(def, vars, &n->text);
    if (absent >= 0) {
      snprintf(why, room, "the answer holds no '%s', which the header of the token needs",
               def->names.list[absent]);
      return 1;
    }
  }
  return 0;
}

bearer_state bearer_token_state(const bearer_token *t) {
  return bearer_freshness_at(&t->freshness, bearer_now(t->state));
}

int bearer_token_has_refresh(const bearer_token *t) {
  return bearer_vars_get(&t->vars, BEARER_NAME_REFRESH_TOKEN) != NULL &&
         bearer_now(t->state) < t->freshness.refresh_end;
}

void bearer_token_forget_refresh(bearer_token *t) {
  bearer_vars_remove(&t->vars, BEARER_NAME_REFRESH_TOKEN);
}

void bearer_token_wipe(bearer_token *t) {
  bearer_vars_clear(&t->vars);
  t->is_closed = 1;
}

int bearer_token_carry(const bearer_token *t, bearer_vars *vars) {
  for (int i = 0; i < t->vars.count; i++) {
    const bearer_var *var = &t->vars.list[i];
    int lives = bearer_token_state(t) != BEARER_EXPIRED;
    if (bearer_definition_is_kept(t->def, var->name) ||
        var->name == BEARER_NAME_REFRESH_TOKEN ||
        (var->name == BEARER_NAME_TOKEN && lives))
      if (!bearer_vars_copy_one(vars, &t->vars, var->name))
        return 0;
  }
  return 1;
}

/* ---- rendering ----------------------------------------------------------------- */

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

/* ---- where it may go ----------------------------------------------------------- */

int bearer_token_base_url(lua_State *L, int index, bearer_buffer *out) {
  bearer_token *t = lua_touserdata(L, index);
  bearer_context c = context_of(L, index, t);
  bearer_placed placed = bearer_build_text(&c, &t->def->base_url, 1, out);
  lua_pop(L, 1);
  return placed == BEARER_PLACE_DONE && !out->failed;
}

static int is_listed(char **hosts, int count, const char *origin) {
  for (int i = 0; i < count; i++) {
    bearer_buffer url = { 0 }, other = { 0 };
    int is;
    bearer_buffer_text(&url, "https://");
    bearer_buffer_text(&url, hosts[i]);
    bearer_url_origin(&other, bearer_buffer_string(&url));
    is = other.size > 0 && strcasecmp(bearer_buffer_string(&other), origin) == 0;
    bearer_buffer_free(&url);
    bearer_buffer_free(&other);
    if (is)
      return 1;
  }
  return 0;
}

int bearer_token_may_reach(const bearer_definition *def, const bearer_options *o,
                           const char *base, const char *url, char *text, size_t room) {
  bearer_buffer ours = { 0 }, theirs = { 0 };
  bearer_url_fault fault;
  int may;
  if (def->base_url.kind == BEARER_PART_ABSENT) { /* anywhere, but as a secret */
    fault = bearer_url_check(url, o->allow_http);
    may = fault == BEARER_URL_OK || fault == BEARER_URL_FRAGMENT;
    if (!may)
      snprintf(text, room, "its URL %s", bearer_url_explain(fault));
    return may;
  }
  fault = bearer_url_check(url, 1);
  bearer_url_origin(&ours, base);
  if (fault != BEARER_URL_BAD && fault != BEARER_URL_BYTES &&
      fault != BEARER_URL_USERINFO) /* who reads those how? */
    bearer_url_origin(&theirs, url);
  may = theirs.size > 0 &&
        (strcasecmp(bearer_buffer_string(&ours), bearer_buffer_string(&theirs)) == 0 ||
         is_listed(def->hosts, def->host_count, bearer_buffer_string(&theirs)) ||
         is_listed(o->hosts, o->host_count, bearer_buffer_string(&theirs)));
  if (!may)
    snprintf(text, room,
             "%s is not the provider's: the token goes there only when the definition's "
             "'hosts' or the option 'allow_hosts' names it",
             theirs.size > 0 ? bearer_buffer_string(&theirs) : "that URL");
  bearer_buffer_free(&ours);
  bearer_buffer_free(&theirs);
  return may;
}

int bearer_token_may_go_to(lua_State *L, int index, const char *url, char *text,
                           size_t room) {
  const bearer_token *t = lua_touserdata(L, index);
  bearer_buffer base = { 0 };
  const bearer_options *o;
  int may;
  if (!bearer_url_is_absolute(url))
    return 1;
  bearer_get_slot(L, index, BEARER_TOKEN_OPTIONS);
  o = bearer_options_at(L, lua_gettop(L));
  lua_pop(L, 1);
  if (t->def->base_url.kind != BEARER_PART_ABSENT &&
      !bearer_token_base_url(L, index, &base))
    bearer_buffer_free(&base);
  may = bearer_token_may_reach(t->def, o, bearer_buffer_string(&base), url, text, room);
  bearer_buffer_free(&base);
  return may;
}

/* Does a URL, relative ones too, climb out of what it opens with? */
static int climbs(const char *url) {
  bearer_buffer joined = { 0 };
  int does;
  bearer_url_join(&joined, "https://h", url);
  does = bearer_url_check(bearer_buffer_string(&joined), 1) == BEARER_URL_DOTS;
  bearer_buffer_free(&joined);
  return does;
}

/* The caller's mistake is raised. [-0, +0, v] */
static void check_host(lua_State *L, int index, int request) {
  char text[512];
  lua_getfield(L, request, "url");
  if (lua_type(L, -1) == LUA_TSTRING &&
      !bearer_token_may_go_to(L, index, lua_tostring(L, -1), text, sizeof(text)))
    bearer_raise(L, "authorize: %s", text);
  if (lua_type(L, -1) == LUA_TSTRING && climbs(lua_tostring(L, -1)))
    bearer_raise(L, "authorize: its URL %s", bearer_url_explain(BEARER_URL_DOTS));
  lua_pop(L, 1);
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

/* ---- methods ------------------------------------------------------------------- */

static bearer_token *check(lua_State *L, const char *method) {
  lua_settop(L, 2);
  bearer_token *t = bearer_check(L, 1, BEARER_TOKEN, method);
  if (t->def == NULL)
    bearer_raise(L, "%s: the token is not whole", method);
  return t;
}

static void check_optional_table(lua_State *L, const char *method) {
  if (!lua_isnoneornil(L, 2) && !lua_istable(L, 2))
    bearer_raise(L, "%s: a table expected, got %s", method, luaL_typename(L, 2));
}

/***
The header that carries the token.
@function token:header
@treturn[1] string its name
@treturn[1] string its value
@treturn[2] nil
@treturn[2] string why there is none: its login was closed before anybody had this token
@treturn[2] bearer.error
*/
static int token_header(lua_State *L) {
  check(L, "header");
  return bearer_token_push_header(L, 1);
}

/***
All headers of an authorised request.
@function token:headers
@tparam[opt] table t to add them to
@treturn[1] table
@treturn[2] nil
@treturn[2] string
@treturn[2] bearer.error
*/
static int token_headers(lua_State *L) {
  bearer_token *t = check(L, "headers");
  bearer_context c;
  check_optional_table(L, "headers");
  lua_settop(L, 2);
  if (t->is_closed)
    return closed(L, t);
  if (lua_isnil(L, 2)) {
    lua_newtable(L);
    lua_replace(L, 2);
  }
  c = context_of(L, 1, t);
  if (!put_headers(L, 1, &c, 2))
    return 3;
  lua_settop(L, 2);
  return 1;
}

/***
Put the token where this provider wants it: into the headers, the query, or a field of the
JSON body.
@function token:authorize
@tparam table request `{method, url, headers, query, json, …}`; it is changed
@treturn[1] table the same request
@treturn[2] nil
@treturn[2] string
@treturn[2] bearer.error
*/
static int token_authorize(lua_State *L) {
  check(L, "authorize");
  if (!lua_istable(L, 2))
    return bearer_raise(L, "authorize: a request table expected, got %s",
                        luaL_typename(L, 2));
  lua_settop(L, 2);
  check_host(L, 1, 2);
  if (!bearer_token_authorize(L, 1, 2))
    return 3;
  lua_settop(L, 2);
  return 1;
}

/***
The token itself.
@function token:value
@treturn ?string nil when its login was closed before anybody had this token
*/
static int token_value(lua_State *L) {
  bearer_push_var(L, &check(L, "value")->vars, BEARER_NAME_TOKEN);
  return 1;
}

/***
Its type, `Bearer` most often.
@function token:type
@treturn string
*/
static int token_type(lua_State *L) {
  const bearer_token *t = check(L, "type");
  lua_pushstring(L, t->type != NULL ? t->type : "Bearer");
  return 1;
}

/***
What it may be used for, as the server said.
@function token:scope
@treturn ?string
*/
static int token_scope(lua_State *L) {
  lua_pushstring(L, check(L, "scope")->scope); /* nil for NULL */
  return 1;
}

/***
Seconds left to live.
@function token:expires_in
@treturn ?number nil when the lifetime is unknown; 0 when it is over
*/
static int token_expires_in(lua_State *L) {
  const bearer_token *t = check(L, "expires_in");
  double left = t->freshness.end - bearer_now(t->state);
  if (isinf(t->freshness.end))
    lua_pushnil(L);
  else
    lua_pushnumber(L, left > 0 ? left : 0);
  return 1;
}

/***
When it dies.
@function token:expires_at
@treturn ?number Unix time; nil when the lifetime is unknown
*/
static int token_expires_at(lua_State *L) {
  const bearer_token *t = check(L, "expires_at");
  if (isinf(t->freshness.end))
    lua_pushnil(L);
  else
    lua_pushnumber(L, bearer_clock_wall(&t->state->clock) + t->freshness.end -
                          bearer_now(t->state));
  return 1;
}

/***
Is it too old to be used?
@function token:expired
@tparam[opt] number leeway seconds before its end; without: as the login decides
@treturn boolean
*/
static int token_expired(lua_State *L) {
  const bearer_token *t = check(L, "expired");
  double at = t->freshness.expired;
  if (!lua_isnoneornil(L, 2)) {
    if (lua_type(L, 2) != LUA_TNUMBER)
      return bearer_raise(L, "expired: a number expected, got %s", luaL_typename(L, 2));
    at = t->freshness.end - lua_tonumber(L, 2);
  }
  lua_pushboolean(L, bearer_now(t->state) >= at);
  return 1;
}

/***
A JWT's payload, unverified: for reading, not for trusting.
@function token:claims
@treturn ?table nil when the token is no JWT
*/
static int token_claims(lua_State *L) {
  size_t size;
  const char *text;
  bearer_push_var(L, &check(L, "claims")->vars, BEARER_NAME_TOKEN);
  if (!lua_isnil(L, -1)) {
    text = lua_tolstring(L, -1, &size);
    bearer_read_claims(L, text, size);
  }
  return 1;
}

/***
A field of the answer that the definition keeps.
@function token:get
@tparam string name
@return nil when it was not there
*/
static int token_get(lua_State *L) {
  const bearer_token *t = check(L, "get");
  size_t size;
  const char *text;
  int name;
  if (lua_type(L, 2) != LUA_TSTRING)
    return bearer_raise(L, "get: a name expected, got %s", luaL_typename(L, 2));
  text = lua_tolstring(L, 2, &size);
  name = bearer_names_find(&t->def->names, text, size);
  if (name >= 0 && bearer_definition_is_kept(t->def, name))
    bearer_push_var(L, &t->vars, name);
  else
    lua_pushnil(L);
  return 1;
}

/***
Which token of its login this is, counted from 1.
@function token:generation
@treturn integer
*/
static int token_generation(lua_State *L) {
  lua_pushinteger(L, check(L, "generation")->generation);
  return 1;
}

static int token_tostring(lua_State *L) {
  static const char *const states[] = { "none", "fresh", "advisory", "mandatory",
                                        "expired" };
  const bearer_token *t = check(L, "tostring");
  lua_pushfstring(L, "bearer.token (%s, generation %d, %s)", t->def->name,
                  (int)t->generation, states[bearer_token_state(t)]);
  return 1;
}

static int token_gc(lua_State *L) {
  bearer_token *t = bearer_test(L, 1, &mark); /* without a look at what may be gone */
  if (t == NULL)
    return 0;
  bearer_token_wipe(t);
  free(t->type);
  free(t->scope);
  t->type = t->scope = NULL;
  bearer_definition_release(t->def);
  t->def = NULL;
  return 0;
}

/***
The next token: `login:refresh` with this one as rejected.
@function token:refresh
@treturn[1] bearer.token
@treturn[2] nil
@treturn[2] string
@treturn[2] bearer.error
*/

/* core.login_of(token) -> its login, for token:refresh() */
static int token_login(lua_State *L) {
  check(L, "refresh");
  bearer_get_slot(L, 1, BEARER_TOKEN_LOGIN);
  return 1;
}

static const luaL_Reg metamethods[] = {
  { "__gc", token_gc },
  { "__tostring", token_tostring },
  { NULL, NULL },
};

static const luaL_Reg methods[] = {
  { "header", token_header },
  { "headers", token_headers },
  { "authorize", token_authorize },
  { "value", token_value },
  { "type", token_type },
  { "scope", token_scope },
  { "expires_in", token_expires_in },
  { "expires_at", token_expires_at },
  { "expired", token_expired },
  { "claims", token_claims },
  { "get", token_get },
  { "generation", token_generation },
  { NULL, NULL },
};

static const luaL_Reg functions[] = {
  { "login_of", token_login },
  { NULL, NULL },
};

void bearer_token_open(lua_State *L) {
  bearer_class_make(L, BEARER_TOKEN, metamethods, methods);
  luaL_setfuncs(L, functions, 0);
}
