/*
 * What a server answered.
 */
#include "http/response.h"

#include <string.h>
#include <strings.h>

void bearer_response_clear(bearer_response *r) {
  bearer_buffer_free(&r->head);
  bearer_buffer_free(&r->body);
  r->status = 0;
}

static int is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void trim(const char **text, size_t *size) {
  while (*size > 0 && is_blank((*text)[*size - 1]))
    --*size;
  while (*size > 0 && is_blank(**text)) {
    ++*text;
    --*size;
  }
}

/* The next line, without its end. 0 when there is none. */
static int next_line(const bearer_buffer *head, size_t *at, const char **line,
                     size_t *size) {
  const char *end;
  if (*at >= head->size)
    return 0;
  *line = head->data + *at;
  end = memchr(*line, '\n', head->size - *at);
  *size = end != NULL ? (size_t)(end - *line) : head->size - *at;
  *at += *size + (end != NULL);
  return 1;
}

int bearer_response_next_header(const bearer_response *r, size_t *at, const char **name,
                                size_t *name_size, const char **value,
                                size_t *value_size) {
  size_t size;
  while (next_line(&r->head, at, name, &size)) {
    const char *colon = memchr(*name, ':', size);
    if (colon == NULL || colon == *name || (size > 5 && memcmp(*name, "HTTP/", 5) == 0))
      continue; /* the status line, the empty one at the end, or no header at all */
    *name_size = (size_t)(colon - *name);
    *value = colon + 1;
    *value_size = size - *name_size - 1;
    trim(name, name_size);
    trim(value, value_size);
    return 1;
  }
  return 0;
}

int bearer_response_header(const bearer_response *r, const char *name,
                           bearer_buffer *out) {
  const char *found, *value;
  size_t at = 0, size = strlen(name), found_size, value_size;
  int count = 0;
  while (bearer_response_next_header(r, &at, &found, &found_size, &value, &value_size)) {
    if (found_size != size || strncasecmp(found, name, size) != 0)
      continue;
    if (count++ > 0)
      bearer_buffer_text(out, ", ");
    bearer_buffer_add(out, value, value_size);
  }
  return count > 0;
}

/* Append text, each run of harmless bytes at once. */
static void add_clean(bearer_buffer *out, const char *text, size_t size) {
  size_t from = 0;
  for (size_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c >= ' ' && c != 0x7f)
      continue;
    bearer_buffer_add(out, text + from, i - from);
    bearer_buffer_add(out, " ", 1);
    from = i + 1;
  }
  bearer_buffer_add(out, text + from, size - from);
}

int bearer_response_add_header(bearer_response *r, const char *name, size_t name_size,
                               const char *value, size_t value_size) {
  add_clean(&r->head, name, name_size);
  bearer_buffer_add(&r->head, ": ", 2);
  add_clean(&r->head, value, value_size);
  bearer_buffer_add(&r->head, "\r\n", 2);
  return !r->head.failed;
}
