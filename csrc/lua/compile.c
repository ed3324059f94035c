/*
 * From the checked table of a definition to structs. What a definition may say was
 * checked in Lua; what is not as it should be here raises, so that nothing is ever
 * guessed.
 */
#include "lua/provider.h"
#include "lua/value.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct {
  lua_State *L;
  bearer_definition *def;
  int functions; /* stack index of their list */
} compiler;

/* ---- helpers ------------------------------------------------------------------- */

static void *allocate(compiler *c, size_t count, size_t size) {
  void *p = calloc(count > 0 ? count : 1, size);
  if (p == NULL)
    luaL_error(c->L, "not enough memory");
  return p;
}

static char *copy(compiler *c, int index) { /* of the text at index */
  char *text = strdup(luaL_checkstring(c->L, index));
  if (text == NULL)
    luaL_error(c->L, "not enough memory");
  return text;
}

static int name_of(compiler *c, int index) {
  size_t size;
  const char *name = luaL_checklstring(c->L, index, &size);
  int id = bearer_names_add(&c->def->names, name, size);
  if (id < 0)
    luaL_error(c->L, "not enough memory");
  return id;
}

/* Push a field of the table at index. 0 (and nothing pushed) when it is not there. */
static int get(compiler *c, int index, const char *name) {
  luaL_checktype(c->L, index, LUA_TTABLE);
  lua_getfield(c->L, index, name);
  if (!lua_isnil(c->L, -1))
    return 1;
  lua_pop(c->L, 1);
  return 0;
}

static int get_flag(compiler *c, int index, const char *name) {
  int flag = 0;
  if (get(c, index, name)) {
    flag = lua_toboolean(c->L, -1);
    lua_pop(c->L, 1);
  }
  return flag;
}

static int size_of(compiler *c, int index) { /* of a map or a list */
  int count = 0;
  luaL_checktype(c->L, index, LUA_TTABLE);
  lua_pushnil(c->L);
  while (lua_next(c->L, index) != 0) {
    lua_pop(c->L, 1);
    count++;
  }
  return count;
}

static int list_size(compiler *c, int index) {
  luaL_checktype(c->L, index, LUA_TTABLE);
  return (int)lua_rawlen(c->L, index);
}

/* The next key and value of the map at index, whose keys are texts. 0 at the end. */
static int next(compiler *c, int index) {
  if (lua_next(c->L, index) == 0)
    return 0;
  if (lua_type(c->L, -2) != LUA_TSTRING)
    luaL_error(c->L, "a checked definition expected");
  return 1;
}

/* ---- places -------------------------------------------------------------------- */

static void node(compiler *c, bearer_part *n, int index, int in_json);

static void add_function(compiler *c, bearer_part *n, int index) {
  n->kind = BEARER_PART_FUNCTION;
  n->function = (int)lua_rawlen(c->L, c->functions) + 1;
  lua_pushvalue(c->L, index);
  lua_rawseti(c->L, c->functions, n->function);
}

static void text(compiler *c, bearer_part *n, int index) {
  bearer_buffer value = { 0 };
  int ok = bearer_value_text(c->L, index, &value) && !value.failed &&
           bearer_template_parse(&n->text, &c->def->names, bearer_buffer_string(&value),
                                 value.size);
  n->kind = lua_type(c->L, index) == LUA_TSTRING ? BEARER_PART_TEXT : BEARER_PART_LITERAL;
  bearer_buffer_free(&value);
  if (!ok)
    luaL_error(c->L, "not enough memory");
}

static void list(compiler *c, bearer_part *n, int index, int in_json) {
  int count = list_size(c, index);
  n->kind = in_json ? BEARER_PART_ARRAY : BEARER_PART_FIRST_OF;
  n->items = allocate(c, (size_t)count, sizeof(*n->items));
  for (n->count = 0; n->count < count; n->count++) {
    lua_rawgeti(c->L, index, n->count + 1);
    node(c, &n->items[n->count], lua_gettop(c->L), in_json);
    lua_pop(c->L, 1);
  }
}

static int by_key(const void *a, const void *b) {
  return strcmp(((const bearer_part *)a)->key, ((const bearer_part *)b)->key);
}

/* A map of places, in the order of their names. */
static void fields(compiler *c, bearer_fields *n, int index, int in_json) {
  int top = lua_gettop(c->L);
  n->items = allocate(c, (size_t)size_of(c, index), sizeof(*n->items));
  n->kind = BEARER_PART_OBJECT;
  luaL_checkstack(c->L, 10, "a definition is nested too deep");
  lua_pushnil(c->L);
  while (next(c, index)) {
    bearer_part *item = &n->items[n->count++];
    item->key = copy(c, top + 1);
    node(c, item, top + 2, in_json);
    lua_settop(c->L, top + 1);
  }
  qsort(n->items, (size_t)n->count, sizeof(*n->items), by_key);
}

