/*
 * A request before it is sent.
 */
#ifndef BEARER_HTTP_REQUEST_H
#define BEARER_HTTP_REQUEST_H

#include <curl/curl.h>

#include "base/buffer.h"

#pragma GCC visibility push(hidden)

/* What is sent. All owned, all wiped. */
typedef struct {
  bearer_buffer method, url, body;
  struct curl_slist
      *headers; /* its texts and nodes are ours: see bearer_request_header */
  int has_body;
} bearer_request;

/* Append the header "name: value"; its value is copied. NULL keeps libcurl from sending
   one of its own by this name ("name:" to it; "name;" is a header without a value).
   0 when memory ran out. */
int bearer_request_header(bearer_request *m, const char *name, const char *value,
                          size_t size);
/* 1 when a header of this name, in any case, is there. */
int bearer_request_has_header(const bearer_request *m, const char *name);
/* Wipe and free. Safe to repeat. */
void bearer_request_clear(bearer_request *m);

#pragma GCC visibility pop

#endif
