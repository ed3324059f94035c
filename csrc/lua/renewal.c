/*
 * A renewal: one acquisition of a token, step by step.
 */
#include "lua/renewal.h"

#include <string.h>

#include "base/policy.h"

static void set_up(bearer_renewal_frame *f, lua_State *L, bearer_renewal *r) {
  lua_settop(L, 5);
  luaL_checkstack(L, 20, NULL);
  memset(f, 0, sizeof(*f));
  f->r = r;
  f->c.L = L;
  f->c.def = r->def;
  f->c.vars = &r->vars;
  f->c.holder = 1;
  bearer_get_slot(L, 1, BEARER_RENEWAL_LOGIN);
  f->login = lua_gettop(L);
  bearer_get_slot(L, 1, BEARER_RENEWAL_PROVIDER);
  f->c.provider = lua_gettop(L);
  bearer_get_slot(L, 1, BEARER_RENEWAL_OPTIONS);
  f->options = lua_gettop(L);
}

/* ---- ending -------------------------------------------------------------------- */

const bearer_exchanges *bearer_renewal_requests(const bearer_renewal *r) {
  return r->is_refresh ? &r->def->refresh : &r->def->login;
}

bearer_step_name bearer_renewal_step_name(const bearer_renewal *r) {
  return r->is_refresh ? BEARER_STEP_REFRESH : BEARER_STEP_LOGIN;
}

void bearer_renewal_forget(bearer_renewal *r) { /* what was sent, and with what */
  bearer_vars_clear(&r->vars);
  bearer_secret_clear(&r->given);
  bearer_sending_clear(&r->sending);
}

static void clear(bearer_job *job) {
  bearer_renewal *r = (bearer_renewal *)job;
  bearer_renewal_forget(r);
  bearer_definition_release(r->def);
  r->def = NULL;
}

/* The outcome, without Lua: no memory may be wanting for it. */
void bearer_renewal_conclude(bearer_renewal *r) {
  r->step = BEARER_RENEWAL_ENDED;
  bearer_renewal_forget(r);
  bearer_job_end(&r->job);
}

static void end_badly(bearer_renewal *r) {
  bearer_renewal_conclude(r);
  r->listener->failed(r);
}

int bearer_renewal_starts_from_refresh_token(const bearer_definition *def) {
  return bearer_definition_is_input(def, BEARER_NAME_REFRESH_TOKEN);
}

int bearer_renewal_spends(const bearer_renewal *r) { /* what may rotate */
  return r->is_refresh || bearer_renewal_starts_from_refresh_token(r->def);
}

/* A refresh token that rotates is never sent twice: remember that it was sent, and
   whether the answer that would hold the next one got lost. No Lua. */
static void note_spent(bearer_renewal *r) {
  long generation = r->is_refresh           ? r->old_generation
                    : *r->successor != NULL ? (*r->successor)->generation
                                            : 0;
  if (!bearer_renewal_spends(r) || !r->sent || generation == 0 ||
      r->failure.class == BEARER_THROTTLED)
    return;
  r->spent.generation = generation;
  r->spent.is_lost = r->failure.status < 300; /* 0 = there was no answer */
  r->spent.is_given = r->uses_given;
  memcpy(r->spent.given, r->given_fingerprint, sizeof(r->spent.given));
}

static int has_answer(const bearer_renewal *r) {
  return r->step == BEARER_RENEWAL_GIVEN || r->step == BEARER_RENEWAL_READ;
}

static void hide(lua_State *L, bearer_job *job) {
  bearer_renewal_frame f;
  set_up(&f, L, (bearer_renewal *)job);
  bearer_hide(&f.c, f.c.vars);
}

/* What was raised in the midst of a step. An answer for which there was no memory is read
   again in a moment: in it there may be a refresh token that nobody else has. */
static void fail_step(bearer_job *job, bearer_code code, const char *text) {
  bearer_renewal *r = (bearer_renewal *)job;
  if (code == BEARER_MEMORY && has_answer(r) && r->rereads++ < 5) {
    bearer_job_wait(job, bearer_now(job->state) + 0.05);
    return;
  }
  bearer_failure_set(&r->failure, code,
                     code == BEARER_MEMORY   ? "not enough memory"
                     : code == BEARER_CLOSED ? "the login is closed"
                                             : NULL);
  note_spent(r);
  bearer_send_about(&r->sending, &r->vars, &r->failure);
  if (code == BEARER_INTERRUPTED)
    bearer_failure_describe(&r->failure, &r->vars,
                            text != NULL ? text : "an error was raised",
                            text != NULL ? strlen(text) : 19);
  end_badly(r);
}

