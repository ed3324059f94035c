/*
 * From a definition's request to one that can be sent.
 */
#include "lua/build.h"

#include <stdio.h>
#include <string.h>

#include "base/encode.h"
#include "base/json_writer.h"
#include "http/url.h"
#include "lua/state.h"
#include "lua/value.h"

void bearer_hide(bearer_context *c, bearer_vars *vars) {
  bearer_get_slot(c->L, c->holder, BEARER_SLOT_LOGIN);
  bearer_state_of(c->L)->hide_login(c->L, lua_gettop(c->L), vars);
  lua_pop(c->L, 1);
}

/* ---- faults -------------------------------------------------------------------- */

static bearer_placed stop(bearer_context *c, bearer_fault_kind kind, const char *what) {
  c->fault.kind = kind;
  snprintf(c->fault.what, sizeof(c->fault.what), "%s", what);
  return BEARER_PLACE_FAULT;
}

void bearer_fault_explain(const bearer_fault *fault, char *text, size_t room) {
  switch (fault->kind) {
  case BEARER_FAULT_UNKNOWN:
    snprintf(text, room, "the value of '%s' is not known: no answer gave it",
             fault->what);
    break;
  case BEARER_FAULT_UNSAFE:
    snprintf(text, room, "the value for header '%s' would split it", fault->what);
    break;
  case BEARER_FAULT_URL:
    snprintf(text, room, "its URL %s", fault->what);
    break;
  case BEARER_FAULT_USER:
    snprintf(text, room, "%s", fault->what);
    break;
  default:
    snprintf(text, room, "its definition failed: %s", fault->what);
  }
}

/* ---- what stands in a place ---------------------------------------------------- */

/* A place that has been looked at. Of VALUE, the Lua value is on top of the stack; so may
   be what owns the template of TEXT. */
typedef struct {
  enum { FAULT, DROPPED, TEMPLATE, TYPED, VALUE } kind;
  const bearer_template *text; /* of TEMPLATE: all names are known */
  int name;                    /* of TYPED: a variable that is no text */
  int is_literal;              /* of TEMPLATE: as JSON has it, without quotes */
} place;

static place resolve(bearer_context *c, const bearer_part *n);

static place fault(bearer_context *c, bearer_fault_kind kind, const char *what) {
  place p = { FAULT, NULL, -1, 0 };
  stop(c, kind, what);
  return p;
}

/* An input that was not given drops its key; any other name an answer should have given.
 */
static place resolve_text(bearer_context *c, const bearer_template *t) {
  place p = { TEMPLATE, t, -1, 0 };
  int missing = bearer_template_missing(t, c->vars);
  if (missing < 0)
    return p;
  if (!bearer_definition_is_input(c->def, missing))
    return fault(c, BEARER_FAULT_UNKNOWN, c->def->names.list[missing]);
  p.kind = DROPPED;
  return p;
}

static place resolve_node_text(bearer_context *c, const bearer_part *n) {
  int alone = bearer_template_alone(&n->text);
  const bearer_var *var = alone >= 0 ? bearer_vars_get(c->vars, alone) : NULL;
  place p = { TYPED, NULL, alone, 0 };
  if (var != NULL && var->type != BEARER_VAR_TEXT)
    return p;
  return resolve_text(c, &n->text);
}

static place resolve_function(bearer_context *c, const bearer_part *n) {
  place p = { VALUE, NULL, -1, 0 };
  const bearer_template *t;
  if (!bearer_function_call(c, n->function)) {
    p.kind = FAULT;
    return p;
  }
  t = bearer_function_text(c->L, lua_gettop(c->L));
  if (t != NULL)
    return resolve_text(c, t);
  if (lua_isnil(c->L, -1))
    p.kind = DROPPED;
  return p;
}

static place resolve_first_of(bearer_context *c, const bearer_part *n) {
  place p = { DROPPED, NULL, -1, 0 };
  for (int i = 0; i < n->count; i++) {
    const bearer_part *item = &n->items[i];
    int is_last = i == n->count - 1;
    if (item->kind == BEARER_PART_TEXT && !is_last &&
        bearer_template_missing(&item->text, c->vars) >= 0)
      continue;
    p = resolve(c, item); /* the last one says which name is missing */
    if (p.kind != DROPPED)
      return p;
  }
  return p;
}

