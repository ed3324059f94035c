/***
Calls: what a caller asks for and waits for itself.
@classmod bearer.login
*/
#include "lua/call.h"

#include <stdio.h>
#include <string.h>

#include "http/fork.h"
#include "lua/secret_ref.h"
#include "lua/value.h"

/* Stack of a step: 1 the call, 2 to 5 what was answered, then these. */
typedef struct {
  bearer_call *call;
  bearer_context c;
  int login, options, token, request;
} frame;

static void push_slot(frame *f, int slot, int *index) {
  bearer_get_slot(f->c.L, 1, slot);
  *index = lua_gettop(f->c.L);
}

static void set_up(frame *f, lua_State *L, bearer_call *call) {
  lua_settop(L, 5);
  luaL_checkstack(L, 30, NULL);
  memset(f, 0, sizeof(*f));
  f->call = call;
  f->c.L = L;
  f->c.def = call->def;
  push_slot(f, BEARER_CALL_SLOT_LOGIN, &f->login);
  push_slot(f, BEARER_CALL_SLOT_PROVIDER, &f->c.provider);
  push_slot(f, BEARER_CALL_SLOT_OPTIONS, &f->options);
  push_slot(f, BEARER_CALL_SLOT_REQUEST, &f->request);
  push_slot(f, BEARER_CALL_SLOT_BEARER, &f->token);
  f->c.vars = &call->vars;
  f->c.holder = 1;
}

/* ---- ending -------------------------------------------------------------------- */

static void forget(bearer_call *call) {
  bearer_vars_clear(&call->vars);
  bearer_request_clear(&call->sending.request);
  bearer_option_secrets_clear(&call->sending.secrets);
}

static void clear(bearer_job *job) {
  bearer_call *call = (bearer_call *)job;
  forget(call);
  bearer_sending_clear(&call->sending);
  bearer_definition_release(call->def);
  call->def = NULL;
}

static bearer_progress end(bearer_call *call) {
  call->step = BEARER_CALL_ENDED;
  forget(call);
  bearer_job_end(&call->job);
  return BEARER_HAS_ENDED;
}

static bearer_progress end_well(bearer_call *call) {
  call->succeeded = 1;
  return end(call);
}

static void fail_step(bearer_job *job, bearer_code code, const char *text) {
  bearer_call *call = (bearer_call *)job;
  bearer_failure_set(&call->failure, code,
                     code == BEARER_MEMORY   ? "not enough memory"
                     : code == BEARER_CLOSED ? "the login is closed"
                                             : NULL);
  if (code != BEARER_MEMORY && text != NULL)
    bearer_failure_describe(&call->failure, &call->vars, text, strlen(text));
  if (code != BEARER_MEMORY && code != BEARER_CLOSED) /* the secrets are known */
    bearer_send_about(&call->sending, &call->vars, &call->failure);
  end(call);
}

/* What no error may show: the login's secrets, and those of the token that was sent. Of
   what a transport sends, those of the job that has asked the transport. Looked for when
   there is an error. */
