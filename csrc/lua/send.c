/*
 * Sending a request of a job's.
 */
#include "lua/send.h"

#include <string.h>

#include "lua/read.h"

void bearer_sending_clear(bearer_sending *s) {
  bearer_request_clear(&s->request);
  bearer_response_clear(&s->response);
  bearer_option_secrets_clear(&s->secrets);
  bearer_buffer_free(&s->about);
}

/* ---- by the host's transport --------------------------------------------------- */

static void push_headers(lua_State *L, const bearer_request *r) { /* [-0, +1, m] */
  lua_newtable(L);
  for (const struct curl_slist *h = r->headers; h != NULL; h = h->next) {
    size_t size = strcspn(h->data, ":;");
    const char *value = h->data + size + 1;
    lua_pushlstring(L, h->data, size);
    lua_pushstring(L, *value == ' ' ? value + 1 : value);
    lua_rawset(L, -3);
  }
}

static void push_request(lua_State *L, const bearer_request *r, double seconds) {
  lua_createtable(L, 0, 5);
  lua_pushlstring(L, bearer_buffer_string(&r->method), r->method.size);
  lua_setfield(L, -2, "method");
  lua_pushlstring(L, bearer_buffer_string(&r->url), r->url.size);
  lua_setfield(L, -2, "url");
  push_headers(L, r);
  lua_setfield(L, -2, "headers");
  if (r->has_body) {
    lua_pushlstring(L, bearer_buffer_string(&r->body), r->body.size);
    lua_setfield(L, -2, "body");
  }
  lua_pushnumber(L, seconds);
  lua_setfield(L, -2, "timeout");
}

/* "call", turn, transport, request, options */
static void need_transport(lua_State *L, bearer_job *job, bearer_sending *s, int options,
                           double seconds) {
  lua_pushliteral(L, "call");
  lua_pushnumber(L, ++job->turn);
  bearer_get_slot(L, options, BEARER_OPTION_TRANSPORT);
  push_request(L, &s->request, seconds);
  lua_pushvalue(L, options);
  bearer_request_clear(&s->request);
  job->is_calling = 1;
  job->needed = 5;
}

/* Its words may hold the request. */
static int fail_transport(bearer_failure *f, const bearer_secrets *secrets,
                          const char *why) {
  bearer_failure_set(f, BEARER_NETWORK, NULL);
  bearer_failure_describe(f, secrets->of(secrets->user), why, strlen(why));
  return 0;
}

static int protected_read(lua_State *L) {
  lua_pushboolean(L, bearer_read_transport(L, 1, lua_touserdata(L, 2)));
  return 1;
}

/* What is at index as words, if it has some, else these. */
static int fail_in_words(lua_State *L, int index, const bearer_secrets *secrets,
                         bearer_failure *f, const char *otherwise) {
  int top = lua_gettop(L);
  fail_transport(f, secrets,
                 bearer_push_raised(L, index) ? lua_tostring(L, -1) : otherwise);
  lua_settop(L, top);
  return 0;
}

/* Why there is no answer: at 3 what was raised; or at 4, and 5, what came with a nil, as
   `send` gave it, perhaps. */
static int no_answer(lua_State *L, const bearer_secrets *secrets, bearer_failure *f) {
  if (!lua_toboolean(L, 2))
    return fail_in_words(L, 3, secrets, f, "the transport raised an error");
  for (int i = 5; i >= 4; i--)
    if (lua_isnil(L, 3) && bearer_error_is(L, i)) {
      bearer_error_read(L, i, secrets->of(secrets->user), f);
      return 0;
    }
  return fail_in_words(L, 4, secrets, f, "the transport gave no answer");
}

/* A metamethod of the answer may raise: then there is none. */
static int read_transport(lua_State *L, bearer_sending *s, const bearer_secrets *secrets,
                          bearer_failure *f) {
  static const char otherwise[] = "the transport's answer is no {status, headers, body}";
  int status, ok;
  lua_pushcfunction(L, protected_read);
  lua_pushvalue(L, 3);
  lua_pushlightuserdata(L, &s->response);
  status = lua_pcall(L, 2, 1, 0);
  if (status == LUA_ERRMEM)
    lua_error(L);
  ok = status == 0 && lua_toboolean(L, -1);
  if (status != 0)
    fail_in_words(L, -1, secrets, f, otherwise);
  else if (!ok)
    fail_transport(f, secrets, otherwise);
  lua_pop(L, 1);
  return ok;
}