static place resolve(bearer_context *c, const bearer_part *n) {
  place p = { TEMPLATE, &n->text, -1, 1 };
  luaL_checkstack(c->L, 10, NULL);
  switch (n->kind) {
  case BEARER_PART_TEXT:
    return resolve_node_text(c, n);
  case BEARER_PART_LITERAL:
    return p;
  case BEARER_PART_FUNCTION:
    return resolve_function(c, n);
  case BEARER_PART_FIRST_OF:
    return resolve_first_of(c, n);
  default:
    p.kind = DROPPED;
    return p;
  }
}

/* ---- texts --------------------------------------------------------------------- */

static bearer_placed no_text(bearer_context *c, const char *kind) {
  char what[64];
  snprintf(what, sizeof(what), "a text expected, got %s", kind);
  return stop(c, BEARER_FAULT_DEFINITION, what);
}

static bearer_placed add_typed(bearer_context *c, int name, bearer_buffer *out) {
  const bearer_var *var = bearer_vars_get(c->vars, name);
  if (var->type == BEARER_VAR_JSON)
    return no_text(c, var->value.data[0] == '[' ? "a list" : "a table");
  bearer_buffer_add(out, var->value.data, var->value.size);
  return BEARER_PLACE_DONE;
}

static bearer_placed add_text(bearer_context *c, const place *p, int for_url,
                              bearer_buffer *out) {
  switch (p->kind) {
  case FAULT:
    return BEARER_PLACE_FAULT;
  case DROPPED:
    return BEARER_PLACE_DROPPED;
  case TEMPLATE:
    bearer_template_expand(p->text, c->vars, for_url, out);
    return BEARER_PLACE_DONE;
  case TYPED:
    return add_typed(c, p->name, out);
  default:
    return bearer_value_text(c->L, lua_gettop(c->L), out)
               ? BEARER_PLACE_DONE
               : no_text(c, bearer_value_kind(c->L, lua_gettop(c->L)));
  }
}

bearer_placed bearer_build_text(bearer_context *c, const bearer_part *n, int for_url,
                                bearer_buffer *out) {
  int top = lua_gettop(c->L);
  place p = resolve(c, n);
  bearer_placed placed = add_text(c, &p, for_url, out);
  lua_settop(c->L, top);
  return placed;
}

bearer_placed bearer_build_value(bearer_context *c, const bearer_part *n) {
  int top = lua_gettop(c->L);
  place p = resolve(c, n);
  bearer_buffer text = { 0 };
  bearer_placed placed = BEARER_PLACE_DONE;
  if (p.kind == TYPED) {
    bearer_push_var(c->L, c->vars, p.name);
  } else if (p.kind == TEMPLATE) {
    bearer_template_expand(p.text, c->vars, 0, &text);
    bearer_push_buffer(c->L, &text);
  } else if (p.kind != VALUE) {
    placed = p.kind == FAULT ? BEARER_PLACE_FAULT : BEARER_PLACE_DROPPED;
    lua_pushnil(c->L);
  }
  if (lua_gettop(c->L) > top + 1) /* a function gave it, or owned its text */
    lua_replace(c->L, top + 1);
  lua_settop(c->L, top + 1);
  return placed;
}

/* ---- above the body ------------------------------------------------------------ */

int bearer_splits_header(const char *text, size_t size) {
  for (size_t i = 0; i < size; i++) {
    unsigned char byte = (unsigned char)text[i];
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
      return 1;
  }
  return 0;
}

/* Take the value into a header, and free it. */
static bearer_placed add_header(bearer_context *c, bearer_request *r, const char *name,
                                bearer_buffer *value) {
  const char *text = bearer_buffer_string(value);
  int bad = bearer_splits_header(text, value->size);
  int ok = !value->failed && (bad || bearer_request_header(r, name, text, value->size));
  bearer_buffer_free(value);
  if (!ok)
    luaL_error(c->L, "not enough memory");
  return bad ? stop(c, BEARER_FAULT_UNSAFE, name) : BEARER_PLACE_DONE;
}

