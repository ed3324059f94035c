/*
 * A request before it is sent.
 */
#include "http/request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/secret.h"

int bearer_request_header(bearer_request *m, const char *name, const char *value,
                          size_t size) {
  size_t name_size = strlen(name);
  struct curl_slist **end = &m->headers;
  struct curl_slist *node = malloc(sizeof(*node) + name_size + size + 3);
  char *line = (char *)(node + 1); /* behind it, in one piece */
  if (node == NULL)
    return 0;
  memcpy(line, name, name_size);
  memcpy(line + name_size, value == NULL ? ":" : ";", 2);
  if (size > 0) {
    memcpy(line + name_size, ": ", 2);
    memcpy(line + name_size + 2, value, size);
    line[name_size + 2 + size] = '\0';
  }
  node->data = line;
  node->next = NULL;
  while (*end != NULL)
    end = &(*end)->next;
  *end = node;
  return 1;
}

int bearer_request_has_header(const bearer_request *m, const char *name) {
  size_t size = strlen(name);
  for (const struct curl_slist *h = m->headers; h != NULL; h = h->next)
    if (strncasecmp(h->data, name, size) == 0 && strchr(":;", h->data[size]) != NULL)
      return 1;
  return 0;
}

void bearer_request_clear(bearer_request *m) {
  while (m->headers != NULL) { /* not curl_slist_free_all: it does not wipe */
    struct curl_slist *node = m->headers;
    m->headers = node->next;
    bearer_wipe(node->data, strlen(node->data));
    free(node);
  }
  bearer_buffer_free(&m->method);
  bearer_buffer_free(&m->url);
  bearer_buffer_free(&m->body);
  m->has_body = 0;
}
