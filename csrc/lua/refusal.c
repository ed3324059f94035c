/*
 * Errors that answers make: what a server refused, and answers that cannot be used.
 */
#include "lua/read.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "base/policy.h"
#include "lua/state.h"
#include "lua/value.h"

/* ---- its words ----------------------------------------------------------------- */

/* Push the first path's text or number (as text) that is not empty; which path, or NULL.
   A number that shows one of these secrets is masked; vars may be NULL. */
static const bearer_path *find_text(lua_State *L, int root, const bearer_paths *paths,
                                    const bearer_vars *vars) {
  char number[BEARER_NUMBER_MAX];
  for (int i = 0; i < paths->count; i++) {
    if (!bearer_read_find_one(L, root, &paths->list[i]))
      continue;
    if (lua_type(L, -1) == LUA_TNUMBER) {
      double value = lua_tonumber(L, -1);
      snprintf(number, sizeof(number), "%.14g", value);
      lua_pop(L, 1);
      lua_pushstring(L, vars != NULL && bearer_redact_finds_number(vars, value) ? "***"
                                                                                : number);
    }
    if (lua_type(L, -1) == LUA_TSTRING && lua_rawlen(L, -1) > 0)
      return &paths->list[i];
    lua_pop(L, 1);
  }
  return NULL;
}

static int expects(lua_State *L, int code, const bearer_path *where,
                   const bearer_exchanges *all) {
  for (int i = 0; i < all->count; i++)
    for (int e = 0; e < all->list[i].expect_count; e++) {
      const bearer_expectation *expected = &all->list[i].expect[e];
      if (strcmp(expected->path.text, where->text) != 0)
        continue;
      for (int v = 0; v < expected->count; v++)
        if (bearer_value_equals(L, code, &expected->values[v]))
          return 1;
    }
  return 0;
}

static int is_code(const char *text, size_t size) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_.:/-";
  return size > 0 && size <= BEARER_CODE_MAX && strspn(text, allowed) == size;
}

int bearer_refusal_code(lua_State *L, int root, const bearer_definition *def,
                        char code[BEARER_CODE_MAX + 1]) {
  int top = lua_gettop(L), ok = 0;
  const bearer_path *where = find_text(L, root, &def->error_code, NULL);
  /* CRM.COM has "OK" where the code of an error would be */
  if (where != NULL && !expects(L, top + 1, where, &def->login) &&
      !expects(L, top + 1, where, &def->refresh)) {
    size_t size;
    const char *text = lua_tolstring(L, top + 1, &size);
    ok = is_code(text, size);
    if (ok)
      memcpy(code, text, size + 1);
  }
  lua_settop(L, top);
  return ok;
}

static int shows_a_secret(bearer_answer *a, const char *text) {
  bearer_fact f = { BEARER_FACT_TEXT, 0, text, strlen(text) };
  double number;
  return bearer_redact_finds(a->c->vars, text, f.size) ||
         (bearer_fact_number(&f, &number) &&
          bearer_redact_finds_number(a->c->vars, number));
}

/* ---- its details --------------------------------------------------------------- */

