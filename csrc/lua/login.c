/***
Logins: a provider, the inputs it asked for, and the token they last bought. The methods
that may wait have a face in loop.lua; what those ask stands in acquire.c.
@classmod bearer.login
*/
#include "lua/login.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/policy.h"

static const char mark; /* its address marks a login */

/* ---- asking -------------------------------------------------------------------- */

bearer_login *bearer_login_check(lua_State *L, int index, const char *method) {
  bearer_login *l = bearer_test(L, index, &mark);
  if (l == NULL)
    l = bearer_check(L, index, BEARER_LOGIN, method);
  if (l->def == NULL)
    bearer_raise(L, "%s: the login is not whole", method);
  return l;
}

int bearer_login_fail(lua_State *L, const bearer_login *l, bearer_step_name step,
                      bearer_code code, const char *description) { /* [-0, +3, m] */
  bearer_failure f;
  bearer_failure_set(&f, code, description);
  return bearer_fail(L, &f, l->def->name, step);
}

int bearer_login_closed(lua_State *L, const bearer_login *l, bearer_step_name step) {
  return bearer_login_fail(L, l, step, BEARER_CLOSED, "the login is closed");
}

bearer_token *bearer_login_push_token(lua_State *L, int index) {
  bearer_get_slot(L, index, BEARER_LOGIN_TOKEN);
  return bearer_token_test(L, -1);
}

bearer_renewal *bearer_login_push_renewal(lua_State *L, int index) {
  bearer_renewal *r;
  bearer_get_slot(L, index, BEARER_LOGIN_RENEWAL);
  r = bearer_renewal_test(L, lua_gettop(L));
  if (r != NULL && !r->job.has_ended)
    return r;
  lua_pop(L, 1);
  lua_pushnil(L);
  return NULL;
}

bearer_state bearer_login_state(lua_State *L, int index) { /* [-0, +0, -] */
  const bearer_token *t = bearer_login_push_token(L, index);
  lua_pop(L, 1);
  return t == NULL ? BEARER_NONE : bearer_token_state(t);
}

static const char *state_name(lua_State *L, int index) {
  static const char *const names[] = { "none", "fresh", "advisory", "mandatory",
                                       "expired" };
  const bearer_login *l = lua_touserdata(L, index);
  return l->is_closed ? "closed" : names[bearer_login_state(L, index)];
}

/* ---- the header that is handed out --------------------------------------------- */

static void serve_none(lua_State *L, int index) {
  bearer_login *l = lua_touserdata(L, index);
  l->fresh_until = -INFINITY;
  l->tick = (bearer_tick){ 0, 0 };
  l->state->served++;
  lua_pushnil(L);
  bearer_set_slot(L, index, BEARER_LOGIN_NAME);
  lua_pushnil(L);
  bearer_set_slot(L, index, BEARER_LOGIN_VALUE);
}

/* header() answers by itself with the name and value on top, until this instant. */
static void serve(lua_State *L, int index, double until) {
  bearer_login *l = lua_touserdata(L, index);
  lua_pushvalue(L, -2);
  bearer_set_slot(L, index, BEARER_LOGIN_NAME);
  lua_pushvalue(L, -1);
  bearer_set_slot(L, index, BEARER_LOGIN_VALUE);
  l->fresh_until = until;
  l->tick = (bearer_tick){ 0, 0 };
  l->state->served++;
}

/* Within one tick of the coarse clock, a few ms, nothing gets old. */
static inline int is_fresh(bearer_login *l) {
  if (bearer_clock_same_tick(&l->state->clock, &l->tick))
    return 1;
  if (bearer_clock_monotonic(&l->state->clock) < l->fresh_until)
    return 1;
  l->tick = (bearer_tick){ 0, 0 };
  return 0;
}

/* core.fresh_header(login) -> name, value; nil when it must be looked for */
static int login_fresh_header(lua_State *L) {
  bearer_login *l = bearer_test(L, 1, &mark);
  if (l == NULL || !is_fresh(l)) {
    lua_pushnil(L);
    return 1;
  }
  bearer_get_slot(L, 1, BEARER_LOGIN_NAME);
  bearer_get_slot(L, 1, BEARER_LOGIN_VALUE);
  return 2;
}

#if LUA_VERSION_NUM >= 503
static int after_slow(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  return lua_gettop(L);
}

/* The method. Upvalue: what to do when there is no fresh header; that may yield, and goes
   on in after_slow. */
static int login_header(lua_State *L) {
  bearer_login *l = bearer_test(L, 1, &mark);
  if (l != NULL && is_fresh(l)) {
    bearer_get_slot(L, 1, BEARER_LOGIN_NAME);
    bearer_get_slot(L, 1, BEARER_LOGIN_VALUE);
    return 2;
  }
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_callk(L, 1, LUA_MULTRET, 0, after_slow);
  return lua_gettop(L);
}

