/*
 * JSON as it is written, and numbers that lose no digit.
 */
#include "base/json_writer.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>

#include "check.h"

static void key(bearer_json *j, const char *name) {
  bearer_json_key(j, name, strlen(name));
}

static void string(bearer_json *j, const char *text) {
  bearer_json_string(j, text, strlen(text));
}

static void sees_to_commas_and_colons(void) {
  bearer_buffer out = { 0 };
  bearer_json j;
  bearer_json_begin(&j, &out);
  bearer_json_open(&j, '{');
  key(&j, "a");
  string(&j, "x\"y");
  key(&j, "b");
  bearer_json_open(&j, '[');
  CHECK(bearer_json_number(&j, 1));
  bearer_json_raw(&j, "true", 4);
  bearer_json_open(&j, '{');
  bearer_json_close(&j, '}');
  bearer_json_open(&j, '[');
  bearer_json_close(&j, ']');
  string(&j, "");
  bearer_json_close(&j, ']');
  bearer_json_key(&j, "c\0\n", 3);
  bearer_json_raw(&j, "null", 4);
  bearer_json_close(&j, '}');
  HOLDS(&out, "{\"a\":\"x\\\"y\",\"b\":[1,true,{},[],\"\"],\"c\\u0000\\n\":null}");
  CHECK(j.depth == 0 && !j.too_deep);
  bearer_buffer_free(&out);
}

static void writes_one_value_alone(void) {
  bearer_buffer out = { 0 };
  bearer_json j;
  bearer_buffer_text(&out, "before ");
  bearer_json_begin(&j, &out);
  string(&j, "x");
  HOLDS(&out, "before \"x\"");
  bearer_buffer_free(&out);
}

static void refuses_what_json_cannot_say(void) {
  bearer_buffer out = { 0 };
  bearer_json j;
  bearer_json_begin(&j, &out);
  bearer_json_open(&j, '[');
  CHECK(!bearer_json_number(&j, NAN));
  CHECK(!bearer_json_number(&j, INFINITY));
  CHECK(!bearer_json_number(&j, -INFINITY));
  CHECK(bearer_json_number(&j, 0.5));
  CHECK(!bearer_json_number(&j, NAN));
  bearer_json_close(&j, ']');
  HOLDS(&out, "[0.5]");
  bearer_buffer_free(&out);
}

static void stops_when_it_is_too_deep(void) {
  bearer_buffer out = { 0 };
  bearer_json j;
  size_t size;
  bearer_json_begin(&j, &out);
  for (int i = 0; i < BEARER_JSON_DEEPEST; i++)
    bearer_json_open(&j, '[');
  CHECK(!j.too_deep && j.depth == BEARER_JSON_DEEPEST);
  size = out.size;
  bearer_json_open(&j, '{');
  CHECK(j.too_deep);
  key(&j, "a");
  string(&j, "x");
  bearer_json_raw(&j, "1", 1);
  bearer_json_number(&j, 1);
  bearer_json_close(&j, '}');
  bearer_json_open(&j, '[');
  CHECK(out.size == size && size == BEARER_JSON_DEEPEST);
  bearer_buffer_free(&out);
}

static void keeps_a_failure(void) {
  bearer_buffer out = { 0 };
  bearer_json j;
  out.cap = 3;
  bearer_json_begin(&j, &out);
  bearer_json_open(&j, '[');
  string(&j, "long");
  bearer_json_close(&j, ']');
  CHECK(out.failed && out.size <= 3);
  bearer_buffer_free(&out);
}

/* ---- numbers ----------------------------------------------------------------- */

static void reads(double n, const char *want, int line) {
  char text[BEARER_NUMBER_MAX];
  int size = bearer_number_text(n, text);
  check_same(text, (size_t)size, want, strlen(want), __FILE__, line);
  check_that(text[size] == '\0', __FILE__, line, "no end");
  if (isfinite(n)) /* none of its digits lost, in the C locale */
    check_that(strtod(want, NULL) == n, __FILE__, line, want);
}

#define READS(n, want) reads(n, want, __LINE__)

static void whole_numbers_have_no_point(void) {
  READS(0, "0");
  READS(-0.0, "0");
  READS(1, "1");
  READS(-17, "-17");
  READS(1e14, "100000000000000");
  READS(1.2345678901234568e17, "123456789012345680");
  READS(9007199254740992, "9007199254740992");
  READS(9223372036854774784, "9223372036854774784");
  READS(-9223372036854774784, "-9223372036854774784");
  READS(0x1p63, "9.2233720368547758e+18");
  READS(-0x1p63, "-9.2233720368547758e+18");
  READS(1e20, "1e+20");
  READS(1e300, "1e+300");
}

static void others_are_as_short_as_they_can_be(void) {
  READS(0.5, "0.5");
  READS(-0.1, "-0.1");
  READS(3.14159, "3.14159");
  READS(1.0 / 3, "0.33333333333333331");
  READS(0.1 + 0.2, "0.30000000000000004");
  READS(1e-7, "1e-07");
  READS(DBL_MAX, "1.7976931348623157e+308");
  READS(-DBL_MIN, "-2.2250738585072014e-308");
  READS(5e-324, "4.9406564584125e-324");
}

static void what_is_no_number_is_as_c_has_it(void) {
  READS(INFINITY, "inf");
  READS(-INFINITY, "-inf");
  READS(NAN, "nan");
}

static void the_point_is_a_point_everywhere(void) {
  static const char *const locales[] = { "de_DE.UTF-8", "de_DE", "fr_FR.UTF-8",
                                         "ps_AF.UTF-8", "fa_IR.UTF-8" };
  char text[BEARER_NUMBER_MAX];
  for (size_t i = 0; i < sizeof(locales) / sizeof(*locales); i++)
    if (setlocale(LC_NUMERIC, locales[i]) != NULL) { /* where it is installed */
      SAME(text, (size_t)bearer_number_text(0.5, text), "0.5", 3);
      SAME(text, (size_t)bearer_number_text(0.1 + 0.2, text), "0.30000000000000004", 19);
      SAME(text, (size_t)bearer_number_text(1e-7, text), "1e-07", 5);
    }
  setlocale(LC_NUMERIC, "C");
}

int main(void) {
  sees_to_commas_and_colons();
  writes_one_value_alone();
  refuses_what_json_cannot_say();
  stops_when_it_is_too_deep();
  keeps_a_failure();
  whole_numbers_have_no_point();
  others_are_as_short_as_they_can_be();
  what_is_no_number_is_as_c_has_it();
  the_point_is_a_point_everywhere();
  return check_result();
}