/* Fields that could hold what nobody may see are not copied. */
static int tells_a_secret(const char *name) {
  static const char *const words[] = { "token", "secret", "passw", "assertion" };
  char lower[128];
  size_t size = strlen(name);
  if (size >= sizeof(lower))
    return 1;
  for (size_t i = 0; i <= size; i++)
    lower[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
    if (strstr(lower, words[i]) != NULL)
      return 1;
  return size >= 4 && strcmp(lower + size - 4, "code") == 0 &&
         strstr(lower, "auth") != NULL;
}

/* How many values are copied, and how many bytes are looked at for it: an answer cannot
   keep the host busy. */
typedef struct {
  int values;
  size_t bytes;
  int hides_tokens; /* whatever may be one: nobody found it where it was looked for */
} budget;

static const budget for_details = { 50, (size_t)4 * BEARER_LOOKED_AT_MAX, 0 };

/* Long, in one word, and with digits in it, unless it is very long. */
static int may_be_token(const char *text, size_t size) {
  int digits = 0;
  for (size_t i = 0; i < size && i < BEARER_LOOKED_AT_MAX; i++) {
    if (text[i] == ' ' || text[i] == '\n')
      return 0;
    digits += text[i] >= '0' && text[i] <= '9';
  }
  return size >= 40 || (size >= 16 && digits > 0);
}

static int has_left(const budget *left) {
  return left->values > 0 && left->bytes > 0;
}

static void push_clean(bearer_answer *a, const char *text, size_t size,
                       budget *left) { /* [-0, +1, m] */
  bearer_buffer out = { 0 };
  size_t cost = size < BEARER_LOOKED_AT_MAX ? size : BEARER_LOOKED_AT_MAX;
  if (left->hides_tokens && may_be_token(text, size)) {
    lua_pushliteral(a->c->L, "***");
    return;
  }
  left->bytes -= left->bytes < cost ? left->bytes : cost;
  bearer_redact_sentence(a->c->vars, text, size, &out);
  bearer_push_buffer(a->c->L, &out);
}

/* A PIN comes back as a number. */
static void push_number(bearer_answer *a, int index) {
  if (bearer_redact_finds_number(a->c->vars, lua_tonumber(a->c->L, index)))
    lua_pushliteral(a->c->L, "***");
  else
    lua_pushvalue(a->c->L, index);
}

static int push_details(bearer_answer *a, int index, int depth, budget *left);

static void push_key(bearer_answer *a, int index, budget *left) {
  size_t size;
  const char *text;
  if (lua_type(a->c->L, index) == LUA_TNUMBER) {
    lua_pushvalue(a->c->L, index);
    return;
  }
  text = lua_tolstring(a->c->L, index, &size);
  push_clean(a, text, size, left);
}

static void push_table(bearer_answer *a, int index, int depth, budget *left) {
  lua_State *L = a->c->L;
  int copy;
  luaL_checkstack(L, 10, NULL);
  lua_newtable(L);
  copy = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    if (has_left(left) && (lua_type(L, copy + 1) == LUA_TNUMBER ||
                           !tells_a_secret(lua_tostring(L, copy + 1)))) {
      push_key(a, copy + 1, left);
      if (push_details(a, copy + 2, depth + 1, left))
        lua_rawset(L, copy);
    }
    lua_settop(L, copy + 1);
  }
}

/* Push a copy that shows no secret; 0 when the value is left out. */
static int push_details(bearer_answer *a, int index, int depth, budget *left) {
  lua_State *L = a->c->L;
  size_t size;
  const char *text;
  left->values--;
  switch (lua_type(L, index)) {
  case LUA_TSTRING:
    text = lua_tolstring(L, index, &size);
    push_clean(a, text, size, left);
    return 1;
  case LUA_TNUMBER:
    push_number(a, index);
    return 1;
  case LUA_TBOOLEAN:
    lua_pushvalue(L, index);
    return 1;
  case LUA_TTABLE:
    if (depth > 3)
      return 0;
    push_table(a, index, depth, left);
    return 1;
  default:
    return 0;
  }
}

static void hide(bearer_answer *a, const char *text, size_t size) {
  if (size > 1 && !bearer_vars_hide(a->c->vars, text, size))
    luaL_error(a->c->L, "not enough memory");
}

/* A token, and what of it is sent: without its scheme, and the blanks at its ends. */
static void hide_token(bearer_answer *a, int index) {
  char digits[BEARER_NUMBER_MAX];
  const char *text;
  size_t size, word = 0;
  if (lua_type(a->c->L, index) == LUA_TNUMBER) {
    size = (size_t)bearer_number_text(lua_tonumber(a->c->L, index), digits);
    hide(a, digits, size);
  } else if (lua_type(a->c->L, index) == LUA_TSTRING) {
    text = lua_tolstring(a->c->L, index, &size);
    hide(a, text, size);
    bearer_trim(&text, &size);
    for (size_t i = 0; i < size; i++)
      if (text[i] == ' ')
        word = i + 1;
    if (word > 0)
      hide(a, text + word, size - word);
  }
}

/* What the answer would have been used for must not show in the error about it. A bare
   text is only that where the server did not say that it refuses. */
static void hide_found(bearer_answer *a) {
  const bearer_paths *all[] = { &a->c->def->value, &a->c->def->refresh_token };
  lua_State *L = a->c->L;
  for (int p = 0; p < 2; p++)
    for (int i = 0; i < all[p]->count; i++) {
      if ((all[p]->list[i].count == 0 && a->response->status >= 300) ||
          !bearer_read_find_one(L, a->root, &all[p]->list[i]))
        continue;
      hide_token(a, lua_gettop(L));
      lua_pop(L, 1);
    }
}