/* core.header_method(slow) -> the method */
static int login_header_method(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  lua_pushcclosure(L, login_header, 1);
  return 1;
}
#endif

/***
The header of an authorised request. No I/O and no garbage while the token is fresh.
@function login:header
@treturn[1] string its name
@treturn[1] string its value
@treturn[2] nil
@treturn[2] string why there is none, a sentence
@treturn[2] bearer.error the same, for programs
*/

/* core.header(login, token) -> name, value of this token; handed out from now on, if it
   is the login's. Or nil, message, err */
static int login_render(lua_State *L) {
  bearer_login *l = bearer_login_check(L, 1, "header");
  bearer_token *t = bearer_check(L, 2, BEARER_TOKEN, "header");
  int count;
  lua_settop(L, 2);
  if (t->def == NULL)
    return bearer_raise(L, "header: the token is not whole");
  count = bearer_token_push_header(L, 2);
  if (count == 2 && !l->is_closed && bearer_login_push_token(L, 1) == t) {
    lua_pop(L, 1);
    serve(L, 1, bearer_freshness_until(&t->freshness, bearer_now(l->state)));
  }
  lua_settop(L, 2 + count);
  return count;
}

/* ---- the token ----------------------------------------------------------------- */

/* A refresh that is on has yet to read what it spends. */
static int is_refreshing(lua_State *L, int index) {
  const bearer_renewal *r = bearer_login_push_renewal(L, index);
  lua_pop(L, 1);
  return r != NULL && r->is_refresh;
}

/* Take the token at `token` (0 = none) as the one that is handed out. What a refresh
   would spend is the newest one's alone. */
void bearer_login_adopt(lua_State *L, int index, int token) {
  bearer_token *old = bearer_login_push_token(L, index);
  lua_pop(L, 1);
  if (token != 0)
    lua_pushvalue(L, token);
  else
    lua_pushnil(L);
  bearer_set_slot(L, index, BEARER_LOGIN_TOKEN);
  if (old != NULL && (token == 0 || old != lua_touserdata(L, token)) &&
      !is_refreshing(L, index))
    bearer_token_forget_refresh(old);
  serve_none(L, index);
}

void bearer_login_forget(lua_State *L, int index) {
  bearer_renewal *r = bearer_login_push_renewal(L, index);
  lua_pop(L, 1);
  bearer_login_adopt(L, index, 0);
  if (r != NULL &&
      r->is_refresh) /* left to end by itself: nothing else is sent meanwhile */
    r->is_unwanted = 1;
}

void bearer_login_drop(lua_State *L, int index, int token) {
  int is_it = bearer_login_push_token(L, index) == lua_touserdata(L, token);
  lua_pop(L, 1);
  if (is_it)
    bearer_login_adopt(L, index, 0);
}

/* Push a token that the caller gets: it lives on when the login is closed. */
void bearer_login_share(lua_State *L, int index) {
  bearer_token *t = bearer_login_push_token(L, index);
  if (t != NULL)
    t->is_shared = 1;
}

/* ---- methods ------------------------------------------------------------------- */

/***
Drop the token here.
@function login:forget
@treturn nil
*/
static int login_forget(lua_State *L) {
  const bearer_login *l = bearer_login_check(L, 1, "forget");
  lua_settop(L, 1);
  if (!l->is_closed)
    bearer_login_forget(L, 1);
  lua_pushnil(L);
  return 1;
}

/***
Lift a hold: the next call asks the server again.
@function login:reset
@treturn nil
*/
static int login_reset(lua_State *L) {
  bearer_login *l = bearer_login_check(L, 1, "reset");
  long counted = l->refusals.counted;
  l->hold.is_on = 0;
  l->lifted_at = -INFINITY;
  memset(&l->refusals, 0, sizeof(l->refusals));
  l->refusals.counted = counted;
  memset(&l->spent, 0, sizeof(l->spent));
  memset(l->held_times, 0, sizeof(l->held_times));
  l->replacement = 0;
  lua_pushnil(L);
  return 1;
}

