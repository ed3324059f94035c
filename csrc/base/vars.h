/*
 * Names and what they stand for: the inputs of a login, what earlier answers gave, the
 * token. Texts of a definition are expanded from here, below Lua, and whatever leaves
 * towards people passes bearer_vars_redact.
 */
#ifndef BEARER_VARS_H
#define BEARER_VARS_H

#include "base/buffer.h"
#include "base/secret.h"

#pragma GCC visibility push(hidden)

/* How a value may go into a URL. */
typedef enum {
  BEARER_VAR_TEXT,   /* percent-encoded */
  BEARER_VAR_OPENER, /* as it is where it opens the text, else percent-encoded */
  BEARER_VAR_URL     /* as it is: it was checked */
} bearer_var_use;

typedef struct {
  char *name;          /* owned; "" for what is only to be hidden */
  bearer_secret value; /* owned */
  bearer_var_use use;
  int secret; /* to be hidden in texts for people */
} bearer_var;

typedef struct {
  bearer_var *list; /* owned */
  size_t count, room;
} bearer_vars;

/* All of these answer 0 when memory ran out. */
int bearer_vars_set(bearer_vars *n, const char *name, const void *data, size_t size,
                    bearer_var_use use, int secret);
int bearer_vars_hide(bearer_vars *n, const void *data, size_t size);
int bearer_vars_copy(bearer_vars *to, const bearer_vars *from);

const bearer_var *bearer_vars_get(const bearer_vars *n, const char *name, size_t size);
void bearer_vars_remove(bearer_vars *n, const char *name);
void bearer_vars_clear(bearer_vars *n);

/* The next ${name} at or after *at: 1 with the name's place; 0 when there is none. *from
   is where its $ stands, *at moves behind its }. */
int bearer_vars_next(const char *text, size_t size, size_t *at, size_t *from,
                     size_t *name_size);

/* Append the text with each ${name} replaced. NULL when all are known, else the name in
   the text that is not (*size bytes); out then holds a part. */
const char *bearer_vars_expand(const bearer_vars *n, const char *text, size_t size,
                               int for_url, bearer_buffer *out, size_t *missing_size);

/* Append the text with every secret in it, however it is encoded, as ***. */
void bearer_vars_redact(const bearer_vars *n, const char *text, size_t size,
                        bearer_buffer *out);

#pragma GCC visibility pop

#endif