static int is_list(compiler *c, int index) {
  int is;
  lua_rawgeti(c->L, index, 1);
  is = !lua_isnil(c->L, -1);
  lua_pop(c->L, 1);
  return is;
}

static void node(compiler *c, bearer_part *n, int index, int in_json) {
  luaL_checkstack(c->L, 10, "a definition is nested too deep");
  switch (lua_type(c->L, index)) {
  case LUA_TSTRING:
  case LUA_TNUMBER:
  case LUA_TBOOLEAN:
    text(c, n, index);
    return;
  case LUA_TFUNCTION:
    add_function(c, n, index);
    return;
  case LUA_TTABLE:
    if (in_json && !is_list(c, index))
      fields(c, n, index, 1);
    else
      list(c, n, index, in_json);
    return;
  default:
    luaL_error(c->L, "a checked definition expected");
  }
}

static void get_node(compiler *c, bearer_part *n, int index, const char *name,
                     int in_json) {
  if (get(c, index, name)) {
    node(c, n, lua_gettop(c->L), in_json);
    lua_pop(c->L, 1);
  }
}

static void get_fields(compiler *c, bearer_fields *n, int index, const char *name,
                       int in_json) {
  if (get(c, index, name)) {
    fields(c, n, lua_gettop(c->L), in_json);
    lua_pop(c->L, 1);
  }
}

/* ---- paths --------------------------------------------------------------------- */

/* The next step of a path: an index in brackets, or a key up to the next . or [ */
static const char *path_step(compiler *c, bearer_path_step *s, const char *at) {
  if (*at == '[') {
    s->index = atoi(at + 1);
    at += strcspn(at, "]");
    return *at == ']' ? at + 1 : at;
  }
  s->size = strcspn(at, ".[");
  s->key = strndup(at, s->size);
  if (s->key == NULL)
    luaL_error(c->L, "not enough memory");
  return at + s->size;
}

static void path(compiler *c, bearer_path *p, int index) {
  const char *at;
  p->text = copy(c, index);
  p->steps = allocate(c, strlen(p->text), sizeof(*p->steps)); /* more than enough */
  at = strcmp(p->text, "$") == 0 ? "" : p->text;
  while (*at != '\0') {
    at = path_step(c, &p->steps[p->count++], at);
    if (*at == '.')
      at++;
  }
}

static void paths(compiler *c, bearer_paths *p, int index) {
  int count = list_size(c, index);
  p->list = allocate(c, (size_t)count, sizeof(*p->list));
  while (p->count < count) {
    lua_rawgeti(c->L, index, p->count + 1);
    path(c, &p->list[p->count++], lua_gettop(c->L));
    lua_pop(c->L, 1);
  }
}

static void get_paths(compiler *c, bearer_paths *p, int index, const char *name) {
  if (get(c, index, name)) {
    paths(c, p, lua_gettop(c->L));
    lua_pop(c->L, 1);
  }
}

static void get_keeps(compiler *c, bearer_keeps *k, int index) {
  int map;
  if (!get(c, index, "keep"))
    return;
  map = lua_gettop(c->L);
  k->list = allocate(c, (size_t)size_of(c, map), sizeof(*k->list));
  lua_pushnil(c->L);
  while (next(c, map)) {
    bearer_keep *keep = &k->list[k->count++];
    keep->name = name_of(c, map + 1);
    paths(c, &keep->paths, map + 2);
    lua_settop(c->L, map + 1);
  }
  lua_settop(c->L, map - 1);
}

/* ---- expectations -------------------------------------------------------------- */

static void value(compiler *c, bearer_value *v, int index) {
  size_t size;
  const char *bytes;
  v->type = lua_type(c->L, index);
  if (v->type == LUA_TBOOLEAN)
    v->number = lua_toboolean(c->L, index);
  else if (v->type == LUA_TNUMBER)
    v->number = lua_tonumber(c->L, index);
  if (v->type != LUA_TSTRING)
    return;
  bytes = lua_tolstring(c->L, index, &size);
  v->text = allocate(c, size + 1, 1);
  memcpy(v->text, bytes, size);
  v->size = size;
}

