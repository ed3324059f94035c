/*
 * What no error may show: the secrets of a login. They are gathered when there is an
 * error; nothing is kept for it.
 */
#include "base/redact.h"
#include "lua/login.h"
#include "lua/secret_ref.h"

#define SECRETS "bearer.secrets"

/* ---- gathering ----------------------------------------------------------------- */

/* What is named by references, as it is now; of a function, nobody knows it any more.
   [-0, +0, m] */
static void learn_references(lua_State *L, int login, bearer_vars *vars) {
  const bearer_definition *def = ((bearer_login *)lua_touserdata(L, login))->def;
  int top = lua_gettop(L);
  char why[BEARER_WHY_MAX];
  bearer_get_slot(L, login, BEARER_LOGIN_PROVIDER);
  bearer_get_slot(L, login, BEARER_LOGIN_DYNAMIC);
  for (int i = 0; i < def->input_count && lua_istable(L, top + 2); i++) {
    const bearer_input *in = &def->inputs[i];
    lua_rawgeti(L, top + 2, i + 1);
    if (bearer_vars_get(vars, in->name) == NULL && bearer_secret_ref_is(L, top + 3))
      bearer_input_read(L, top + 1, def, in, top + 3, vars, why);
    lua_settop(L, top + 2);
  }
  lua_settop(L, top);
}

/* What is encoded as a whole is to be masked as a whole. */
static int hide_pairs(const bearer_definition *def, bearer_vars *vars) {
  const bearer_exchanges *all[] = { &def->login, &def->refresh, &def->logout };
  for (size_t a = 0; a < sizeof(all) / sizeof(all[0]); a++)
    for (int i = 0; i < all[a]->count; i++)
      if (!bearer_build_hide_basic(&all[a]->list[i], vars))
        return 0;
  return 1;
}

void bearer_login_hide(lua_State *L, int login, bearer_vars *vars) {
  const bearer_login *l = lua_touserdata(L, login);
  const bearer_token *t;
  int ok;
  luaL_checkstack(L, 10, NULL);
  if (l == NULL || l->def == NULL) /* of a transfer; or at the end of a state */
    return;
  t = bearer_login_push_token(L, login);
  ok = bearer_vars_learn(vars, &l->inputs) &&
       (t == NULL || bearer_vars_learn(vars, &t->vars)) &&
       (l->successor == NULL || l->successor->refresh_token.data == NULL ||
        bearer_vars_hide(vars, l->successor->refresh_token.data,
                         l->successor->refresh_token.size));
  lua_pop(L, 1);
  learn_references(L, login, vars);
  if (!ok || !hide_pairs(l->def, vars))
    luaL_error(L, "not enough memory");
}

/* ---- for Lua ------------------------------------------------------------------- */

static int secrets_gc(lua_State *L) {
  bearer_vars *vars = luaL_testudata(L, 1, SECRETS);
  if (vars != NULL)
    bearer_vars_clear(vars);
  return 0;
}

/* core.masked(login, text) -> the text without a secret of the login's */
static int secrets_masked(lua_State *L) {
  bearer_buffer out = { 0 };
  bearer_vars *vars;
  size_t size;
  const char *text = luaL_checklstring(L, 2, &size);
  bearer_login_check(L, 1, "masked");
  lua_settop(L, 2);
  vars = bearer_new(L, SECRETS, sizeof(*vars), 0);
  bearer_login_hide(L, 1, vars);
  bearer_redact(vars, text, size, &out);
  bearer_vars_clear(vars);
  bearer_push_buffer(L, &out);
  return 1;
}

static const luaL_Reg metamethods[] = {
  { "__gc", secrets_gc },
  { NULL, NULL },
};

static const luaL_Reg functions[] = {
  { "masked", secrets_masked },
  { NULL, NULL },
};

void bearer_secrets_open(lua_State *L) {
  bearer_class_make(L, SECRETS, metamethods, NULL);
  bearer_state_of(L)->hide_login = bearer_login_hide;
  luaL_setfuncs(L, functions, 0);
}