static bearer_progress end_with_failure(bearer_renewal_frame *f) {
  bearer_renewal *r = f->r;
  lua_State *L = f->c.L;
  bearer_send_about(&r->sending, &r->vars, &r->failure);
  end_badly(r);
  bearer_error_push(L, &r->failure, r->def->name, bearer_renewal_step_name(r),
                    f->details);
  lua_pushvalue(L, -1);
  bearer_set_slot(L, 1, BEARER_RENEWAL_ERROR);
  r->listener->told(L, r, lua_gettop(L));
  return BEARER_HAS_ENDED;
}

void bearer_renewal_push_error(lua_State *L, int index) {
  const bearer_renewal *r = lua_touserdata(L, index);
  bearer_get_slot(L, index, BEARER_RENEWAL_ERROR);
  if (lua_toboolean(L, -1))
    return;
  lua_pop(L, 1);
  bearer_error_push(L, &r->failure, r->def->name, bearer_renewal_step_name(r), 0);
}

/* ---- after a failure ----------------------------------------------------------- */

static bearer_progress log_in_instead(bearer_renewal *r) {
  r->is_refresh = 0;
  r->is_unwanted = 0;
  r->has_vars = 0;
  r->step = BEARER_RENEWAL_INPUTS;
  return BEARER_GO_ON;
}

bearer_progress bearer_renewal_try_again(bearer_renewal *r, double wake) {
  r->tries++;
  r->has_vars = 0;
  r->step = BEARER_RENEWAL_PAUSE;
  r->paused_until = wake;
  bearer_renewal_forget(r);
  bearer_job_wait(&r->job, wake);
  return BEARER_WAITS;
}

/* It wants another password, of whoever comes. */
static int is_stopped_by_proxy(const bearer_failure *f) {
  return f->code == BEARER_PROXY && f->status == 407;
}

/* r->failure says what went wrong. */
bearer_progress bearer_renewal_fail(bearer_renewal_frame *f, int is_considered) {
  bearer_renewal *r = f->r;
  bearer_attempt a;
  note_spent(r);
  memset(&a, 0, sizeof(a));
  a.is_refresh = r->is_refresh;
  a.class = r->failure.class;
  a.is_considered = is_considered;
  a.spends = bearer_renewal_spends(r) ||
             (r->has_code && r->failure.status == 0); /* the answer is lost */
  a.sent = r->sent;
  a.login_repeats = (r->sent && bearer_renewal_starts_from_refresh_token(r->def)) ||
                    is_stopped_by_proxy(&r->failure);
  a.tries = r->tries;
  a.retries = r->retries;
  a.now = bearer_now(r->job.state);
  a.deadline = r->job.deadline;
  a.pause = bearer_policy_pause(r->tries, bearer_state_random(r->job.state));
  switch (bearer_policy_after(&a)) {
  case BEARER_LOG_IN:
    return log_in_instead(r);
  case BEARER_TRY_AGAIN:
    return bearer_renewal_try_again(r, a.now + a.pause);
  default:
    return end_with_failure(f);
  }
}

static bearer_progress fail_with(bearer_renewal_frame *f, bearer_code code,
                                 const char *description, int is_considered) {
  bearer_failure_set(&f->r->failure, code, NULL);
  bearer_failure_describe(&f->r->failure, &f->r->vars, description, strlen(description));
  return bearer_renewal_fail(f, is_considered);
}

/* No secret: nothing else is tried, as nothing was sent. */
bearer_progress bearer_renewal_end_with(bearer_renewal_frame *f, bearer_code code,
                                        const char *description) {
  bearer_failure_set(&f->r->failure, code, NULL);
  bearer_failure_describe(&f->r->failure, &f->r->vars, description, strlen(description));
  return end_with_failure(f);
}

/* ---- sending ------------------------------------------------------------------- */

/* A name that is not known is one that an answer should have given. */
static bearer_progress unbuildable(bearer_renewal_frame *f) {
  char text[sizeof(f->c.fault.what) + 64];
  bearer_answer a;
  if (f->c.fault.kind != BEARER_FAULT_UNKNOWN || f->r->sending.about.size == 0)
    bearer_send_note_built(&f->r->sending);
  bearer_fault_explain(&f->c.fault, text, sizeof(text));
  if (f->r->index > 0 && f->c.fault.kind == BEARER_FAULT_UNKNOWN) {
    bearer_read(&a, &f->c, &f->r->sending.response);
    bearer_refusal_no_token(&a, text, 1);
    return bearer_renewal_not_usable(f, &a);
  }
  return fail_with(
      f, f->c.fault.kind == BEARER_FAULT_UNKNOWN ? BEARER_BAD_ANSWER : BEARER_BAD_REQUEST,
      text, 1);
}

