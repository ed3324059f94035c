/*
 * The table of the codes of errors is whole.
 */
#include "base/codes.h"

#include <ctype.h>

#include "check.h"

static int is_plain(const char *name) { /* what a program compares err.code with */
  for (; *name != '\0'; name++)
    if (!islower((unsigned char)*name) && *name != '_')
      return 0;
  return 1;
}

static void each_code_has_its_row(void) {
  for (int i = 0; i < BEARER_CODES; i++) {
    const bearer_code_row *row = bearer_code_of((bearer_code)i);
    if (!CHECK(row->name != NULL && row->sentence != NULL)) {
      printf("  code %d\n", i);
      continue;
    }
    CHECK(is_plain(row->name) && strlen(row->name) >= 2);
    CHECK(strlen(row->sentence) > 0 && strlen(row->sentence) < 200);
    CHECK(row->class <= BEARER_CLASS_CLOSED);
    CHECK(bearer_code_named(row->name) == (bearer_code)i);
    for (int other = 0; other < i; other++)
      CHECK(strcmp(row->name, bearer_code_of((bearer_code)other)->name) != 0);
  }
}

static void codes_are_of_their_class(void) {
  CHECK(bearer_code_of(BEARER_TIMEOUT)->class == BEARER_TRANSIENT);
  CHECK(bearer_code_of(BEARER_TLS)->class == BEARER_TRANSIENT);
  CHECK(bearer_code_of(BEARER_REFUSED)->class == BEARER_TERMINAL);
  CHECK(bearer_code_of(BEARER_NO_TOKEN)->class == BEARER_TERMINAL);
  CHECK(bearer_code_of(BEARER_NO_SECRET)->class == BEARER_TERMINAL);
  CHECK(bearer_code_of(BEARER_CLOSED)->class == BEARER_CLASS_CLOSED);
}

static void classes_have_names(void) {
  CHECK(strcmp(bearer_class_name(BEARER_TRANSIENT), "transient") == 0);
  CHECK(strcmp(bearer_class_name(BEARER_THROTTLED), "throttled") == 0);
  CHECK(strcmp(bearer_class_name(BEARER_TERMINAL), "terminal") == 0);
  CHECK(strcmp(bearer_class_name(BEARER_CLASS_CLOSED), "closed") == 0);
}

static void a_code_of_others_is_none_of_these(void) {
  static const char *const names[] = { "", "timeou", "timeout ", "Timeout", "http_503" };
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    CHECK(bearer_code_named(names[i]) == BEARER_OK);
}

int main(void) {
  a_code_of_others_is_none_of_these();
  each_code_has_its_row();
  codes_are_of_their_class();
  classes_have_names();
  return check_result();
}
