/*
 * What a server answered.
 */
#ifndef BEARER_HTTP_RESPONSE_H
#define BEARER_HTTP_RESPONSE_H

#include "base/buffer.h"

#pragma GCC visibility push(hidden)

/* All owned, all wiped. */
typedef struct {
  long status;
  bearer_buffer head; /* the lines of the last header block, its status line first */
  bearer_buffer body;
} bearer_response;

/* Wipe and free. Safe to repeat. */
void bearer_response_clear(bearer_response *r);

/* Go through the headers: *at is 0 before the first. Names and values are borrowed from
   the head; values come without the white space around them. 0 at the end. */
int bearer_response_next_header(const bearer_response *r, size_t *at, const char **name,
                                size_t *name_size, const char **value,
                                size_t *value_size);

/* Append the value of this header, in any case; of several of that name all, joined by
   ", ". 0 when there is none. */
int bearer_response_header(const bearer_response *r, const char *name,
                           bearer_buffer *out);

/* Append a header to an answer that comes from elsewhere. Line breaks and other control
   characters become spaces, so that no line can be forged. 0 when memory ran out. */
int bearer_response_add_header(bearer_response *r, const char *name, size_t name_size,
                               const char *value, size_t value_size);

#pragma GCC visibility pop

#endif
