/***
Errors: why the world refused. `tostring(err)` and `err.message` are a sentence for
people; the other fields are for programs. No field ever holds a secret, a token or a
body.
@classmod bearer.error
*/
#include "lua/error.h"

#include <stdio.h>
#include <string.h>

/* ---- what they are made of ----------------------------------------------------- */

static void copy(char *to, size_t room, const char *from) {
  size_t size = strlen(from);
  if (size >= room)
    size = room - 1;
  memcpy(to, from, size);
  to[size] = '\0';
}

void bearer_failure_set(bearer_failure *f, bearer_code code, const char *description) {
  memset(f, 0, sizeof(*f));
  f->code = code;
  f->class = bearer_code_of(code)->class;
  f->retry_after = -1;
  if (description != NULL)
    copy(f->description, sizeof(f->description), description);
}

void bearer_show(char *to, size_t room, const bearer_vars *vars, const char *text,
                 size_t size) {
  bearer_buffer out = { 0 };
  bearer_redact_sentence(vars, text, size, &out);
  copy(to, room, out.failed ? "" : bearer_buffer_string(&out));
  bearer_buffer_free(&out);
}

void bearer_failure_describe(bearer_failure *f, const bearer_vars *vars, const char *text,
                             size_t size) {
  bearer_show(f->description, sizeof(f->description), vars, text, size);
}

int bearer_push_raised(lua_State *L, int index) {
  int status;
  index = lua_absindex(L, index);
  if (lua_type(L, index) == LUA_TSTRING) {
    lua_pushvalue(L, index);
    return 1;
  }
  if (!luaL_getmetafield(L, index, "__tostring"))
    return 0;
  lua_pushvalue(L, index);
  status = lua_pcall(L, 1, 1, 0);
  if (status == LUA_ERRMEM)
    lua_error(L);
  if (status == 0 && lua_type(L, -1) == LUA_TSTRING)
    return 1;
  lua_pop(L, 1);
  return 0;
}

void bearer_explain_raised(lua_State *L, int index, const bearer_vars *vars, char *to,
                           size_t room) {
  size_t size;
  const char *text;
  if (!bearer_push_raised(L, index)) {
    copy(to, room, luaL_typename(L, index));
    return;
  }
  text = lua_tolstring(L, -1, &size);
  bearer_show(to, room, vars, text, size);
  lua_pop(L, 1);
}

void bearer_failure_about(bearer_failure *f, const bearer_vars *vars, const char *text,
                          size_t size) {
  bearer_show(f->request, sizeof(f->request), vars, text, size);
}

/* ---- the objects --------------------------------------------------------------- */

enum { FIELDS = 1, SLOTS = FIELDS };

static const char *const step_names[] = { "login", "refresh", "request", "logout" };

static void set_text(lua_State *L, const char *name, const char *text) {
  lua_pushstring(L, text); /* [-0, +0, m]: into the table on top */
  lua_setfield(L, -2, name);
}

static void push_message(lua_State *L, const bearer_failure *f, const char *provider,
                         const char *step, const char *code) { /* [-0, +1, m] */
  const char *what = f->description[0] != '\0' ? f->description : code;
  char http[16], status[32] = "";
  snprintf(http, sizeof(http), "http_%ld", f->status);
  if (f->status != 0 && strcmp(code, http) != 0)
    snprintf(status, sizeof(status), ", HTTP %ld", f->status);
  lua_pushfstring(L, "%s: %s failed: %s (%s%s%s%s)%s%s%s%s", provider, step, what, code,
                  status, f->request[0] != '\0' ? "; " : "", f->request,
                  f->aside[0] != '\0' ? "; " : "", f->aside, f->hint != NULL ? "; " : "",
                  f->hint != NULL ? f->hint : "");
}

/***
The fields.
@table bearer.error
@tfield string code stable: `invalid_grant`, `timeout`, `tls`, `http_503`, `bad_answer`, …
@tfield string class `terminal`, `throttled`, `transient` or `closed`
@tfield string message the whole as a sentence
@tfield ?integer status of the HTTP answer
@tfield string provider its name
@tfield string step `login`, `refresh`, `request` or `logout`
@tfield ?string description the provider's own words, where it gave some
@tfield ?string request method and URL without its query: `POST https://h/oauth/token`
@tfield ?number retry_after seconds until another attempt is made
@tfield ?boolean held true for a call that found the login held: nothing was asked this
time
@tfield ?table details the provider's own error fields, by their own names; a copy each
time
*/
static void set_fields(lua_State *L, const bearer_failure *f, const char *provider,
                       const char *step) { /* [-0, +0, m]: into the table on top */
  const char *code = f->own_code[0] != '\0' ? f->own_code : bearer_code_of(f->code)->name;
  set_text(L, "code", code);
  set_text(L, "class", bearer_class_name(f->class));
  set_text(L, "provider", provider);
  set_text(L, "step", step);
  set_text(L, "description", f->description[0] != '\0' ? f->description : code);
  if (f->request[0] != '\0')
    set_text(L, "request", f->request);
  if (f->status != 0) {
    lua_pushinteger(L, f->status);
    lua_setfield(L, -2, "status");
  }
  if (f->retry_after >= 0) {
    lua_pushnumber(L, f->retry_after);
    lua_setfield(L, -2, "retry_after");
  }
  push_message(L, f, provider, step, code);
  lua_setfield(L, -2, "message");
}

/* Make an error of the fields on top. [-1, +1, m] */
static void wrap(lua_State *L) {
  bearer_new(L, BEARER_ERROR, 1, SLOTS); /* fields, error */
  lua_insert(L, -2);
  bearer_set_slot(L, lua_gettop(L) - 1, FIELDS); /* error */
}