static bearer_placed put_header(bearer_context *c, bearer_request *r, const char *name,
                                const char *before, const bearer_part *n) {
  bearer_buffer value = { 0 };
  int top = lua_gettop(c->L);
  place p = resolve(c, n); /* Lua may raise here alone, and nothing is at stake yet */
  bearer_placed placed;
  if (before != NULL)
    bearer_buffer_text(&value, before);
  placed = add_text(c, &p, 0, &value);
  lua_settop(c->L, top);
  if (placed == BEARER_PLACE_DONE)
    return add_header(c, r, name, &value);
  bearer_buffer_free(&value);
  return placed;
}

static int put_headers(bearer_context *c, bearer_request *r,
                       const bearer_fields *headers) {
  for (int i = 0; i < headers->count; i++)
    if (put_header(c, r, headers->items[i].key, NULL, &headers->items[i]) ==
        BEARER_PLACE_FAULT)
      return 0;
  return 1;
}

static void add_pair(bearer_buffer *to, char separator, const char *key,
                     const char *value, size_t size, int is_form) {
  void (*encode)(bearer_buffer *, const void *, size_t) =
      is_form ? bearer_encode_form : bearer_encode_percent;
  if (separator != '\0')
    bearer_buffer_add(to, &separator, 1);
  encode(to, key, strlen(key));
  bearer_buffer_add(to, "=", 1);
  encode(to, value, size);
}

int bearer_build_query(bearer_request *r, const char *key, const char *value,
                       size_t size) {
  char separator = strchr(bearer_buffer_string(&r->url), '?') != NULL ? '&' : '?';
  add_pair(&r->url, separator, key, value, size, 0);
  return !r->url.failed;
}

int bearer_build_form(bearer_request *r, const char *key, const char *value,
                      size_t size) {
  r->has_body = 1;
  add_pair(&r->body, r->body.size > 0 ? '&' : '\0', key, value, size, 1);
  return !r->body.failed;
}

typedef int (*add_parameter)(bearer_request *, const char *, const char *, size_t);

/* Each item of the list on top. RFC 8707 repeats `resource`. */
static bearer_placed put_list(bearer_context *c, bearer_request *r, const char *key,
                              add_parameter add) {
  int list = lua_gettop(c->L), count = (int)lua_rawlen(c->L, list), ok = 1;
  for (int i = 1; i <= count && ok; i++) {
    bearer_buffer value = { 0 };
    lua_rawgeti(c->L, list, i);
    ok = bearer_value_text(c->L, list + 1, &value);
    if (ok && !value.failed)
      add(r, key, bearer_buffer_string(&value), value.size);
    bearer_buffer_free(&value);
    if (!ok)
      no_text(c, bearer_value_kind(c->L, list + 1));
    lua_settop(c->L, list);
  }
  return ok ? BEARER_PLACE_DONE : BEARER_PLACE_FAULT;
}

static int is_list(lua_State *L, int index) {
  int is;
  if (!lua_istable(L, index))
    return 0;
  lua_rawgeti(L, index, 1);
  lua_pushnil(L);
  is = !lua_isnil(L, -2) || lua_next(L, index) == 0;
  lua_settop(L, index);
  return is;
}

static bearer_placed put_parameter(bearer_context *c, bearer_request *r,
                                   const bearer_part *n, add_parameter add) {
  int top = lua_gettop(c->L);
  bearer_buffer value = { 0 };
  place p = resolve(c, n);
  bearer_placed placed;
  if (p.kind == TYPED) {
    bearer_push_var(c->L, c->vars, p.name);
    p.kind = VALUE;
  }
  if (p.kind == VALUE && is_list(c->L, lua_gettop(c->L))) {
    placed = put_list(c, r, n->key, add);
  } else {
    placed = add_text(c, &p, 0, &value);
    if (placed == BEARER_PLACE_DONE && !value.failed)
      add(r, n->key, bearer_buffer_string(&value), value.size);
    bearer_buffer_free(&value);
  }
  lua_settop(c->L, top);
  return placed;
}

