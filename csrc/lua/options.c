/*
 * The options of logins.
 */
#include "lua/options.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "http/certificate.h"
#include "http/fork.h"
#include "http/material.h"
#include "http/proxy.h"
#include "http/url.h"
#include "lua/secret_ref.h"
#include "lua/state.h"

#define OPTIONS "bearer.options"

/* ---- what there is ------------------------------------------------------------- */

typedef enum {
  SECONDS,
  LEEWAY,
  COUNT, /* from 0 */
  BYTES, /* from 1 */
  BOOLEAN,
  PROXY,
  LINE, /* a text that goes into a header */
  HOSTS,
  FUNCTION,  /* `place` is a slot */
  FILE_PATH, /* `place` is a material, as in the next two */
  SECRET,
  MATERIAL
} option_type;

typedef struct {
  const char *name;
  option_type type;
  size_t place; /* offset in bearer_options, unless the type says otherwise */
} row;

static const row rows[] = {
  { "timeout", SECONDS, offsetof(bearer_options, timeout) },
  { "connect_timeout", SECONDS, offsetof(bearer_options, connect_timeout) },
  { "retries", COUNT, offsetof(bearer_options, retries) },
  { "ca_file", FILE_PATH, BEARER_CA_FILE },
  { "ca_pem", SECRET, BEARER_CA_PEM },
  { "cert", MATERIAL, BEARER_CERT },
  { "key", MATERIAL, BEARER_KEY },
  { "key_password", SECRET, BEARER_KEY_PASSWORD },
  { "proxy", PROXY, offsetof(bearer_options, proxy) },
  { "user_agent", LINE, offsetof(bearer_options, user_agent) },
  { "max_response", BYTES, offsetof(bearer_options, max_response) },
  { "allow_http", BOOLEAN, offsetof(bearer_options, allow_http) },
  { "allow_hosts", HOSTS, 0 },
  { "leeway", LEEWAY, offsetof(bearer_options, leeway) },
  { "refused", FUNCTION, BEARER_OPTION_REFUSED },
  { "on_event", FUNCTION, BEARER_OPTION_EVENT },
  { "transport", FUNCTION, BEARER_OPTION_TRANSPORT },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static const char *const expected[] = {
  "a number of seconds above 0",
  "a number of seconds",
  "a whole number of at least 0",
  "a whole number of at least 1",
  "a boolean",
  "a proxy's address, like http://user:password@host:3128,",
  "a text on one line",
  "a list of hosts, like files.example.com:8443",
  "a function",
  "a path",
  "a text or a secret reference",
  "a path, a PEM text or a secret reference",
};

/* ---- taking one ---------------------------------------------------------------- */

static int is_text(lua_State *L, int index) {
  size_t size;
  const char *text;
  if (lua_type(L, index) != LUA_TSTRING)
    return 0;
  text = lua_tolstring(L, index, &size);
  return size > 0 && strlen(text) == size;
}

static int is_line(lua_State *L, int index) {
  if (!is_text(L, index))
    return 0;
  for (const char *c = lua_tostring(L, index); *c != '\0'; c++)
    if ((unsigned char)*c < ' ' || *c == 0x7f)
      return 0;
  return 1;
}

static void *field(bearer_options *o, const row *r) {
  return (char *)o + r->place;
}

static void set_text(lua_State *L, int index, char **field_) {
  free(*field_);
  *field_ = strdup(lua_tostring(L, index));
  if (*field_ == NULL)
    luaL_error(L, "not enough memory");
}

static int take_number(lua_State *L, int index, bearer_options *o, const row *r) {
  lua_Number n = lua_tonumber(L, index);
  if (lua_type(L, index) != LUA_TNUMBER || !isfinite((double)n) || n < 0)
    return 0;
  switch (r->type) {
  case SECONDS:
  case LEEWAY:
    *(double *)field(o, r) = (double)n;
    return r->type == LEEWAY || n > 0;
  case COUNT:
    *(int *)field(o, r) = n <= 2147483647.0 ? (int)n : 0;
    return n <= 2147483647.0 && floor((double)n) == (double)n;
  default:
    *(size_t *)field(o, r) = n <= 2147483648.0 ? (size_t)n : 0;
    return n >= 1 && n <= 2147483648.0 && floor((double)n) == (double)n;
  }
}

static void free_hosts(bearer_options *o) {
  for (int i = 0; i < o->host_count; i++)
    free(o->hosts[i]);
  free(o->hosts);
  o->hosts = NULL;
  o->host_count = 0;
}

static int take_hosts(lua_State *L, int index, bearer_options *o) {
  int count = lua_istable(L, index) ? (int)lua_rawlen(L, index) : -1;
  if (count < 0)
    return 0;
  free_hosts(o);
  o->hosts = calloc((size_t)count + 1, sizeof(*o->hosts));
  if (o->hosts == NULL)
    luaL_error(L, "not enough memory");
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, index, i);
    if (!is_text(L, lua_gettop(L)) || !bearer_url_is_host(lua_tostring(L, -1)))
      return 0;
    set_text(L, lua_gettop(L), &o->hosts[o->host_count++]);
    lua_pop(L, 1);
  }
  return 1;
}