/* From now on nobody gets the old token, which may be dead already. */
static void note_revoked(bearer_renewal_frame *f) {
  bearer_renewal *r = f->r;
  if (!r->is_refresh || r->revoked_by > 0 || !r->def->refresh.list[r->index].revokes)
    return;
  r->revoked_by = r->index + 1;
  r->listener->revokes(f->c.L, r, 1);
}

/* The request that would have ended it never left. */
static void note_not_revoked(bearer_renewal_frame *f) {
  bearer_renewal *r = f->r;
  if (!r->is_refresh || r->revoked_by != r->index + 1)
    return;
  r->revoked_by = 0;
  r->listener->revokes(f->c.L, r, 0);
}

static bearer_progress send_request(bearer_renewal_frame *f) {
  bearer_renewal *r = f->r;
  double now = bearer_now(r->job.state), left = r->job.deadline - now;
  const bearer_options *options = bearer_options_at(f->c.L, f->options);
  bearer_progress progress;
  int is_checked;
  if ((r->attempts > 1 || r->index > 0) && left <= 0)
    return bearer_renewal_end_with(f, BEARER_TIMEOUT, "the time for it is over");
  is_checked = r->index < 32 && (r->checked[r->is_refresh] >> r->index & 1);
  if (!bearer_build(&f->c, &bearer_renewal_requests(r)->list[r->index],
                    options->allow_http, is_checked, &r->sending.request))
    return unbuildable(f);
  r->has_encoded_basic = f->c.has_encoded_basic;
  r->sent_at = bearer_now(r->job.state);
  if (r->is_refresh)
    left /= 2; /* a login may follow */
  progress = bearer_send(f->c.L, &r->job, &r->sending, f->options, left, &r->failure);
  if (progress == BEARER_HAS_ENDED) { /* it may be there in a second */
    r->failure.class = BEARER_TRANSIENT;
    return bearer_renewal_fail(f, 1);
  }
  r->sent = 1;
  note_revoked(f);
  r->step = progress == BEARER_NEEDS ? BEARER_RENEWAL_HOST : BEARER_RENEWAL_TRANSFER;
  bearer_job_wait(&r->job, r->job.deadline + 1); /* it knows its time, and tells */
  return progress;
}

/* ---- answers -------------------------------------------------------------------- */

static int is_sending(const bearer_renewal *r) { /* not asking for an input */
  return r->step == BEARER_RENEWAL_HOST && r->asked >= 2 * r->def->input_count;
}

/* What a transport gave is kept before anything else is done, so that no want of memory
   can take it away. [-0, +0, -] */
static void keep_answer(lua_State *L, bearer_job *job) {
  bearer_renewal *r = (bearer_renewal *)job;
  if (!is_sending(r))
    return;
  for (int i = 0; i < BEARER_JOB_VALUES; i++) {
    lua_pushvalue(L, 2 + i);
    bearer_set_slot(L, 1, BEARER_RENEWAL_ANSWER + i);
  }
  r->step = BEARER_RENEWAL_GIVEN;
}

static void push_answer(bearer_renewal_frame *f) { /* where it came, at 2 and above */
  for (int i = 0; i < BEARER_JOB_VALUES; i++) {
    bearer_get_slot(f->c.L, 1, BEARER_RENEWAL_ANSWER + i);
    lua_replace(f->c.L, 2 + i);
  }
}

static void drop_answer(bearer_renewal_frame *f) {
  for (int i = 0; i < BEARER_JOB_VALUES; i++) {
    lua_pushnil(f->c.L);
    bearer_set_slot(f->c.L, 1, BEARER_RENEWAL_ANSWER + i);
  }
}

static int came_broken(const bearer_failure *f) {
  return f->code == BEARER_BAD_ANSWER || f->code == BEARER_TOO_LARGE;
}

static const bearer_vars *its_secrets(void *user) {
  bearer_renewal_frame *f = user;
  bearer_hide(&f->c, f->c.vars);
  return f->c.vars;
}