static int take_transport(lua_State *L, bearer_sending *s, int options,
                          const bearer_secrets *secrets, bearer_failure *f) {
  if (!lua_toboolean(L, 2) || !lua_toboolean(L, 3))
    return no_answer(L, secrets, f);
  if (!read_transport(L, s, secrets, f))
    return 0;
  if (s->response.body.size > bearer_options_at(L, options)->max_response) {
    bearer_failure_set(f, BEARER_TOO_LARGE, "the answer is too large");
    return 0;
  }
  return 1;
}

/* ---- by libcurl ---------------------------------------------------------------- */

static bearer_progress start(lua_State *L, bearer_job *job, bearer_sending *s,
                             int options, double seconds, bearer_failure *f) {
  bearer_send_options how;
  char text[320];
  const char *why =
      bearer_options_fill(L, options, seconds, &how, &s->secrets, text, sizeof(text));
  if (why == NULL)
    job->transfer = bearer_client_send(&job->state->client, &s->request, &how, job);
  bearer_option_secrets_clear(&s->secrets);
  bearer_request_clear(&s->request);
  if (why != NULL) {
    bearer_failure_set(f, BEARER_NO_SECRET, why);
    return BEARER_HAS_ENDED;
  }
  if (job->transfer == NULL)
    luaL_error(L, "not enough memory");
  return BEARER_WAITS;
}

static int take_transfer(bearer_job *job, bearer_sending *s,
                         const bearer_secrets *secrets, bearer_failure *f, int *sent) {
  bearer_transfer *t = job->transfer;
  int ok = t->code == BEARER_OK;
  bearer_response_clear(&s->response);
  if (ok) {
    s->response = t->response;
    memset(&t->response, 0, sizeof(t->response));
  } else {
    bearer_failure_set(f, t->code, NULL);
    bearer_failure_describe(f, secrets->of(secrets->user), t->reason, strlen(t->reason));
    *sent = t->sent;
    f->is_own_fault = t->is_own_fault;
    if (t->code == BEARER_PROXY)
      f->status = t->proxy_status;
    if (t->code == BEARER_PROXY && f->status == 407) /* a wrong password */
      f->class = BEARER_TERMINAL;
  }
  bearer_transfer_close(t);
  job->transfer = NULL;
  return ok;
}

/* ---- either -------------------------------------------------------------------- */

void bearer_send_note(bearer_sending *s, const char *method, const char *url) {
  bearer_buffer_reset(&s->about);
  bearer_buffer_text(&s->about, method);
  bearer_buffer_text(&s->about, " ");
  bearer_buffer_add(&s->about, url, strcspn(url, "?#"));
}

void bearer_send_note_built(bearer_sending *s) {
  if (s->request.url.size > 0)
    bearer_send_note(s, bearer_buffer_string(&s->request.method),
                     bearer_buffer_string(&s->request.url));
}

bearer_progress bearer_send(lua_State *L, bearer_job *job, bearer_sending *s, int options,
                            double seconds, bearer_failure *f) {
  bearer_send_note_built(s);
  if (s->is_built_in ||
      !bearer_options_have(bearer_options_at(L, options), BEARER_OPTION_TRANSPORT))
    return start(L, job, s, options, seconds, f);
  need_transport(L, job, s, options, seconds);
  return BEARER_NEEDS;
}

int bearer_send_result(lua_State *L, bearer_job *job, bearer_sending *s, int options,
                       const bearer_secrets *secrets, bearer_failure *f, int *sent) {
  int ok;
  *sent = 1;
  ok = job->transfer != NULL ? take_transfer(job, s, secrets, f, sent)
                             : take_transport(L, s, options, secrets, f);
  if (!ok && f->code == BEARER_PROXY) /* it got no further */
    *sent = 0;
  return ok;
}

void bearer_send_about(const bearer_sending *s, const bearer_vars *vars,
                       bearer_failure *f) {
  if (s->about.size > 0)
    bearer_failure_about(f, vars, bearer_buffer_string(&s->about), s->about.size);
}