/* A path is looked at now; it is read when it is needed, by another thread. */
static void look_at(lua_State *L, const char *name, const char *path) {
  const char *why = bearer_file_look(path, BEARER_FILE_MAX);
  char quoted[BEARER_QUOTED_MAX];
  if (why != NULL)
    bearer_raise(L, "options.%s: %s %s", name, bearer_quote(path, quoted), why);
}

/* PEM or PKCS#12. What opens with words or blanks, and has PEM behind them, is no path
   either: a path is quoted in errors. */
static int is_content(const char *data, size_t size) {
  return memmem(data, size, "-----BEGIN", 10) != NULL || (size > 0 && data[0] == 0x30);
}

static const char *content_fault(size_t which, const char *data, size_t size) {
  switch (which) {
  case BEARER_CA_PEM:
    return bearer_certificate_authorities_fault(data, size);
  case BEARER_CERT:
    return bearer_certificate_fault(data, size);
  case BEARER_KEY:
    return bearer_certificate_key_fault(data, size);
  default:
    return NULL;
  }
}

static void look_into(lua_State *L, const row *r, const char *data, size_t size) {
  const char *why;
  bearer_fork_lock();
  why = content_fault(r->place, data, size);
  bearer_fork_unlock();
  if (why != NULL)
    bearer_raise(L, "options.%s: %s", r->name, why);
}

/* Those of before do not stand in for these. */
static void forget_last_good(lua_State *L, bearer_options *o) {
  bearer_pair_release(o->last_good);
  o->last_good = bearer_pair_new();
  if (o->last_good == NULL)
    luaL_error(L, "not enough memory");
}

static int is_of_pair(const row *r) {
  return r->place == BEARER_CERT || r->place == BEARER_KEY ||
         r->place == BEARER_KEY_PASSWORD;
}

static int take_material(lua_State *L, int index, int object, bearer_options *o,
                         const row *r) {
  int slot = BEARER_OPTION_MATERIAL + (int)r->place;
  size_t size;
  const char *text;
  if (r->place == BEARER_CERT && bearer_material_obstacle() != NULL)
    bearer_raise(L, "options.cert: %s", bearer_material_obstacle());
  if (is_of_pair(r))
    forget_last_good(L, o);
  bearer_secret_clear(&o->materials[r->place]);
  o->filled &= ~(1u << slot);
  lua_pushnil(L);
  bearer_set_slot(L, object, slot);
  if (r->type != FILE_PATH && bearer_secret_ref_is(L, index)) {
    lua_pushvalue(L, index);
    bearer_set_slot(L, object, slot);
    o->filled |= 1u << slot;
    return 1;
  }
  if (lua_type(L, index) != LUA_TSTRING)
    return 0;
  text = lua_tolstring(L, index, &size);
  if (r->type == FILE_PATH || (r->type == MATERIAL && !is_content(text, size))) {
    if (!is_text(L, index))
      return 0;
    look_at(L, r->name, text);
  } else if (size > 0) {
    look_into(L, r, text, size);
  }
  if (!bearer_secret_set(&o->materials[r->place], text, size))
    luaL_error(L, "not enough memory");
  return size > 0;
}

