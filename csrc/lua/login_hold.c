/*
 * When a login asks for nothing: holds after failures, and tokens that were refused one
 * after the other. And the events of a login.
 */
#include "lua/login.h"

#include <string.h>

#include "base/policy.h"
#include "lua/event.h"

/* ---- events -------------------------------------------------------------------- */

/* Push an event with the counts; the options with the listener are below it. 0: nobody
   listens, and nothing is pushed. [-0, +2 or 0, m] */
int bearer_login_event(lua_State *L, int index, const char *name) {
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

void bearer_login_note(lua_State *L, int index) { /* [-2, +0, m] */
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

void bearer_login_hold(bearer_login *l, const bearer_failure *f, double since) {
  unsigned char *times = &l->held_times[f->class];
  if (*times < 255)
    ++*times;
  l->hold.class = f->class;
  l->hold.code = f->code;
  l->hold.is_on = 1;
  l->hold.is_told = 0;
  l->hold.till = since + bearer_policy_hold(f->class, *times, f->retry_after, f->status,
                                            kind_of(l, f));
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

int bearer_login_fail_held(lua_State *L, int index) { /* [-0, +3, m] */
  bearer_login *l = lua_touserdata(L, index);
  int error;
  push_held_error(L, index);
  error = lua_gettop(L);
  if (bearer_login_event(L, index, "held")) {
    bearer_copy_field(L, error, "class");
    bearer_copy_field(L, error, "code");
    lua_pushnumber(L, bearer_login_hold_left(l));
    lua_setfield(L, -2, "hold");
    bearer_login_note(L, index);
  }
  return bearer_refuse(L);
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
static int is_limited(bearer_login *l, const bearer_token *t, int is_repeat) {
  double now = bearer_now(l->state);
  if (now < l->refusals.till)
    return 1;
  if (t->generation != l->replacement || now - l->bought_at >= just_bought ||
      (l->was_accepted && !is_repeat))
    return 0;
  if (l->refusals.generation != t->generation) {
    l->refusals.generation = t->generation;
    l->refusals.till = now + bearer_policy_refused_hold(++l->refusals.count);
  }
  return 1;
}

bearer_refusal_outcome bearer_login_refuse(lua_State *L, int index, int token,
                                           int is_repeat) {
  bearer_login *l = lua_touserdata(L, index);
  const bearer_token *t = lua_touserdata(L, token);
  int is_it = bearer_login_push_token(L, index) == t;
  int is_on = bearer_login_push_renewal(L, index) != NULL;
  lua_pop(L, 2);
  count_refused(l, t);
  if (!is_it) /* there is a newer one already, or one is on its way: that costs nothing */
    return BEARER_REFUSAL_REPLACES;
  if (is_limited(l, t, is_repeat))
    return is_on ? BEARER_REFUSAL_WAITS : BEARER_REFUSAL_STANDS;
  l->replacement = -1; /* the next one */
  return BEARER_REFUSAL_REPLACES;
}

/* The refusals may have been about what was called, not about the token: so the next one
   is still some time off. */
void bearer_login_accepted(bearer_login *l) {
  double till = bearer_now(l->state) + bearer_policy_refused_hold(1);
  l->was_accepted = 1;
  l->refusals.count = 0;
  if (l->refusals.till > till)
    l->refusals.till = till;
}
