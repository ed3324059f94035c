/*
 * What a caller gives a login.
 */
#include "lua/input.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "http/url.h"
#include "lua/error.h"
#include "lua/options.h"
#include "lua/secret_ref.h"
#include "lua/value.h"

/* ---- one value ----------------------------------------------------------------- */

typedef struct {
  lua_State *L;
  int provider;
  const bearer_definition *def;
  const bearer_input *input;
  char *why; /* BEARER_WHY_MAX */
} check;

static int wrong(const check *c, const char *what) {
  snprintf(c->why, BEARER_WHY_MAX, "inputs.%s: %s", c->input->label, what);
  return 0;
}

/* Kinds that were checked may go into a URL as they are. */
static int goes_into_url(const bearer_input *input) {
  return input->kind == BEARER_KIND_HOST || input->kind == BEARER_KIND_LABEL ||
         input->kind == BEARER_KIND_PATH || input->kind == BEARER_KIND_URL;
}

static int fits_kind(bearer_input_kind kind, const char *text, size_t size) {
  if (strlen(text) != size && kind != BEARER_KIND_TEXT)
    return 0;
  switch (kind) {
  case BEARER_KIND_HOST:
    return bearer_url_is_host(text);
  case BEARER_KIND_LABEL:
    return bearer_url_is_label(text);
  case BEARER_KIND_PATH:
    return bearer_url_is_path(text);
  case BEARER_KIND_URL:
    return bearer_url_check(text, 1) == BEARER_URL_OK;
  case BEARER_KIND_PEM:
    return strstr(text, "-----BEGIN ") != NULL;
  case BEARER_KIND_JWK:
    return strstr(text, "\"kty\"") != NULL;
  default:
    return size > 0;
  }
}

/* What people give in place of a host, who have a URL at hand. */
static const char *host_hint(const char *text) {
  if (strstr(text, "://") != NULL)
    return "; leave its https:// out";
  return strchr(text, '/') != NULL ? "; leave what follows the host out" : "";
}

/* The text has this size; NULL: it is none. */
static int no_fit(const check *c, const char *text, size_t size) {
  static const char *const expected[] = {
    "a text",
    "a host, like api.example.com or api.example.com:8443",
    "one label of a host name: letters, digits, inner hyphens",
    "a path that opens with '/'",
    "an absolute URL without user, password or fragment",
    "PEM text",
    "a JSON Web Key"
  };
  char what[200];
  int is_whole = text != NULL && strlen(text) == size;
  bearer_url_fault fault = is_whole && size > 0 && c->input->kind == BEARER_KIND_URL
                               ? bearer_url_check(text, 1)
                               : BEARER_URL_OK;
  if (text != NULL && size == 0)
    return wrong(c, "a text that is not empty expected");
  if (fault != BEARER_URL_OK)
    snprintf(what, sizeof(what), "the URL %s", bearer_url_explain(fault));
  else
    snprintf(what, sizeof(what), "%s expected%s", expected[c->input->kind],
             is_whole && c->input->kind == BEARER_KIND_HOST ? host_hint(text) : "");
  return wrong(c, what);
}

/* A list becomes one text where the definition joins it. At the top from then on. */
static int join(const check *c, int index) { /* [-0, +1 or 0, m] */
  lua_State *L = c->L;
  luaL_Buffer joined;
  int count = (int)lua_rawlen(L, index);
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, index, i);
    if (lua_type(L, -1) != LUA_TSTRING) {
      lua_pop(L, 1);
      return wrong(c, "a list of texts expected");
    }
    lua_pop(L, 1);
  }
  luaL_buffinit(L, &joined);
  for (int i = 1; i <= count; i++) {
    if (i > 1)
      luaL_addstring(&joined, c->input->join);
    lua_rawgeti(L, index, i);
    luaL_addvalue(&joined);
  }
  luaL_pushresult(&joined);
  return 1;
}

static int is_jwk_table(lua_State *L, int index) {
  int is;
  lua_pushliteral(L, "kty");
  lua_rawget(L, index);
  is = lua_type(L, -1) == LUA_TSTRING;
  lua_pop(L, 1);
  return is;
}

/* A value that is no text may be given where it stays what it is, unless a text is asked
   for by name; of texts there may be a list. */
