/*
 * The token in an answer, and how long it lives.
 */
#include "lua/read.h"

#include <curl/curl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/jwt.h"
#include "lua/state.h"
#include "lua/value.h"

/* ---- how long it lives --------------------------------------------------------- */

static bearer_fact fact_at(lua_State *L, int index) {
  bearer_fact f;
  memset(&f, 0, sizeof(f));
  switch (lua_type(L, index)) {
  case LUA_TNUMBER:
    f.kind = BEARER_FACT_NUMBER;
    f.number = lua_tonumber(L, index);
    break;
  case LUA_TSTRING:
    f.kind = BEARER_FACT_TEXT;
    f.text = lua_tolstring(L, index, &f.size);
    break;
  default:
    f.kind = BEARER_FACT_ODD;
  }
  return f;
}

/* What is found stays on the stack: the fact borrows its text. */
static bearer_fact find_fact(bearer_answer *a, const bearer_paths *paths) {
  bearer_fact none;
  memset(&none, 0, sizeof(none));
  if (!bearer_read_find(a->c->L, a->root, paths))
    return none;
  return fact_at(a->c->L, lua_gettop(a->c->L));
}

static bearer_fact claim(lua_State *L, int claims, const char *name) {
  bearer_fact none;
  memset(&none, 0, sizeof(none));
  lua_pushstring(L, name);
  lua_rawget(L, claims);
  return bearer_is_null(L, -1) ? none : fact_at(L, lua_gettop(L));
}

/* What curl_getdate reads. Where it reads another instant with a zone behind the text,
   there was none in it. */
static int read_date(const char *text, size_t size, bearer_date *date) {
  char copy[80];
  time_t plain, shifted;
  if (size + sizeof(" +0100") > sizeof(copy) || memchr(text, '\0', size) != NULL)
    return 0;
  memcpy(copy, text, size);
  copy[size] = '\0';
  plain = curl_getdate(copy, NULL);
  if (plain == -1)
    return 0;
  memcpy(copy + size, " +0100", sizeof(" +0100"));
  shifted = curl_getdate(copy, NULL);
  date->unix_time = (double)plain;
  date->has_zone = shifted == -1 || shifted != plain - 3600;
  return 1;
}

static int read_any_date(const char *text, size_t size, double *unix_time) {
  bearer_date date;
  if (!bearer_date_read(text, size, &date) && !read_date(text, size, &date))
    return 0;
  *unix_time = date.unix_time;
  return 1;
}

static int header_date(const bearer_response *r, const char *name, double *unix_time) {
  bearer_buffer value = { 0 };
  int ok = bearer_response_header(r, name, &value) &&
           read_any_date(bearer_buffer_string(&value), value.size, unix_time);
  bearer_buffer_free(&value);
  return ok;
}

/* The server's own time of the answer: then a clock that is off on either side is no
   matter. 0: there is none, and it is our own. */
static int server_time(bearer_answer *a, double *unix_time) {
  bearer_buffer age = { 0 };
  bearer_fact f;
  double seconds = 0;
  if (!header_date(a->response, "date", unix_time)) {
    *unix_time = bearer_clock_wall(&bearer_state_of(a->c->L)->clock);
    return 0;
  }
  memset(&f, 0, sizeof(f));
  if (bearer_response_header(a->response, "age", &age)) {
    f.kind = BEARER_FACT_TEXT;
    f.text = bearer_buffer_string(&age);
    f.size = age.size;
    if (!bearer_fact_number(&f, &seconds))
      seconds = 0;
  }
  bearer_buffer_free(&age);
  *unix_time += seconds;
  return 1;
}

void bearer_read_claims(lua_State *L, const char *token, size_t size) {
  bearer_buffer payload = { 0 };
  const char *text;
  if (!bearer_jwt_payload(&payload, token, size)) {
    bearer_buffer_free(&payload);
    lua_pushnil(L);
    return;
  }
  bearer_push_buffer(L, &payload);
  text = lua_tolstring(L, -1, &size);
  bearer_json_decode(L, text, size);
  lua_remove(L, -2);
  if (!lua_istable(L, -1)) {
    lua_pop(L, 1);
    lua_pushnil(L);
  }
}