void bearer_error_push(lua_State *L, const bearer_failure *f, const char *provider,
                       bearer_step_name step, int details) {
  lua_newtable(L);
  set_fields(L, f, provider, step_names[step]);
  if (details != 0) {
    lua_pushvalue(L, details);
    lua_setfield(L, -2, "details");
  }
  wrap(L);
}

int bearer_fail(lua_State *L, const bearer_failure *f, const char *provider,
                bearer_step_name step) {
  bearer_error_push(L, f, provider, step, 0);
  return bearer_refuse(L);
}

/* Push a copy of the table on top, and of those in it. [-0, +1, m] */
static void push_copy(lua_State *L) {
  luaL_checkstack(L, 6, NULL);
  lua_newtable(L); /* from, to */
  lua_pushnil(L);
  while (lua_next(L, -3) != 0) { /* from, to, key, value */
    if (lua_istable(L, -1)) {
      push_copy(L); /* from, to, key, value, copy */
      lua_remove(L, -2);
    }
    lua_pushvalue(L, -2);
    lua_insert(L, -2); /* from, to, key, key, value */
    lua_rawset(L, -4); /* from, to, key */
  }
}

void bearer_error_push_held(lua_State *L, int index, double retry_after) {
  bearer_get_slot(L, lua_absindex(L, index), FIELDS); /* fields */
  push_copy(L);
  lua_remove(L, -2); /* copy */
  lua_pushnumber(L, retry_after);
  lua_setfield(L, -2, "retry_after");
  lua_pushboolean(L, 1);
  lua_setfield(L, -2, "held");
  wrap(L);
}

int bearer_error_is(lua_State *L, int index) {
  return luaL_testudata(L, index, BEARER_ERROR) != NULL;
}

/* Push a field of the table on top as text, or NULL. [-0, +1, m] */
static const char *push_text(lua_State *L, const char *name) {
  lua_getfield(L, -1, name);
  return lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
}

static bearer_class class_named(const char *name) {
  int class = BEARER_TRANSIENT;
  while (name != NULL && class < BEARER_CLASS_CLOSED &&
         strcmp(bearer_class_name((bearer_class) class), name) != 0)
    class ++;
  return (bearer_class) class;
}

void bearer_error_read(lua_State *L, int index, const bearer_vars *vars,
                       bearer_failure *f) {
  int top = lua_gettop(L);
  const char *text;
  bearer_failure_set(f, BEARER_NETWORK, NULL);
  bearer_get_slot(L, index, FIELDS);
  if (!lua_istable(L, -1)) {
    lua_settop(L, top);
    return;
  }
  text = push_text(L, "code");
  if (text != NULL && bearer_code_named(text) != BEARER_OK)
    f->code = bearer_code_named(text);
  else if (text != NULL)
    copy(f->own_code, sizeof(f->own_code), text);
  lua_pop(L, 1);
  lua_pushliteral(L, "status");
  lua_rawget(L, -2);
  f->status = lua_type(L, -1) == LUA_TNUMBER ? (long)lua_tonumber(L, -1) : 0;
  lua_pop(L, 1);
  f->class = class_named(push_text(L, "class"));
  lua_pop(L, 1);
  text = push_text(L, "description");
  if (text != NULL)
    bearer_failure_describe(f, vars, text, lua_rawlen(L, -1));
  lua_settop(L, top);
}

/* The details are given as a copy: what becomes of that is not seen by others who get
   the same error, nor by those who are held for it. */
static int error_index(lua_State *L) {
  bearer_check(L, 1, BEARER_ERROR, "error");
  bearer_get_slot(L, 1, FIELDS);
  if (!lua_istable(L, -1)) /* memory ran out while it was made */
    return 0;
  lua_pushvalue(L, 2);
  lua_rawget(L, -2);
  if (lua_istable(L, -1))
    push_copy(L);
  return 1;
}

static int error_tostring(lua_State *L) {
  lua_settop(L, 1);
  lua_pushliteral(L, "message");
  if (error_index(L) == 0 || !lua_isstring(L, -1))
    lua_pushliteral(L, "bearer.error");
  return 1;
}

static int error_concat(lua_State *L) {
  lua_settop(L, 2);
  for (int i = 1; i <= 2; i++) {
    if (luaL_testudata(L, i, BEARER_ERROR) != NULL) {
      lua_pushcfunction(L, error_tostring);
      lua_pushvalue(L, i);
      lua_call(L, 1, 1);
    } else {
      luaL_argcheck(L, lua_isstring(L, i), i, "a text expected");
      lua_pushvalue(L, i);
    }
  }
  lua_concat(L, 2);
  return 1;
}

static const luaL_Reg metamethods[] = {
  { "__index", error_index },
  { "__tostring", error_tostring },
  { "__concat", error_concat },
  { NULL, NULL },
};

/* core.codes() -> {code = {class, sentence}, …}: for those who compare documents with it
 */
static int error_codes(lua_State *L) {
  lua_newtable(L);
  for (int code = BEARER_OK + 1; code < BEARER_CODES; code++) {
    const bearer_code_row *row = bearer_code_of((bearer_code)code);
    lua_newtable(L);
    set_text(L, "class", bearer_class_name(row->class));
    set_text(L, "sentence", row->sentence);
    lua_setfield(L, -2, row->name);
  }
  return 1;
}

static const luaL_Reg functions[] = {
  { "codes", error_codes },
  { NULL, NULL },
};

void bearer_error_open(lua_State *L) {
  bearer_class_make(L, BEARER_ERROR, metamethods, NULL);
  luaL_setfuncs(L, functions, 0);
}