/* ---- when to come again -------------------------------------------------------- */

/* A date; of two that were joined, each of which has a comma of its own, the first. */
static time_t read_date(char *text) {
  time_t at = curl_getdate(text, NULL);
  char *comma = at == -1 ? strchr(text, ',') : NULL;
  comma = comma != NULL ? strchr(comma + 1, ',') : NULL;
  if (comma == NULL)
    return at;
  *comma = '\0';
  return curl_getdate(text, NULL);
}

/* The server's own time, or else ours. */
static double now_of(bearer_answer *a) {
  bearer_buffer date = { 0 };
  time_t now = -1;
  if (bearer_response_header(a->response, "date", &date))
    now = curl_getdate(bearer_buffer_string(&date), NULL);
  bearer_buffer_free(&date);
  return now != -1 ? (double)now : bearer_clock_wall(&bearer_state_of(a->c->L)->clock);
}

/* Seconds that Retry-After asks for; < 0 = nothing that makes sense. */
static double retry_after(bearer_answer *a) {
  bearer_buffer value = { 0 };
  double seconds = -1;
  time_t at;
  if (bearer_response_header(a->response, "retry-after", &value) && !value.failed &&
      value.size > 0) {
    seconds = bearer_policy_read_seconds(value.data);
    if (seconds < 0 && (at = read_date(value.data)) != -1)
      seconds = bearer_policy_retry_after((double)at - now_of(a));
    else if (seconds >= 0)
      seconds = bearer_policy_retry_after(seconds);
  }
  bearer_buffer_free(&value);
  return seconds;
}

static int has_retry_after(const bearer_answer *a) {
  bearer_buffer value = { 0 };
  int has = bearer_response_header(a->response, "retry-after", &value);
  bearer_buffer_free(&value);
  return has;
}

/* ---- the errors ---------------------------------------------------------------- */

static bearer_kind kind_of(const bearer_definition *def, const char *code) {
  if (code[0] != '\0' && bearer_codes_have(&def->denied, code))
    return BEARER_CODE_DENIED;
  return code[0] != '\0' && bearer_codes_have(&def->throttled, code)
             ? BEARER_CODE_THROTTLED
             : BEARER_CODE_OTHER;
}

/* Add an address without what may be a secret in it: user, query and fragment, and what
   comes behind a ';', as session ids do. */
static void add_address(bearer_buffer *to, const char *url) {
  size_t size = strcspn(url, "?#;");
  const char *host = strstr(url, "//"), *at;
  if (host != NULL && host < url + size) {
    host += 2;
    at = memrchr(host, '@', strcspn(host, "/?#;"));
    bearer_buffer_add(to, url, (size_t)(host - url));
    size -= (size_t)((at != NULL ? at + 1 : host) - url);
    url = at != NULL ? at + 1 : host;
  }
  bearer_buffer_add(to, url, size);
}

static void describe_redirect(bearer_answer *a) {
  bearer_buffer text = { 0 }, where = { 0 };
  char said[64];
  int ok;
  snprintf(said, sizeof(said), "the server answered HTTP %ld", a->response->status);
  bearer_buffer_text(&text, said);
  if (bearer_response_header(a->response, "location", &where)) {
    bearer_buffer_text(&text, ", a redirect to ");
    add_address(&text, bearer_buffer_string(&where));
  }
  bearer_buffer_text(&text, "; redirects are not followed");
  ok = !text.failed && !where.failed;
  if (ok)
    bearer_failure_describe(&a->failure, a->c->vars, text.data, text.size);
  bearer_buffer_free(&text);
  bearer_buffer_free(&where);
  if (!ok)
    luaL_error(a->c->L, "not enough memory");
}

/* In the server's own words. 0: it has none. */
static int describe_in_its_words(bearer_answer *a) {
  lua_State *L = a->c->L;
  size_t size;
  const char *text;
  int top = lua_gettop(L), has = 0;
  if (find_text(L, a->root, &a->c->def->error_message, a->c->vars) != NULL) {
    text = lua_tolstring(L, -1, &size);
    bearer_failure_describe(&a->failure, a->c->vars, text, size);
    has = 1;
  }
  lua_settop(L, top);
  return has;
}

