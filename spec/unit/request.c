/*
 * A request's headers, as libcurl will read them.
 */
#include "http/request.h"

#include <stdlib.h>

#include "check.h"

static const char *line(const bearer_request *m, int index) {
  const struct curl_slist *h = m->headers;
  while (h != NULL && index-- > 0)
    h = h->next;
  return h != NULL ? h->data : "(none)";
}

#define LINE(m, index, want)                                                             \
  SAME(line(m, index), strlen(line(m, index)), want, strlen(want))

static void keeps_their_order(void) {
  bearer_request m = { 0 };
  CHECK(bearer_request_header(&m, "Accept", "a/b", 3));
  CHECK(bearer_request_header(&m, "X-Long", "value and more", 5));
  CHECK(bearer_request_header(&m, "Accept", "c", 1));
  LINE(&m, 0, "Accept: a/b");
  LINE(&m, 1, "X-Long: value");
  LINE(&m, 2, "Accept: c");
  LINE(&m, 3, "(none)");
  bearer_request_clear(&m);
}

static void empty_and_suppressed(void) {
  bearer_request m = { 0 };
  CHECK(bearer_request_header(&m, "X-Empty", "", 0));
  CHECK(bearer_request_header(&m, "Expect", NULL, 0));
  LINE(&m, 0, "X-Empty;"); /* libcurl's way to send "X-Empty:" */
  LINE(&m, 1, "Expect:");  /* libcurl's way to send none */
  bearer_request_clear(&m);
}

static void finds_names_in_any_case(void) {
  bearer_request m = { 0 };
  CHECK(!bearer_request_has_header(&m, "Accept"));
  CHECK(bearer_request_header(&m, "Content-Type", "text/plain", 10));
  CHECK(bearer_request_header(&m, "X-Empty", "", 0));
  CHECK(bearer_request_has_header(&m, "content-type"));
  CHECK(bearer_request_has_header(&m, "X-EMPTY"));
  CHECK(!bearer_request_has_header(&m, "Content"));
  CHECK(!bearer_request_has_header(&m, "Content-Type-Not"));
  CHECK(!bearer_request_has_header(&m, ""));
  bearer_request_clear(&m);
}

static void clears_twice(void) {
  bearer_request m = { 0 };
  bearer_request_clear(&m);
  bearer_buffer_text(&m.body, "password");
  bearer_buffer_text(&m.url, "https://h/");
  bearer_buffer_text(&m.method, "PUT");
  m.has_body = 1;
  CHECK(bearer_request_header(&m, "A", "b", 1));
  bearer_request_clear(&m);
  CHECK(m.headers == NULL && m.body.data == NULL && m.url.data == NULL && !m.has_body);
  bearer_request_clear(&m);
}

int main(void) {
  keeps_their_order();
  empty_and_suppressed();
  finds_names_in_any_case();
  clears_twice();
  return check_result();
}
