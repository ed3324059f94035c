/*
 * Names and what they stand for: the inputs of a login, what earlier answers gave, the
 * token. Texts of a definition are expanded from here, below Lua, and whatever leaves
 * towards people passes bearer_names_redact.
 */
#ifndef BEARER_NAMES_H
#define BEARER_NAMES_H

#include "buffer.h"
#include "secret.h"

#pragma GCC visibility push(hidden)

/* How a value may go into a URL. */
typedef enum {
  BEARER_NAME_TEXT,   /* percent-encoded */
  BEARER_NAME_OPENER, /* as it is where it opens the text, else percent-encoded */
  BEARER_NAME_URL     /* as it is: it was checked */
} bearer_name_use;

typedef struct {
  char *name;          /* owned; "" for what is only to be hidden */
  bearer_secret value; /* owned */
  bearer_name_use use;
  int secret; /* to be hidden in texts for people */
} bearer_name;

typedef struct {
  bearer_name *list; /* owned */
  size_t count, room;
} bearer_names;

/* All of these answer 0 when memory ran out. */
int bearer_names_set(bearer_names *n, const char *name, const void *data, size_t size,
                     bearer_name_use use, int secret);
int bearer_names_hide(bearer_names *n, const void *data, size_t size);
int bearer_names_copy(bearer_names *to, const bearer_names *from);

const bearer_name *bearer_names_get(const bearer_names *n, const char *name, size_t size);
void bearer_names_remove(bearer_names *n, const char *name);
void bearer_names_clear(bearer_names *n);

/* The next ${name} at or after *at: 1 with the name's place; 0 when there is none. *from
   is where its $ stands, *at moves behind its }. */
int bearer_names_next(const char *text, size_t size, size_t *at, size_t *from,
                      size_t *name_size);

/* Append the text with each ${name} replaced. NULL when all are known, else the name in
   the text that is not (*size bytes); out then holds a part. */
const char *bearer_names_expand(const bearer_names *n, const char *text, size_t size,
                                int for_url, bearer_buffer *out, size_t *missing_size);

/* Append the text with every secret in it, however it is encoded, as ***. */
void bearer_names_redact(const bearer_names *n, const char *text, size_t size,
                         bearer_buffer *out);

#pragma GCC visibility pop

#endif
