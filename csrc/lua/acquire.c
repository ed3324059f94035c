/***
What those methods of a login ask that may wait: is there a token, is one to be waited
for, or is a renewal to be begun? loop.lua sees to what the answer says.
@classmod bearer.login
*/
#include <string.h>

#include "base/policy.h"
#include "lua/login.h"

/* ---- what is to be begun ------------------------------------------------------- */

/* What is to be begun is made first, at the top, and the login is looked at then: to make
   it may collect. */
enum { AT_MOST = 4 }; /* arguments of those that begin one; the renewal is above them */

static void prepare(lua_State *L) { /* [-0, +1, m] */
  const bearer_login *l = lua_touserdata(L, 1);
  lua_settop(L, AT_MOST);
  bearer_renewal_new(L, l->state, l->def);
}

static int is_prepared(lua_State *L) {
  return lua_gettop(L) > AT_MOST;
}

static void drop_prepared(lua_State *L) { /* [-0, +0, -] */
  bearer_renewal *r;
  if (!is_prepared(L))
    return;
  r = lua_touserdata(L, AT_MOST + 1);
  lua_settop(L, AT_MOST);
  bearer_job_drop(L, &r->job);
}

/* ---- acquiring ----------------------------------------------------------------- */

/* What became of the renewal at `waited`, which this caller has waited for. */
static bearer_outcome outcome_of(lua_State *L, int waited) {
  const bearer_renewal *r = bearer_renewal_test(L, waited);
  if (r == NULL || !r->job.has_ended)
    return BEARER_NOT_ASKED;
  if (r->is_unwanted && !r->login->is_closed)
    return BEARER_NOT_ASKED; /* wait for one that is wanted */
  if ((r->is_held || r->was_left) && !r->login->is_closed &&
      bearer_login_hold_left(r->login) <= 0)
    return BEARER_NOT_ASKED; /* that was then */
  return r->succeeded ? BEARER_SUCCEEDED : BEARER_FAILED;
}

/* The error of the renewal at `waited`, or of the hold. [-0, +3, m] */
static int fail(lua_State *L, int index, int waited, bearer_step_name step) {
  bearer_login *l = lua_touserdata(L, index);
  const bearer_renewal *r = bearer_renewal_test(L, waited);
  if (l->is_closed)
    return bearer_login_closed(L, l, step);
  if (r == NULL || r->is_held)
    return bearer_login_fail_held(L, index);
  if (r->succeeded)
    return bearer_login_fail(L, l, BEARER_STEP_LOGIN, BEARER_LOST,
                             "the token was dropped while it was waited for");
  bearer_renewal_push_error(L, waited);
  return bearer_refuse(L);
}

static int cannot_wait(lua_State *L, int index, const char *code) { /* [-0, +3, m] */
  const bearer_login *l = lua_touserdata(L, index);
  const bearer_renewal *r = bearer_login_push_renewal(L, index);
  bearer_step_name step =
      r != NULL && r->is_refresh ? BEARER_STEP_REFRESH : BEARER_STEP_LOGIN;
  lua_pop(L, 1);
  if (strcmp(code, "lost") == 0)
    return bearer_login_fail(L, l, step, BEARER_LOST,
                             "the token was dropped each time it was waited for");
  if (strcmp(code, "pending") == 0)
    return bearer_login_fail(
        L, l, step, BEARER_PENDING,
        "the answer is under way, and nothing can be waited for here");
  return bearer_login_fail(L, l, step, BEARER_CANNOT_WAIT,
                           "there is no waiting in this phase");
}

/* Push false and the renewal to wait for: the one that is on, or the one prepared. */
static int wait_for(lua_State *L, int index) {
  if (bearer_login_push_renewal(L, index) == NULL) {
    lua_pop(L, 1);
    bearer_login_begin(L, index);
  }
  lua_pushboolean(L, 0);
  lua_insert(L, -2);
  return 2;
}

static bearer_decision decide(lua_State *L) {
  return bearer_policy_decide(bearer_login_state(L, 1), bearer_login_obstacle(L, 1),
                              outcome_of(L, 4));
}

static int begins(bearer_decision decision) {
  return decision == BEARER_BEGIN || decision == BEARER_HAND_OUT_BEGIN;
}

/***
The valid token; logs in or refreshes when it must.
@function login:token
@treturn[1] bearer.token
@treturn[2] nil
@treturn[2] string why there is none, a sentence
@treturn[2] bearer.error the same, for programs
*/

