/*
 * The renewals of a login: they are begun here, and what comes of them is heard here.
 */
#include "lua/login.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/policy.h"

/* ---- what comes of one --------------------------------------------------------- */

/* It may have been dropped while it was refreshed. */
static void forget_renewed(lua_State *L, const bearer_token *new) {
  bearer_token *old;
  bearer_get_slot(L, 1, BEARER_RENEWAL_OLD);
  old = bearer_token_test(L, -1);
  lua_pop(L, 1);
  if (old != NULL && old != new)
    bearer_token_forget_refresh(old);
}

static void take_fingerprint(bearer_login *l, const bearer_renewal *r) {
  if (r->has_fingerprint)
    memcpy(l->fingerprint, r->fingerprint, sizeof(l->fingerprint));
}

/* When it failed. What is held so that nobody is locked out is held from now on. */
static double failed_at(const bearer_renewal *r) {
  return r->was_left && r->failure.class == BEARER_TRANSIENT ? r->job.deadline
                                                             : bearer_now(r->job.state);
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
  bearer_login_hold(l, &r->failure, failed_at(r));
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
  if (!bearer_login_event(L, index, "failure"))
    return;
  bearer_copy_field(L, error, "step");
  bearer_copy_field(L, error, "class");
  bearer_copy_field(L, error, "code");
  bearer_set_number(L, "duration", bearer_now(l->state) - r->began);
  bearer_set_number(L, "hold", bearer_login_hold_left(l));
  bearer_login_note(L, index);
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
  if (!bearer_login_event(L, index, r->is_refresh ? "refresh" : "login"))
    return;
  bearer_set_number(L, "duration", bearer_now(t->state) - r->began);
  lua_pushinteger(L, t->generation);
  lua_setfield(L, -2, "generation");
  if (!isinf(left))
    bearer_set_number(L, "expires_in", left > 0 ? left : 0);
  bearer_login_note(L, index);
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
    if (!bearer_login_event(L, index, "odd"))
      return;
    lua_pushstring(L, fields[i]);
    lua_setfield(L, -2, "field");
    lua_pushstring(L, kinds[r->odd_kind[i]]);
    lua_setfield(L, -2, "found");
    bearer_login_note(L, index);
  }
}

static void note_bought(bearer_login *l, bearer_token *t) {
  t->generation = ++l->generation;
  if (l->replacement < 0) {
    l->replacement = t->generation;
    l->bought_at = bearer_now(l->state);
    l->was_accepted = 0;
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
  bearer_login_adopt(L, index, token);
  forget_renewed(L, t);
  lua_pushnil(L);
  bearer_set_slot(L, index, BEARER_LOGIN_RENEWAL);
  lua_pushnil(L);
  bearer_set_slot(L, index, BEARER_LOGIN_ERROR);
  lua_pushnil(L);
  bearer_set_slot(L, index, BEARER_LOGIN_HOLD_ERROR);
  remember_successor(L, l, r, t);
  if (r->is_unwanted) /* before anything can raise */
    bearer_login_adopt(L, index, 0);
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
    bearer_login_adopt(L, top + 1, top + 2);
  lua_settop(L, top);
}

static const bearer_renewal_listener listener = { succeeded, failed, revokes, told };

/* ---- beginning one ------------------------------------------------------- */

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