static void values(compiler *c, bearer_expectation *e, int index) {
  int count = lua_istable(c->L, index) ? list_size(c, index) : 1;
  e->values = allocate(c, (size_t)count, sizeof(*e->values));
  if (!lua_istable(c->L, index)) {
    value(c, &e->values[e->count++], index);
    return;
  }
  while (e->count < count) {
    lua_rawgeti(c->L, index, e->count + 1);
    value(c, &e->values[e->count++], lua_gettop(c->L));
    lua_pop(c->L, 1);
  }
}

static void expectations(compiler *c, bearer_exchange *x, int index) {
  int top = lua_gettop(c->L);
  x->expect = allocate(c, (size_t)size_of(c, index), sizeof(*x->expect));
  lua_pushnil(c->L);
  while (next(c, index)) {
    bearer_expectation *e = &x->expect[x->expect_count++];
    path(c, &e->path, top + 1);
    values(c, e, top + 2);
    lua_settop(c->L, top + 1);
  }
}

static void get_expect(compiler *c, bearer_exchange *x, int index) {
  bearer_part function = { 0 };
  if (!get(c, index, "expect"))
    return;
  if (lua_isfunction(c->L, -1)) {
    add_function(c, &function, lua_gettop(c->L));
    x->expect_function = function.function;
  } else {
    expectations(c, x, lua_gettop(c->L));
  }
  lua_pop(c->L, 1);
}

/* ---- requests ------------------------------------------------------------------ */

static void get_encode(compiler *c, bearer_exchange *x, int pair) {
  bearer_part function = { 0 };
  x->encodes_basic = get_flag(c, pair, "encode");
  lua_getfield(c->L, pair, "encode");
  if (lua_isfunction(c->L, -1)) {
    add_function(c, &function, lua_gettop(c->L));
    x->encode_function = function.function;
  }
  lua_pop(c->L, 1);
}

static void get_basic(compiler *c, bearer_exchange *x, int index) {
  int pair;
  if (!get(c, index, "basic"))
    return;
  pair = lua_gettop(c->L);
  lua_rawgeti(c->L, pair, 1);
  node(c, &x->user, pair + 1, 0);
  lua_rawgeti(c->L, pair, 2);
  node(c, &x->password, pair + 2, 0);
  get_encode(c, x, pair);
  lua_settop(c->L, pair - 1);
}

static void get_body(compiler *c, bearer_exchange *x, int index) {
  get_node(c, &x->body, index, "json", 1);
  if (x->body.kind != BEARER_PART_ABSENT) {
    x->body_kind = BEARER_BODY_JSON;
    return;
  }
  get_fields(c, &x->body, index, "form", 0);
  if (x->body.kind != BEARER_PART_ABSENT) {
    x->body_kind = BEARER_BODY_FORM;
    return;
  }
  get_node(c, &x->body, index, "body", 0);
  if (x->body.kind != BEARER_PART_ABSENT)
    x->body_kind = BEARER_BODY_TEXT;
}

static void exchange(compiler *c, bearer_exchange *x, int index) {
  get(c, index, "method");
  x->method = copy(c, lua_gettop(c->L));
  lua_pop(c->L, 1);
  get_node(c, &x->url, index, "url", 0);
  get_fields(c, &x->query, index, "query", 0);
  get_fields(c, &x->headers, index, "headers", 0);
  get_basic(c, x, index);
  get_node(c, &x->bearer, index, "bearer", 0);
  get_body(c, x, index);
  get_node(c, &x->content_type, index, "content_type", 0);
  get_expect(c, x, index);
  get_keeps(c, &x->keep, index);
  x->prolongs = get_flag(c, index, "prolongs");
  x->revokes = get_flag(c, index, "revokes");
}

static void get_exchanges(compiler *c, bearer_exchanges *all, int index,
                          const char *name) {
  int from, count;
  if (!get(c, index, name))
    return;
  from = lua_gettop(c->L);
  count = list_size(c, from);
  all->list = allocate(c, (size_t)count, sizeof(*all->list));
  while (all->count < count) {
    lua_rawgeti(c->L, from, all->count + 1);
    exchange(c, &all->list[all->count++], from + 1);
    lua_pop(c->L, 1);
  }
  lua_pop(c->L, 1);
}

/* ---- inputs -------------------------------------------------------------------- */

static void get_kind(compiler *c, bearer_input *input, int index) {
  static const char *const kinds[] = { "text", "host", "label", "path",
                                       "url",  "pem",  "jwk",   NULL };
  get(c, index, "kind");
  input->kind = (bearer_input_kind)luaL_checkoption(c->L, -1, NULL, kinds);
  lua_pop(c->L, 1);
}

static int has(compiler *c, int index, const char *name) {
  int there = get(c, index, name);
  if (there)
    lua_pop(c->L, 1);
  return there;
}