/***
All headers of an authorised request.
@function login:headers
@tparam[opt] table t to add them to
@treturn[1] table
@treturn[2] nil
@treturn[2] string
@treturn[2] bearer.error
*/

/***
Put the token into a request, where this provider wants it.
@function login:authorize
@tparam table request `{method, url, headers, query, json, …}`; it is changed
@treturn[1] table the same request
@treturn[2] nil
@treturn[2] string
@treturn[2] bearer.error
@raise when its `url` is an absolute one of a host that is not the provider's
*/

/* core.acquire(login, method[, code[, renewal]]): what a caller of this method gets.
   code: why nothing can be begun here; renewal: what it has waited for. Gives token[,
   renewal]     the token, and what is to be moved on in the background false, renewal
   wait for that one, and ask again nil, message, err */
static int login_acquire(lua_State *L) {
  const char *method = luaL_checkstring(L, 2), *code = luaL_optstring(L, 3, NULL);
  bearer_login *l = bearer_login_check(L, 1, method);
  bearer_decision decision;
  lua_settop(L, AT_MOST);
  decision = decide(L);
  if (!l->is_closed && code == NULL && begins(decision)) {
    prepare(L);
    decision = decide(L);
    if (l->is_closed || !begins(decision))
      drop_prepared(L);
  }
  if (l->is_closed)
    return bearer_login_closed(L, l, BEARER_STEP_LOGIN);
  switch (decision) {
  case BEARER_HAND_OUT:
    bearer_login_share(L, 1);
    bearer_login_push_renewal(L, 1);
    return 2;
  case BEARER_HAND_OUT_BEGIN:
    if (code != NULL) {
      bearer_login_share(L, 1);
      return 1;
    }
    bearer_login_begin(L, 1);
    bearer_login_share(L, 1);
    lua_insert(L, -2);
    return 2;
  case BEARER_BEGIN:
    if (code != NULL)
      return cannot_wait(L, 1, code);
    return wait_for(L, 1);
  case BEARER_WAIT:
    return wait_for(L, 1);
  default:
    return fail(L, 1, 4, BEARER_STEP_LOGIN);
  }
}

/* core.unwaited(login, code[, any]) -> nil, message, err: the caller cannot wait here.
   With any: the token, if it still lives */
static int login_unwaited(lua_State *L) {
  const bearer_login *l = bearer_login_check(L, 1, "token");
  bearer_state state;
  lua_settop(L, 3);
  state = bearer_login_state(L, 1);
  if (!l->is_closed && lua_toboolean(L, 3) && state != BEARER_NONE &&
      state != BEARER_EXPIRED) {
    bearer_login_share(L, 1);
    return 1;
  }
  return cannot_wait(L, 1, luaL_checkstring(L, 2));
}

/* ---- renewing ------------------------------------------------------------------ */

static int fail_limited(lua_State *L, const bearer_login *l) { /* [-0, +3, m] */
  bearer_failure f;
  bearer_failure_set(&f, BEARER_REFUSED,
                     "a token that had just been bought was refused as well: it is not "
                     "replaced for a while");
  bearer_error_push(L, &f, l->def->name, BEARER_STEP_REFRESH, 0);
  bearer_error_push_held(L, -1, l->refusals.till - bearer_now(l->state));
  return bearer_refuse(L);
}

/***
The next token.
@function login:refresh
@tparam[opt] bearer.token rejected nothing is done when the login holds a newer one
already; and a token that had just been bought for a refused one is not replaced for a
while
@treturn[1] bearer.token
@treturn[2] nil
@treturn[2] string
@treturn[2] bearer.error
*/

/* core.renew(login, rejected or nil[, code[, renewal]]): as core.acquire, for the next
 * token */
