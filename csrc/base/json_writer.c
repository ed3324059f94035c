/*
 * JSON, written as one walks a value.
 */
#include "base/json_writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"

void bearer_json_begin(bearer_json *j, bearer_buffer *out) {
  memset(j, 0, sizeof(*j));
  j->out = out;
}

static void separate(bearer_json *j) { /* from the value before */
  if (j->needs_comma)
    bearer_buffer_add(j->out, ",", 1);
}

void bearer_json_open(bearer_json *j, char bracket) {
  if (j->depth >= BEARER_JSON_DEEPEST)
    j->too_deep = 1;
  if (j->too_deep)
    return;
  separate(j);
  bearer_buffer_add(j->out, &bracket, 1);
  j->depth++;
  j->needs_comma = 0;
}

void bearer_json_close(bearer_json *j, char bracket) {
  if (j->too_deep)
    return;
  bearer_buffer_add(j->out, &bracket, 1);
  j->depth--;
  j->needs_comma = 1;
}

void bearer_json_key(bearer_json *j, const char *key, size_t size) {
  if (j->too_deep)
    return;
  separate(j);
  bearer_encode_json(j->out, key, size);
  bearer_buffer_add(j->out, ":", 1);
  j->needs_comma = 0;
}

void bearer_json_string(bearer_json *j, const void *text, size_t size) {
  if (j->too_deep)
    return;
  separate(j);
  bearer_encode_json(j->out, text, size);
  j->needs_comma = 1;
}

void bearer_json_raw(bearer_json *j, const char *text, size_t size) {
  if (j->too_deep)
    return;
  separate(j);
  bearer_buffer_add(j->out, text, size);
  j->needs_comma = 1;
}

int bearer_json_number(bearer_json *j, double n) {
  char text[BEARER_NUMBER_MAX];
  if (!isfinite(n))
    return 0;
  bearer_json_raw(j, text, (size_t)bearer_number_text(n, text));
  return 1;
}

/* ---- numbers ----------------------------------------------------------------- */

static int is_whole(double n) {
  return n > -0x1p63 && n < 0x1p63 && (double)(long long)n == n;
}

/* In place of whatever stands for the point in this locale, in several bytes perhaps. */
static int with_point(char *text) {
  static const char others[] = "+-0123456789e";
  size_t from = strspn(text, others), to = from;
  while (text[to] != '\0' && strchr(others, text[to]) == NULL)
    to++;
  if (to > from) {
    text[from] = '.';
    memmove(text + from + 1, text + to, strlen(text + to) + 1);
  }
  return (int)strlen(text);
}

int bearer_number_text(double n, char text[BEARER_NUMBER_MAX]) {
  if (is_whole(n))
    return snprintf(text, BEARER_NUMBER_MAX, "%lld", (long long)n);
  snprintf(text, BEARER_NUMBER_MAX, "%.14g", n);
  if (!isfinite(n))
    return (int)strlen(text);
  if (strtod(text, NULL) != n)
    snprintf(text, BEARER_NUMBER_MAX, "%.17g", n);
  return with_point(text);
}