/* The zone of dates that name none, when the definition knows one. */
static int find_zone(bearer_answer *a, double *seconds) {
  bearer_buffer text = { 0 };
  int found = a->c->def->zone.kind != BEARER_PART_ABSENT &&
              bearer_build_text(a->c, &a->c->def->zone, 0, &text) == BEARER_PLACE_DONE &&
              bearer_date_zone(bearer_buffer_string(&text), text.size, seconds);
  bearer_buffer_free(&text);
  return found;
}

static int is_plain_span(const bearer_fact *f) {
  return f->kind == BEARER_FACT_NONE ||
         (f->kind == BEARER_FACT_NUMBER && f->number < 1e9);
}

/* What is seldom wanted: the time of the answer, and the zone. */
static void find_times(bearer_answer *a, bearer_lifetime *l) {
  l->is_servers_time = server_time(a, &l->server_time);
  l->has_zone = find_zone(a, &l->zone);
}

static void find_claims(bearer_answer *a, bearer_lifetime *l, int value) {
  lua_State *L = a->c->L;
  size_t size;
  const char *token = lua_tolstring(L, value, &size);
  int claims;
  bearer_read_claims(L, token, size);
  if (!lua_istable(L, -1))
    return;
  claims = lua_gettop(L);
  l->exp = claim(L, claims, "exp");
  l->iat = claim(L, claims, "iat");
}

static void note_odd(bearer_found *found, unsigned int bit, const bearer_fact *f) {
  found->odd |= bit;
  for (int i = 0; i < BEARER_ODD_FACTS; i++)
    if (bit == 1u << i)
      found->odd_kind[i] = (unsigned char)f->kind;
}

static void note_all_odd(bearer_found *found, const bearer_lifetime *l,
                         const bearer_life *life) {
  const bearer_fact *facts[] = { &l->expires_in, &l->expires_at, &l->issued_at };
  for (int i = 0; i < 3; i++)
    if (life->odd >> i & 1)
      note_odd(found, 1u << i, facts[i]);
}

/* The refresh token's own life. 0 seconds are what some say of one without an end. */
static void find_refresh_lifetime(bearer_answer *a, bearer_found *found) {
  bearer_lifetime l;
  bearer_life life;
  if (found->refresh_token == 0 &&
      bearer_vars_get(a->c->vars, BEARER_NAME_REFRESH_TOKEN) == NULL)
    return;
  memset(&l, 0, sizeof(l));
  l.expires_in = find_fact(a, &a->c->def->refresh_expires_in);
  if (l.expires_in.kind == BEARER_FACT_NONE)
    return;
  l.unit = a->c->def->unit;
  l.read_date = read_date;
  if (!is_plain_span(&l.expires_in))
    find_times(a, &l);
  bearer_lifetime_of(&l, &life);
  found->refresh_lifetime = life.seconds;
  if (life.odd != 0 && !life.is_zero)
    note_odd(found, BEARER_ODD_REFRESH_EXPIRES_IN, &l.expires_in);
}

/* lifetime: seconds, when nothing else says it; 0 = nobody does. */
static void find_lifetime(bearer_answer *a, bearer_found *found, double lifetime) {
  const bearer_definition *def = a->c->def;
  bearer_lifetime l;
  bearer_life life;
  memset(&l, 0, sizeof(l));
  l.unit = def->unit;
  l.read_date = read_date;
  l.lifetime = lifetime;
  l.expires_in = find_fact(a, &def->expires_in);
  l.expires_at = find_fact(a, &def->expires_at);
  l.issued_at = find_fact(a, &def->issued_at);
  find_claims(a, &l, found->value);
  if (!is_plain_span(&l.expires_in) || l.expires_at.kind != BEARER_FACT_NONE ||
      l.issued_at.kind != BEARER_FACT_NONE || l.exp.kind != BEARER_FACT_NONE)
    find_times(a, &l);
  bearer_lifetime_of(&l, &life);
  found->lifetime = life.seconds;
  found->is_over = life.is_over != 0;
  found->is_zero = life.is_zero != 0;
  if (life.odd != 0)
    note_all_odd(found, &l, &life);
}

/* ---- tokens -------------------------------------------------------------------- */

typedef struct {
  const char *data;
  size_t size;
} span;

static int is_safe(span s) { /* as it is, in a header */
  for (size_t i = 0; i < s.size; i++)
    if (s.data[i] < 33 || s.data[i] > 126)
      return 0;
  return s.size > 0;
}

