/*
 * From a definition's request to one that can be sent: a walk over what was compiled, in
 * which values go from C memory into C memory. Only a definition's functions are Lua.
 */
#ifndef BEARER_BUILD_H
#define BEARER_BUILD_H

#include "http/request.h"
#include "lua/provider.h"

#pragma GCC visibility push(hidden)

/* Why something cannot be built. */
typedef enum {
  BEARER_FAULT_NONE,
  BEARER_FAULT_UNKNOWN,   /* a name that no answer gave */
  BEARER_FAULT_UNSAFE,    /* a value that would split a header */
  BEARER_FAULT_URL,       /* no URL to ask */
  BEARER_FAULT_USER,      /* of Basic: a colon in it would end it */
  BEARER_FAULT_DEFINITION /* a function of it failed, or gave what cannot be sent */
} bearer_fault_kind;

typedef struct {
  bearer_fault_kind kind;
  char what[256]; /* the name, the header, what is wrong */
} bearer_fault;

#define BEARER_BASIC_COLON "the user of 'basic' holds a colon, which would end it"

/* What a place of a definition is read with. Nobody else frees or changes the variables
   while a function of the definition runs: they are a job's in its step, or a copy. */
typedef struct {
  lua_State *L;
  const bearer_definition *def; /* borrowed from the provider */
  int provider;                 /* its stack index, absolute */
  bearer_vars *vars;            /* borrowed */
  int holder; /* the stack index of the token, renewal or call that it is read for */
  bearer_fault fault;
  int has_encoded_basic; /* the last request built: form-encoding has changed it */
} bearer_context;

/* Of tokens, renewals and calls, the slot with the login that they belong to. */
enum { BEARER_SLOT_LOGIN = 1 };

/* Put into vars what no error may show: see bearer_login_hide. [-0, +0, m] */
void bearer_hide(bearer_context *c, bearer_vars *vars);

typedef enum {
  BEARER_PLACE_FAULT,
  BEARER_PLACE_DROPPED,
  BEARER_PLACE_DONE
} bearer_placed;

/* Append the text in a place. FAULT: c->fault says why. [-0, +0, m] */
bearer_placed bearer_build_text(bearer_context *c, const bearer_part *n, int for_url,
                                bearer_buffer *out);
/* Push what stands in a place as a Lua value; nil when it is dropped. [-0, +1, m] */
bearer_placed bearer_build_value(bearer_context *c, const bearer_part *n);

/* Build a request into *out, which owns what is in it also when this fails or raises.
   is_checked: its URL was looked at when the login was made, and is still the same. 0:
   c->fault says why not. [-0, +0, m] */
int bearer_build(bearer_context *c, const bearer_exchange *x, int allow_http,
                 int is_checked, bearer_request *out);

/* What Basic encodes, where it is made of known values, as something to be masked. No
   function is called. 0 when memory ran out. */
int bearer_build_hide_basic(const bearer_exchange *x, bearer_vars *vars);

/* The fault as words that follow no other: "its URL is not https". */
void bearer_fault_explain(const bearer_fault *fault, char *text, size_t room);

/* ---- for requests of the caller's ---------------------------------------------- */

int bearer_splits_header(const char *text, size_t size);
/* Add key=value, encoded. 0 when memory ran out. */
int bearer_build_query(bearer_request *r, const char *key, const char *value,
                       size_t size);
int bearer_build_form(bearer_request *r, const char *key, const char *value, size_t size);
/* NULL, or what is wrong with the request's URL, as words that follow "its URL". */
const char *bearer_build_check_url(const bearer_request *r, int allow_http);

/* ---- a definition's functions --------------------------------------------------- */

/* Call one of them with (v, f), and leave what it gave. 0: c->fault says why there is
   nothing. [-0, +1 or 0, m] */
int bearer_function_call(bearer_context *c, int function);
/* The text that f.text made, when that is what is at index; else NULL. [-0, +0, -] */
const bearer_template *bearer_function_text(lua_State *L, int index);

void bearer_function_open(lua_State *L);

#pragma GCC visibility pop

#endif
