/***
Providers: checked, compiled definitions. Immutable; any number of logins may share one.
@classmod bearer.provider
*/
#include "lua/provider.h"

#include <stdlib.h>
#include <string.h>

/* ---- freeing ------------------------------------------------------------------- */

static void free_node(bearer_part *n) {
  for (int i = 0; i < n->count; i++)
    free_node(&n->items[i]);
  free(n->items);
  free(n->key);
  bearer_template_clear(&n->text);
}

static void free_path(bearer_path *p) {
  for (int i = 0; i < p->count; i++)
    free(p->steps[i].key);
  free(p->steps);
  free(p->text);
}

static void free_paths(bearer_paths *p) {
  for (int i = 0; i < p->count; i++)
    free_path(&p->list[i]);
  free(p->list);
}

static void free_keeps(bearer_keeps *k) {
  for (int i = 0; i < k->count; i++)
    free_paths(&k->list[i].paths);
  free(k->list);
}

static void free_expectation(bearer_expectation *e) {
  for (int i = 0; i < e->count; i++)
    free(e->values[i].text);
  free(e->values);
  free_path(&e->path);
}

static void free_exchange(bearer_exchange *x) {
  bearer_part *nodes[] = { &x->url,      &x->query,  &x->headers, &x->user,
                           &x->password, &x->bearer, &x->body,    &x->content_type };
  for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
    free_node(nodes[i]);
  for (int i = 0; i < x->expect_count; i++)
    free_expectation(&x->expect[i]);
  free(x->expect);
  free_keeps(&x->keep);
  free(x->method);
}

static void free_exchanges(bearer_exchanges *all) {
  for (int i = 0; i < all->count; i++)
    free_exchange(&all->list[i]);
  free(all->list);
  free(all->mentions);
}

static void free_texts(char **list, int count) {
  for (int i = 0; i < count; i++)
    free(list[i]);
  free(list);
}

static void free_inputs(bearer_definition *def) {
  for (int i = 0; i < def->input_count; i++)
    free(def->inputs[i].join);
  free(def->inputs);
  for (int i = 0; i < def->group_count; i++)
    free(def->groups[i].names);
  free(def->groups);
}

static void free_definition(bearer_definition *def) {
  bearer_paths *paths[] = { &def->value,      &def->type,
                            &def->scope,      &def->refresh_token,
                            &def->expires_in, &def->expires_at,
                            &def->issued_at,  &def->refresh_expires_in,
                            &def->error_code, &def->error_message };
  bearer_part *nodes[] = { &def->base_url, &def->headers, &def->query, &def->json,
                           &def->zone };
  bearer_codes_list *codes[] = { &def->denied, &def->throttled, &def->refused };
  for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
    free_paths(paths[i]);
  for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
    free_node(nodes[i]);
  for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
    free_texts(codes[i]->list, codes[i]->count);
  free_texts(def->hosts, def->host_count);
  free_exchanges(&def->login);
  free_exchanges(&def->refresh);
  free_exchanges(&def->logout);
  free_keeps(&def->keep);
  free_inputs(def);
  free(def->shown_by);
  bearer_names_clear(&def->names);
  free(def->name);
  free(def);
}

/* Counted, since at the end of a Lua state its objects go in an order of Lua's own. */
void bearer_definition_retain(const bearer_definition *def) {
  ((bearer_definition *)def)->references++;
}

void bearer_definition_release(const bearer_definition *def) {
  bearer_definition *mine = (bearer_definition *)def;
  if (mine != NULL && --mine->references == 0)
    free_definition(mine);
}

/* ---- asking -------------------------------------------------------------------- */

/* Is this name anywhere else than alone in its text? */
static int is_within(const bearer_part *n, int name) {
  if (bearer_template_mentions(&n->text, name) && bearer_template_alone(&n->text) != name)
    return 1;
  for (int i = 0; i < n->count; i++)
    if (is_within(&n->items[i], name))
      return 1;
  return 0;
}

static int mentions(const bearer_part *n, int name) {
  if (bearer_template_mentions(&n->text, name))
    return 1;
  for (int i = 0; i < n->count; i++)
    if (mentions(&n->items[i], name))
      return 1;
  return 0;
}

