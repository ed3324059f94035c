/*
 * What a renewal is made with: references are read, functions of the host's are asked
 * for, and which refresh token it is that will be spent.
 */
#include "lua/renewal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "http/fork.h"
#include "lua/secret_ref.h"

int bearer_renewal_wants(const bearer_exchanges *requests, int name) {
  return requests->mentions[name] || requests->has_functions;
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
  bearer_renewal_conclude(r);
  return BEARER_HAS_ENDED;
}

static int note_fingerprint(bearer_renewal_frame *f) {
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

static bearer_progress no_input(bearer_renewal_frame *f, const char *why) {
  if (f->r->is_probe && !f->r->has_fingerprint)
    return end_held(f->r);
  return bearer_renewal_end_with(f, BEARER_NO_SECRET, why);
}

/* A function raised an error while the login is held: its words are for who has asked;
   the hold, and what is known of its reason, stay as they are. */
static bearer_progress end_told(bearer_renewal_frame *f, const char *why) {
  bearer_renewal *r = f->r;
  lua_State *L = f->c.L;
  bearer_failure_set(&r->failure, BEARER_NO_SECRET, NULL);
  bearer_failure_describe(&r->failure, &r->vars, why, strlen(why));
  bearer_renewal_conclude(r);
  bearer_error_push(L, &r->failure, r->def->name, bearer_renewal_step_name(r), 0);
  bearer_set_slot(L, 1, BEARER_RENEWAL_ERROR);
  return BEARER_HAS_ENDED;
}

static bearer_progress need_function(bearer_renewal_frame *f, int source) {
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
static const bearer_input *push_source(bearer_renewal_frame *f) {
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

static bearer_progress begin_attempt(bearer_renewal_frame *f) {
  bearer_renewal *r = f->r;
  bearer_renewal_forget(r);
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
static void note_given(bearer_renewal_frame *f) {
  bearer_renewal *r = f->r;
  const bearer_var *v = bearer_vars_get(&r->vars, BEARER_NAME_REFRESH_TOKEN);
  if (!r->has_dynamic || !bearer_renewal_starts_from_refresh_token(r->def) || v == NULL)
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
static int put_refresh_token(bearer_renewal_frame *f) {
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

static void carry_old(bearer_renewal_frame *f) {
  const bearer_token *old;
  bearer_get_slot(f->c.L, 1, BEARER_RENEWAL_OLD);
  old = bearer_token_test(f->c.L, -1);
  if (old != NULL && !bearer_token_carry(old, &f->r->vars))
    luaL_error(f->c.L, "not enough memory");
  lua_pop(f->c.L, 1);
}

static bearer_progress all_gathered(bearer_renewal_frame *f) {
  bearer_renewal *r = f->r;
  note_given(f);
  if (r->is_refresh) {
    bearer_renewal_builtins(&f->c, r->job.state);
    carry_old(f);
  }
  if (!put_refresh_token(f))
    return bearer_renewal_end_with(
        f, BEARER_REFRESH_TOKEN_LOST,
        "the answer that held the next refresh token was lost; a new one must be "
        "given");
  if (!r->is_refresh)
    bearer_renewal_builtins(&f->c, r->job.state);
  r->step = BEARER_RENEWAL_SEND;
  return BEARER_GO_ON;
}

bearer_progress bearer_renewal_gather(bearer_renewal_frame *f) {
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
bearer_progress bearer_renewal_take_input(bearer_renewal_frame *f) {
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
  r->has_code |=
      may_be_code(in) && bearer_renewal_wants(bearer_renewal_requests(r), in->name);
  r->asked++;
  r->step = BEARER_RENEWAL_INPUTS;
  return BEARER_GO_ON;
}