/* What it says may be no refusal at all, so that ours stays to be seen. */
static void put_its_words_first(bearer_answer *a, const char *ours) {
  lua_State *L = a->c->L;
  size_t size;
  int top = lua_gettop(L);
  if (find_text(L, a->root, &a->c->def->error_message, a->c->vars) != NULL) {
    const char *text = lua_tolstring(L, -1, &size);
    if (!may_be_token(text, size)) {
      bearer_failure_describe(&a->failure, a->c->vars, text, size);
      bearer_show(a->failure.aside, sizeof(a->failure.aside), a->c->vars, ours,
                  strlen(ours));
    }
  }
  lua_settop(L, top);
}

static void describe(bearer_answer *a, const char *message) {
  char unsaid[200];
  if (message != NULL) {
    bearer_failure_describe(&a->failure, a->c->vars, message, strlen(message));
  } else if (a->response->status >= 300 && a->response->status < 400) {
    describe_redirect(a);
  } else if (describe_in_its_words(a)) {
    return;
  } else if (a->response->status < 300) {
    snprintf(unsaid, sizeof(unsaid), "the answer is not what was expected%s%s",
             a->unmet != NULL ? " at " : "", a->unmet != NULL ? a->unmet->text : "");
    bearer_failure_describe(&a->failure, NULL, unsaid, strlen(unsaid));
  } else {
    snprintf(unsaid, sizeof(unsaid), "the server answered HTTP %ld", a->response->status);
    bearer_failure_describe(&a->failure, NULL, unsaid, strlen(unsaid));
  }
}

static void add_details(bearer_answer *a, int hides_tokens) {
  budget left = for_details;
  left.hides_tokens = hides_tokens;
  if (!lua_istable(a->c->L, a->root))
    return;
  push_details(a, a->root, 0, &left);
  a->details = lua_gettop(a->c->L);
}

void bearer_refusal(bearer_answer *a, const char *code, const char *message) {
  lua_State *L = a->c->L;
  bearer_failure *f = &a->failure;
  char own[BEARER_CODE_MAX + 1] = "";
  bearer_hide(a->c, a->c->vars);
  hide_found(a);
  if (code == NULL)
    bearer_refusal_code(L, a->root, a->c->def, own);
  else if (strlen(code) <= BEARER_CODE_MAX)
    memcpy(own, code, strlen(code) + 1);
  if (own[0] != '\0' && shows_a_secret(a, own))
    own[0] = '\0';
  bearer_failure_set(f, BEARER_REFUSED, NULL);
  f->status = a->response->status;
  f->class = bearer_policy_class(f->status, kind_of(a->c->def, own), has_retry_after(a));
  f->retry_after = retry_after(a);
  if (own[0] != '\0')
    memcpy(f->own_code, own, sizeof(own));
  else if (f->status >= 300)
    snprintf(f->own_code, sizeof(f->own_code), "http_%ld", f->status);
  describe(a, message);
  add_details(a, 0);
}

void bearer_refusal_no_token(bearer_answer *a, const char *description, int is_absent) {
  bearer_hide(a->c, a->c->vars);
  hide_found(a);
  bearer_failure_set(&a->failure, BEARER_NO_TOKEN, NULL);
  bearer_failure_describe(&a->failure, is_absent ? a->c->vars : NULL, description,
                          strlen(description));
  a->failure.status = a->response->status;
  a->failure.class =
      bearer_policy_class(a->failure.status, BEARER_CODE_OTHER, has_retry_after(a));
  a->failure.retry_after = retry_after(a);
  a->is_considered = 1;
  if (is_absent)
    put_its_words_first(a, description);
  add_details(a, 1);
}

void bearer_refusal_broken(bearer_answer *a, const char *description) {
  bearer_hide(a->c, a->c->vars);
  bearer_failure_set(&a->failure, BEARER_BAD_ANSWER, NULL);
  bearer_failure_describe(&a->failure, a->c->vars, description, strlen(description));
  a->failure.status = a->response->status;
  a->is_considered = 1;
}

void bearer_refusal_unreadable(bearer_answer *a) {
  bearer_refusal_broken(a, a->response->body.size == 0 ? "the answer is empty"
                                                       : "the answer is not JSON");
}