static void input(compiler *c, bearer_input *in, int index) {
  get_kind(c, in, index);
  in->takes_any = get_flag(c, index, "takes_any");
  in->secret = get_flag(c, index, "secret");
  in->optional = get_flag(c, index, "optional");
  in->has_default = has(c, index, "default");
  in->has_enum = has(c, index, "enum");
  if (get(c, index, "join")) {
    in->join = copy(c, lua_gettop(c->L));
    lua_pop(c->L, 1);
  }
}

static int by_label(const void *a, const void *b) {
  return strcmp(((const bearer_input *)a)->label, ((const bearer_input *)b)->label);
}

static void inputs(compiler *c, int index) {
  bearer_definition *def = c->def;
  int map;
  get(c, index, "inputs");
  map = lua_gettop(c->L);
  def->inputs = allocate(c, (size_t)size_of(c, map), sizeof(*def->inputs));
  lua_pushnil(c->L);
  while (next(c, map)) {
    bearer_input *in = &def->inputs[def->input_count++];
    in->name = name_of(c, map + 1);
    in->label = def->names.list[in->name];
    input(c, in, map + 2);
    lua_settop(c->L, map + 1);
  }
  lua_settop(c->L, map - 1);
  qsort(def->inputs, (size_t)def->input_count, sizeof(*def->inputs), by_label);
}

static void join_group(bearer_definition *def, int name) {
  for (int i = 0; i < def->input_count; i++)
    if (def->inputs[i].name == name)
      def->inputs[i].in_group = 1;
}

static void group(compiler *c, bearer_group *g, int index) {
  int count = list_size(c, index);
  g->names = allocate(c, (size_t)count, sizeof(*g->names));
  while (g->count < count) {
    lua_rawgeti(c->L, index, g->count + 1);
    g->names[g->count] = name_of(c, lua_gettop(c->L));
    join_group(c->def, g->names[g->count++]);
    lua_pop(c->L, 1);
  }
}

static void groups(compiler *c, int index) {
  bearer_definition *def = c->def;
  int from, count;
  if (!get(c, index, "one_of"))
    return;
  from = lua_gettop(c->L);
  count = list_size(c, from);
  def->groups = allocate(c, (size_t)count, sizeof(*def->groups));
  while (def->group_count < count) {
    lua_rawgeti(c->L, from, def->group_count + 1);
    group(c, &def->groups[def->group_count++], from + 1);
    lua_pop(c->L, 1);
  }
  lua_pop(c->L, 1);
}

/* ---- the rest ------------------------------------------------------------------ */

static void token(compiler *c, int index) {
  static const char *const units[] = { "s", "ms", "min", "h", "d", "clock", NULL };
  bearer_definition *def = c->def;
  int t;
  get(c, index, "token");
  t = lua_gettop(c->L);
  get_paths(c, &def->value, t, "value");
  get_paths(c, &def->type, t, "type");
  get_paths(c, &def->scope, t, "scope");
  get_paths(c, &def->refresh_token, t, "refresh_token");
  get_paths(c, &def->expires_in, t, "expires_in");
  get_paths(c, &def->expires_at, t, "expires_at");
  get_paths(c, &def->issued_at, t, "issued_at");
  get_paths(c, &def->refresh_expires_in, t, "refresh_expires_in");
  get_node(c, &def->zone, t, "zone", 0);
  get_keeps(c, &def->keep, t);
  lua_getfield(c->L, t, "unit");
  def->unit = (bearer_unit)luaL_checkoption(c->L, -1, NULL, units);
  lua_getfield(c->L, t, "lifetime");
  def->lifetime = luaL_optnumber(c->L, -1, 0);
  lua_settop(c->L, t - 1);
}

/* Which header carries the token: `Authorization` if it may, else the first. */
static int token_header(const bearer_fields *headers) {
  int found = -1;
  for (int i = 0; i < headers->count; i++) {
    const bearer_part *n = &headers->items[i];
    if (n->kind == BEARER_PART_TEXT &&
        !bearer_template_mentions(&n->text, BEARER_NAME_TOKEN))
      continue;
    if (strcasecmp(n->key, "authorization") == 0)
      return i;
    if (found < 0)
      found = i;
  }
  return found;
}

static void authorize(compiler *c, int index) {
  bearer_definition *def = c->def;
  if (get(c, index, "authorize")) {
    int a = lua_gettop(c->L);
    get_fields(c, &def->headers, a, "headers", 0);
    get_fields(c, &def->query, a, "query", 0);
    get_fields(c, &def->json, a, "json", 1);
    lua_pop(c->L, 1);
  }
  def->has_query = def->query.kind != BEARER_PART_ABSENT;
  def->has_json = def->json.kind != BEARER_PART_ABSENT;
  def->token_header = token_header(&def->headers);
}

