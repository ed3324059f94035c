/*
 * Providers: a checked definition, compiled once. What a definition says is data here:
 * texts are pieces, JSON bodies trees, paths steps, names numbers. Immutable; any number
 * of logins share it.
 */
#ifndef BEARER_PROVIDER_H
#define BEARER_PROVIDER_H

#include "base/lifetime.h"
#include "base/template.h"
#include "lua/class.h"

#pragma GCC visibility push(hidden)

/* The names that every definition knows. Those of its own come after them. */
enum {
  BEARER_NAME_TOKEN,
  BEARER_NAME_REFRESH_TOKEN,
  BEARER_NAME_UUID,
  BEARER_NAME_NOW,
  BEARER_NAME_LOGIN_URL,
  BEARER_NAME_BUILTINS
};

/* ---- places: where a text or a value is expected ------------------------------ */

typedef enum {
  BEARER_PART_ABSENT,
  BEARER_PART_TEXT,     /* `text` */
  BEARER_PART_LITERAL,  /* a number or boolean: `text`, without names, as JSON has it */
  BEARER_PART_FUNCTION, /* `function`, a place in the provider's list of them */
  BEARER_PART_FIRST_OF, /* the first of `items` whose names are all known */
  BEARER_PART_ARRAY,    /* `items`; in JSON alone, as the next */
  BEARER_PART_OBJECT    /* `items` with their keys */
} bearer_part_kind;

typedef struct bearer_part {
  bearer_part_kind kind;
  int function;
  bearer_template text;
  char *key;                 /* owned; of a field: NULL = it is none */
  struct bearer_part *items; /* owned */
  int count;
} bearer_part;

/* name -> place, sorted by name: an ARRAY of nodes with keys. */
typedef bearer_part bearer_fields;

/* ---- paths into an answer ------------------------------------------------------ */

typedef struct {
  char *key; /* owned; NULL = index */
  size_t size;
  int index; /* from 1 */
} bearer_path_step;

/* A JSON answer is where all paths lead so far. */
typedef struct {
  char *text;              /* owned: as it was written */
  bearer_path_step *steps; /* owned; none = all of the answer */
  int count;
} bearer_path;

typedef struct {
  bearer_path *list; /* owned: tried in this order */
  int count;
} bearer_paths;

typedef struct {
  int name;
  bearer_paths paths;
} bearer_keep;

typedef struct {
  bearer_keep *list; /* owned */
  int count;
} bearer_keeps;

/* A value that an answer may have to hold. */
typedef struct {
  int type;   /* as Lua's: LUA_TSTRING, … */
  char *text; /* owned */
  size_t size;
  double number; /* or boolean */
} bearer_value;

typedef struct {
  bearer_path path;
  bearer_value *values; /* owned: any of these will do */
  int count;
} bearer_expectation;

/* ---- requests ------------------------------------------------------------------ */

typedef enum {
  BEARER_BODY_NONE,
  BEARER_BODY_JSON,
  BEARER_BODY_FORM,
  BEARER_BODY_TEXT
} bearer_body_kind;

/* One request, and what is expected of its answer. */
typedef struct {
  char *method; /* owned */
  bearer_part url;
  bearer_fields query, headers;
  bearer_part user, password; /* Basic, when there is a user */
  int encodes_basic;          /* form-encode both first, as RFC 6749 2.3.1 asks */
  int encode_function;        /* says so in its place; 0 = none */
  bearer_part bearer;
  bearer_body_kind body_kind;
  bearer_part body; /* of FORM: its fields */
  bearer_part content_type;
  bearer_expectation *expect; /* owned */
  int expect_count;
  int expect_function; /* in place of them; 0 = none */
  bearer_keeps keep;
  int prolongs; /* its answer needs no token: the old one lives on */
  int revokes;  /* the old token dies with it, whatever comes of it */
} bearer_exchange;

/* Run in order. */
typedef struct {
  bearer_exchange *list; /* owned */
  int count;
  unsigned char *mentions; /* owned: by name, is it in any of their texts? */
  int has_functions;       /* which may ask for any name */
} bearer_exchanges;

/* ---- inputs -------------------------------------------------------------------- */

typedef enum {
  BEARER_KIND_TEXT,
  BEARER_KIND_HOST,
  BEARER_KIND_LABEL,
  BEARER_KIND_PATH,
  BEARER_KIND_URL,
  BEARER_KIND_PEM,
  BEARER_KIND_JWK
} bearer_input_kind;

typedef struct {
  int name;
  const char *label; /* borrowed: that name */
  bearer_input_kind kind;
  int takes_any;        /* it names no kind: a table or boolean may do as well */
  int secret, optional; /* as the definition says it */
  int in_group;         /* of one_of, which decides whether it must be given */
  int has_default, has_enum;
  char *join; /* owned; NULL = no list may be given */
} bearer_input;

typedef struct {
  int *names; /* owned */
  int count;
} bearer_group;

/* ---- the whole ----------------------------------------------------------------- */

typedef struct {
  char **list; /* owned, and so is each */
  int count;
} bearer_codes_list;

typedef struct {
  int references; /* providers, logins, tokens and jobs that use it */
  char *name;     /* owned */
  bearer_names names;
  bearer_input *inputs; /* owned, sorted by name */
  int input_count;
  bearer_group *groups; /* owned: exactly one must be given, whole */
  int group_count;
  bearer_part base_url;
  bearer_exchanges login, refresh, logout; /* a count of 0 = there is none */
  bearer_paths value, type, scope, refresh_token, expires_in, expires_at, issued_at,
      refresh_expires_in;
  bearer_unit unit;
  bearer_part zone; /* of dates that name none */
  double lifetime;  /* seconds; 0 = none */
  bearer_keeps keep;
  bearer_fields headers, query, json; /* authorize */
  int has_query, has_json;
  int token_header;        /* which of the headers carries the token; -1 = none */
  unsigned char *shown_by; /* owned: by name, does authorize or base_url mention it? */
  int shows_functions;
  char **hosts; /* owned, and so is each: others that the token may be sent to */
  int host_count;
  bearer_paths error_code, error_message;
  bearer_codes_list denied, throttled, refused;
  int uses_uuid, uses_now, uses_login_url; /* does any text, or may a function? */
} bearer_definition;

/* The slots of a provider. */
enum { BEARER_PROVIDER_FUNCTIONS = 1, BEARER_PROVIDER_INPUTS, BEARER_PROVIDER_SLOTS = 2 };

/* The definition behind a provider. [-0, +0, v] */
const bearer_definition *bearer_provider_check(lua_State *L, int index,
                                               const char *method);

void bearer_definition_retain(const bearer_definition *def);
void bearer_definition_release(const bearer_definition *def);

int bearer_definition_is_input(const bearer_definition *def, int name);
/* Does a value that is no text stay what it is wherever this name stands: in `json` as
   all of a text; of a list or boolean also in `query` and `form`? What functions do is
   not known. */
int bearer_definition_keeps_type(const bearer_definition *def, int name, int is_map);
int bearer_definition_is_kept(const bearer_definition *def, int name);
int bearer_codes_have(const bearer_codes_list *codes, const char *code);

/* Compile the checked table at index into def; functions go into the list at `functions`.
   Raises on what is no checked definition. [-0, +0, v] */
void bearer_compile(lua_State *L, int index, bearer_definition *def, int functions);

void bearer_provider_open(lua_State *L);

#pragma GCC visibility pop

#endif