static int put_parameters(bearer_context *c, bearer_request *r,
                          const bearer_fields *fields, add_parameter add) {
  for (int i = 0; i < fields->count; i++)
    if (put_parameter(c, r, &fields->items[i], add) == BEARER_PLACE_FAULT)
      return 0;
  return 1;
}

/* One half of Basic into a buffer of the request's own: so it is wiped whatever happens.
 */
static bearer_placed put_half(bearer_context *c, const bearer_part *n, int encodes,
                              bearer_buffer *out) {
  bearer_buffer plain = { 0 };
  int top = lua_gettop(c->L);
  place p = resolve(c, n);
  bearer_placed placed = add_text(c, &p, 0, &plain);
  size_t before = out->size;
  lua_settop(c->L, top);
  if (encodes)
    bearer_encode_form(out, bearer_buffer_string(&plain), plain.size);
  else
    bearer_buffer_add(out, bearer_buffer_string(&plain), plain.size);
  if (!out->failed && (out->size - before != plain.size ||
                       memcmp(bearer_buffer_string(out) + before,
                              bearer_buffer_string(&plain), plain.size) != 0))
    c->has_encoded_basic = 1;
  out->failed |= plain.failed;
  bearer_buffer_free(&plain);
  return placed;
}

/* Are both form-encoded first? -1: the function that says so failed. */
static int encodes_basic(bearer_context *c, const bearer_exchange *x) {
  int does;
  if (x->encode_function == 0)
    return x->encodes_basic;
  if (!bearer_function_call(c, x->encode_function))
    return -1;
  does = lua_toboolean(c->L, -1);
  lua_pop(c->L, 1);
  return does;
}

/* The two of them, with a colon between. */
static bearer_placed put_pair(bearer_context *c, const bearer_exchange *x,
                              bearer_buffer *pair) {
  int encodes = encodes_basic(c, x);
  bearer_placed placed =
      encodes < 0 ? BEARER_PLACE_FAULT : put_half(c, &x->user, encodes, pair);
  if (placed != BEARER_PLACE_DONE)
    return placed;
  if (pair->size > 0 && memchr(pair->data, ':', pair->size) != NULL)
    return stop(c, BEARER_FAULT_USER, BEARER_BASIC_COLON);
  bearer_buffer_text(pair, ":");
  if (put_half(c, &x->password, encodes, pair) == BEARER_PLACE_FAULT)
    return BEARER_PLACE_FAULT;
  return BEARER_PLACE_DONE;
}

/* RFC 7617. The body of the request, which comes later, holds the pair meanwhile. What is
   sent is noted as something to be masked: an error text could repeat it. */
static bearer_placed put_basic(bearer_context *c, bearer_request *r,
                               const bearer_exchange *x) {
  bearer_buffer value = { 0 }, *pair = &r->body;
  bearer_placed placed = put_pair(c, x, pair);
  if (placed != BEARER_PLACE_DONE) {
    bearer_buffer_free(pair);
    return placed;
  }
  bearer_buffer_text(&value, "Basic ");
  bearer_encode_base64(&value, bearer_buffer_string(pair), pair->size);
  value.failed |= pair->failed;
  if (!value.failed && !bearer_vars_hide(c->vars, pair->data, pair->size))
    value.failed = 1;
  bearer_buffer_free(pair);
  return add_header(c, r, "Authorization", &value);
}

static void add_half(const char *text, size_t size, int encodes, bearer_buffer *out) {
  (encodes ? bearer_encode_form : bearer_buffer_add)(out, text, size);
}

static int add_known_half(const bearer_part *n, int encodes, const bearer_vars *vars,
                          bearer_buffer *out) {
  bearer_buffer plain = { 0 };
  int is_known = (n->kind == BEARER_PART_TEXT || n->kind == BEARER_PART_LITERAL) &&
                 bearer_template_missing(&n->text, vars) < 0;
  if (is_known) {
    bearer_template_expand(&n->text, vars, 0, &plain);
    add_half(bearer_buffer_string(&plain), plain.size, encodes, out);
  }
  out->failed |= plain.failed;
  bearer_buffer_free(&plain);
  return is_known;
}

