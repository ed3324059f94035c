/***
Logins: a provider, the inputs it asked for, and the token they last bought. The methods
that may wait have a face in loop.lua; what those ask stands in acquire.c.
@classmod bearer.login
*/
#include "lua/login.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/policy.h"
#include "http/url.h"
#include "lua/event.h"

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
static void adopt(lua_State *L, int index, int token) {
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

/* It may have been dropped while it was refreshed. */
static void forget_renewed(lua_State *L, const bearer_token *new) {
  bearer_token *old;
  bearer_get_slot(L, 1, BEARER_RENEWAL_OLD);
  old = bearer_token_test(L, -1);
  lua_pop(L, 1);
  if (old != NULL && old != new)
    bearer_token_forget_refresh(old);
}

void bearer_login_forget(lua_State *L, int index) {
  bearer_renewal *r = bearer_login_push_renewal(L, index);
  lua_pop(L, 1);
  adopt(L, index, 0);
  if (r != NULL &&
      r->is_refresh) /* left to end by itself: nothing else is sent meanwhile */
    r->is_unwanted = 1;
}

void bearer_login_drop(lua_State *L, int index, int token) {
  int is_it = bearer_login_push_token(L, index) == lua_touserdata(L, token);
  lua_pop(L, 1);
  if (is_it)
    adopt(L, index, 0);
}

/* Push a token that the caller gets: it lives on when the login is closed. */
void bearer_login_share(lua_State *L, int index) {
  bearer_token *t = bearer_login_push_token(L, index);
  if (t != NULL)
    t->is_shared = 1;
}

/* ---- events -------------------------------------------------------------------- */

/* Push an event with the counts; the options with the listener are below it. 0: nobody
   listens, and nothing is pushed. [-0, +2 or 0, m] */
static int begin_event(lua_State *L, int index, const char *name) {
  const bearer_login *l = lua_touserdata(L, index);
  const struct {
    const char *name;
    unsigned int count;
  } counts[] = { { "logins", l->logins },
                 { "refreshes", l->refreshes },
                 { "failures", l->failures },
                 { "refused", l->refused } };
  bearer_get_slot(L, index, BEARER_LOGIN_OPTIONS);
  if (!bearer_event_begin(L, lua_gettop(L), name, l->def->name)) {
    lua_pop(L, 1);
    return 0;
  }
  for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
    lua_pushinteger(L, counts[i].count);
    lua_setfield(L, -2, counts[i].name);
  }
  return 1;
}

static void note_event(lua_State *L, int index) { /* [-2, +0, m] */
  bearer_event_note(L, lua_gettop(L) - 1, index);
  lua_pop(L, 1);
}

/* ---- holds --------------------------------------------------------------------- */

double bearer_login_hold_left(bearer_login *l) {
  double left = l->hold.till - bearer_now(l->state);
  if (l->hold.is_on && left <= 0)
    l->hold.is_on = 0;
  return l->hold.is_on ? left : 0;
}

static bearer_kind kind_of(const bearer_login *l, const bearer_failure *f) {
  return bearer_codes_have(&l->def->throttled, f->own_code) ? BEARER_CODE_THROTTLED
                                                            : BEARER_CODE_OTHER;
}

static void hold(bearer_login *l, const bearer_failure *f) {
  unsigned char *times = &l->held_times[f->class];
  if (*times < 255)
    ++*times;
  l->hold.class = f->class;
  l->hold.code = f->code;
  l->hold.is_on = 1;
  l->hold.is_told = 0;
  l->hold.till =
      bearer_now(l->state) +
      bearer_policy_hold(f->class, *times, f->retry_after, f->status, kind_of(l, f));
  memcpy(l->hold.fingerprint, l->fingerprint, sizeof(l->fingerprint));
}

/* Push the error of the hold, as a call gets it that finds it. [-0, +1, m] */
static void push_held_error(lua_State *L, int index) {
  bearer_login *l = lua_touserdata(L, index);
  bearer_failure f;
  double left = bearer_login_hold_left(l);
  if (l->hold.is_told) {
    bearer_get_slot(L, index, BEARER_LOGIN_HOLD_ERROR);
  } else { /* what was raised in the midst of a step; or there was no memory for it then
            */
    bearer_failure_set(&f, l->hold.code, NULL);
    bearer_get_slot(L, index, BEARER_LOGIN_RENEWAL);
    if (bearer_renewal_test(L, lua_gettop(L)) != NULL)
      bearer_renewal_push_error(L, lua_gettop(L));
    else
      bearer_error_push(L, &f, l->def->name, BEARER_STEP_LOGIN, 0);
  }
  bearer_error_push_held(L, -1, left);
  lua_remove(L, -2);
}

