/*
 * What an answer says. It was written by a stranger: whatever is in it, nothing here
 * raises but for memory.
 */
#ifndef BEARER_READ_H
#define BEARER_READ_H

#include "http/response.h"
#include "lua/build.h"
#include "lua/error.h"

#pragma GCC visibility push(hidden)

typedef struct {
  bearer_context *c;               /* borrowed; its vars learn what is to be masked */
  const bearer_response *response; /* borrowed; stays as it is while this is read */
  const bearer_path *unmet; /* borrowed: where the answer is not what was expected */
  int root;                 /* stack index: decoded JSON, a bare text, or nil */
  int is_text;              /* a bare text, no JSON */
  int details;              /* stack index of the provider's error fields; 0 = none */
  int is_considered;        /* repeating would not change it */
  bearer_failure failure;   /* why it cannot be used */
} bearer_answer;

/* Read a response. [-0, +1, m] */
void bearer_read(bearer_answer *a, bearer_context *c, const bearer_response *response);

/* Leave out the white space at the ends of a text. */
void bearer_trim(const char **text, size_t *size);

/* Push what the first path that leads somewhere leads to; JSON's null is nowhere. 0: no
   path does, and nothing is pushed. [-0, +1 or 0, m] */
int bearer_read_find(lua_State *L, int root, const bearer_paths *paths);
int bearer_read_find_one(lua_State *L, int root, const bearer_path *path);

/* Did the server do what it was asked? 0: a->failure says why not, and a->details may be
   pushed. [-0, +1 or 0, m] */
int bearer_read_judge(bearer_answer *a, const bearer_exchange *x);

/* Put what is kept of the answer into vars. [-0, +0, m] */
void bearer_read_keep(bearer_answer *a, const bearer_keeps *keeps);

/* The token in the answer. The first four are stack indices of texts; 0 = none. */
typedef struct {
  int value, type, scope, refresh_token;
  double lifetime, refresh_lifetime;        /* seconds; 0 = unknown */
  unsigned int odd;                         /* BEARER_ODD_…: what was not read */
  unsigned char odd_kind[BEARER_ODD_FACTS]; /* what stands there, as in bearer_fact */
  unsigned char is_over;                    /* it had expired when it came */
  unsigned char is_zero;                    /* the answer says: 0 seconds */
  unsigned char is_dead;                    /* an end is named that is over */
  unsigned char is_same;                    /* as the one that it was to replace */
  unsigned char is_to_the_end;              /* no use in a renewal before that */
} bearer_found;

/* The token that a refresh prolongs: its answer needs none. */
typedef struct {
  const bearer_var *value;
  const char *type, *scope; /* NULL: Bearer; none */
  double life;              /* seconds, as it was told; 0 = unknown */
} bearer_prolonged;

/* A token may be a number, open with its scheme, and have white space at its ends; a type
   that is no word means Bearer. 0: a->failure says why there is none, and a->details may
   be pushed. old: NULL = none is prolonged. [-0, +n, m] */
int bearer_read_token(bearer_answer *a, const bearer_prolonged *old, bearer_found *found);

/* Its life (read_lifetime.c). lifetime: seconds, when nothing else says it; 0 = nobody
   does. What is found stays on the stack. [-0, +n, m] */
void bearer_read_lifetime(bearer_answer *a, bearer_found *found, double lifetime);
/* The refresh token's own. [-0, +n, m] */
void bearer_read_refresh_lifetime(bearer_answer *a, bearer_found *found);

/* Push the claims of a JWT, unverified, or nil. [-0, +1, m] */
void bearer_read_claims(lua_State *L, const char *token, size_t size);

/* Push the headers of a response as a table, names in lower case. [-0, +1, m] */
void bearer_read_push_headers(lua_State *L, const bearer_response *response);

/* Push what the functions that judge get: `{status, headers, body, json()}`. [-0, +1, m]
 */
void bearer_read_push_response(lua_State *L, const bearer_response *response);

/* Take over what a transport of the host's gave. 0 when it is no {status, headers, body}.
   [-0, +0, m] */
int bearer_read_transport(lua_State *L, int index, bearer_response *out);

/* ---- refusals (refusal.c, missing.c) -------------------------------------------- */

/* Fill a->failure in with what the server refused, and push its details if there are any.
   code, message: what an `expect` function said, or NULL. [-0, +1 or 0, m] */
void bearer_refusal(bearer_answer *a, const char *code, const char *message);
/* It is complete, and yet holds no token that can be used, or not what comes before it:
   it may be how this server refuses. is_absent: nothing is there, so that the server's
   own words say more than this description. [-0, +1 or 0, m] */
void bearer_refusal_no_token(bearer_answer *a, const char *description, int is_absent);
/* The answer cannot be used: it is broken, or none. */
void bearer_refusal_broken(bearer_answer *a, const char *description);
void bearer_refusal_unreadable(bearer_answer *a);
/* The provider's own code of the error in this answer, if it can be shown. 0 = none */
int bearer_refusal_code(lua_State *L, int root, const bearer_definition *def,
                        char code[BEARER_CODE_MAX + 1]);
/* Where the token was looked for, and which keys the answer has instead: names, never
   values. found: stack index of what stands there; 0 = nothing does. What is written is
   not masked yet. [-0, +0, -] */
void bearer_missing_token(bearer_answer *a, int found, char *text, size_t room);
int bearer_value_equals(lua_State *L, int index, const bearer_value *wanted);

void bearer_read_open(lua_State *L);

#pragma GCC visibility pop

#endif
