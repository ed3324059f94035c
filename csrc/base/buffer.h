/*
 * A growing run of bytes. It is wiped whenever it moves or goes, since what passes
 * through it are requests and answers; it has a cap, since servers are hostile; and a
 * failure sticks, so that a chain of appends is checked once, at its end.
 */
#ifndef BEARER_BUFFER_H
#define BEARER_BUFFER_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

typedef struct {
  char *data; /* owned; NUL-terminated once anything was appended; NULL before */
  size_t size;
  size_t room;
  size_t cap; /* most bytes it may hold; 0 = no cap */
  int failed; /* out of memory, or over the cap: size says what still fitted */
} bearer_buffer;

/* Append. Without effect on a buffer that has failed. */
void bearer_buffer_add(bearer_buffer *b, const void *data, size_t size);
void bearer_buffer_text(bearer_buffer *b, const char *text);

/* Empty it, wiping; the memory is kept for the next use. A failure is forgotten. */
void bearer_buffer_reset(bearer_buffer *b);

/* Wipe and free. Safe to repeat; the cap stays. */
void bearer_buffer_free(bearer_buffer *b);

/* The bytes as C text: "" when there are none. */
const char *bearer_buffer_string(const bearer_buffer *b);

#pragma GCC visibility pop

#endif