static void copy_field(lua_State *L, int from, const char *name) { /* into the top */
  lua_getfield(L, from, name);
  lua_setfield(L, -2, name);
}

int bearer_login_fail_held(lua_State *L, int index) { /* [-0, +3, m] */
  bearer_login *l = lua_touserdata(L, index);
  int error;
  push_held_error(L, index);
  error = lua_gettop(L);
  if (begin_event(L, index, "held")) {
    copy_field(L, error, "class");
    copy_field(L, error, "code");
    lua_pushnumber(L, bearer_login_hold_left(l));
    lua_setfield(L, -2, "hold");
    note_event(L, index);
  }
  return bearer_refuse(L);
}

/* ---- what comes of a renewal --------------------------------------------------- */

static void take_fingerprint(bearer_login *l, const bearer_renewal *r) {
  if (r->has_fingerprint)
    memcpy(l->fingerprint, r->fingerprint, sizeof(l->fingerprint));
}

static void failed(bearer_renewal *r) {
  bearer_login *l = r->login;
  if (l->is_closed)
    return;
  take_fingerprint(l, r);
  l->spent = r->spent;
  l->failures++;
  if (r->is_probe) /* it went on, as a secret had changed */
    l->lifted_at = r->began;
  hold(l, &r->failure);
}

static void set_number(lua_State *L, const char *name, double n) {
  lua_pushnumber(L, n);
  lua_setfield(L, -2, name);
}

static void told(lua_State *L, bearer_renewal *r, int error) {
  bearer_login *l = r->login;
  int index;
  bearer_get_slot(L, 1, BEARER_RENEWAL_LOGIN);
  index = lua_gettop(L);
  if (l->is_closed)
    return;
  lua_pushnil(L);
  bearer_set_slot(L, index, BEARER_LOGIN_RENEWAL);
  lua_pushvalue(L, error);
  bearer_set_slot(L, index, BEARER_LOGIN_ERROR);
  lua_pushvalue(L, error);
  bearer_set_slot(L, index, BEARER_LOGIN_HOLD_ERROR);
  l->hold.is_told = 1;
  if (!begin_event(L, index, "failure"))
    return;
  copy_field(L, error, "step");
  copy_field(L, error, "class");
  copy_field(L, error, "code");
  set_number(L, "duration", bearer_now(l->state) - r->began);
  set_number(L, "hold", bearer_login_hold_left(l));
  note_event(L, index);
}

/* A login that starts from a refresh token has to remember the newest one. */
static void remember_successor(lua_State *L, bearer_login *l, const bearer_renewal *r,
                               const bearer_token *t) {
  const bearer_var *newest = bearer_vars_get(&t->vars, BEARER_NAME_REFRESH_TOKEN);
  if (newest == NULL || !bearer_definition_is_input(l->def, BEARER_NAME_REFRESH_TOKEN))
    return;
  if (l->successor == NULL)
    l->successor = calloc(1, sizeof(*l->successor));
  if (l->successor == NULL || !bearer_secret_set(&l->successor->refresh_token,
                                                 newest->value.data, newest->value.size))
    luaL_error(L, "not enough memory");
  if (r->has_given)
    memcpy(l->successor->given, r->given_fingerprint, sizeof(l->successor->given));
  l->successor->generation = t->generation;
  l->successor->is_rotated = r->is_rotated;
}

/* Counted from when the request was sent, its life was over before the answer came:
   perhaps the machine slept. It is kept for its refresh token alone. */
static void came_too_late(lua_State *L, bearer_renewal *r) {
  char asked[sizeof(r->failure.request)];
  memcpy(asked, r->failure.request, sizeof(asked));
  r->succeeded = 0;
  bearer_failure_set(&r->failure, BEARER_BAD_ANSWER,
                     "the token had expired when it came");
  memcpy(r->failure.request, asked, sizeof(asked));
  failed(r);
  bearer_renewal_push_error(L, 1);
  lua_pushvalue(L, -1);
  bearer_set_slot(L, 1, BEARER_RENEWAL_ERROR);
  told(L, r, lua_gettop(L));
}

static void tell_success(lua_State *L, int index, const bearer_renewal *r,
                         const bearer_token *t) {
  double left = t->freshness.end - bearer_now(t->state);
  if (!begin_event(L, index, r->is_refresh ? "refresh" : "login"))
    return;
  set_number(L, "duration", bearer_now(t->state) - r->began);
  lua_pushinteger(L, t->generation);
  lua_setfield(L, -2, "generation");
  if (!isinf(left))
    set_number(L, "expires_in", left > 0 ? left : 0);
  note_event(L, index);
}

