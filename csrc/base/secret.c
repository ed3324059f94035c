/*
 * Bytes that nobody may find later.
 */
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

void bearer_wipe(void *data, size_t size) {
#if defined(__GNUC__)
  memset(data, 0, size);
  __asm__ __volatile__("" : : "r"(data) : "memory"); /* somebody may look at it */
#else
  volatile unsigned char *p = data;
  while (size--)
    *p++ = 0;
#endif
}

int bearer_secret_set(bearer_secret *s, const void *data, size_t size) {
  char *copy = malloc(size + 1);
  if (copy != NULL) {
    memcpy(copy, data, size);
    copy[size] = '\0';
  }
  bearer_secret_clear(s); /* after the copy: data may point into s */
  s->data = copy;
  s->size = copy != NULL ? size : 0;
  return copy != NULL;
}

void bearer_secret_clear(bearer_secret *s) {
  if (s->data != NULL) {
    bearer_wipe(s->data, s->size);
    free(s->data);
  }
  s->data = NULL;
  s->size = 0;
}