/* Hide the pair with this user, unless its other half is not known. Frees it. */
static int hide_pair(const bearer_exchange *x, int encodes, bearer_vars *vars,
                     bearer_buffer *user) {
  int ok;
  bearer_buffer_text(user, ":");
  ok = !add_known_half(&x->password, encodes, vars, user) ||
       (!user->failed && bearer_vars_hide(vars, user->data, user->size));
  bearer_buffer_free(user);
  return ok;
}

/* Whom a function would name is one of those that are known, most likely. */
static int hide_any_pair(const bearer_exchange *x, int encodes, bearer_vars *vars) {
  int ok = 1;
  for (int i = 0, count = vars->count; ok && i < count; i++) {
    const bearer_var *e = &vars->list[i];
    bearer_buffer user = { 0 };
    if (e->secret || e->type != BEARER_VAR_TEXT)
      continue;
    add_half(e->value.data, e->value.size, encodes, &user);
    ok = hide_pair(x, encodes, vars, &user);
  }
  return ok;
}

static int hide_basic(const bearer_exchange *x, int encodes, bearer_vars *vars) {
  bearer_buffer user = { 0 };
  if (x->user.kind == BEARER_PART_ABSENT)
    return 1;
  if (add_known_half(&x->user, encodes, vars, &user))
    return hide_pair(x, encodes, vars, &user);
  return hide_any_pair(x, encodes, vars);
}

int bearer_build_hide_basic(const bearer_exchange *x, bearer_vars *vars) {
  if (x->encode_function != 0) /* one of the two */
    return hide_basic(x, 0, vars) && hide_basic(x, 1, vars);
  return hide_basic(x, x->encodes_basic, vars);
}

/* ---- bodies -------------------------------------------------------------------- */

static int put_json(bearer_context *c, bearer_json *json, const bearer_part *n);

/* A text in JSON: what is only a name keeps its value's type. */
static int put_json_text(bearer_context *c, bearer_json *json, const place *p) {
  bearer_buffer value = { 0 };
  if (p->kind == TYPED) {
    const bearer_var *var = bearer_vars_get(c->vars, p->name);
    bearer_json_raw(json, var->value.data, var->value.size);
    return 1;
  }
  bearer_template_expand(p->text, c->vars, 0, &value);
  json->out->failed |= value.failed;
  if (p->is_literal)
    bearer_json_raw(json, bearer_buffer_string(&value), value.size);
  else
    bearer_json_string(json, bearer_buffer_string(&value), value.size);
  bearer_buffer_free(&value);
  return 1;
}

/* What f.text made, within a table that a function gave. */
static int put_json_object(lua_State *L, int index, bearer_json *json, void *user) {
  place p = { TEMPLATE, bearer_function_text(L, index), -1, 0 };
  if (p.text == NULL)
    return 0;
  return put_json_text(user, json, &p);
}

static int put_json_leaf(bearer_context *c, bearer_json *json, const place *p) {
  const bearer_json_objects objects = { put_json_object, c };
  const char *why = NULL;
  if (p->kind != VALUE)
    return put_json_text(c, json, p);
  why = bearer_json_value_with(c->L, lua_gettop(c->L), json, &objects);
  if (why != NULL)
    stop(c, BEARER_FAULT_DEFINITION, why);
  return why == NULL;
}

static int put_json_tree(bearer_context *c, bearer_json *json, const bearer_part *n) {
  char bracket = n->kind == BEARER_PART_ARRAY ? '[' : '{';
  bearer_json_open(json, bracket);
  for (int i = 0; i < n->count; i++)
    if (!put_json(c, json, &n->items[i]))
      return 0;
  bearer_json_close(json, bracket == '[' ? ']' : '}');
  return 1;
}

static void put_key(bearer_json *json, const bearer_part *n) {
  if (n->key != NULL)
    bearer_json_key(json, n->key, strlen(n->key));
}

static int put_json(bearer_context *c, bearer_json *json, const bearer_part *n) {
  int top = lua_gettop(c->L), ok;
  place p;
  if (n->kind == BEARER_PART_ARRAY || n->kind == BEARER_PART_OBJECT) {
    put_key(json, n);
    return put_json_tree(c, json, n);
  }
  p = resolve(c, n);
  ok = p.kind != FAULT;
  if (ok && p.kind != DROPPED) {
    put_key(json, n);
    ok = put_json_leaf(c, json, &p);
  }
  lua_settop(c->L, top);
  return ok;
}