static span text_at(lua_State *L, int index) { /* without the white space at its ends */
  span s;
  s.data = lua_tolstring(L, index, &s.size);
  bearer_trim(&s.data, &s.size);
  return s;
}

/* Push a number's digits, when all of them have come. */
static int push_digits(lua_State *L, double n) { /* [-0, +1 or 0, m] */
  char digits[24];
  if (!(n >= 0 && n <= 9007199254740991.0) || n > floor(n))
    return 0;
  snprintf(digits, sizeof(digits), "%.0f", n);
  lua_pushstring(L, digits);
  return 1;
}

/* Push what stands at index as a header can carry it. 0: it cannot. [-0, +1 or 0, m] */
static int push_safe(lua_State *L, int index, span s) {
  if (lua_type(L, index) == LUA_TNUMBER)
    return push_digits(L, lua_tonumber(L, index));
  if (lua_type(L, index) != LUA_TSTRING || !is_safe(s))
    return 0;
  if (s.size == lua_rawlen(L, index)) /* nothing was left out */
    lua_pushvalue(L, index);
  else
    lua_pushlstring(L, s.data, s.size);
  return 1;
}

static int is_word(const char *text) { /* RFC 8693's N_A and URNs are no schemes */
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  static const char others[] = "-0123456789";
  size_t first = strspn(text, letters);
  if (first == 0)
    return 0;
  for (text += first; *text != '\0'; text++)
    if (strchr(letters, *text) == NULL && strchr(others, *text) == NULL)
      return 0;
  return 1;
}

/* "Bearer" unless another word stands there. */
static void find_type(bearer_answer *a, bearer_found *found) {
  lua_State *L = a->c->L;
  if (bearer_read_find(L, a->root, &a->c->def->type) && lua_type(L, -1) == LUA_TSTRING &&
      push_safe(L, lua_gettop(L), text_at(L, lua_gettop(L))) &&
      is_word(lua_tostring(L, -1)) && !curl_strequal(lua_tostring(L, -1), "bearer")) {
    found->type = lua_gettop(L);
    return;
  }
  lua_pushliteral(L, "Bearer");
  found->type = lua_gettop(L);
}

/* What follows the scheme that a text opens with; 0: it does not. */
static int opens_with(span *s, const char *scheme) {
  span rest = *s;
  size_t size = strlen(scheme);
  if (s->size <= size || !curl_strnequal(s->data, scheme, size) ||
      (s->data[size] != ' ' && s->data[size] != '\t'))
    return 0;
  rest.data += size;
  rest.size -= size;
  bearer_trim(&rest.data, &rest.size);
  *s = rest;
  return 1;
}

/* Take the value at index, without the scheme, which goes before it anyway. */
static int take_value(bearer_answer *a, bearer_found *found, int index) {
  lua_State *L = a->c->L;
  span s = { "", 0 };
  if (lua_type(L, index) == LUA_TSTRING) {
    s = text_at(L, index);
    if (opens_with(&s, "Bearer")) {
      lua_pushliteral(L, "Bearer");
      found->type = lua_gettop(L);
    } else {
      opens_with(&s, lua_tostring(L, found->type));
    }
  }
  if (!push_safe(L, index, s))
    return 0;
  found->value = lua_gettop(L);
  return 1;
}

/* Is there anything that may be a token? */
static int may_be_token(lua_State *L, int index) {
  return lua_type(L, index) == LUA_TNUMBER ||
         (lua_type(L, index) == LUA_TSTRING && text_at(L, index).size > 0);
}

/* A text, or a list of them, which is joined. */
static void find_scope(bearer_answer *a, bearer_found *found) {
  lua_State *L = a->c->L;
  luaL_Buffer joined;
  int list, any = 0;
  if (!bearer_read_find(L, a->root, &a->c->def->scope))
    return;
  list = lua_gettop(L);
  if (lua_type(L, list) == LUA_TSTRING) {
    found->scope = list;
    return;
  } else if (!lua_istable(L, list)) {
    return;
  }
  luaL_buffinit(L, &joined);
  for (int i = 1, count = (int)lua_rawlen(L, list); i <= count; i++) {
    lua_rawgeti(L, list, i);
    if (lua_type(L, -1) == LUA_TSTRING) {
      if (any++)
        lua_pushliteral(L, " "), lua_insert(L, -2), lua_concat(L, 2);
      luaL_addvalue(&joined);
    } else {
      lua_pop(L, 1);
    }
  }
  luaL_pushresult(&joined);
  found->scope = lua_gettop(L);
}