static int check_typed(const check *c, const char *kind, int is_list, int is_map) {
  char what[64];
  if ((is_list || c->input->takes_any) &&
      bearer_definition_keeps_type(c->def, c->input->name, is_map))
    return 1;
  snprintf(what, sizeof(what), "a text expected, got %s", kind);
  return wrong(c, what);
}

static int check_table(const check *c, int index) {
  lua_State *L = c->L;
  const char *kind;
  if (c->input->kind == BEARER_KIND_JWK)
    return is_jwk_table(L, index) || wrong(c, "a JSON Web Key expected");
  if (c->input->secret)
    return wrong(c, "a secret is a text");
  if (c->input->kind != BEARER_KIND_TEXT)
    return no_fit(c, NULL, 1);
  lua_pushnil(L);
  if (lua_next(L, index) == 0)
    return wrong(c, "a text expected, got an empty table");
  lua_pop(L, 2);
  kind = bearer_value_kind(L, index);
  return check_typed(c, kind, strcmp(kind, "a list") == 0, strcmp(kind, "a table") == 0);
}

static void push_field(const check *c, const char *field) { /* [-0, +1, m] */
  bearer_get_slot(c->L, c->provider, BEARER_PROVIDER_INPUTS);
  lua_getfield(c->L, -1, c->input->label);
  lua_getfield(c->L, -1, field);
  lua_replace(c->L, -3);
  lua_pop(c->L, 1);
}

static int check_plain(const check *c, int index) {
  lua_State *L = c->L;
  size_t size;
  const char *text;
  char what[64];
  switch (lua_type(L, index)) {
  case LUA_TSTRING:
    text = lua_tolstring(L, index, &size);
    return fits_kind(c->input->kind, text, size) || no_fit(c, text, size);
  case LUA_TNUMBER:
    if (!isfinite((double)lua_tonumber(L, index)))
      return wrong(c, "not a number");
    if (c->input->secret) /* as 007 it would be another one */
      return wrong(c, "a secret is a text: put its digits between quotes");
    return c->input->kind == BEARER_KIND_TEXT || no_fit(c, NULL, 1);
  case LUA_TBOOLEAN:
    if (c->input->secret)
      return wrong(c, "a secret is a text");
    return c->input->kind == BEARER_KIND_TEXT ? check_typed(c, "a boolean", 0, 0)
                                              : no_fit(c, NULL, 1);
  case LUA_TTABLE:
    return check_table(c, index);
  default:
    snprintf(what, sizeof(what), "a text expected, got %s", bearer_value_kind(L, index));
    return wrong(c, what);
  }
}

static int not_in_enum(const check *c, int list) {
  char text[BEARER_WHY_MAX / 2] = "";
  size_t at = 0;
  for (int i = 1, count = (int)lua_rawlen(c->L, list); i <= count; i++) {
    lua_rawgeti(c->L, list, i);
    if (lua_isboolean(c->L, -1))
      lua_pushstring(c->L, lua_toboolean(c->L, -1) ? "true" : "false");
    at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i > 1 ? ", " : "",
                           luaL_optstring(c->L, -1, "?"));
    lua_settop(c->L, list + 1);
    lua_pop(c->L, 1);
    if (at >= sizeof(text))
      break;
  }
  snprintf(c->why, BEARER_WHY_MAX, "inputs.%s: one of %s expected", c->input->label,
           text);
  return 0;
}

static int check_enum(const check *c, int index) {
  int top = lua_gettop(c->L), found = 0, ok;
  if (!c->input->has_enum)
    return 1;
  push_field(c, "enum");
  for (int i = 1, count = (int)lua_rawlen(c->L, top + 1); i <= count && !found; i++) {
    lua_rawgeti(c->L, top + 1, i);
    found = lua_rawequal(c->L, -1, index);
    lua_pop(c->L, 1);
  }
  ok = found || not_in_enum(c, top + 1);
  lua_settop(c->L, top);
  return ok;
}

static int put(const check *c, int index, bearer_vars *vars) {
  bearer_var_use use = goes_into_url(c->input) ? BEARER_VAR_CHECKED : BEARER_VAR_ENCODED;
  const char *what =
      bearer_value_to_var(c->L, index, vars, c->input->name, use, c->input->secret);
  if (what != NULL)
    return wrong(c, what);
  if (c->input->secret && lua_istable(c->L, index)) { /* a JWK: as text from now on */
    for (int i = 0; i < vars->count; i++)
      if (vars->list[i].name == c->input->name)
        vars->list[i].type = BEARER_VAR_TEXT;
  }
  return 1;
}

