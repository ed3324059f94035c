/*
 * A text with ${name} in it, parsed once. This is the only parser of ${}: what a
 * definition says is a list of pieces from then on, and names are small numbers.
 */
#ifndef BEARER_TEMPLATE_H
#define BEARER_TEMPLATE_H

#include "base/buffer.h"
#include "base/vars.h"

#pragma GCC visibility push(hidden)

/* The names of one definition, each once. Its place in the list is its id. */
typedef struct {
  char **list; /* owned, and so is each */
  int count, room;
} bearer_names;

/* The id of a name, which is added if it is new. -1 when memory ran out. */
int bearer_names_add(bearer_names *n, const char *name, size_t size);
/* -1 when there is none. */
int bearer_names_find(const bearer_names *n, const char *name, size_t size);
void bearer_names_clear(bearer_names *n);

/* Literal bytes, or a name. */
typedef struct {
  int name;            /* its id; -1 = literal */
  size_t offset, size; /* of the literal, in the template's text */
} bearer_piece;

typedef struct {
  char *text;           /* owned */
  bearer_piece *pieces; /* owned */
  int count;
} bearer_template;

/* Parse. Names that are new are added. An unclosed ${ is literal. 0 when memory ran out:
   the template is then empty. */
int bearer_template_parse(bearer_template *t, bearer_names *names, const char *text,
                          size_t size);
void bearer_template_clear(bearer_template *t);

/* The id of the name that is all there is in the text; -1 when there is more or less. */
int bearer_template_alone(const bearer_template *t);
/* Does it mention this name? */
int bearer_template_mentions(const bearer_template *t, int name);
/* The first name in it that has no value; -1 when all have one. */
int bearer_template_missing(const bearer_template *t, const bearer_vars *vars);
/* Append it with each name replaced. All names must have values
   (bearer_template_missing); one that has none is left out. for_url: values go in as
   bearer_var_use says, else as they are. */
void bearer_template_expand(const bearer_template *t, const bearer_vars *vars,
                            int for_url, bearer_buffer *out);

#pragma GCC visibility pop

#endif