static int take(lua_State *L, int index, int object, bearer_options *o, const row *r) {
  switch (r->type) {
  case BOOLEAN:
    *(int *)field(o, r) = lua_toboolean(L, index);
    return lua_isboolean(L, index);
  case PROXY:
  case LINE:
    if (!is_line(L, index) ||
        (r->type == PROXY && !bearer_proxy_is_usable(lua_tostring(L, index))))
      return 0;
    set_text(L, index, field(o, r));
    return 1;
  case HOSTS:
    return take_hosts(L, index, o);
  case FUNCTION:
    if (!lua_isfunction(L, index))
      return 0;
    lua_pushvalue(L, index);
    bearer_set_slot(L, object, (int)r->place);
    o->filled |= 1u << r->place;
    return 1;
  case FILE_PATH:
  case SECRET:
  case MATERIAL:
    return take_material(L, index, object, o, r);
  default:
    return take_number(L, index, o, r);
  }
}

/* ---- taking all ---------------------------------------------------------------- */

static const row *find(const char *name) {
  for (int i = 0; i < ROWS; i++)
    if (strcmp(rows[i].name, name) == 0)
      return &rows[i];
  return NULL;
}

int bearer_options_has(const char *name) {
  return find(name) != NULL;
}

static int is_input(const bearer_definition *def, const char *name) {
  return def != NULL && bearer_definition_is_input(
                            def, bearer_names_find(&def->names, name, strlen(name)));
}

/* def: of the login that they are for, or NULL. */
static void refuse_unknown(lua_State *L, int index, const bearer_definition *def) {
  char quoted[BEARER_QUOTED_MAX], hint[BEARER_HINT_MAX] = "";
  char number[BEARER_QUOTED_MAX];
  const char *names[ROWS], *name = bearer_key_text(L, index, number);
  for (int i = 0; i < ROWS; i++)
    names[i] = rows[i].name;
  bearer_raise(L, "options: unknown option %s%s", bearer_quote(name, quoted),
               is_input(def, name)
                   ? ": it is an input, of the table before the options"
                   : bearer_suggest(name, names, ROWS, hint, sizeof(hint)));
}

static void take_all(lua_State *L, int index, int object, bearer_options *o,
                     const bearer_definition *def) {
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    int value = lua_gettop(L);
    const row *r =
        lua_type(L, value - 1) == LUA_TSTRING ? find(lua_tostring(L, value - 1)) : NULL;
    if (r == NULL)
      refuse_unknown(L, value - 1, def);
    else if (!take(L, value, object, o, r))
      bearer_raise(L, "options.%s: %s expected", r->name, expected[r->type]);
    lua_settop(L, value - 1);
  }
}

/* ---- the objects --------------------------------------------------------------- */

static bearer_options *make(lua_State *L) { /* [-0, +1, m]: with nothing but defaults */
  bearer_options *o = bearer_new(L, OPTIONS, sizeof(*o), BEARER_OPTION_SLOTS);
  o->timeout = 30;
  o->connect_timeout = 5;
  o->retries = 2;
  o->max_response = 1024 * 1024;
  o->leeway = -1;
  o->user_agent = strdup("bearer/" BEARER_VERSION);
  if (o->user_agent == NULL)
    luaL_error(L, "not enough memory");
  return o;
}

static char *copy_text(lua_State *L, const char *text) {
  char *copy = text != NULL ? strdup(text) : NULL;
  if (text != NULL && copy == NULL)
    luaL_error(L, "not enough memory");
  return copy;
}