static void texts(compiler *c, char ***list, int *count, int index, const char *name) {
  int from, all;
  if (!get(c, index, name))
    return;
  from = lua_gettop(c->L);
  all = list_size(c, from);
  *list = allocate(c, (size_t)all, sizeof(**list));
  while (*count < all) {
    lua_rawgeti(c->L, from, *count + 1);
    (*list)[(*count)++] = copy(c, lua_gettop(c->L));
    lua_pop(c->L, 1);
  }
  lua_pop(c->L, 1);
}

static void errors(compiler *c, int index) {
  bearer_definition *def = c->def;
  int e;
  get(c, index, "error");
  e = lua_gettop(c->L);
  get_paths(c, &def->error_code, e, "code");
  get_paths(c, &def->error_message, e, "message");
  texts(c, &def->denied.list, &def->denied.count, e, "denied");
  texts(c, &def->throttled.list, &def->throttled.count, e, "throttled");
  texts(c, &def->refused.list, &def->refused.count, e, "refused");
  lua_pop(c->L, 1);
}

/* ---- which names are mentioned where ------------------------------------------- */

static void note(const bearer_part *n, unsigned char *mentions, int names,
                 int *has_functions) {
  *has_functions |= n->kind == BEARER_PART_FUNCTION;
  for (int i = 0; i < n->text.count; i++)
    if (n->text.pieces[i].name >= 0 && n->text.pieces[i].name < names)
      mentions[n->text.pieces[i].name] = 1;
  for (int i = 0; i < n->count; i++)
    note(&n->items[i], mentions, names, has_functions);
}

static void note_exchanges(compiler *c, bearer_exchanges *all) {
  int names = c->def->names.count;
  all->mentions = allocate(c, (size_t)names, 1);
  for (int i = 0; i < all->count; i++) {
    const bearer_exchange *x = &all->list[i];
    const bearer_part *nodes[] = {
      &x->url,      &x->query,  &x->headers, &x->user,
      &x->password, &x->bearer, &x->body,    &x->content_type
    };
    for (size_t n = 0; n < sizeof(nodes) / sizeof(nodes[0]); n++)
      note(nodes[n], all->mentions, names, &all->has_functions);
    all->has_functions |= x->encode_function != 0;
  }
}

static int is_used(const bearer_definition *def, int name) {
  return def->login.mentions[name] || def->login.has_functions ||
         def->refresh.mentions[name] || def->refresh.has_functions ||
         def->logout.mentions[name] || def->logout.has_functions || def->shown_by[name] ||
         def->shows_functions;
}

static void note_all(compiler *c) {
  bearer_definition *def = c->def;
  const bearer_part *shown[] = { &def->base_url, &def->headers, &def->query, &def->json };
  note_exchanges(c, &def->login);
  note_exchanges(c, &def->refresh);
  note_exchanges(c, &def->logout);
  def->shown_by = allocate(c, (size_t)def->names.count, 1);
  for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
    note(shown[i], def->shown_by, def->names.count, &def->shows_functions);
  def->uses_uuid = is_used(def, BEARER_NAME_UUID);
  def->uses_now = is_used(def, BEARER_NAME_NOW);
  def->uses_login_url = is_used(def, BEARER_NAME_LOGIN_URL);
}

static void builtins(compiler *c) {
  static const char *const names[] = { "token", "refresh_token", "uuid", "now",
                                       "login_url" };
  for (int i = 0; i < BEARER_NAME_BUILTINS; i++)
    if (bearer_names_add(&c->def->names, names[i], strlen(names[i])) != i)
      luaL_error(c->L, "not enough memory");
}

void bearer_compile(lua_State *L, int index, bearer_definition *def, int functions) {
  compiler c = { L, def, functions };
  luaL_checkstack(L, 20, NULL);
  builtins(&c);
  lua_getfield(L, index, "name");
  def->name = copy(&c, lua_gettop(L));
  lua_pop(L, 1);
  inputs(&c, index);
  groups(&c, index);
  get_node(&c, &def->base_url, index, "base_url", 0);
  get_exchanges(&c, &def->login, index, "login");
  get_exchanges(&c, &def->refresh, index, "refresh");
  get_exchanges(&c, &def->logout, index, "logout");
  token(&c, index);
  authorize(&c, index);
  texts(&c, &def->hosts, &def->host_count, index, "hosts");
  errors(&c, index);
  if (def->login.count == 0)
    luaL_error(L, "a checked definition expected");
  note_all(&c);
}