static int exchange_keeps(const bearer_exchange *x, int name, int is_map) {
  const bearer_part *texts[] = { &x->url,      &x->headers, &x->user,
                                 &x->password, &x->bearer,  &x->content_type };
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
    if (mentions(texts[i], name))
      return 0;
  if (x->body_kind == BEARER_BODY_TEXT || (is_map && x->body_kind == BEARER_BODY_FORM))
    if (mentions(&x->body, name))
      return 0;
  if (is_map && mentions(&x->query, name))
    return 0;
  return !is_within(&x->query, name) && !is_within(&x->body, name);
}

int bearer_definition_keeps_type(const bearer_definition *def, int name, int is_map) {
  const bearer_exchanges *all[] = { &def->login, &def->refresh, &def->logout };
  for (size_t a = 0; a < sizeof(all) / sizeof(all[0]); a++)
    for (int i = 0; i < all[a]->count; i++)
      if (!exchange_keeps(&all[a]->list[i], name, is_map))
        return 0;
  return !mentions(&def->base_url, name) && !mentions(&def->headers, name) &&
         !(is_map && mentions(&def->query, name)) && !is_within(&def->query, name) &&
         !is_within(&def->json, name);
}

int bearer_definition_is_input(const bearer_definition *def, int name) {
  for (int i = 0; i < def->input_count; i++)
    if (def->inputs[i].name == name)
      return 1;
  return 0;
}

static int keeps(const bearer_keeps *k, int name) {
  for (int i = 0; i < k->count; i++)
    if (k->list[i].name == name)
      return 1;
  return 0;
}

static int any_keeps(const bearer_exchanges *all, int name) {
  for (int i = 0; i < all->count; i++)
    if (keeps(&all->list[i].keep, name))
      return 1;
  return 0;
}

int bearer_definition_is_kept(const bearer_definition *def, int name) {
  return keeps(&def->keep, name) || any_keeps(&def->login, name) ||
         any_keeps(&def->refresh, name);
}

int bearer_codes_have(const bearer_codes_list *codes, const char *code) {
  for (int i = 0; i < codes->count; i++)
    if (strcmp(codes->list[i], code) == 0)
      return 1;
  return 0;
}

/* ---- the objects --------------------------------------------------------------- */

typedef struct {
  bearer_definition *def; /* a reference */
  int is_whole;           /* it has been compiled to its end */
} provider;

const bearer_definition *bearer_provider_check(lua_State *L, int index,
                                               const char *method) {
  const provider *p = bearer_check(L, index, BEARER_PROVIDER, method);
  if (p->def == NULL || !p->is_whole)
    bearer_raise(L, "%s: the provider is not whole", method);
  return p->def;
}

/* core.provider(checked definition) */
static int provider_new(lua_State *L) {
  provider *p;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  p = bearer_new(L, BEARER_PROVIDER, sizeof(*p),
                 BEARER_PROVIDER_SLOTS); /* def, provider */
  lua_newtable(L);                       /* def, provider, functions */
  lua_pushvalue(L, -1);
  bearer_set_slot(L, 2, BEARER_PROVIDER_FUNCTIONS);
  lua_getfield(L, 1, "inputs");
  bearer_set_slot(L, 2, BEARER_PROVIDER_INPUTS);
  p->def = calloc(1, sizeof(*p->def));
  if (p->def == NULL)
    return luaL_error(L, "not enough memory");
  p->def->references = 1;
  bearer_compile(L, 1, p->def, 3);
  p->is_whole = 1;
  lua_settop(L, 2);
  return 1;
}

static int provider_gc(lua_State *L) {
  provider *p = luaL_testudata(L, 1, BEARER_PROVIDER);
  if (p == NULL)
    return 0;
  bearer_definition_release(p->def);
  p->def = NULL;
  return 0;
}

static int provider_tostring(lua_State *L) {
  lua_pushfstring(L, "bearer.provider (%s)",
                  bearer_provider_check(L, 1, "tostring")->name);
  return 1;
}

static const luaL_Reg metamethods[] = {
  { "__gc", provider_gc },
  { "__tostring", provider_tostring },
  { NULL, NULL },
};

static const luaL_Reg methods[] = { { NULL, NULL } };

static const luaL_Reg functions[] = {
  { "provider", provider_new },
  { NULL, NULL },
};

void bearer_provider_open(lua_State *L) {
  bearer_class_make(L, BEARER_PROVIDER, metamethods, methods);
  luaL_setfuncs(L, functions, 0);
}