static void copy(lua_State *L, bearer_options *to, int to_index,
                 const bearer_options *from, int from_index) {
  char *user_agent = to->user_agent;
  *to = *from;
  to->proxy = NULL;
  to->user_agent = user_agent;
  to->hosts = NULL;
  to->host_count = 0;
  memset(to->materials, 0, sizeof(to->materials)); /* whole before anything can raise */
  to->last_good = bearer_pair_hold(from->last_good);
  if (from->user_agent != NULL) {
    free(to->user_agent);
    to->user_agent = NULL;
    to->user_agent = copy_text(L, from->user_agent);
  }
  to->proxy = copy_text(L, from->proxy);
  to->hosts = calloc((size_t)from->host_count + 1, sizeof(*to->hosts));
  if (to->hosts == NULL)
    luaL_error(L, "not enough memory");
  for (; to->host_count < from->host_count; to->host_count++)
    to->hosts[to->host_count] = copy_text(L, from->hosts[to->host_count]);
  for (int i = 0; i < BEARER_MATERIALS; i++)
    if (from->materials[i].data != NULL &&
        !bearer_secret_set(&to->materials[i], from->materials[i].data,
                           from->materials[i].size))
      luaL_error(L, "not enough memory");
  for (int slot = 1; slot <= BEARER_OPTION_SLOTS; slot++) {
    bearer_get_slot(L, from_index, slot);
    bearer_set_slot(L, to_index, slot);
  }
}

static int is_path(int which, const bearer_secret *value) {
  return which == BEARER_CA_FILE || ((which == BEARER_CERT || which == BEARER_KEY) &&
                                     !is_content(value->data, value->size));
}

static int is_given(const bearer_options *o, int which) {
  return o->materials[which].data != NULL ||
         bearer_options_have(o, BEARER_OPTION_MATERIAL + which);
}

/* A certificate whose text is here, and which has no key with it. */
static int lacks_key(const bearer_options *o) {
  const bearer_secret *s = &o->materials[BEARER_CERT];
  int lacks;
  if (s->data == NULL || is_given(o, BEARER_KEY) || is_path(BEARER_CERT, s) ||
      bearer_certificate_is_pkcs12(s->data, s->size))
    return 0;
  bearer_fork_lock();
  lacks = bearer_certificate_key_fault(s->data, s->size) != NULL;
  bearer_fork_unlock();
  return lacks;
}

/* What is only seen when all are there, those of bearer.defaults too. */
static void check_together(lua_State *L, const bearer_options *o) {
  int has_cert = is_given(o, BEARER_CERT);
  if (is_given(o, BEARER_KEY) && !has_cert)
    bearer_raise(L, "options.key: there is no `cert` that it is the key of");
  if (is_given(o, BEARER_KEY_PASSWORD) && !has_cert)
    bearer_raise(L, "options.key_password: there is no `cert` whose key it opens");
  if (lacks_key(o))
    bearer_raise(L, "options.cert: holds no private key, and no `key` is given");
}

void bearer_options_push(lua_State *L, int index, const bearer_definition *def) {
  bearer_options *o;
  int shared;
  bearer_state_push(L, BEARER_OPTIONS);
  if (lua_isnoneornil(L, index)) {
    check_together(L, bearer_options_at(L, lua_gettop(L)));
    return;
  }
  if (!lua_istable(L, index))
    bearer_raise(L, "options: a table expected, got %s", bearer_type_name(L, index));
  shared = lua_gettop(L);
  o = make(L); /* shared, options */
  copy(L, o, shared + 1, bearer_options_at(L, shared), shared);
  take_all(L, index, shared + 1, o, def);
  check_together(L, o);
  lua_remove(L, shared);
}

const bearer_options *bearer_options_at(lua_State *L, int index) {
  return lua_touserdata(L, index);
}

static int options_gc(lua_State *L) {
  bearer_options *o = luaL_testudata(L, 1, OPTIONS);
  if (o == NULL)
    return 0;
  o->is_closed = 1;
  free(o->proxy);
  free(o->user_agent);
  o->proxy = o->user_agent = NULL;
  free_hosts(o);
  for (int i = 0; i < BEARER_MATERIALS; i++)
    bearer_secret_clear(&o->materials[i]);
  bearer_pair_release(o->last_good);
  o->last_good = NULL;
  return 0;
}

/* ---- how to send --------------------------------------------------------------- */

static long milliseconds(double seconds) {
  if (!(seconds > 0.001)) /* 0 would mean: for ever */
    return 1;
  return seconds > 1e6 ? 1000000000L : (long)(seconds * 1000);
}