static int put_body(bearer_context *c, bearer_request *r, const bearer_exchange *x,
                    const char **type) {
  bearer_json json;
  bearer_placed placed;
  switch (x->body_kind) {
  case BEARER_BODY_JSON:
    *type = "application/json";
    r->has_body = 1;
    bearer_json_begin(&json, &r->body);
    if (!put_json(c, &json, &x->body))
      return 0;
    return json.too_deep
               ? (stop(c, BEARER_FAULT_DEFINITION, "json: it is nested too deep"), 0)
               : 1;
  case BEARER_BODY_FORM:
    *type = "application/x-www-form-urlencoded";
    r->has_body = 1;
    return put_parameters(c, r, &x->body, bearer_build_form);
  case BEARER_BODY_TEXT:
    placed = bearer_build_text(c, &x->body, 0, &r->body);
    r->has_body = placed == BEARER_PLACE_DONE;
    return placed != BEARER_PLACE_FAULT;
  default:
    return 1;
  }
}

/* ---- the whole ----------------------------------------------------------------- */

static int default_header(bearer_context *c, bearer_request *r, const char *name,
                          const char *value) {
  if (value == NULL || bearer_request_has_header(r, name))
    return 1;
  if (!bearer_request_header(r, name, value, strlen(value)))
    luaL_error(c->L, "not enough memory");
  return 1;
}

static int put_content_type(bearer_context *c, bearer_request *r,
                            const bearer_exchange *x, const char *type) {
  if (x->body_kind == BEARER_BODY_TEXT && r->has_body &&
      !bearer_request_has_header(r, "Content-Type") &&
      x->content_type.kind != BEARER_PART_ABSENT)
    return put_header(c, r, "Content-Type", NULL, &x->content_type) != BEARER_PLACE_FAULT;
  return default_header(c, r, "Content-Type", type);
}

static int put_url(bearer_context *c, bearer_request *r, const bearer_exchange *x) {
  bearer_placed placed = bearer_build_text(c, &x->url, 1, &r->url);
  if (placed == BEARER_PLACE_DROPPED)
    stop(c, BEARER_FAULT_DEFINITION, "it has no url");
  return placed == BEARER_PLACE_DONE &&
         put_parameters(c, r, &x->query, bearer_build_query);
}

const char *bearer_build_check_url(const bearer_request *r, int allow_http) {
  const char *url = bearer_buffer_string(&r->url);
  if (strlen(url) != r->url.size)
    return bearer_url_explain(BEARER_URL_BYTES);
  return bearer_url_explain(bearer_url_check(url, allow_http));
}

static int fill(bearer_context *c, bearer_request *r, const bearer_exchange *x) {
  const char *type = NULL;
  if (!put_url(c, r, x) || !put_headers(c, r, &x->headers))
    return 0;
  if (x->user.kind != BEARER_PART_ABSENT && put_basic(c, r, x) == BEARER_PLACE_FAULT)
    return 0;
  if (x->bearer.kind != BEARER_PART_ABSENT &&
      put_header(c, r, "Authorization", "Bearer ", &x->bearer) == BEARER_PLACE_FAULT)
    return 0;
  return put_body(c, r, x, &type) && put_content_type(c, r, x, type) &&
         default_header(c, r, "Accept", "application/json");
}

int bearer_build(bearer_context *c, const bearer_exchange *x, int allow_http,
                 int is_checked, bearer_request *out) {
  const char *why;
  c->has_encoded_basic = 0;
  bearer_request_clear(out);
  bearer_buffer_text(&out->method, x->method);
  if (!fill(c, out, x))
    return 0;
  if (out->method.failed || out->url.failed || out->body.failed)
    luaL_error(c->L, "not enough memory");
  why = is_checked ? NULL : bearer_build_check_url(out, allow_http);
  if (why != NULL)
    stop(c, BEARER_FAULT_URL, why);
  return why == NULL;
}
