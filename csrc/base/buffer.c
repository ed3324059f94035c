/*
 * A growing run of bytes that wipes what it leaves behind.
 */
#include "base/buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

#define FIRST_ROOM 128 /* most requests and answers fit after one more step */

static int grow(bearer_buffer *b, size_t need) { /* need: with the final NUL */
  size_t room = b->room ? b->room : FIRST_ROOM;
  char *data;
  while (room < need)
    room = room > SIZE_MAX / 2 ? need : room * 2;
  data = malloc(room); /* not realloc: it would leave the old bytes behind */
  if (data == NULL)
    return 0;
  if (b->data != NULL) {
    memcpy(data, b->data, b->size);
    bearer_wipe(b->data, b->size);
    free(b->data);
  }
  b->data = data;
  b->room = room;
  return 1;
}

void bearer_buffer_add(bearer_buffer *b, const void *data, size_t size) {
  if (b->failed)
    return;
  if (size >= SIZE_MAX - b->size || (b->cap != 0 && size > b->cap - b->size) ||
      (b->size + size + 1 > b->room && !grow(b, b->size + size + 1))) {
    b->failed = 1;
    return;
  }
  if (size > 0)
    memcpy(b->data + b->size, data, size);
  b->size += size;
  b->data[b->size] = '\0';
}

void bearer_buffer_text(bearer_buffer *b, const char *text) {
  bearer_buffer_add(b, text, strlen(text));
}

void bearer_buffer_reset(bearer_buffer *b) {
  if (b->data != NULL) {
    bearer_wipe(b->data, b->size);
    b->data[0] = '\0';
  }
  b->size = 0;
  b->failed = 0;
}

void bearer_buffer_free(bearer_buffer *b) {
  b->failed = 0;
  if (b->data == NULL)
    return;
  bearer_buffer_reset(b);
  free(b->data);
  b->data = NULL;
  b->room = 0;
}

const char *bearer_buffer_string(const bearer_buffer *b) {
  return b->data != NULL ? b->data : "";
}