static void point_to(bearer_material *m, const bearer_secret *value, int is_path) {
  m->kind = value->data == NULL ? BEARER_NOT_GIVEN
            : is_path           ? BEARER_PATH
                                : BEARER_CONTENT;
  m->data = value->data;
  m->size = value->size;
}

/* What a reference names is always content: it is never taken for a path, and shown. */
static const char *read_reference(lua_State *L, int reference, const char *option,
                                  bearer_secret *out, char *text, size_t room) {
  const char *why = bearer_secret_ref_read(L, reference, out);
  if (why == NULL)
    return NULL;
  luaL_callmeta(L, reference, "__tostring");
  snprintf(text, room, "option '%s': %s %s", option, lua_tostring(L, -1), why);
  lua_pop(L, 1);
  return text;
}

const char *bearer_options_fill(lua_State *L, int index, double seconds,
                                bearer_send_options *out, bearer_option_secrets *secrets,
                                char *text, size_t room) {
  static const char *const names[] = { "ca_file", "ca_pem", "cert", "key",
                                       "key_password" };
  const bearer_options *o = bearer_options_at(L, index);
  bearer_material *const places[] = { &out->ca_file, &out->ca_pem, &out->cert, &out->key,
                                      &out->key_password };
  memset(out, 0, sizeof(*out));
  if (o->is_closed) { /* a finalizer asks: whom to trust is forgotten already */
    snprintf(text, room, "the Lua state is closing");
    return text;
  }
  out->timeout_ms = milliseconds(seconds);
  out->connect_timeout_ms = milliseconds(o->connect_timeout);
  out->max_response = o->max_response;
  out->proxy = o->proxy;
  out->user_agent = o->user_agent;
  out->last_good = o->last_good;
  for (int i = 0; i < BEARER_MATERIALS; i++) {
    const bearer_secret *value = &o->materials[i];
    const char *why = NULL;
    if (bearer_options_have(o, BEARER_OPTION_MATERIAL + i)) {
      bearer_get_slot(L, index, BEARER_OPTION_MATERIAL + i);
      why = read_reference(L, lua_gettop(L), names[i], &secrets->read[i], text, room);
      lua_pop(L, 1);
      if (why != NULL)
        return why;
      point_to(places[i], &secrets->read[i], 0);
    } else if (value->data != NULL) {
      point_to(places[i], value, is_path(i, value));
    }
  }
  return NULL;
}

void bearer_option_secrets_clear(bearer_option_secrets *secrets) {
  for (int i = 0; i < BEARER_MATERIALS; i++)
    bearer_secret_clear(&secrets->read[i]);
}

/* ---- functions for Lua --------------------------------------------------------- */

/* core.defaults(options): of all logins made from now on; laid over bearer's own */
static int options_defaults(lua_State *L) {
  lua_settop(L, 1);
  bearer_check_dot(L, "defaults");
  make(L);
  if (!lua_isnil(L, 1)) {
    if (!lua_istable(L, 1))
      return bearer_raise(L, "defaults: a table expected, got %s",
                          bearer_type_name(L, 1));
    take_all(L, 1, 2, lua_touserdata(L, 2), NULL);
  }
  bearer_state_keep(L, BEARER_OPTIONS);
  return 0;
}

/* core.options() -> the names of all there are */
static int options_names(lua_State *L) {
  lua_newtable(L);
  for (int i = 0; i < ROWS; i++) {
    lua_pushstring(L, rows[i].name);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

static const luaL_Reg metamethods[] = {
  { "__gc", options_gc },
  { NULL, NULL },
};

static const luaL_Reg functions[] = {
  { "defaults", options_defaults },
  { "options", options_names },
  { NULL, NULL },
};

void bearer_options_open(lua_State *L) {
  bearer_class_make(L, OPTIONS, metamethods, NULL);
  bearer_state_push(L, BEARER_OPTIONS);
  if (lua_isnil(L, -1)) {
    make(L);
    bearer_state_keep(L, BEARER_OPTIONS);
  }
  lua_pop(L, 1);
  luaL_setfuncs(L, functions, 0);
}