int bearer_input_put(lua_State *L, int provider, const bearer_definition *def,
                     const bearer_input *input, int index, bearer_vars *vars,
                     char why[BEARER_WHY_MAX]) {
  check c = { L, provider, def, input, why };
  int top = lua_gettop(L), ok = 1;
  luaL_checkstack(L, 10, NULL);
  if (lua_istable(L, index) && input->join != NULL) {
    ok = join(&c, index);
    index = top + 1;
  }
  ok = ok && check_plain(&c, index) && check_enum(&c, index) && put(&c, index, vars);
  lua_settop(L, top);
  return ok;
}

/* Only what goes into a URL as it is, or must be one of a few, is looked at; for the
   latter it becomes a Lua string. */
static int check_read(const check *c, const bearer_secret *value) {
  int ok;
  if (goes_into_url(c->input) && !fits_kind(c->input->kind, value->data, value->size))
    return no_fit(c, value->data, value->size);
  if (!c->input->has_enum)
    return 1;
  lua_pushlstring(c->L, value->data, value->size);
  ok = check_enum(c, lua_gettop(c->L));
  lua_pop(c->L, 1);
  return ok;
}

int bearer_input_read(lua_State *L, int provider, const bearer_definition *def,
                      const bearer_input *input, int index, bearer_vars *vars,
                      char why[BEARER_WHY_MAX]) {
  check c = { L, provider, def, input, why };
  bearer_secret value = { 0 };
  const char *what = bearer_secret_ref_read(L, index, &value), *source;
  int ok;
  if (what != NULL) {
    luaL_callmeta(L, index, "__tostring");
    source = lua_tostring(L, -1);
    snprintf(why, BEARER_WHY_MAX, "input '%s': %s %s", input->label, source, what);
    lua_pop(L, 1);
    return 0;
  }
  ok = bearer_vars_set(vars, input->name, BEARER_VAR_TEXT,
                       goes_into_url(input) ? BEARER_VAR_CHECKED : BEARER_VAR_ENCODED,
                       input->secret, value.data, value.size) ||
       wrong(&c, "not enough memory");
  ok = ok && check_read(&c, &value);
  bearer_secret_clear(&value);
  return ok;
}

void bearer_input_explain(lua_State *L, const bearer_input *input,
                          const bearer_vars *vars, char why[BEARER_WHY_MAX]) {
  int returned = lua_toboolean(L, 2), at = returned ? 4 : 3;
  char text[BEARER_WHY_MAX] = "";
  if (!returned || lua_type(L, at) == LUA_TSTRING)
    bearer_explain_raised(L, at, vars, text, sizeof(text));
  snprintf(why, BEARER_WHY_MAX, "input '%s': its function %s%s%s", input->label,
           returned ? "gave nothing" : "raised an error", text[0] != '\0' ? ": " : "",
           text);
}

/* ---- all of them --------------------------------------------------------------- */

static const bearer_input *find_input(const bearer_definition *def, const char *name) {
  for (int i = 0; i < def->input_count; i++)
    if (strcmp(def->inputs[i].label, name) == 0)
      return &def->inputs[i];
  return NULL;
}

static const char *suggest_input(const bearer_definition *def, const char *name,
                                 char *text, size_t room) {
  const char *labels[100];
  int count = def->input_count < 100 ? def->input_count : 0;
  for (int i = 0; i < count; i++)
    labels[i] = def->inputs[i].label;
  return bearer_suggest(name, labels, count, text, room);
}

static int is_given(lua_State *L, int given, const char *name) {
  int is;
  lua_pushstring(L, name);
  lua_rawget(L, given);
  is = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return is;
}

/* Sentences that are raised together. */
typedef struct {
  char text[480];
  size_t size;
} faults;

static void add_fault(faults *f, const char *text) {
  int size = snprintf(f->text + f->size, sizeof(f->text) - f->size, "%s%s",
                      f->size > 0 ? "; " : "", text);
  f->size += size > 0 ? (size_t)size : 0;
  if (f->size >= sizeof(f->text))
    f->size = sizeof(f->text) - 1;
}