static void find_refresh_token(bearer_answer *a, bearer_found *found) {
  lua_State *L = a->c->L;
  span s = { "", 0 };
  int index;
  if (!bearer_read_find(L, a->root, &a->c->def->refresh_token))
    return;
  index = lua_gettop(L);
  if (lua_type(L, index) == LUA_TSTRING)
    s = text_at(L, index);
  if (push_safe(L, index, s))
    found->refresh_token = lua_gettop(L);
}

/* found: stack index of what stands where the token should; 0 = nothing does. */
static int no_token(bearer_answer *a, int found) {
  char code[BEARER_CODE_MAX + 1], why[BEARER_SHOWN_MAX];
  if (bearer_refusal_code(a->c->L, a->root, a->c->def, code)) {
    bearer_refusal(a, NULL, NULL); /* a refusal with a friendly status */
    a->is_considered = 1;
  } else if (lua_isnil(a->c->L, a->root)) {
    bearer_refusal_unreadable(a);
  } else {
    bearer_refusal_broken(a, NULL);
    bearer_missing_token(a, found, why, sizeof(why));
    bearer_hide(a->c, a->c->vars);
    bearer_failure_describe(&a->failure, a->c->vars, why, strlen(why));
    a->is_considered = 1;
  }
  return 0;
}

static int unusable(bearer_answer *a, const char *why) {
  bearer_refusal_broken(a, why);
  a->is_considered = 1;
  return 0;
}

/* A token of the answer's own. */
static int find_token(bearer_answer *a, bearer_found *found) {
  lua_State *L = a->c->L;
  int index;
  if (!bearer_read_find(L, a->root, &a->c->def->value))
    return no_token(a, 0);
  index = lua_gettop(L);
  if (!may_be_token(L, index))
    return no_token(a, index);
  find_type(a, found);
  if (!take_value(a, found, index))
    return unusable(
        a, "the answer holds a token, but it is no text that a header can carry");
  find_lifetime(a, found, a->c->def->lifetime);
  find_scope(a, found);
  return 1;
}

static int holds_token(bearer_answer *a) {
  lua_State *L = a->c->L;
  int holds = bearer_read_find(L, a->root, &a->c->def->value);
  if (holds) {
    holds = may_be_token(L, lua_gettop(L));
    lua_pop(L, 1);
  }
  return holds;
}

/* The old token, which lives as long as the answer says, else as long again. */
static int prolong(bearer_answer *a, const bearer_prolonged *old, bearer_found *found) {
  lua_State *L = a->c->L;
  char code[BEARER_CODE_MAX + 1];
  if (bearer_refusal_code(L, a->root, a->c->def, code))
    return no_token(a, 0);
  lua_pushlstring(L, old->value->value.data, old->value->value.size);
  found->value = lua_gettop(L);
  lua_pushstring(L, old->type != NULL ? old->type : "Bearer");
  found->type = lua_gettop(L);
  find_lifetime(a, found, old->life);
  find_scope(a, found);
  if (found->scope == 0 && old->scope != NULL) {
    lua_pushstring(L, old->scope);
    found->scope = lua_gettop(L);
  }
  return 1;
}

int bearer_read_token(bearer_answer *a, const bearer_prolonged *old,
                      bearer_found *found) {
  memset(found, 0, sizeof(*found));
  if (!(old != NULL && !holds_token(a) ? prolong(a, old, found) : find_token(a, found)))
    return 0;
  find_refresh_token(a, found);
  find_refresh_lifetime(a, found);
  return 1;
}

/* ---- for Lua ------------------------------------------------------------------- */

/* core.date(text) -> Unix time, or nil */
static int read_core_date(lua_State *L) {
  size_t size;
  const char *text = luaL_checklstring(L, 1, &size);
  double unix_time;
  if (read_any_date(text, size, &unix_time))
    lua_pushnumber(L, unix_time);
  else
    lua_pushnil(L);
  return 1;
}

static const luaL_Reg functions[] = {
  { "date", read_core_date },
  { NULL, NULL },
};

void bearer_read_open(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