/* What could not be read is told once: it will be so with each answer. */
static void tell_odd(lua_State *L, int index, const bearer_renewal *r) {
  static const char *const fields[] = { "expires_in", "expires_at", "issued_at",
                                        "refresh_expires_in" };
  static const char *const kinds[] = { "nothing", "a number", "a text",
                                       "neither a number nor a text" };
  bearer_login *l = lua_touserdata(L, index);
  for (int i = 0; i < BEARER_ODD_FACTS; i++) {
    if (!(r->odd >> i & 1) || (l->odd_told >> i & 1))
      continue;
    l->odd_told |= (unsigned char)(1u << i);
    if (!begin_event(L, index, "odd"))
      return;
    lua_pushstring(L, fields[i]);
    lua_setfield(L, -2, "field");
    lua_pushstring(L, kinds[r->odd_kind[i]]);
    lua_setfield(L, -2, "found");
    note_event(L, index);
  }
}

static void note_bought(bearer_login *l, bearer_token *t) {
  t->generation = ++l->generation;
  if (l->replacement < 0) {
    l->replacement = t->generation;
    l->bought_at = bearer_now(l->state);
  }
  memset(&l->spent, 0, sizeof(l->spent));
  l->hold.is_on = 0;
}

static void succeeded(lua_State *L, bearer_renewal *r, int token) {
  bearer_login *l = r->login;
  bearer_token *t = lua_touserdata(L, token);
  int index;
  bearer_get_slot(L, 1, BEARER_RENEWAL_LOGIN);
  index = lua_gettop(L);
  if (l->is_closed) {
    bearer_token_wipe(t);
    return;
  }
  take_fingerprint(l, r);
  note_bought(l, t);
  adopt(L, index, token);
  forget_renewed(L, t);
  lua_pushnil(L);
  bearer_set_slot(L, index, BEARER_LOGIN_RENEWAL);
  lua_pushnil(L);
  bearer_set_slot(L, index, BEARER_LOGIN_ERROR);
  lua_pushnil(L);
  bearer_set_slot(L, index, BEARER_LOGIN_HOLD_ERROR);
  remember_successor(L, l, r, t);
  if (r->is_unwanted) /* before anything can raise */
    adopt(L, index, 0);
  if (bearer_token_state(t) == BEARER_EXPIRED) {
    came_too_late(L, r);
  } else {
    memset(l->held_times, 0, sizeof(l->held_times));
    l->logins += !r->is_refresh;
    l->refreshes += r->is_refresh != 0;
    tell_success(L, index, r, t);
  }
  if (r->odd != 0)
    tell_odd(L, index, r);
}

/* It is kept with the renewal, in case that this comes to nothing. */
static void revokes(lua_State *L, bearer_renewal *r, int is_sent) {
  int top = lua_gettop(L);
  bearer_get_slot(L, 1, BEARER_RENEWAL_LOGIN);
  bearer_get_slot(L, 1, BEARER_RENEWAL_OLD);
  if (r->login->is_closed || bearer_token_test(L, top + 2) == NULL) {
    lua_settop(L, top);
    return;
  }
  if (is_sent)
    bearer_login_drop(L, top + 1, top + 2);
  else if (bearer_login_push_token(L, top + 1) == NULL && !r->is_unwanted)
    adopt(L, top + 1, top + 2);
  lua_settop(L, top);
}

static const bearer_renewal_listener listener = { succeeded, failed, revokes, told };

/* ---- beginning a renewal ------------------------------------------------------- */

/* Begin the renewal on top, which has just been made: from then on nothing may have been
   allocated, as what is collected may do anything to the login. [-0, +0, -] */
static bearer_renewal *begin(lua_State *L, int index) {
  static const int slots[][2] = { { BEARER_LOGIN_PROVIDER, BEARER_RENEWAL_PROVIDER },
                                  { BEARER_LOGIN_OPTIONS, BEARER_RENEWAL_OPTIONS },
                                  { BEARER_LOGIN_DYNAMIC, BEARER_RENEWAL_DYNAMIC },
                                  { BEARER_LOGIN_TOKEN, BEARER_RENEWAL_OLD } };
  bearer_login *l = lua_touserdata(L, index);
  const bearer_token *old = bearer_login_push_token(L, index);
  const bearer_options *o;
  bearer_renewal *r;
  int at;
  lua_pop(L, 1);
  at = lua_gettop(L);
  r = lua_touserdata(L, at);
  bearer_get_slot(L, index, BEARER_LOGIN_OPTIONS);
  o = bearer_options_at(L, lua_gettop(L));
  r->job.deadline = r->began + o->timeout;
  r->leeway = o->leeway;
  r->retries = o->retries;
  lua_pop(L, 1);
  r->listener = &listener;
  r->login = l;
  r->inputs = &l->inputs;
  r->successor = &l->successor;
  r->spent = l->spent;
  r->old_generation = old != NULL ? old->generation : 0;
  r->has_dynamic = l->has_dynamic;
  r->checked[0] = l->checked[0];
  r->checked[1] = l->checked[1];
  r->is_refresh = old != NULL && l->spent.generation != old->generation &&
                  bearer_renewal_can_refresh(old);
  lua_pushvalue(L, index);
  bearer_set_slot(L, at, BEARER_RENEWAL_LOGIN);
  for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
    bearer_get_slot(L, index, slots[i][0]);
    bearer_set_slot(L, at, slots[i][1]);
  }
  lua_pushvalue(L, at);
  bearer_set_slot(L, index, BEARER_LOGIN_RENEWAL);
  bearer_job_begin(&r->job);
  return r;
}