static const bearer_vars *secrets_of(frame *f) {
  bearer_vars *vars = &f->call->vars;
  const bearer_token *t = bearer_token_test(f->c.L, f->token);
  const bearer_renewal *sender;
  lua_State *L = f->c.L;
  int ok = t == NULL || bearer_vars_learn(vars, &t->vars);
  bearer_hide(&f->c, vars);
  bearer_get_slot(L, 1, BEARER_CALL_SLOT_SENDER);
  sender = bearer_renewal_test(L, lua_gettop(L));
  ok = ok && (sender == NULL || bearer_vars_learn(vars, &sender->vars));
  if (!lua_isnil(L, -1)) {
    bearer_get_slot(L, lua_gettop(L), BEARER_SLOT_LOGIN);
    bearer_login_hide(L, lua_gettop(L), vars);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  if (!ok)
    luaL_error(L, "not enough memory");
  return vars;
}

static void hide(lua_State *L, bearer_job *job) {
  frame f;
  set_up(&f, L, (bearer_call *)job);
  secrets_of(&f);
}

static bearer_progress end_badly(frame *f) {
  bearer_send_about(&f->call->sending, secrets_of(f), &f->call->failure);
  return end(f->call);
}

static bearer_progress fail_with(frame *f, bearer_code code, const char *text) {
  bearer_failure_set(&f->call->failure, code, NULL);
  bearer_failure_describe(&f->call->failure, secrets_of(f), text, strlen(text));
  return end_badly(f);
}

/* ---- a token ------------------------------------------------------------------- */

/* Push a question for loop.lua, about the value on top. */
static bearer_progress need(frame *f, const char *what) {
  bearer_job *job = &f->call->job;
  lua_State *L = f->c.L;
  lua_pushstring(L, what);
  lua_insert(L, -2);
  lua_pushnumber(L, ++job->turn);
  lua_insert(L, -2);
  job->is_calling = 1;
  job->needed = 3;
  bearer_job_wait(job, job->deadline);
  return BEARER_NEEDS;
}

/* Answered by: true and a token; or false and an error. */
static bearer_progress take_token(frame *f) {
  lua_State *L = f->c.L;
  if (f->call->login->is_closed)
    return fail_with(f, BEARER_CLOSED, "the login is closed");
  if (!lua_toboolean(L, 2) || bearer_token_test(L, 3) == NULL) {
    lua_pushvalue(L, 3);
    bearer_set_slot(L, 1, BEARER_CALL_SLOT_ERROR);
    return end(f->call);
  }
  lua_pushvalue(L, 3);
  bearer_set_slot(L, 1, BEARER_CALL_SLOT_BEARER);
  f->call->step = BEARER_CALL_SEND;
  return BEARER_GO_ON;
}

static bearer_progress want_token(frame *f, int has_result) {
  if (has_result)
    return take_token(f);
  if (f->call->has_asked) /* and nobody answered: the caller is gone */
    return fail_with(f, BEARER_LOST, "nobody waits for it any more");
  f->call->has_asked = 1;
  lua_pushvalue(f->c.L, f->login);
  return need(f, "token");
}

/* ---- sending ------------------------------------------------------------------- */

static int has_transport(frame *f) {
  if (f->call->sending.is_built_in)
    return 0;
  return bearer_options_have(bearer_options_at(f->c.L, f->options),
                             BEARER_OPTION_TRANSPORT);
}

static bearer_progress send_request(frame *f) {
  bearer_call *call = f->call;
  bearer_progress progress;
  if (call->cannot_wait && !has_transport(f))
    return fail_with(f, BEARER_CANNOT_WAIT,
                     "nothing was sent, as its answer cannot be waited for here");
  call->job.deadline = bearer_now(call->job.state) + call->timeout;
  progress = bearer_send(f->c.L, &call->job, &call->sending, f->options, call->timeout,
                         &call->failure);
  if (progress == BEARER_HAS_ENDED)
    return end_badly(f);
  call->step = progress == BEARER_NEEDS ? BEARER_CALL_HOST : BEARER_CALL_SENT;
  bearer_job_wait(&call->job, call->job.deadline + 1);
  return progress;
}

static const bearer_vars *its_secrets(void *user) {
  return secrets_of(user);
}

static bearer_progress take_result(frame *f) {
  bearer_call *call = f->call;
  const bearer_secrets secrets = { its_secrets, f };
  int sent;
  if (bearer_send_result(f->c.L, &call->job, &call->sending, f->options, &secrets,
                         &call->failure, &sent)) {
    call->step = BEARER_CALL_JUDGE;
    return BEARER_GO_ON;
  }
  return end_badly(f);
}

/* ---- login:request ------------------------------------------------------------- */

/* What the caller has asked for, in his words. */
static void note_asked(frame *f) {
  lua_State *L = f->c.L;
  int top = lua_gettop(L);
  const char *method, *url;
  lua_pushliteral(L, "method");
  lua_rawget(L, f->request);
  lua_pushliteral(L, "url");
  lua_rawget(L, f->request);
  method = lua_type(L, top + 1) == LUA_TSTRING ? lua_tostring(L, top + 1) : "GET";
  url = lua_type(L, top + 2) == LUA_TSTRING ? lua_tostring(L, top + 2) : NULL;
  if (url != NULL)
    bearer_send_note(&f->call->sending, method, url);
  lua_settop(L, top);
}

static bearer_progress build_request(frame *f) {
  bearer_call *call = f->call;
  int allow_http = bearer_options_at(f->c.L, f->options)->allow_http;
  int token = call->kind == BEARER_CALL_REQUEST ? f->token : 0;
  if (bearer_call_build(f->c.L, call, f->request, token, allow_http))
    return send_request(f);
  if (call->mistake[0] != '\0')
    return end(call);
  note_asked(f);
  return end_badly(f);
}

static int has_refused_code(frame *f, const bearer_response *response) {
  lua_State *L = f->c.L;
  int top = lua_gettop(L), is = 0;
  char number[32];
  if (f->call->def->refused.count == 0)
    return 0;
  bearer_json_decode(L, bearer_buffer_string(&response->body), response->body.size);
  if (bearer_read_find(L, top + 1, &f->call->def->error_code)) {
    if (lua_type(L, -1) == LUA_TNUMBER) {
      snprintf(number, sizeof(number), "%.14g", (double)lua_tonumber(L, -1));
      is = bearer_codes_have(&f->call->def->refused, number);
    } else if (lua_type(L, -1) == LUA_TSTRING) {
      is = bearer_codes_have(&f->call->def->refused, lua_tostring(L, -1));
    }
  }
  lua_settop(L, top);
  return is;
}

/* The option `refused`: 1, 0, or -1 when it raised an error. */
static int asks_host(frame *f, const bearer_response *response) {
  lua_State *L = f->c.L;
  char text[BEARER_SHOWN_MAX], why[BEARER_SHOWN_MAX + 64];
  int is;
  bearer_get_slot(L, f->options, BEARER_OPTION_REFUSED);
  if (!lua_isfunction(L, -1)) {
    lua_pop(L, 1);
    return 0;
  }
  bearer_read_push_response(L, response);
  switch (lua_pcall(L, 1, 1, 0)) {
  case 0:
    is = lua_isboolean(L, -1) && lua_toboolean(L, -1);
    break;
  case LUA_ERRMEM:
    return lua_error(L);
  default:
    bearer_explain_raised(L, -1, secrets_of(f), text, sizeof(text));
    snprintf(why, sizeof(why), "option 'refused': it raised an error: %s", text);
    bearer_failure_set(&f->call->failure, BEARER_INTERRUPTED, NULL);
    bearer_failure_describe(&f->call->failure, NULL, why, strlen(why));
    is = -1;
  }
  lua_pop(L, 1);
  return is;
}

/* Does this answer say that the token is no longer accepted? */
static int is_refused(frame *f) {
  const bearer_response *response = &f->call->sending.response;
  if (response->status == 401 || has_refused_code(f, response))
    return 1;
  return asks_host(f, response);
}

static double login_timeout(frame *f) {
  return bearer_options_at(f->c.L, f->options)->timeout;
}

/* Once more, from the token on. */
static bearer_progress repeat(frame *f) {
  bearer_call *call = f->call;
  call->is_repeat = 1;
  call->has_asked = 0;
  call->job.deadline = bearer_now(call->job.state) + call->timeout + login_timeout(f);
  call->step = BEARER_CALL_TOKEN;
  return BEARER_GO_ON;
}

/* No token is bought for it, but one comes all the same: that is waited for. */
static bearer_progress await_renewal(frame *f, int has_result) {
  bearer_call *call = f->call;
  const bearer_renewal *r = bearer_login_push_renewal(f->c.L, f->login);
  const bearer_token *t;
  if (r != NULL && !has_result && !call->has_asked) {
    call->has_asked = 1;
    call->job.deadline = bearer_now(call->job.state) + login_timeout(f) + 1;
    return need(f, "job");
  }
  t = bearer_login_push_token(f->c.L, f->login);
  if (t == NULL || t == lua_touserdata(f->c.L, f->token) ||
      bearer_token_state(t) == BEARER_EXPIRED)
    return end_well(call); /* the refusal is the answer */
  return repeat(f);
}

static bearer_progress judge_request(frame *f) {
  bearer_call *call = f->call;
  int refused = is_refused(f);
  bearer_refusal_outcome outcome;
  if (refused < 0)
    return end_badly(f);
  if (!refused) {
    bearer_login_accepted(call->login);
    return end_well(call);
  }
  outcome = bearer_login_refuse(f->c.L, f->login, f->token, call->is_repeat);
  if (call->is_repeat || outcome == BEARER_REFUSAL_STANDS)
    return end_well(call); /* the refusal is the answer */
  if (outcome == BEARER_REFUSAL_WAITS) {
    call->has_asked = 0;
    call->step = BEARER_CALL_RENEWAL;
    return BEARER_GO_ON;
  }
  bearer_login_drop(f->c.L, f->login, f->token);
  return repeat(f);
}

/* ---- login:logout -------------------------------------------------------------- */

/* What is under way comes to its end, so that the token it brings can be ended as well.
 */
static bearer_progress settle(frame *f, int has_result) {
  bearer_call *call = f->call;
  bearer_renewal *r = bearer_login_push_renewal(f->c.L, f->login);
  bearer_token *t;
  if (r != NULL && !has_result && !call->has_asked) {
    call->has_asked = 1;
    return need(f, "job");
  }
  if (r != NULL && !(has_result && lua_toboolean(f->c.L, 2)))
    r->is_unwanted = 1; /* it cannot be waited for */
  t = bearer_login_push_token(f->c.L, f->login);
  bearer_set_slot(f->c.L, 1, BEARER_CALL_SLOT_BEARER);
  if (t != NULL && bearer_token_state(t) != BEARER_EXPIRED &&
      call->def->logout.count > 0 &&
      !bearer_renewal_carry(&call->login->inputs, t, &call->vars))
    luaL_error(f->c.L, "not enough memory");
  bearer_login_forget(f->c.L, f->login);
  if (t == NULL || bearer_token_state(t) == BEARER_EXPIRED ||
      call->def->logout.count == 0)
    return end_well(call);
  call->step = BEARER_CALL_INPUTS;
  return BEARER_GO_ON;
}

static bearer_progress ask_function(frame *f) { /* which is on top */
  f->call->step = BEARER_CALL_ASKED;
  return need(f, "call");
}

static bearer_progress take_input(frame *f) {
  lua_State *L = f->c.L;
  const bearer_input *in = &f->call->def->inputs[f->call->asked];
  char why[BEARER_WHY_MAX];
  if (!lua_toboolean(L, 2) || lua_isnil(L, 3)) {
    bearer_input_explain(L, in, secrets_of(f), why);
    return fail_with(f, BEARER_NO_SECRET, why);
  }
  if (!bearer_input_put(L, f->c.provider, f->call->def, in, 3, &f->call->vars, why))
    return fail_with(f, BEARER_NO_SECRET, why);
  f->call->asked++;
  f->call->step = BEARER_CALL_INPUTS;
  return BEARER_GO_ON;
}

/* Only what the logout names is asked for. */
static bearer_progress gather(frame *f) {
  bearer_call *call = f->call;
  lua_State *L = f->c.L;
  char why[BEARER_WHY_MAX];
  bearer_get_slot(L, f->login, BEARER_LOGIN_DYNAMIC);
  for (; call->asked < call->def->input_count && lua_istable(L, -1); call->asked++) {
    const bearer_input *in = &call->def->inputs[call->asked];
    if (!bearer_renewal_wants(&call->def->logout, in->name))
      continue;
    lua_rawgeti(L, -1, call->asked + 1);
    if (lua_isfunction(L, -1))
      return ask_function(f);
    if (bearer_secret_ref_is(L, lua_gettop(L)) &&
        !bearer_input_read(L, f->c.provider, call->def, in, lua_gettop(L), &call->vars,
                           why))
      return fail_with(f, BEARER_NO_SECRET, why);
    lua_pop(L, 1);
  }
  bearer_renewal_builtins(&f->c, call->job.state);
  call->step = BEARER_CALL_SEND;
  return BEARER_GO_ON;
}

static bearer_progress build_logout(frame *f) {
  bearer_call *call = f->call;
  int allow_http = bearer_options_at(f->c.L, f->options)->allow_http;
  char text[sizeof(f->c.fault.what) + 64];
  if (bearer_build(&f->c, &call->def->logout.list[call->index], allow_http, 0,
                   &call->sending.request))
    return send_request(f);
  bearer_send_note_built(&call->sending);
  bearer_fault_explain(&f->c.fault, text, sizeof(text));
  return fail_with(f, BEARER_BAD_REQUEST, text);
}

static bearer_progress judge_logout(frame *f) {
  bearer_call *call = f->call;
  bearer_answer a;
  bearer_read(&a, &f->c, &call->sending.response);
  if (!bearer_read_judge(&a, &call->def->logout.list[call->index])) {
    call->failure = a.failure;
    bearer_send_about(&call->sending, f->c.vars, &call->failure);
    bearer_error_push(f->c.L, &call->failure, call->def->name, BEARER_STEP_LOGOUT,
                      a.details);
    bearer_set_slot(f->c.L, 1, BEARER_CALL_SLOT_ERROR);
    return end(call);
  }
  call->step = BEARER_CALL_SEND;
  return ++call->index < call->def->logout.count ? BEARER_GO_ON : end_well(call);
}

/* ---- stepping ------------------------------------------------------------------ */

/* One thing after the other, as far as it goes without waiting. */
static bearer_progress advance(frame *f, int has_result) {
  bearer_call *call = f->call;
  bearer_job *job = &call->job;
  switch (call->step) {
  case BEARER_CALL_TOKEN:
    return want_token(f, has_result);
  case BEARER_CALL_SETTLE:
    return settle(f, has_result);
  case BEARER_CALL_RENEWAL:
    return await_renewal(f, has_result);
  case BEARER_CALL_INPUTS:
    return gather(f);
  case BEARER_CALL_ASKED:
    return has_result ? take_input(f) : fail_with(f, BEARER_LOST, "the answer was lost");
  case BEARER_CALL_SEND:
    return call->kind == BEARER_CALL_LOGOUT ? build_logout(f) : build_request(f);
  case BEARER_CALL_SENT:
    if (bearer_transfer_has_ended(job->transfer))
      return take_result(f);
    bearer_job_wait(job, job->deadline + 1);
    return BEARER_WAITS;
  case BEARER_CALL_HOST:
    return has_result ? take_result(f) : fail_with(f, BEARER_LOST, "the answer was lost");
  case BEARER_CALL_JUDGE:
    return call->kind == BEARER_CALL_REQUEST  ? judge_request(f)
           : call->kind == BEARER_CALL_LOGOUT ? judge_logout(f)
                                              : end_well(call);
  default:
    return BEARER_HAS_ENDED;
  }
}

static bearer_progress step(lua_State *L, bearer_job *job) {
  int has_result = lua_gettop(L) > 1;
  bearer_progress progress;
  frame f;
  do {
    set_up(&f, L, (bearer_call *)job); /* anew: the token may be another */
    progress = advance(&f, has_result);
    has_result = 0;
  } while (progress == BEARER_GO_ON);
  return progress;
}

static const bearer_job_class class = { step, NULL, hide, fail_step, clear };

/* ---- beginning ----------------------------------------------------------------- */

static void set_slot(lua_State *L, int call, int slot, int value) {
  lua_pushvalue(L, value);
  bearer_set_slot(L, call, slot);
}

/* Push a call by the options at `options`; whether its answer can be waited for is at
   `code`. It is ready to be stepped by whoever has it. */
static bearer_call *begin(lua_State *L, bearer_call_kind kind, int options, int code,
                          double timeout) {
  bearer_call *call = (bearer_call *)bearer_job_new(L, bearer_state_of(L), &class,
                                                    sizeof(*call), BEARER_CALL_SLOTS);
  call->kind = kind; /* from here on nothing allocates */
  call->timeout = timeout;
  call->cannot_wait = !lua_isnoneornil(L, code);
  /* a login comes first, perhaps, or another's end */
  call->job.deadline = bearer_now(call->job.state) + 2 * call->timeout + 1;
  bearer_job_wait(&call->job, call->job.deadline);
  set_slot(L, lua_gettop(L), BEARER_CALL_SLOT_OPTIONS, options);
  return call;
}

static void set_login(lua_State *L, bearer_call *call, int login, int at) {
  call->login = lua_touserdata(L, login);
  call->def = call->login->def;
  bearer_definition_retain(call->def);
  set_slot(L, at, BEARER_CALL_SLOT_LOGIN, login);
  bearer_get_slot(L, login, BEARER_LOGIN_PROVIDER);
  bearer_set_slot(L, at, BEARER_CALL_SLOT_PROVIDER);
}

static double default_timeout(lua_State *L, int options) {
  return bearer_options_at(L, options)->timeout;
}

static double timeout_of(lua_State *L, int options, int request) { /* [-0, +0, e] */
  double timeout = default_timeout(L, options);
  lua_getfield(L, request, "timeout");
  if (lua_type(L, -1) == LUA_TNUMBER)
    timeout = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return timeout;
}

/***
Send an authorised request. When the API refuses the token (401, a `refused` code of the
definition, the option `refused`), it is dropped, and after one login the call is repeated
once.
@function login:request
@tparam table request `{method, url, headers, query, json, form, body, timeout}`; a `url`
that is no absolute one is joined to the provider's `base_url`
@treturn[1] table `{status, headers, body, json()}`; header names are in lower case
@treturn[2] nil
@treturn[2] string
@treturn[2] bearer.error
@raise on a request that cannot be sent: a wrong type, an unknown field, no https, another
host
*/

/* core.request(login, request[, code]) -> a call; or nil, message, err. code: why its
   answer cannot be waited for here */
static int call_request(lua_State *L) {
  const bearer_login *l = bearer_login_check(L, 1, "request");
  bearer_call *call;
  lua_settop(L, 3);
  bearer_call_check(L, 2);
  if (l->is_closed)
    return bearer_login_closed(L, l, BEARER_STEP_LOGIN);
  bearer_get_slot(L, 1, BEARER_LOGIN_OPTIONS); /* 4 */
  bearer_call_check_url(L, l, 2, 4);
  call = begin(L, BEARER_CALL_REQUEST, 4, 3, timeout_of(L, 4, 2)); /* 5 */
  call->step = BEARER_CALL_TOKEN;
  set_login(L, call, 1, 5);
  set_slot(L, 5, BEARER_CALL_SLOT_REQUEST, 2);
  return 1;
}

/***
End the token at the provider where it can be ended, then forget it.
@function login:logout
@treturn[1] boolean true
@treturn[2] nil when the provider did not end it; it is forgotten all the same, unless the
code is `cannot_wait`: nothing was done then
@treturn[2] string
@treturn[2] bearer.error
*/

/* core.logout(login[, code]) -> a call; or nil, message, err */
static int call_logout(lua_State *L) {
  bearer_login *l = bearer_login_check(L, 1, "logout");
  const bearer_token *t;
  bearer_failure failure;
  bearer_call *call;
  lua_settop(L, 2);
  if (l->is_closed)
    return bearer_login_closed(L, l, BEARER_STEP_LOGOUT);
  bearer_get_slot(L, 1, BEARER_LOGIN_OPTIONS); /* 3 */
  t = bearer_login_push_token(L, 1);
  lua_settop(L, 3);
  if (!lua_isnil(L, 2) &&
      !bearer_options_have(bearer_options_at(L, 3), BEARER_OPTION_TRANSPORT) &&
      l->def->logout.count > 0 && t != NULL &&
      bearer_token_state(t) != BEARER_EXPIRED) { /* nothing is given up for nothing */
    bearer_failure_set(&failure, BEARER_CANNOT_WAIT,
                       "nothing was sent, as its answer cannot be waited for here");
    return bearer_fail(L, &failure, l->def->name, BEARER_STEP_LOGOUT);
  }
  call = begin(L, BEARER_CALL_LOGOUT, 3, 2, default_timeout(L, 3)); /* 4 */
  call->step = BEARER_CALL_SETTLE;
  set_login(L, call, 1, 4);
  return 1;
}

/* core.transfer(request, options or nil[, code[, job]]) -> a call that sends it as it
   stands. job: whose transport has asked for it */
static int call_transfer(lua_State *L) {
  bearer_call *call;
  lua_settop(L, 4);
  bearer_check_dot(L, "transport");
  bearer_call_check(L, 1);
  if (lua_isnil(L, 2)) {
    bearer_state_push(L, BEARER_OPTIONS);
    lua_replace(L, 2);
  } else {
    luaL_checkudata(L, 2, "bearer.options");
  }
  if (bearer_job_test(L, 4, NULL) == NULL) {
    lua_pushnil(L);
    lua_replace(L, 4);
  }
  call = begin(L, BEARER_CALL_TRANSFER, 2, 3, timeout_of(L, 2, 1)); /* 5 */
  call->step = BEARER_CALL_SEND;
  call->sending.is_built_in = 1;
  set_slot(L, 5, BEARER_CALL_SLOT_REQUEST, 1);
  set_slot(L, 5, BEARER_CALL_SLOT_SENDER, 4);
  return 1;
}

/* ---- results ------------------------------------------------------------------- */

static int push_failure(lua_State *L, const bearer_call *call) {
  bearer_get_slot(L, 1, BEARER_CALL_SLOT_ERROR);
  if (lua_toboolean(L, -1))
    return bearer_refuse(L);
  lua_pop(L, 1);
  bearer_error_push(
      L, &call->failure, call->def != NULL ? call->def->name : "bearer",
      call->kind == BEARER_CALL_LOGOUT ? BEARER_STEP_LOGOUT : BEARER_STEP_REQUEST, 0);
  return bearer_refuse(L);
}

/* core.result(call) -> what the caller gets */
static int call_result(lua_State *L) {
  bearer_call *call = (bearer_call *)bearer_job_test(L, 1, &class);
  luaL_argcheck(L, call != NULL, 1, "a call expected");
  lua_settop(L, 1);
  if (!call->job.has_ended)
    bearer_failure_set(&call->failure, BEARER_PENDING, "it is under way");
  if (call->mistake[0] != '\0')
    return bearer_raise(L, "%s", call->mistake);
  if (!call->succeeded)
    return push_failure(L, call);
  if (call->kind == BEARER_CALL_LOGOUT)
    lua_pushboolean(L, 1);
  else
    bearer_read_push_response(L, &call->sending.response);
  return 1;
}

static const luaL_Reg functions[] = {
  { "request", call_request },
  { "logout", call_logout },
  { "transfer", call_transfer },
  { "result", call_result },
  { NULL, NULL },
};

void bearer_call_open(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