static bearer_progress take_result(bearer_renewal_frame *f) {
  bearer_renewal *r = f->r;
  const bearer_secrets secrets = { its_secrets, f };
  int sent = 1;
  if (bearer_send_result(f->c.L, &r->job, &r->sending, f->options, &secrets, &r->failure,
                         &sent)) {
    r->step = BEARER_RENEWAL_READ;
    return BEARER_GO_ON;
  }
  r->sent = sent || r->index > 0; /* a request before it has left in any case */
  if (!sent)
    note_not_revoked(f);
  r->failure.class =
      is_stopped_by_proxy(&r->failure) ? BEARER_TERMINAL : BEARER_TRANSIENT;
  return bearer_renewal_fail(f, r->failure.is_own_fault || came_broken(&r->failure));
}

/* The coroutine in which a function of the host's ran is gone, or it took too long. */
static bearer_progress lost(bearer_renewal_frame *f) {
  return fail_with(f, BEARER_LOST, "the answer was lost", 0);
}

/* Nobody has looked at it for so long that its time is over: what it waited for has come
   to its end before, and no more is sent. On a busy machine that takes a moment to be
   seen. */
static void note_left(bearer_renewal *r) {
  r->was_left |= bearer_now(r->job.state) > r->job.deadline + 5;
}

/* ---- stepping ------------------------------------------------------------------ */

/* One thing after the other, as far as it goes without waiting. */
static bearer_progress advance(bearer_renewal_frame *f, int has_result) {
  bearer_renewal *r = f->r;
  bearer_job *job = &r->job;
  bearer_progress progress;
  switch (r->step) {
  case BEARER_RENEWAL_INPUTS:
    return bearer_renewal_gather(f);
  case BEARER_RENEWAL_SEND:
    return send_request(f);
  case BEARER_RENEWAL_TRANSFER:
    note_left(r);
    if (bearer_transfer_has_ended(job->transfer))
      return take_result(f);
    bearer_job_wait(job, job->deadline + 1);
    return BEARER_WAITS;
  case BEARER_RENEWAL_HOST:
    if (!has_result)
      return lost(f);
    return bearer_renewal_take_input(f);
  case BEARER_RENEWAL_GIVEN:
    push_answer(f);
    progress = take_result(f);
    drop_answer(f);
    return progress;
  case BEARER_RENEWAL_READ:
    return bearer_renewal_read(f);
  case BEARER_RENEWAL_PAUSE:
    note_left(r);
    if (bearer_now(job->state) < r->paused_until) {
      bearer_job_wait(job, r->paused_until);
      return BEARER_WAITS;
    }
    r->step = BEARER_RENEWAL_INPUTS;
    return BEARER_GO_ON;
  default:
    return BEARER_HAS_ENDED;
  }
}

static bearer_progress step(lua_State *L, bearer_job *job) {
  int has_result = lua_gettop(L) > 1;
  bearer_progress progress;
  bearer_renewal_frame f;
  set_up(&f, L, (bearer_renewal *)job);
  do {
    if (job->is_cancelled)
      return BEARER_WAITS; /* the one who steps ends it */
    progress = advance(&f, has_result);
    has_result = 0;
    f.details = 0;
    if (progress == BEARER_GO_ON)
      lua_settop(L, f.options);
  } while (progress == BEARER_GO_ON);
  return progress;
}

static const bearer_job_class class = { step, keep_answer, hide, fail_step, clear };

bearer_renewal *bearer_renewal_new(lua_State *L, bearer_lua_state *state,
                                   const bearer_definition *def) {
  bearer_renewal *r = (bearer_renewal *)bearer_job_new(L, state, &class, sizeof(*r),
                                                       BEARER_RENEWAL_SLOTS);
  r->def = def;
  bearer_definition_retain(def);
  r->began = bearer_now(r->job.state);
  return r;
}

bearer_renewal *bearer_renewal_test(lua_State *L, int index) {
  return (bearer_renewal *)bearer_job_test(L, index, &class);
}

static int prolongs(const bearer_exchanges *all) {
  return all->list[all->count - 1].prolongs;
}

int bearer_renewal_can_refresh(const bearer_token *old) {
  const bearer_exchanges *refresh = &old->def->refresh;
  int names_refresh, names_token, lives = bearer_token_state(old) != BEARER_EXPIRED;
  if (refresh->count == 0)
    return 0;
  if (!lives && prolongs(refresh))
    return 0;
  names_refresh = bearer_renewal_wants(refresh, BEARER_NAME_REFRESH_TOKEN);
  names_token = bearer_renewal_wants(refresh, BEARER_NAME_TOKEN);
  if (!names_refresh && !names_token)
    return 1;
  return (names_refresh && bearer_token_has_refresh(old)) || (names_token && lives);
}
