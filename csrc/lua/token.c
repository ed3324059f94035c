/***
Tokens: one answer of a token endpoint each. A token never changes; a refresh gives the
next one. Where there is nothing to give, the methods give nil.
@classmod bearer.token
*/
#include "lua/token.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
  check(L, "headers");
  check_optional_table(L, "headers");
  lua_settop(L, 2);
  if (lua_isnil(L, 2)) {
    lua_newtable(L);
    lua_replace(L, 2);
  }
  if (!bearer_token_put_headers(L, 1, 2))
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
  bearer_token_check_host(L, 1, 2);
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