static int login_renew(lua_State *L) {
  bearer_login *l = bearer_login_check(L, 1, "refresh");
  const char *code = luaL_optstring(L, 3, NULL);
  bearer_token *t;
  bearer_outcome outcome;
  bearer_obstacle obstacle;
  int is_rejected, lives;
  lua_settop(L, AT_MOST);
  is_rejected = !lua_isnil(L, 2);
  if (is_rejected && bearer_token_test(L, 2) == NULL)
    return bearer_raise(L, "refresh: a bearer.token expected, got %s",
                        bearer_type_name(L, 2));
  if (l->is_closed)
    return bearer_login_closed(L, l, BEARER_STEP_REFRESH);
  t = bearer_login_push_token(L, 1);
  lives = t != NULL && bearer_token_state(t) != BEARER_EXPIRED;
  outcome = outcome_of(L, 4);
  if (outcome == BEARER_FAILED || (outcome == BEARER_SUCCEEDED && !lives))
    return fail(L, 1, 4, BEARER_STEP_REFRESH);
  if (outcome == BEARER_SUCCEEDED ||
      (is_rejected && lives && t != lua_touserdata(L, 2))) {
    t->is_shared = 1;
    return 1;
  }
  if (is_rejected && lua_isnil(L, 4) && t != NULL &&
      bearer_login_refuse(L, 1, 2, 0) == BEARER_REFUSAL_STANDS)
    return fail_limited(L, l);
  obstacle = bearer_login_obstacle(L, 1);
  if (obstacle == BEARER_HELD)
    return fail(L, 1, 4, BEARER_STEP_REFRESH);
  if (obstacle == BEARER_FREE && code != NULL)
    return cannot_wait(L, 1, code);
  if (obstacle == BEARER_FREE) {
    prepare(L);
    obstacle = bearer_login_obstacle(L, 1);
    if (obstacle != BEARER_FREE || l->is_closed)
      drop_prepared(L);
  }
  if (l->is_closed)
    return bearer_login_closed(L, l, BEARER_STEP_REFRESH);
  if (obstacle == BEARER_HELD)
    return fail(L, 1, 4, BEARER_STEP_REFRESH);
  return wait_for(L, 1);
}

static int wants_prewarming(lua_State *L) {
  const bearer_login *l = lua_touserdata(L, 1);
  return !l->is_closed && bearer_login_state(L, 1) != BEARER_FRESH &&
         bearer_login_obstacle(L, 1) == BEARER_FREE;
}

/* core.prewarm(login[, code]) -> a renewal that has been begun, or nothing */
static int login_prewarm(lua_State *L) {
  lua_settop(L, AT_MOST);
  bearer_login_check(L, 1, "prewarm");
  if (!lua_isnil(L, 2) || !wants_prewarming(L))
    return 0;
  prepare(L);
  if (!wants_prewarming(L)) {
    drop_prepared(L);
    return 0;
  }
  bearer_login_begin(L, 1);
  return 1;
}

/* ---- rejecting ----------------------------------------------------------------- */

/***
For hosts with an HTTP client of their own: an API refused this token. If it is still the
one that is handed out, it is dropped, and a renewal begins, which is not waited for.
@function login:reject
@tparam bearer.token|string rejected the token, or the value of its header
@treturn boolean was it dropped? Not when there is a newer one already, nor when it had
itself just been bought for a refused one: an API that refuses everything costs no storm
of logins
*/

/* core.reject(login, token or header value[, code]) -> boolean[, renewal] */
static int login_reject(lua_State *L) {
  bearer_login *l = bearer_login_check(L, 1, "reject");
  const bearer_token *t;
  size_t size;
  const char *text;
  int is_it, top;
  lua_settop(L, 3);
  if (l->is_closed) {
    lua_pushboolean(L, 0);
    return 1;
  }
  if (lua_type(L, 2) != LUA_TSTRING && bearer_token_test(L, 2) == NULL)
    return bearer_raise(
        L, "reject: a bearer.token or the value of its header expected, got %s",
        bearer_type_name(L, 2));
  t = bearer_login_push_token(L, 1); /* 4 */
  is_it = t != NULL && t == lua_touserdata(L, 2);
  if (t != NULL && lua_type(L, 2) == LUA_TSTRING) {
    text = lua_tolstring(L, 2, &size);
    is_it = bearer_token_is(L, 4, text, size);
  }
  if (is_it && lua_isnil(L, 3))
    prepare(L);
  top = lua_gettop(L);
  is_it = is_it && !l->is_closed && bearer_login_push_token(L, 1) == t;
  lua_settop(L, top);
  if (!is_it || bearer_login_refuse(L, 1, 4, 0) != BEARER_REFUSAL_REPLACES) {
    drop_prepared(L);
    lua_pushboolean(L, 0);
    return 1;
  }
  bearer_login_drop(L, 1, 4);
  if (!is_prepared(L) || bearer_login_obstacle(L, 1) != BEARER_FREE) {
    drop_prepared(L);
    lua_pushboolean(L, 1);
    return 1;
  }
  bearer_login_begin(L, 1);
  lua_pushboolean(L, 1);
  lua_insert(L, -2);
  return 2;
}

static const luaL_Reg functions[] = {
  { "acquire", login_acquire }, { "unwaited", login_unwaited }, { "renew", login_renew },
  { "prewarm", login_prewarm }, { "reject", login_reject },     { NULL, NULL },
};

void bearer_acquire_open(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
