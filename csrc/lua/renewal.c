/*
 * A renewal: one acquisition of a token, step by step.
 */
#include "lua/renewal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/policy.h"
#include "http/fork.h"
#include "lua/secret_ref.h"

/* What a step works with. Stack: 1 the renewal, 2 to 5 what a function of the host's
   gave, then these. */
typedef struct {
  bearer_renewal *r;
  bearer_context c;
  int login, options;
  int details; /* stack index of the provider's error fields; 0 = none */
} frame;

static void set_up(frame *f, lua_State *L, bearer_renewal *r) {
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

static bearer_step_name step_name(const bearer_renewal *r) {
  return r->is_refresh ? BEARER_STEP_REFRESH : BEARER_STEP_LOGIN;
}

static void forget(bearer_renewal *r) { /* what was sent, and with what */
  bearer_vars_clear(&r->vars);
  bearer_secret_clear(&r->given);
  bearer_sending_clear(&r->sending);
}

static void clear(bearer_job *job) {
  bearer_renewal *r = (bearer_renewal *)job;
  forget(r);
  bearer_definition_release(r->def);
  r->def = NULL;
}

/* The outcome, without Lua: no memory may be wanting for it. */
static void conclude(bearer_renewal *r) {
  r->step = BEARER_RENEWAL_ENDED;
  forget(r);
  bearer_job_end(&r->job);
}

static void end_badly(bearer_renewal *r) {
  conclude(r);
  r->listener->failed(r);
}

static int has_refresh_input(const bearer_definition *def) {
  return bearer_definition_is_input(def, BEARER_NAME_REFRESH_TOKEN);
}

static int spends(const bearer_renewal *r) { /* what may rotate */
  return r->is_refresh || has_refresh_input(r->def);
}

/* A refresh token that rotates is never sent twice: remember that it was sent, and
   whether the answer that would hold the next one got lost. No Lua. */
static void note_spent(bearer_renewal *r) {
  long generation = r->is_refresh           ? r->old_generation
                    : *r->successor != NULL ? (*r->successor)->generation
                                            : 0;
  if (!spends(r) || !r->sent || generation == 0 || r->failure.class == BEARER_THROTTLED)
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
  frame f;
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

static bearer_progress end_with_failure(frame *f) {
  bearer_renewal *r = f->r;
  lua_State *L = f->c.L;
  bearer_send_about(&r->sending, &r->vars, &r->failure);
  end_badly(r);
  bearer_error_push(L, &r->failure, r->def->name, step_name(r), f->details);
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
  bearer_error_push(L, &r->failure, r->def->name, step_name(r), 0);
}

/* ---- after a failure ----------------------------------------------------------- */

static bearer_progress log_in_instead(bearer_renewal *r) {
  r->is_refresh = 0;
  r->is_unwanted = 0;
  r->has_vars = 0;
  r->step = BEARER_RENEWAL_INPUTS;
  return BEARER_GO_ON;
}

static bearer_progress try_again(bearer_renewal *r, double wake) {
  r->tries++;
  r->has_vars = 0;
  r->step = BEARER_RENEWAL_PAUSE;
  r->paused_until = wake;
  forget(r);
  bearer_job_wait(&r->job, wake);
  return BEARER_WAITS;
}

/* It wants another password, of whoever comes. */
static int is_stopped_by_proxy(const bearer_failure *f) {
  return f->code == BEARER_PROXY && f->status == 407;
}

/* r->failure says what went wrong. */
static bearer_progress fail(frame *f, int is_considered) {
  bearer_renewal *r = f->r;
  bearer_attempt a;
  note_spent(r);
  memset(&a, 0, sizeof(a));
  a.is_refresh = r->is_refresh;
  a.class = r->failure.class;
  a.is_considered = is_considered;
  a.spends =
      spends(r) || (r->has_code && r->failure.status == 0); /* the answer is lost */
  a.sent = r->sent;
  a.login_repeats =
      (r->sent && has_refresh_input(r->def)) || is_stopped_by_proxy(&r->failure);
  a.tries = r->tries;
  a.retries = r->retries;
  a.now = bearer_now(r->job.state);
  a.deadline = r->job.deadline;
  a.pause = bearer_policy_pause(r->tries, bearer_state_random(r->job.state));
  switch (bearer_policy_after(&a)) {
  case BEARER_LOG_IN:
    return log_in_instead(r);
  case BEARER_TRY_AGAIN:
    return try_again(r, a.now + a.pause);
  default:
    return end_with_failure(f);
  }
}

static bearer_progress fail_with(frame *f, bearer_code code, const char *description,
                                 int is_considered) {
  bearer_failure_set(&f->r->failure, code, NULL);
  bearer_failure_describe(&f->r->failure, &f->r->vars, description, strlen(description));
  return fail(f, is_considered);
}

/* No secret: nothing else is tried, as nothing was sent. */
static bearer_progress end_with(frame *f, bearer_code code, const char *description) {
  bearer_failure_set(&f->r->failure, code, NULL);
  bearer_failure_describe(&f->r->failure, &f->r->vars, description, strlen(description));
  return end_with_failure(f);
}

/* ---- inputs -------------------------------------------------------------------- */

int bearer_renewal_wants(const bearer_exchanges *requests, int name) {
  return requests->mentions[name] || requests->has_functions;
}

static const bearer_exchanges *requests_of(const bearer_renewal *r) {
  return r->is_refresh ? &r->def->refresh : &r->def->login;
}

static int may_be_code(const bearer_input *in) { /* where a function gives it */
  return in->optional && !in->in_group;
}

/* A one-time code changes by itself, and must not let a wrong password be tried again: an
   optional input that a function gives does not tell secrets from others. */
static int is_counted(lua_State *L, const bearer_input *in, int source) {
  return !(lua_isfunction(L, source) && may_be_code(in));
}

static bearer_progress end_held(bearer_renewal *r) {
  r->is_held = 1;
  conclude(r);
  return BEARER_HAS_ENDED;
}

static int note_fingerprint(frame *f) {
  bearer_renewal *r = f->r;
  int ok;
  r->has_fingerprint = 1;
  if (!r->has_dynamic) /* then it is the same for ever */
    return 0;
  bearer_fork_lock();
  ok = bearer_vars_fingerprint(&r->vars, r->job.state->key, r->fingerprint);
  bearer_fork_unlock();
  if (!ok)
    luaL_error(f->c.L, "not enough memory");
  return r->is_probe && memcmp(r->fingerprint, r->held_fingerprint, 32) == 0;
}

static bearer_progress no_input(frame *f, const char *why) {
  if (f->r->is_probe && !f->r->has_fingerprint)
    return end_held(f->r);
  return end_with(f, BEARER_NO_SECRET, why);
}

/* A function raised an error while the login is held: its words are for who has asked;
   the hold, and what is known of its reason, stay as they are. */
static bearer_progress end_told(frame *f, const char *why) {
  bearer_renewal *r = f->r;
  lua_State *L = f->c.L;
  bearer_failure_set(&r->failure, BEARER_NO_SECRET, NULL);
  bearer_failure_describe(&r->failure, &r->vars, why, strlen(why));
  conclude(r);
  bearer_error_push(L, &r->failure, r->def->name, step_name(r), 0);
  bearer_set_slot(L, 1, BEARER_RENEWAL_ERROR);
  return BEARER_HAS_ENDED;
}

static bearer_progress need_function(frame *f, int source) {
  bearer_renewal *r = f->r;
  lua_State *L = f->c.L;
  r->step = BEARER_RENEWAL_HOST;
  r->job.is_calling = 1;
  r->job.needed = 3;
  bearer_job_wait(&r->job, r->job.deadline);
  lua_pushliteral(L, "call");
  lua_pushnumber(L, ++r->job.turn);
  lua_pushvalue(L, source);
  return BEARER_NEEDS;
}

/* Push the source of the input that is next, or nil: it is none, or not this one's turn.
   Those that tell secrets apart come first, then the others. */
static const bearer_input *push_source(frame *f) {
  bearer_renewal *r = f->r;
  lua_State *L = f->c.L;
  int number = r->asked % r->def->input_count;
  const bearer_input *in = &r->def->inputs[number];
  int counted, first_round = r->asked < r->def->input_count;
  bearer_get_slot(L, 1, BEARER_RENEWAL_DYNAMIC);
  if (!lua_istable(L, -1))
    return in;
  lua_rawgeti(L, -1, number + 1);
  lua_remove(L, -2);
  counted = r->is_refresh || is_counted(L, in, lua_gettop(L));
  if (counted != first_round ||
      (r->is_refresh && !bearer_renewal_wants(&r->def->refresh, in->name))) {
    lua_pop(L, 1);
    lua_pushnil(L);
  }
  return in;
}

static bearer_progress begin_attempt(frame *f) {
  bearer_renewal *r = f->r;
  forget(r);
  r->has_vars = 1;
  r->attempts++;
  r->has_fingerprint = 0;
  r->has_code = 0;
  r->asked = r->index = r->sent = r->rereads = r->has_given = r->uses_given = 0;
  if (!bearer_vars_copy(&r->vars, r->inputs))
    luaL_error(f->c.L, "not enough memory");
  return BEARER_GO_ON;
}

static int fingerprint_of(const bearer_secret *value, const unsigned char key[32],
                          unsigned char digest[32]) {
  bearer_vars one = { 0 };
  int ok = bearer_vars_set(&one, BEARER_NAME_REFRESH_TOKEN, BEARER_VAR_TEXT,
                           BEARER_VAR_ENCODED, 1, value->data, value->size);
  if (ok) {
    bearer_fork_lock();
    ok = bearer_vars_fingerprint(&one, key, digest);
    bearer_fork_unlock();
  }
  bearer_vars_clear(&one);
  return ok;
}

/* The refresh token that is an input, as it has just been read: another process may have
   put a newer one there. One that never changes needs no look. */
static void note_given(frame *f) {
  bearer_renewal *r = f->r;
  const bearer_var *v = bearer_vars_get(&r->vars, BEARER_NAME_REFRESH_TOKEN);
  if (!r->has_dynamic || !has_refresh_input(r->def) || v == NULL)
    return;
  if (!bearer_secret_set(&r->given, v->value.data, v->value.size) ||
      !fingerprint_of(&r->given, r->job.state->key, r->given_fingerprint))
    luaL_error(f->c.L, "not enough memory");
  r->has_given = 1;
}

static int is_lost(const bearer_renewal *r, const bearer_successor *s) {
  if (!s->is_rotated || !r->spent.is_lost || r->spent.generation != s->generation)
    return 0;
  return r->uses_given ? r->spent.is_given && memcmp(r->spent.given, r->given_fingerprint,
                                                     sizeof(r->spent.given)) == 0
                       : !r->spent.is_given;
}

/* Has somebody put another there, that is not what we have from the server ourselves? */
static int has_changed(const bearer_renewal *r, const bearer_successor *s) {
  const bearer_secret *ours = &s->refresh_token;
  if (!r->has_given || memcmp(s->given, r->given_fingerprint, sizeof(s->given)) == 0)
    return 0;
  return ours->size != r->given.size ||
         memcmp(ours->data, r->given.data, ours->size) != 0;
}

/* What is spent, where a refresh token is an input: its newest successor, unless the
   input has changed since. 0: the answer to it was lost. */
static int put_refresh_token(frame *f) {
  bearer_renewal *r = f->r;
  const bearer_successor *s = *r->successor;
  const bearer_secret *value;
  if (s == NULL)
    return 1;
  r->uses_given = has_changed(r, s);
  if (is_lost(r, s))
    return 0;
  value = r->uses_given ? &r->given : &s->refresh_token;
  if (!bearer_vars_set(&r->vars, BEARER_NAME_REFRESH_TOKEN, BEARER_VAR_TEXT,
                       BEARER_VAR_ENCODED, 1, value->data, value->size))
    luaL_error(f->c.L, "not enough memory");
  return 1;
}

static void set(bearer_context *c, int name, bearer_var_type type, bearer_var_use use,
                const char *text, size_t size) {
  if (!bearer_vars_set(c->vars, name, type, use, 0, text, size))
    luaL_error(c->L, "not enough memory");
}

static void set_uuid(bearer_context *c) { /* RFC 9562, version 4 */
  unsigned char b[16];
  char text[37], *at = text;
  if (!bearer_random(b, sizeof(b)))
    luaL_error(c->L, "no random bytes are to be had");
  b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
  b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
  for (int i = 0; i < 16; i++)
    at += snprintf(at, 4, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", b[i]);
  set(c, BEARER_NAME_UUID, BEARER_VAR_TEXT, BEARER_VAR_ENCODED, text, 36);
}

static void set_login_url(bearer_context *c) {
  bearer_buffer url = { 0 };
  int ok = 1;
  if (bearer_build_text(c, &c->def->login.list[0].url, 1, &url) == BEARER_PLACE_DONE)
    ok = bearer_vars_set(c->vars, BEARER_NAME_LOGIN_URL, BEARER_VAR_TEXT,
                         BEARER_VAR_CHECKED, 0, bearer_buffer_string(&url), url.size);
  bearer_buffer_free(&url);
  if (!ok)
    luaL_error(c->L, "not enough memory");
}

void bearer_renewal_builtins(bearer_context *c, bearer_lua_state *state) {
  char now[32];
  if (c->def->uses_uuid)
    set_uuid(c);
  if (c->def->uses_now)
    set(c, BEARER_NAME_NOW, BEARER_VAR_NUMBER, BEARER_VAR_ENCODED, now,
        (size_t)snprintf(now, sizeof(now), "%.0f",
                         floor(bearer_clock_wall(&state->clock))));
  if (c->def->uses_login_url)
    set_login_url(c);
}

int bearer_renewal_carry(const bearer_vars *inputs, const bearer_token *old,
                         bearer_vars *vars) {
  return bearer_vars_copy(vars, inputs) && bearer_token_carry(old, vars);
}

static void carry_old(frame *f) {
  const bearer_token *old;
  bearer_get_slot(f->c.L, 1, BEARER_RENEWAL_OLD);
  old = bearer_token_test(f->c.L, -1);
  if (old != NULL && !bearer_token_carry(old, &f->r->vars))
    luaL_error(f->c.L, "not enough memory");
  lua_pop(f->c.L, 1);
}

static bearer_progress all_gathered(frame *f) {
  bearer_renewal *r = f->r;
  note_given(f);
  if (r->is_refresh) {
    bearer_renewal_builtins(&f->c, r->job.state);
    carry_old(f);
  }
  if (!put_refresh_token(f))
    return end_with(
        f, BEARER_REFRESH_TOKEN_LOST,
        "the answer that held the next refresh token was lost; a new one must be "
        "given");
  if (!r->is_refresh)
    bearer_renewal_builtins(&f->c, r->job.state);
  r->step = BEARER_RENEWAL_SEND;
  return BEARER_GO_ON;
}

static bearer_progress gather(frame *f) {
  bearer_renewal *r = f->r;
  lua_State *L = f->c.L;
  char why[BEARER_WHY_MAX];
  int count = r->def->input_count;
  if (!r->has_vars)
    begin_attempt(f);
  for (;; r->asked++) {
    const bearer_input *in;
    if (!r->is_refresh && !r->has_fingerprint && r->asked >= count && note_fingerprint(f))
      return end_held(r);
    if (r->asked >= 2 * count)
      return all_gathered(f);
    in = push_source(f);
    if (lua_isfunction(L, -1))
      return need_function(f, lua_gettop(L));
    if (bearer_secret_ref_is(L, lua_gettop(L)) &&
        !bearer_input_read(L, f->c.provider, r->def, in, lua_gettop(L), &r->vars, why))
      return no_input(f, why);
    lua_pop(L, 1);
  }
}

/* What the function of an input gave: at 2 did it return?, at 3 the value, at 4 why not.
 */
static bearer_progress take_input(frame *f) {
  bearer_renewal *r = f->r;
  lua_State *L = f->c.L;
  const bearer_input *in = &r->def->inputs[r->asked % r->def->input_count];
  char why[BEARER_WHY_MAX];
  if (!lua_toboolean(L, 2) || lua_isnil(L, 3)) {
    bearer_hide(&f->c, &r->vars);
    bearer_input_explain(L, in, &r->vars, why);
    if (r->is_probe && !r->has_fingerprint && !lua_toboolean(L, 2))
      return end_told(f, why);
    return no_input(f, why);
  }
  if (!bearer_input_put(L, f->c.provider, r->def, in, 3, &r->vars, why))
    return no_input(f, why);
  r->has_code |= may_be_code(in) && bearer_renewal_wants(requests_of(r), in->name);
  r->asked++;
  r->step = BEARER_RENEWAL_INPUTS;
  return BEARER_GO_ON;
}

/* ---- sending ------------------------------------------------------------------- */

static bearer_progress not_usable(frame *f, bearer_answer *a);

/* A name that is not known is one that an answer should have given. */
static bearer_progress unbuildable(frame *f) {
  char text[sizeof(f->c.fault.what) + 64];
  bearer_answer a;
  if (f->c.fault.kind != BEARER_FAULT_UNKNOWN || f->r->sending.about.size == 0)
    bearer_send_note_built(&f->r->sending);
  bearer_fault_explain(&f->c.fault, text, sizeof(text));
  if (f->r->index > 0 && f->c.fault.kind == BEARER_FAULT_UNKNOWN) {
    bearer_read(&a, &f->c, &f->r->sending.response);
    bearer_refusal_no_token(&a, text, 1);
    return not_usable(f, &a);
  }
  return fail_with(
      f, f->c.fault.kind == BEARER_FAULT_UNKNOWN ? BEARER_BAD_ANSWER : BEARER_BAD_REQUEST,
      text, 1);
}

/* From now on nobody gets the old token, which may be dead already. */
static void note_revoked(frame *f) {
  bearer_renewal *r = f->r;
  if (!r->is_refresh || r->revoked_by > 0 || !r->def->refresh.list[r->index].revokes)
    return;
  r->revoked_by = r->index + 1;
  r->listener->revokes(f->c.L, r, 1);
}

/* The request that would have ended it never left. */
static void note_not_revoked(frame *f) {
  bearer_renewal *r = f->r;
  if (!r->is_refresh || r->revoked_by != r->index + 1)
    return;
  r->revoked_by = 0;
  r->listener->revokes(f->c.L, r, 0);
}

static bearer_progress send_request(frame *f) {
  bearer_renewal *r = f->r;
  double now = bearer_now(r->job.state), left = r->job.deadline - now;
  const bearer_options *options = bearer_options_at(f->c.L, f->options);
  bearer_progress progress;
  int is_checked;
  if ((r->attempts > 1 || r->index > 0) && left <= 0)
    return end_with(f, BEARER_TIMEOUT, "the time for it is over");
  is_checked = r->index < 32 && (r->checked[r->is_refresh] >> r->index & 1);
  if (!bearer_build(&f->c, &requests_of(r)->list[r->index], options->allow_http,
                    is_checked, &r->sending.request))
    return unbuildable(f);
  r->has_encoded_basic = f->c.has_encoded_basic;
  r->sent_at = bearer_now(r->job.state);
  if (r->is_refresh)
    left /= 2; /* a login may follow */
  progress = bearer_send(f->c.L, &r->job, &r->sending, f->options, left, &r->failure);
  if (progress == BEARER_HAS_ENDED) { /* it may be there in a second */
    r->failure.class = BEARER_TRANSIENT;
    return fail(f, 1);
  }
  r->sent = 1;
  note_revoked(f);
  r->step = progress == BEARER_NEEDS ? BEARER_RENEWAL_HOST : BEARER_RENEWAL_TRANSFER;
  bearer_job_wait(&r->job, r->job.deadline + 1); /* it knows its time, and tells */
  return progress;
}

/* ---- answers ------------------------------------------------------------------- */

/* Many servers do not decode what RFC 6749 2.3.1 has clients encode. */
static const char *hint_of(const bearer_renewal *r, const bearer_failure *failure) {
  static const char by_input[] =
      "what Basic carries was form-encoded, as RFC 6749 2.3.1 asks: if this server does "
      "not decode it, auth = \"basic_raw\" helps";
  static const char by_definition[] =
      "what Basic carries was form-encoded, as RFC 6749 2.3.1 asks: if this server does "
      "not decode it, leave 'encode' out";
  const bearer_names *names = &r->def->names;
  int is_it = strcmp(failure->own_code, "invalid_client") == 0 ||
              (failure->status == 401 && strcmp(failure->own_code, "invalid_grant") != 0);
  if (!r->has_encoded_basic || failure->class != BEARER_TERMINAL || !is_it)
    return NULL;
  return bearer_definition_is_input(r->def, bearer_names_find(names, "auth", 4))
             ? by_input
             : by_definition;
}

static bearer_progress not_usable(frame *f, bearer_answer *a) {
  f->r->failure = a->failure;
  f->r->failure.hint = hint_of(f->r, &a->failure);
  f->details = a->details;
  return fail(f, a->is_considered);
}

static int is_rotated(frame *f, const bearer_found *found) {
  const bearer_var *sent = bearer_vars_get(&f->r->vars, BEARER_NAME_REFRESH_TOKEN);
  size_t size;
  const char *text;
  if (found->refresh_token == 0)
    return 0;
  text = lua_tolstring(f->c.L, found->refresh_token, &size);
  return sent == NULL || sent->value.size != size ||
         memcmp(sent->value.data, text, size) != 0;
}

/* The token that is to be replaced, or NULL: the slot keeps it. */
static const bearer_token *old_token(frame *f) { /* [-0, +0, -] */
  const bearer_token *old;
  bearer_get_slot(f->c.L, 1, BEARER_RENEWAL_OLD);
  old = bearer_token_test(f->c.L, -1);
  lua_pop(f->c.L, 1);
  return old;
}

/* What of the old token a refresh prolongs; 0: it prolongs none, or that is gone. */
static int find_prolonged(const bearer_renewal *r, const bearer_token *old,
                          bearer_prolonged *p) {
  if (!r->is_refresh || !r->def->refresh.list[r->index].prolongs || old == NULL)
    return 0;
  p->value = bearer_vars_get(&r->vars, BEARER_NAME_TOKEN);
  p->type = old->type;
  p->scope = old->scope;
  p->life = old->life;
  return p->value != NULL;
}

static int is_same(frame *f, const bearer_token *old, const bearer_found *found) {
  size_t size;
  const char *text = lua_tolstring(f->c.L, found->value, &size);
  const bearer_var *before = bearer_vars_get(&old->vars, BEARER_NAME_TOKEN);
  return before != NULL && before->value.size == size &&
         memcmp(before->value.data, text, size) == 0;
}

/* To ask for the same token again before its end would bring it once more. */
static void use_to_the_end(double left, bearer_found *found) {
  found->is_to_the_end = 1;
  if (found->lifetime <= 0 || found->lifetime > left)
    found->lifetime = left;
}

/* Its last moments went by on the way: it would not be handed out any more. */
static int ended_on_the_way(const bearer_renewal *r, const bearer_found *found) {
  bearer_freshness f;
  bearer_freshness_set(&f, r->sent_at, found->lifetime, r->leeway, 0);
  if (found->is_to_the_end)
    bearer_freshness_to_the_end(&f);
  return bearer_freshness_at(&f, bearer_now(r->job.state)) == BEARER_EXPIRED;
}

/* A server that gives out the same token until it dies: what it says now can keep or
   shorten the token's end, not lengthen or lose it, unless that end is over. 0 seconds
   after a known life are the end, and so is a JWT's own. */
static void compare_with_old(frame *f, const bearer_token *old, bearer_found *found,
                             int is_prolonged) {
  double left;
  if (isinf(old->freshness.end) || !is_same(f, old, found))
    return;
  left = old->freshness.end - f->r->sent_at;
  found->is_same = !is_prolonged;
  if (found->is_same && left > 0)
    use_to_the_end(left, found);
  found->is_over |= (found->is_zero && !old->was_zero) ||
                    (found->is_same && found->is_dead && !old->was_dead) ||
                    (found->is_same && ended_on_the_way(f->r, found));
}

/* A refresh token that stays keeps its end as well. */
static void keep_refresh_end(const bearer_renewal *r, const bearer_token *old,
                             bearer_found *found) {
  if (r->is_refresh && found->refresh_token == 0 && found->refresh_lifetime <= 0 &&
      !isinf(old->freshness.refresh_end))
    found->refresh_lifetime = old->freshness.refresh_end - r->sent_at;
}

/* A token that was over when it came. These may be the last moments of the old one: then
   there is another in a second. */
static bearer_progress over(frame *f, bearer_answer *a, const bearer_found *found) {
  bearer_renewal *r = f->r;
  double later = bearer_now(r->job.state) + 1;
  if ((found->is_zero || found->is_same) && !spends(r) && !r->asked_at_the_end &&
      later < r->job.deadline) {
    r->asked_at_the_end = 1;
    return try_again(r, later);
  }
  bearer_refusal_broken(a, "the answer holds a token, but it had expired when it came");
  a->is_considered = 1;
  return not_usable(f, a);
}

static bearer_progress take_token(frame *f, bearer_answer *a) {
  bearer_renewal *r = f->r;
  lua_State *L = f->c.L;
  bearer_found found;
  bearer_prolonged prolonged;
  const bearer_token *old = old_token(f);
  bearer_token *t;
  char why[160];
  int is_prolonged = find_prolonged(r, old, &prolonged);
  if (!bearer_read_token(a, is_prolonged ? &prolonged : NULL, &found))
    return not_usable(f, a);
  if (old != NULL) {
    compare_with_old(f, old, &found, is_prolonged);
    keep_refresh_end(r, old, &found);
  }
  if (found.is_over)
    return over(f, a, &found);
  bearer_read_keep(a, &r->def->keep);
  if (bearer_token_fault(r->def, &r->vars, why, sizeof(why))) {
    bearer_refusal_no_token(a, why, 0);
    return not_usable(f, a);
  }
  if (found.lifetime > 0 &&
      bearer_now(r->job.state) - r->sent_at > found.lifetime / 2) /* it may be too late */
    bearer_send_about(&r->sending, &r->vars, &r->failure);
  r->is_rotated = is_rotated(f, &found);
  t = bearer_token_new(L, r->job.state, f->login, f->c.provider, f->options, r->def);
  if (!bearer_token_fill(L, t, &r->vars, &found, r->sent_at, r->leeway,
                         bearer_state_random(r->job.state)))
    luaL_error(L, "not enough memory");
  r->succeeded = 1;
  r->odd = found.odd;
  if (found.odd != 0)
    memcpy(r->odd_kind, found.odd_kind, sizeof(r->odd_kind));
  conclude(r);
  r->listener->succeeded(L, r, lua_gettop(L));
  return BEARER_HAS_ENDED;
}

static bearer_progress read_answer(frame *f) {
  bearer_renewal *r = f->r;
  const bearer_exchanges *all = requests_of(r);
  const bearer_exchange *x = &all->list[r->index];
  bearer_answer a;
  bearer_read(&a, &f->c, &r->sending.response);
  if (!bearer_read_judge(&a, x))
    return not_usable(f, &a);
  if (lua_isnil(f->c.L, a.root) && x->keep.count > 0) {
    bearer_refusal_unreadable(&a);
    return not_usable(f, &a);
  }
  bearer_read_keep(&a, &x->keep);
  if (r->index == all->count - 1)
    return take_token(f, &a);
  r->index++;
  r->step = BEARER_RENEWAL_SEND;
  return BEARER_GO_ON;
}

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

static void push_answer(frame *f) { /* where it came, at 2 and above */
  for (int i = 0; i < BEARER_JOB_VALUES; i++) {
    bearer_get_slot(f->c.L, 1, BEARER_RENEWAL_ANSWER + i);
    lua_replace(f->c.L, 2 + i);
  }
}

static void drop_answer(frame *f) {
  for (int i = 0; i < BEARER_JOB_VALUES; i++) {
    lua_pushnil(f->c.L);
    bearer_set_slot(f->c.L, 1, BEARER_RENEWAL_ANSWER + i);
  }
}

static int came_broken(const bearer_failure *f) {
  return f->code == BEARER_BAD_ANSWER || f->code == BEARER_TOO_LARGE;
}

static const bearer_vars *its_secrets(void *user) {
  frame *f = user;
  bearer_hide(&f->c, f->c.vars);
  return f->c.vars;
}

static bearer_progress take_result(frame *f) {
  bearer_renewal *r = f->r;
  const bearer_secrets secrets = { its_secrets, f };
  int sent = 1;
  if (bearer_send_result(f->c.L, &r->job, &r->sending, f->options, &secrets, &r->failure,
                         &sent)) {
    r->step = BEARER_RENEWAL_READ;
    return BEARER_GO_ON;
  }
  r->sent = sent;
  if (!sent)
    note_not_revoked(f);
  r->failure.class =
      is_stopped_by_proxy(&r->failure) ? BEARER_TERMINAL : BEARER_TRANSIENT;
  return fail(f, r->failure.is_own_fault || came_broken(&r->failure));
}

/* The coroutine in which a function of the host's ran is gone, or it took too long. */
static bearer_progress lost(frame *f) {
  return fail_with(f, BEARER_LOST, "the answer was lost", 0);
}

/* ---- stepping ------------------------------------------------------------------ */

/* One thing after the other, as far as it goes without waiting. */
static bearer_progress advance(frame *f, int has_result) {
  bearer_renewal *r = f->r;
  bearer_job *job = &r->job;
  bearer_progress progress;
  switch (r->step) {
  case BEARER_RENEWAL_INPUTS:
    return gather(f);
  case BEARER_RENEWAL_SEND:
    return send_request(f);
  case BEARER_RENEWAL_TRANSFER:
    if (bearer_transfer_has_ended(job->transfer))
      return take_result(f);
    bearer_job_wait(job, job->deadline + 1);
    return BEARER_WAITS;
  case BEARER_RENEWAL_HOST:
    if (!has_result)
      return lost(f);
    return take_input(f);
  case BEARER_RENEWAL_GIVEN:
    push_answer(f);
    progress = take_result(f);
    drop_answer(f);
    return progress;
  case BEARER_RENEWAL_READ:
    return read_answer(f);
  case BEARER_RENEWAL_PAUSE:
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
  frame f;
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