/***
What a metrics collector wants to know.
@function login:status
@treturn table `{state, expires_in, generation, logins, refreshes, failures, refused,
hold, last_error}`: `state` is `none`, `fresh`, `advisory`, `mandatory`, `expired` or
`closed`; `refused` counts tokens that an API call found no longer accepted; `hold` is in
seconds
*/
static int login_status(lua_State *L) {
  bearer_login *l = bearer_login_check(L, 1, "status");
  const bearer_token *t;
  double left;
  lua_settop(L, 1);
  lua_newtable(L);
  lua_pushstring(L, state_name(L, 1));
  lua_setfield(L, 2, "state");
  lua_pushinteger(L, l->generation);
  lua_setfield(L, 2, "generation");
  lua_pushinteger(L, l->logins);
  lua_setfield(L, 2, "logins");
  lua_pushinteger(L, l->refreshes);
  lua_setfield(L, 2, "refreshes");
  lua_pushinteger(L, l->failures);
  lua_setfield(L, 2, "failures");
  lua_pushinteger(L, l->refused);
  lua_setfield(L, 2, "refused");
  if ((left = bearer_login_hold_left(l)) > 0)
    bearer_set_number(L, "hold", left);
  bearer_get_slot(L, 1, BEARER_LOGIN_ERROR);
  if (lua_toboolean(L, -1))
    lua_setfield(L, 2, "last_error");
  else
    lua_pop(L, 1);
  t = bearer_login_push_token(L, 1);
  lua_pop(L, 1);
  if (t != NULL && bearer_token_state(t) != BEARER_EXPIRED && !isinf(t->freshness.end)) {
    left = t->freshness.end - bearer_now(l->state);
    bearer_set_number(L, "expires_in", left > 0 ? left : 0);
  }
  return 1;
}

static void wipe(lua_State *L, int index) { /* [-0, +0, -] */
  bearer_login *l = lua_touserdata(L, index);
  bearer_token *t = bearer_login_push_token(L, index);
  lua_pop(L, 1);
  l->is_closed = 1;
  if (t != NULL && !t->is_shared)
    bearer_token_wipe(t);
  bearer_login_adopt(L, index, 0);
  lua_pushnil(L);
  bearer_set_slot(L, index, BEARER_LOGIN_DYNAMIC);
  bearer_vars_clear(&l->inputs);
  if (l->successor != NULL)
    bearer_secret_clear(&l->successor->refresh_token);
  bearer_wipe(l->fingerprint, sizeof(l->fingerprint));
}

/***
Wipe its secrets and forget its token. Twice is fine; later calls answer `nil`, a sentence
and an error with code `closed`. A token that somebody holds goes on giving its header.
@function login:close
@treturn nil
*/
static int login_close(lua_State *L) { /* also __close */
  const bearer_login *l = bearer_login_check(L, 1, "close");
  bearer_renewal *r;
  lua_settop(L, 1);
  if (!l->is_closed) {
    r = bearer_login_push_renewal(L, 1);
    wipe(L, 1);
    if (r != NULL)
      bearer_job_cancel(&r->job);
  }
  lua_pushnil(L);
  return 1;
}

/* Nobody waits for it any more: a renewal that is on would keep it. */
static int login_gc(lua_State *L) {
  bearer_login *l = bearer_test(L, 1, &mark);
  if (l == NULL || l->def == NULL)
    return 0;
  wipe(L, 1);
  free(l->successor);
  l->successor = NULL;
  bearer_definition_release(l->def);
  l->def = NULL;
  return 0;
}

static int login_tostring(lua_State *L) {
  const bearer_login *l = bearer_login_check(L, 1, "tostring");
  lua_pushfstring(L, "bearer.login (%s, %s)", l->def->name, state_name(L, 1));
  return 1;
}

/* ---- making -------------------------------------------------------------------- */

/* The inputs that a URL is made of: whoever gave them does not know the definition. */
static void name_inputs(const bearer_definition *def, const bearer_template *t,
                        char *text, size_t room) {
  size_t at = 0;
  text[0] = '\0';
  for (int i = 0; i < t->count && at < room; i++)
    if (t->pieces[i].name >= 0 && bearer_definition_is_input(def, t->pieces[i].name))
      at += (size_t)snprintf(text + at, room - at, "%s%s",
                             at > 0 ? ", " : " (it is made of inputs.",
                             def->names.list[t->pieces[i].name]);
  if (at > 0 && at + 1 < room)
    snprintf(text + at, room - at, ")");
}

/* 1 when it is known already, and fine. */
static int check_url(lua_State *L, const bearer_login *l, const bearer_part *n,
                     const char *where, int allow_http) {
  bearer_request r;
  const char *why;
  char made_of[200];
  if (n->kind != BEARER_PART_TEXT || bearer_template_missing(&n->text, &l->inputs) >= 0)
    return 0;
  memset(&r, 0, sizeof(r));
  bearer_template_expand(&n->text, &l->inputs, 1, &r.url);
  why = bearer_build_check_url(&r, allow_http);
  bearer_request_clear(&r);
  if (why == NULL)
    return 1;
  name_inputs(l->def, &n->text, made_of, sizeof(made_of));
  return bearer_raise(L, "%s: %s %s%s", l->def->name, where, why, made_of);
}

