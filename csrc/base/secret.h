/*
 * Bytes that nobody may find later: a copy in C memory that is wiped before it is freed.
 */
#ifndef BEARER_SECRET_H
#define BEARER_SECRET_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

typedef struct {
  char *data; /* owned; NUL-terminated for C's sake; NULL while unset */
  size_t size;
} bearer_secret;

/* Replace the content by a copy of size bytes. 0 when memory ran out: then it is unset.
 */
int bearer_secret_set(bearer_secret *s, const void *data, size_t size);

/* Wipe and forget. Safe to repeat, and on a zeroed structure. */
void bearer_secret_clear(bearer_secret *s);

/* Wipe size bytes in a way that the compiler keeps. */
void bearer_wipe(void *data, size_t size);

#pragma GCC visibility pop

#endif