/* A hold after a terminal failure ends when a secret has changed: the renewal finds out.
 */
static int can_probe(const bearer_login *l) {
  return l->has_dynamic &&
         bearer_policy_may_lift(l->hold.class, bearer_now(l->state) - l->lifted_at);
}

void bearer_login_begin(lua_State *L, int index) { /* [-0, +0, -] */
  bearer_login *l = lua_touserdata(L, index);
  int is_held = bearer_login_hold_left(l) > 0;
  bearer_renewal *r = begin(L, index);
  r->is_probe = is_held;
  if (is_held) {
    r->is_refresh = 0;
    memcpy(r->held_fingerprint, l->hold.fingerprint, sizeof(r->held_fingerprint));
  }
}

bearer_obstacle bearer_login_obstacle(lua_State *L, int index) {
  bearer_login *l = lua_touserdata(L, index);
  int is_on = bearer_login_push_renewal(L, index) != NULL;
  lua_pop(L, 1);
  if (is_on)
    return BEARER_UNDER_WAY;
  return bearer_login_hold_left(l) > 0 && !can_probe(l) ? BEARER_HELD : BEARER_FREE;
}

/* ---- tokens that are refused --------------------------------------------------- */

/* Seconds after which a token that replaced a refused one is one like any other. */
static const double just_bought = 60;

/* Tokens are counted, not those who were refused with them. */
static void count_refused(bearer_login *l, const bearer_token *t) {
  if (t->generation <= l->refusals.counted)
    return;
  l->refusals.counted = t->generation;
  l->refused++;
}

/* Is it not to be replaced, since that has not helped? */
static int is_limited(bearer_login *l, const bearer_token *t) {
  double now = bearer_now(l->state);
  if (now < l->refusals.till)
    return 1;
  if (t->generation != l->replacement || now - l->bought_at >= just_bought)
    return 0;
  if (l->refusals.generation != t->generation) {
    l->refusals.generation = t->generation;
    l->refusals.till = now + bearer_policy_refused_hold(++l->refusals.count);
  }
  return 1;
}

bearer_refusal_outcome bearer_login_refuse(lua_State *L, int index, int token) {
  bearer_login *l = lua_touserdata(L, index);
  const bearer_token *t = lua_touserdata(L, token);
  int is_it = bearer_login_push_token(L, index) == t;
  int is_on = bearer_login_push_renewal(L, index) != NULL;
  lua_pop(L, 2);
  count_refused(l, t);
  if (!is_it) /* there is a newer one already, or one is on its way: that costs nothing */
    return BEARER_REFUSAL_REPLACES;
  if (is_limited(l, t))
    return is_on ? BEARER_REFUSAL_WAITS : BEARER_REFUSAL_STANDS;
  l->replacement = -1; /* the next one */
  return BEARER_REFUSAL_REPLACES;
}

/* The refusals may have been about what was called, not about the token: so the next one
   is still some time off. */
void bearer_login_accepted(bearer_login *l) {
  double till = bearer_now(l->state) + bearer_policy_refused_hold(1);
  l->replacement = l->replacement < 0 ? l->replacement : 0;
  l->refusals.count = 0;
  if (l->refusals.till > till)
    l->refusals.till = till;
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
    set_number(L, "hold", left);
  bearer_get_slot(L, 1, BEARER_LOGIN_ERROR);
  if (lua_toboolean(L, -1))
    lua_setfield(L, 2, "last_error");
  else
    lua_pop(L, 1);
  t = bearer_login_push_token(L, 1);
  lua_pop(L, 1);
  if (t != NULL && bearer_token_state(t) != BEARER_EXPIRED && !isinf(t->freshness.end)) {
    left = t->freshness.end - bearer_now(l->state);
    set_number(L, "expires_in", left > 0 ? left : 0);
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
  adopt(L, index, 0);
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
