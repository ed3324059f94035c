/*
 * What a definition's function gets: v, the names and what they stand for, and f, the
 * primitives. v is a copy, so that nothing that the function does to its login can take
 * away what it is reading.
 */
#include "lua/build.h"
#include "lua/error.h"
#include "lua/state.h"
#include "lua/value.h"

#include <stdio.h>
#include <string.h>

#define VARIABLES "bearer.variables"
#define TEXT      "bearer.text"

typedef struct {
  const bearer_definition *def; /* a reference */
  bearer_vars vars;             /* owned; empty once the function has returned */
} variables;

/* ---- v ------------------------------------------------------------------------- */

static int variables_index(lua_State *L) {
  const variables *v = luaL_checkudata(L, 1, VARIABLES);
  size_t size;
  const char *name;
  if (lua_type(L, 2) != LUA_TSTRING)
    return 0;
  name = lua_tolstring(L, 2, &size);
  bearer_push_var(L, &v->vars, bearer_names_find(&v->def->names, name, size));
  return 1;
}

static int variables_gc(lua_State *L) {
  variables *v = luaL_testudata(L, 1, VARIABLES);
  if (v == NULL)
    return 0;
  bearer_vars_clear(&v->vars);
  bearer_definition_release(v->def);
  v->def = NULL;
  return 0;
}

static variables *push_variables(bearer_context *c) { /* [-0, +1, m] */
  variables *v = bearer_new(c->L, VARIABLES, sizeof(*v), 0);
  v->def = c->def;
  bearer_definition_retain(c->def);
  if (!bearer_vars_copy(&v->vars, c->vars))
    luaL_error(c->L, "not enough memory");
  return v;
}

/* ---- f ------------------------------------------------------------------------- */

static int text_gc(lua_State *L) {
  bearer_template *t = luaL_testudata(L, 1, TEXT);
  if (t != NULL)
    bearer_template_clear(t);
  return 0;
}

const bearer_template *bearer_function_text(lua_State *L, int index) {
  return luaL_testudata(L, index, TEXT);
}

/* Parse with the names of the definition, to which nothing is added. */
static int parse(const variables *v, bearer_template *t, const char *text, size_t size) {
  bearer_names names = { 0 };
  int ok = 1;
  for (int i = 0; ok && i < v->def->names.count; i++)
    ok = bearer_names_add(&names, v->def->names.list[i], strlen(v->def->names.list[i])) ==
         i;
  ok = ok && bearer_template_parse(t, &names, text, size);
  bearer_names_clear(&names);
  return ok;
}

/* f.text(template) -> the template, to be expanded below Lua; nil when a name in it is
   not known. Upvalue: v */
static int f_text(lua_State *L) {
  const variables *v = luaL_checkudata(L, lua_upvalueindex(1), VARIABLES);
  size_t size;
  const char *text = luaL_checklstring(L, 1, &size);
  bearer_template *t = bearer_new(L, TEXT, sizeof(*t), 0);
  if (!parse(v, t, text, size))
    return luaL_error(L, "not enough memory");
  if (bearer_template_missing(t, &v->vars) >= 0)
    lua_pushnil(L);
  return 1;
}

/* A table of its own for each call: a definition cannot change what others get. */
static void push_primitives(lua_State *L, int variables_at) { /* [-0, +1, m] */
  lua_newtable(L);
  bearer_state_push(L, BEARER_PRIMITIVES); /* f, all */
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) { /* f, all, name, primitive */
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -5);
  }
  lua_pop(L, 1); /* f */
  lua_pushvalue(L, variables_at);
  lua_pushcclosure(L, f_text, 1);
  lua_setfield(L, -2, "text");
}

/* ---- calling ------------------------------------------------------------------- */

/* What was raised is on top. Its words may hold what it was given, and more. */
static void note_failure(bearer_context *c, bearer_vars *vars) {
  c->fault.kind = BEARER_FAULT_DEFINITION;
  bearer_hide(c, vars);
  bearer_explain_raised(c->L, -1, vars, c->fault.what, sizeof(c->fault.what));
}

int bearer_function_call(bearer_context *c, int function) {
  lua_State *L = c->L;
  int top = lua_gettop(L), status;
  variables *v;
  luaL_checkstack(L, 10, NULL);
  v = push_variables(c); /* v */
  bearer_get_slot(L, c->provider, BEARER_PROVIDER_FUNCTIONS);
  lua_rawgeti(L, -1, function);
  lua_remove(L, -2); /* v, function */
  lua_pushvalue(L, top + 1);
  push_primitives(L, top + 1);    /* v, function, v, f */
  status = lua_pcall(L, 2, 1, 0); /* v, what it gave or raised */
  if (status == LUA_ERRMEM) {
    bearer_vars_clear(&v->vars);
    lua_error(L);
  }
  if (status != 0)
    note_failure(c, &v->vars);
  bearer_vars_clear(&v->vars);
  if (status == 0)
    lua_remove(L, top + 1);
  else
    lua_settop(L, top);
  return status == 0;
}

static const luaL_Reg variables_metamethods[] = {
  { "__index", variables_index },
  { "__gc", variables_gc },
  { NULL, NULL },
};

static const luaL_Reg text_metamethods[] = {
  { "__gc", text_gc },
  { NULL, NULL },
};

void bearer_function_open(lua_State *L) {
  bearer_class_make(L, VARIABLES, variables_metamethods, NULL);
  bearer_class_make(L, TEXT, text_metamethods, NULL);
}