/* Likewise a user of Basic with a colon in it. */
static void check_basic(lua_State *L, const bearer_login *l, const bearer_exchange *x,
                        const char *where) {
  const bearer_template *t = &x->user.text;
  bearer_buffer user = { 0 };
  char made_of[200];
  int has_colon;
  if (x->user.kind != BEARER_PART_TEXT || x->encodes_basic || x->encode_function != 0 ||
      bearer_template_missing(t, &l->inputs) >= 0)
    return;
  bearer_template_expand(t, &l->inputs, 0, &user);
  has_colon = !user.failed && memchr(user.data, ':', user.size) != NULL;
  bearer_buffer_free(&user);
  if (!has_colon)
    return;
  name_inputs(l->def, t, made_of, sizeof(made_of));
  bearer_raise(L, "%s: %s: " BEARER_BASIC_COLON "%s", l->def->name, where, made_of);
}

static void check_zone(lua_State *L, const bearer_login *l) {
  const bearer_part *n = &l->def->zone;
  bearer_buffer text = { 0 };
  char made_of[200];
  double seconds;
  int is_zone;
  if (n->kind != BEARER_PART_TEXT || bearer_template_missing(&n->text, &l->inputs) >= 0)
    return;
  bearer_template_expand(&n->text, &l->inputs, 0, &text);
  is_zone =
      text.failed || bearer_date_zone(bearer_buffer_string(&text), text.size, &seconds);
  bearer_buffer_free(&text);
  if (is_zone)
    return;
  name_inputs(l->def, &n->text, made_of, sizeof(made_of));
  bearer_raise(L, "%s: token.zone is no zone, like '-03:00'%s", l->def->name, made_of);
}

/* A URL that is known already and is not https is the caller's mistake, not the world's.
 */
static void check_urls(lua_State *L, bearer_login *l, int allow_http) {
  const struct {
    const char *name;
    const bearer_exchanges *all;
  } steps[] = { { "login", &l->def->login },
                { "refresh", &l->def->refresh },
                { "logout", &l->def->logout } };
  char where[32];
  check_url(L, l, &l->def->base_url, "base_url", allow_http);
  for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++)
    for (int i = 0; i < steps[s].all->count; i++) {
      snprintf(where, sizeof(where), "%s[%d]", steps[s].name, i + 1);
      check_basic(L, l, &steps[s].all->list[i], where);
      snprintf(where, sizeof(where), "%s[%d].url", steps[s].name, i + 1);
      if (check_url(L, l, &steps[s].all->list[i].url, where, allow_http) && s < 2 &&
          i < 32)
        l->checked[s] |= 1u << i;
    }
}

/* core.login(provider, inputs[, options]) */
static int login_new(lua_State *L) {
  const bearer_definition *def = bearer_provider_check(L, 1, "login");
  bearer_login *l;
  lua_settop(L, 3);
  bearer_options_push(L, 3, def);                                  /* 4: options */
  l = bearer_new(L, BEARER_LOGIN, sizeof(*l), BEARER_LOGIN_SLOTS); /* 5: login */
  l->state = bearer_state_of(L);
  l->def = def;
  bearer_definition_retain(def);
  l->mark = &mark;
  l->fresh_until = l->lifted_at = -INFINITY;
  lua_pushvalue(L, 1);
  bearer_set_slot(L, 5, BEARER_LOGIN_PROVIDER);
  lua_pushvalue(L, 4);
  bearer_set_slot(L, 5, BEARER_LOGIN_OPTIONS);
  bearer_inputs_check(L, 1, def, 2, &l->inputs); /* 6: dynamic */
  bearer_vars_trim(&l->inputs);
  l->has_dynamic = lua_istable(L, 6);
  bearer_set_slot(L, 5, BEARER_LOGIN_DYNAMIC);
  check_urls(L, l, bearer_options_at(L, 4)->allow_http);
  check_zone(L, l);
  lua_settop(L, 5);
  return 1;
}

static const luaL_Reg metamethods[] = {
  { "__gc", login_gc },
  { "__close", login_close }, /* Lua 5.4; others ignore it */
  { "__tostring", login_tostring },
  { NULL, NULL },
};

static const luaL_Reg methods[] = {
  { "forget", login_forget }, { "reset", login_reset }, { "status", login_status },
  { "close", login_close },   { NULL, NULL },
};

static const luaL_Reg functions[] = {
  { "login", login_new },
  { "header", login_render },
  { "fresh_header", login_fresh_header },
#if LUA_VERSION_NUM >= 503
  { "header_method", login_header_method },
#endif
  { NULL, NULL },
};

void bearer_login_open(lua_State *L) {
  bearer_class_make(L, BEARER_LOGIN, metamethods, methods);
  luaL_setfuncs(L, functions, 0);
}
