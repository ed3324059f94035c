/*
 * How long the token in an answer lives: the facts are found here, and base/lifetime.c
 * makes a life of them.
 */
#include "lua/read.h"

#include <curl/curl.h>
#include <string.h>

#include "base/date.h"
#include "base/jwt.h"
#include "lua/state.h"
#include "lua/value.h"

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
    if (!bearer_fact_number(&f, &seconds) || seconds < 0) /* no answer is of tomorrow */
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

/* 0 seconds are what some say of one without an end. */
void bearer_read_refresh_lifetime(bearer_answer *a, bearer_found *found) {
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

void bearer_read_lifetime(bearer_answer *a, bearer_found *found, double lifetime) {
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
  found->is_dead = life.is_dead != 0;
  if (life.odd != 0)
    note_all_odd(found, &l, &life);
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