static void find_unknown(lua_State *L, const bearer_definition *def, int given,
                         faults *f) {
  char quoted[BEARER_QUOTED_MAX], hint[BEARER_HINT_MAX], text[400];
  lua_pushnil(L);
  while (lua_next(L, given) != 0) {
    lua_pop(L, 1);
    if (lua_type(L, -1) != LUA_TSTRING)
      bearer_raise(L, "inputs: names are texts");
    if (find_input(def, lua_tostring(L, -1)) != NULL)
      continue;
    snprintf(text, sizeof(text), "unknown input %s%s",
             bearer_quote(lua_tostring(L, -1), quoted),
             bearer_options_has(lua_tostring(L, -1))
                 ? ": it is an option, of the table that follows the inputs"
                 : suggest_input(def, lua_tostring(L, -1), hint, sizeof(hint)));
    add_fault(f, text);
  }
}

static void find_missing(lua_State *L, const bearer_definition *def, int given,
                         faults *f) {
  char text[BEARER_QUOTED_MAX + 16], quoted[BEARER_QUOTED_MAX];
  for (int i = 0; i < def->input_count; i++) {
    const bearer_input *in = &def->inputs[i];
    if (in->optional || in->has_default || in->in_group || is_given(L, given, in->label))
      continue;
    snprintf(text, sizeof(text), "%s is missing", bearer_quote(in->label, quoted));
    add_fault(f, text);
  }
}

static void find_groups(lua_State *L, const bearer_definition *def, int given,
                        faults *f) {
  int whole = 0, touched = 0;
  char text[400] = "give exactly one of these, whole: ";
  size_t at = strlen(text);
  for (int i = 0; i < def->group_count; i++) {
    int count = 0;
    for (int n = 0; n < def->groups[i].count; n++)
      count += is_given(L, given, def->names.list[def->groups[i].names[n]]);
    whole += count == def->groups[i].count;
    touched += count > 0;
  }
  if (def->group_count == 0 || (whole == 1 && touched == 1))
    return;
  for (int i = 0; i < def->group_count; i++)
    for (int n = 0; n < def->groups[i].count && at < sizeof(text); n++)
      at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s",
                             n > 0   ? " with "
                             : i > 0 ? ", or "
                                     : "",
                             def->names.list[def->groups[i].names[n]]);
  add_fault(f, text);
}

static int is_dynamic(lua_State *L, int index) {
  return lua_isfunction(L, index) || bearer_secret_ref_is(L, index);
}

/* Push what was given for an input, or its default, or nil. */
static void push_given(lua_State *L, int provider, const bearer_input *in, int given) {
  lua_pushstring(L, in->label);
  lua_rawget(L, given);
  if (!lua_isnil(L, -1) || !in->has_default)
    return;
  lua_pop(L, 1);
  bearer_get_slot(L, provider, BEARER_PROVIDER_INPUTS);
  lua_getfield(L, -1, in->label);
  lua_getfield(L, -1, "default");
  lua_replace(L, -3);
  lua_pop(L, 1);
}

void bearer_inputs_check(lua_State *L, int provider, const bearer_definition *def,
                         int given, bearer_vars *vars) {
  faults f = { "", 0 };
  char why[BEARER_WHY_MAX];
  int dynamic, is_structural;
  if (!lua_istable(L, given))
    bearer_raise(L, "inputs: a table expected, got %s", luaL_typename(L, given));
  find_unknown(L, def, given, &f);
  find_missing(L, def, given, &f);
  find_groups(L, def, given, &f);
  is_structural = f.size > 0;
  lua_pushnil(L);
  dynamic = lua_gettop(L);
  for (int i = 0; i < def->input_count; i++) {
    push_given(L, provider, &def->inputs[i], given);
    if (is_dynamic(L, dynamic + 1)) {
      if (lua_isnil(L, dynamic)) {
        lua_newtable(L);
        lua_replace(L, dynamic);
      }
      lua_rawseti(L, dynamic, i + 1);
    } else if (!lua_isnil(L, dynamic + 1) &&
               !bearer_input_put(L, provider, def, &def->inputs[i], dynamic + 1, vars,
                                 why)) {
      add_fault(&f, why);
    }
    lua_settop(L, dynamic);
  }
  if (f.size > 0)
    bearer_raise(L, "%s%s", is_structural ? "inputs: " : "", f.text);
}
