/*
 * Variables: what the names of a definition stand for in one login, renewal or token. A
 * value is text, whatever it came as, and its type says how JSON has it. All of them are
 * wiped when they are replaced or go. (OAuth's scope is something else.)
 */
#ifndef BEARER_VARS_H
#define BEARER_VARS_H

#include "base/buffer.h"
#include "base/secret.h"

#pragma GCC visibility push(hidden)

/* How ${name} alone stands in JSON: quoted, or as the text that it is. */
typedef enum {
  BEARER_VAR_TEXT,
  BEARER_VAR_NUMBER,
  BEARER_VAR_BOOLEAN,
  BEARER_VAR_JSON /* a list or an object, as JSON text */
} bearer_var_type;

/* How a value may go into a URL. */
typedef enum {
  BEARER_VAR_ENCODED, /* percent-encoded */
  BEARER_VAR_OPENER,  /* as it is where it opens the text, else percent-encoded */
  BEARER_VAR_CHECKED  /* as it is: it was checked */
} bearer_var_use;

#define BEARER_VAR_HIDDEN (-1) /* the name of what is only to be masked */

typedef struct {
  bearer_secret value; /* owned */
  short name;          /* the id of the name, or BEARER_VAR_HIDDEN */
  unsigned char type;  /* bearer_var_type */
  unsigned char use;   /* bearer_var_use */
  unsigned char secret;
} bearer_var;

typedef struct {
  bearer_var *list; /* owned */
  int count, room;  /* room grows by few: many thousands of logins have one each */
} bearer_vars;

/* All that can fail answer 0 when memory ran out; the old value is then gone. */
int bearer_vars_set(bearer_vars *v, int name, bearer_var_type type, bearer_var_use use,
                    int secret, const void *data, size_t size);
/* Another text to be masked. One that is there already is not added again. */
int bearer_vars_hide(bearer_vars *v, const void *data, size_t size);
int bearer_vars_copy(bearer_vars *to, const bearer_vars *from); /* adds, replaces */
/* Add what is not known yet; where another value has the name, a secret is hidden. */
int bearer_vars_learn(bearer_vars *to, const bearer_vars *from);
int bearer_vars_copy_one(bearer_vars *to, const bearer_vars *from, int name); /* 1 also
                                                             when from has none */

const bearer_var *bearer_vars_get(const bearer_vars *v, int name); /* NULL: not known */
void bearer_vars_remove(bearer_vars *v, int name);
void bearer_vars_unhide(bearer_vars *v);
/* Give back the room that is not used. */
void bearer_vars_trim(bearer_vars *v);
void bearer_vars_clear(bearer_vars *v);

/* A keyed digest (HMAC-SHA-256) of the named secrets, in the order of their names: it
   tells one set of secrets from another, without telling them. 0 when it failed. */
int bearer_vars_fingerprint(const bearer_vars *v, const unsigned char key[32],
                            unsigned char digest[32]);

#pragma GCC visibility pop

#endif
