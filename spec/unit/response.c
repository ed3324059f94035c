/*
 * The lines of an answer's head.
 */
#include "http/response.h"

#include "check.h"

static bearer_response response(const char *head) {
  bearer_response r = { 0 };
  bearer_buffer_text(&r.head, head);
  return r;
}

/* All headers as "name=value|", in their order. */
static void list(const char *head, const char *want) {
  bearer_response r = response(head);
  bearer_buffer out = { 0 };
  const char *name, *value;
  size_t at = 0, name_size, value_size;
  while (bearer_response_next_header(&r, &at, &name, &name_size, &value, &value_size)) {
    bearer_buffer_add(&out, name, name_size);
    bearer_buffer_text(&out, "=");
    bearer_buffer_add(&out, value, value_size);
    bearer_buffer_text(&out, "|");
  }
  SAME(bearer_buffer_string(&out), out.size, want, strlen(want));
  bearer_buffer_free(&out);
  bearer_response_clear(&r);
}

static void goes_through_all(void) {
  list("", "");
  list("HTTP/1.1 200 OK\r\n\r\n", "");
  list("HTTP/1.1 200 OK: fine\r\nA: b\r\nC:d \t\r\n\r\n", "A=b|C=d|");
  list("A: b\nno colon\nC:\n: nameless\nD: e:f\n", "A=b|C=|D=e:f|");
  list("Last: without its end", "Last=without its end|");
  list("A:", "A=|");
  list("  A  :  b c  \r\n", "A=b c|");
  list("\r\n\r\nA: b", "A=b|");
}

static void finds(const char *head, const char *name, const char *want) {
  bearer_response r = response(head);
  bearer_buffer out = { 0 };
  CHECK(bearer_response_header(&r, name, &out) == (want != NULL));
  SAME(bearer_buffer_string(&out), out.size, want != NULL ? want : "",
       want != NULL ? strlen(want) : 0);
  bearer_buffer_free(&out);
  bearer_response_clear(&r);
}

static void finds_in_any_case_and_joins(void) {
  static const char head[] = "HTTP/1.1 200\r\nX: 1\r\nx-y: 2\r\nx: 3\r\nEmpty:\r\n\r\n";
  finds(head, "x", "1, 3");
  finds(head, "X-Y", "2");
  finds(head, "empty", "");
  finds(head, "x-", NULL);
  finds(head, "HTTP/1.1 200", NULL);
  finds(head, "", NULL);
}

static void no_line_can_be_forged(void) {
  bearer_response r = { 0 };
  CHECK(bearer_response_add_header(&r, "A", 1, "b\r\nC: d", 7));
  CHECK(bearer_response_add_header(&r, "E\nF: g", 6, "h\0i\x7f", 4));
  CHECK(bearer_response_add_header(&r, "Empty", 5, NULL, 0));
  HOLDS(&r.head, "A: b  C: d\r\nE F: g: h i \r\nEmpty: \r\n");
  bearer_response_clear(&r);
}

static void a_failure_is_told(void) {
  bearer_response r = { 0 };
  r.head.cap = 4;
  CHECK(!bearer_response_add_header(&r, "Name", 4, "value", 5));
  bearer_response_clear(&r);
  bearer_response_clear(&r); /* twice is fine */
  CHECK(r.head.data == NULL && r.body.data == NULL && r.status == 0);
}

int main(void) {
  goes_through_all();
  finds_in_any_case_and_joins();
  no_line_can_be_forged();
  a_failure_is_told();
  return check_result();
}
