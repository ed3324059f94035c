/*
 * The token in an answer.
 */
#include "lua/read.h"

#include <curl/curl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lua/value.h"

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
    bearer_missing_token(a, found, why, sizeof(why));
    if (!a->is_text)
      bearer_refusal_no_token(a, why, 1);
    else /* something between, where JSON should be */
      bearer_refusal_broken(a, why);
  }
  return 0;
}

/* Is the one in the answer the one that it prolongs? */
static int is_prolonged(lua_State *L, const bearer_prolonged *old,
                        const bearer_found *found) {
  size_t size;
  const char *text = lua_tolstring(L, found->value, &size);
  return old != NULL && old->value->value.size == size &&
         memcmp(old->value->value.data, text, size) == 0;
}

/* What of the old token the answer did not say. */
static void keep_old(lua_State *L, const bearer_prolonged *old, bearer_found *found) {
  if (old->type != NULL && strcmp(lua_tostring(L, found->type), "Bearer") == 0) {
    lua_pushstring(L, old->type);
    found->type = lua_gettop(L);
  }
  if (old->scope != NULL && found->scope == 0) {
    lua_pushstring(L, old->scope);
    found->scope = lua_gettop(L);
  }
}

/* A token of the answer's own; perhaps the old one once more. */
static int find_token(bearer_answer *a, const bearer_prolonged *old,
                      bearer_found *found) {
  lua_State *L = a->c->L;
  int index;
  if (!bearer_read_find(L, a->root, &a->c->def->value))
    return no_token(a, 0);
  index = lua_gettop(L);
  if (!may_be_token(L, index))
    return no_token(a, index);
  find_type(a, found);
  if (!take_value(a, found, index)) { /* it may be a sentence: what is wrong */
    bearer_refusal_no_token(
        a, "the answer holds a token, but it is no text that a header can carry", 0);
    return 0;
  }
  find_scope(a, found);
  if (is_prolonged(L, old, found)) {
    keep_old(L, old, found);
    bearer_read_lifetime(a, found, old->life);
  } else {
    bearer_read_lifetime(a, found, a->c->def->lifetime);
  }
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
  lua_pushliteral(L, "Bearer");
  found->type = lua_gettop(L);
  find_scope(a, found);
  keep_old(L, old, found);
  bearer_read_lifetime(a, found, old->life);
  return 1;
}

int bearer_read_token(bearer_answer *a, const bearer_prolonged *old,
                      bearer_found *found) {
  memset(found, 0, sizeof(*found));
  if (!(old != NULL && !holds_token(a) ? prolong(a, old, found)
                                       : find_token(a, old, found)))
    return 0;
  find_refresh_token(a, found);
  bearer_read_refresh_lifetime(a, found);
  return 1;
}
