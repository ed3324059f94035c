/*
 * Variables: set, replaced, copied, masked only, forgotten; and their fingerprint.
 */
#include "base/vars.h"

#include <limits.h>
#include <stdint.h>

#include "base/encode.h"
#include "check.h"

static void set(bearer_vars *v, int name, const char *value, int secret) {
  CHECK(bearer_vars_set(v, name, BEARER_VAR_TEXT, BEARER_VAR_ENCODED, secret, value,
                        strlen(value)));
}

static void hide(bearer_vars *v, const char *text) {
  CHECK(bearer_vars_hide(v, text, strlen(text)));
}

static void is(const bearer_vars *v, int name, const char *want, int line) {
  const bearer_var *e = bearer_vars_get(v, name);
  if (check_that(e != NULL, __FILE__, line, "has no value"))
    check_same(e->value.data, e->value.size, want, strlen(want), __FILE__, line);
}

#define IS(v, name, want) is(v, name, want, __LINE__)

static void sets_and_replaces(void) {
  bearer_vars v = { 0 };
  const bearer_var *e;
  char text[8];
  for (int i = 0; i < 100; i++) { /* grows */
    snprintf(text, sizeof(text), "v%d", i);
    set(&v, i, text, 0);
  }
  CHECK(v.count == 100 && v.room < 110);
  CHECK(bearer_vars_set(&v, 7, BEARER_VAR_NUMBER, BEARER_VAR_CHECKED, 1, "1\0002", 3));
  CHECK(v.count == 100);
  e = bearer_vars_get(&v, 7);
  CHECK(e != NULL && e->type == BEARER_VAR_NUMBER && e->use == BEARER_VAR_CHECKED);
  CHECK(e->secret == 1 && e->name == 7);
  SAME(e->value.data, e->value.size, "1\0002", 3);
  IS(&v, 99, "v99");
  CHECK(bearer_vars_get(&v, 100) == NULL && bearer_vars_get(&v, INT_MAX) == NULL);
  bearer_vars_clear(&v);
  bearer_vars_clear(&v);
  CHECK(v.count == 0 && v.room == 0 && v.list == NULL);
}

static void takes_all_that_a_name_can_be(void) {
  bearer_vars v = { 0 };
  set(&v, SHRT_MAX, "last", 0);
  IS(&v, SHRT_MAX, "last");
  CHECK(
      !bearer_vars_set(&v, SHRT_MAX + 1, BEARER_VAR_TEXT, BEARER_VAR_ENCODED, 0, "", 0));
  set(&v, BEARER_VAR_HIDDEN, "hidden", 0);
  CHECK(bearer_vars_get(&v, BEARER_VAR_HIDDEN) == NULL);
  CHECK(v.count == 2 && v.list[1].secret);
  set(&v, 0, "", 0); /* empty is a value */
  IS(&v, 0, "");
  bearer_vars_clear(&v);
}

static void replaces_by_its_own_part(void) {
  bearer_vars v = { 0 };
  const bearer_var *e;
  set(&v, 1, "Bearer abc", 1);
  e = bearer_vars_get(&v, 1);
  CHECK(bearer_vars_set(&v, 1, BEARER_VAR_TEXT, BEARER_VAR_ENCODED, 1, e->value.data + 7,
                        3));
  IS(&v, 1, "abc");
  bearer_vars_clear(&v);
}

static void removes(void) {
  bearer_vars v = { 0 };
  set(&v, 1, "one", 0);
  set(&v, 2, "two", 0);
  set(&v, 3, "three", 0);
  bearer_vars_remove(&v, 1);
  bearer_vars_remove(&v, 1);
  bearer_vars_remove(&v, BEARER_VAR_HIDDEN);
  CHECK(v.count == 2 && bearer_vars_get(&v, 1) == NULL);
  IS(&v, 2, "two");
  IS(&v, 3, "three");
  bearer_vars_remove(&v, 2);
  bearer_vars_remove(&v, 3);
  CHECK(v.count == 0);
  bearer_vars_clear(&v);
}

static void hides_each_text_once(void) {
  bearer_vars v = { 0 };
  set(&v, 1, "secret", 1);
  hide(&v, "secret"); /* it goes on being masked when the name gets another value */
  hide(&v, "secret");
  hide(&v, "other");
  hide(&v, "secret2");
  CHECK(v.count == 4);
  set(&v, 2, "two", 0);
  bearer_vars_unhide(&v);
  CHECK(v.count == 2);
  IS(&v, 1, "secret");
  IS(&v, 2, "two");
  bearer_vars_unhide(&v);
  CHECK(v.count == 2);
  bearer_vars_clear(&v);
  hide(&v, "a");
  hide(&v, "b");
  bearer_vars_unhide(&v);
  CHECK(v.count == 0);
  bearer_vars_clear(&v);
}

static void copies_are_apart(void) {
  bearer_vars a = { 0 }, b = { 0 };
  set(&a, 1, "1", 1);
  hide(&a, "hidden");
  set(&b, 1, "old", 0);
  set(&b, 2, "mine", 0);
  hide(&b, "hidden");
  CHECK(bearer_vars_copy(&b, &a) && b.count == 3);
  CHECK(bearer_vars_get(&b, 1)->secret);
  set(&a, 1, "2", 1);
  IS(&b, 1, "1");
  IS(&b, 2, "mine");
  CHECK(bearer_vars_copy_one(&b, &a, 1));
  IS(&b, 1, "2");
  CHECK(bearer_vars_copy_one(&b, &a, 2)); /* a has none: b keeps its own */
  IS(&b, 2, "mine");
  bearer_vars_clear(&a);
  IS(&b, 1, "2");
  bearer_vars_clear(&b);
}

static void trims(void) {
  bearer_vars v = { 0 };
  bearer_vars_trim(&v);
  for (int i = 0; i < 9; i++)
    set(&v, i, "x", 0);
  bearer_vars_trim(&v);
  CHECK(v.room == 9 && v.count == 9);
  IS(&v, 8, "x");
  set(&v, 9, "y", 0);
  IS(&v, 9, "y");
  for (int i = 0; i < 10; i++)
    bearer_vars_remove(&v, i);
  bearer_vars_trim(&v);
  CHECK(v.room == 0 && v.list == NULL);
  set(&v, 1, "z", 0);
  bearer_vars_clear(&v);
}

static void no_memory_unsets(void) {
  bearer_vars v = { 0 };
  volatile size_t huge = SIZE_MAX / 2; /* volatile: the compiler knows malloc's limit */
  set(&v, 1, "old", 1);
  set(&v, 2, "two", 1);
  CHECK(!bearer_vars_set(&v, 1, BEARER_VAR_TEXT, BEARER_VAR_ENCODED, 1, "new", huge));
  CHECK(bearer_vars_get(&v, 1) == NULL && v.count == 1);
  CHECK(!bearer_vars_set(&v, 3, BEARER_VAR_TEXT, BEARER_VAR_ENCODED, 1, "new", huge));
  CHECK(bearer_vars_get(&v, 3) == NULL && v.count == 1);
  CHECK(!bearer_vars_hide(&v, "new", huge) && v.count == 1);
  IS(&v, 2, "two");
  bearer_vars_clear(&v);
}

/* ---- the fingerprint --------------------------------------------------------- */

static void fingerprint(const bearer_vars *v, unsigned char first, char hex[65]) {
  unsigned char key[32], digest[32];
  bearer_buffer out = { 0 };
  for (int i = 0; i < 32; i++)
    key[i] = (unsigned char)(first + i);
  CHECK(bearer_vars_fingerprint(v, key, digest));
  bearer_encode_hex(&out, digest, sizeof(digest));
  memcpy(hex, out.data, 65);
  bearer_buffer_free(&out);
}

static void fingerprints_are_hmacs(void) {
  bearer_vars v = { 0 };
  char got[65];
  fingerprint(&v, 0, got);
  SAME(got, 64, "d38b42096d80f45f826b44a9d5607de72496a415d3f4a1a8c88e3bb9da8dc1cb", 64);
  set(&v, 7, "d", 1);
  set(&v, 3, "abc", 1);
  fingerprint(&v, 0, got);
  SAME(got, 64, "af40e03f5d203c4548d4d1423b568ffd41806f76752a1751edc0ca1967169152", 64);
  bearer_vars_clear(&v);
}

static void fingerprints_tell_secrets_apart(void) {
  bearer_vars v = { 0 };
  char first[65], other[65];
  set(&v, 1, "ab", 1);
  set(&v, 2, "cd", 1);
  fingerprint(&v, 0, first);
  fingerprint(&v, 1, other); /* another key */
  CHECK(strcmp(first, other) != 0);
  set(&v, 1, "abc", 1);
  set(&v, 2, "d", 1);
  fingerprint(&v, 0, other);
  CHECK(strcmp(first, other) != 0);
  set(&v, 1, "cd", 1); /* swapped */
  set(&v, 2, "ab", 1);
  fingerprint(&v, 0, other);
  CHECK(strcmp(first, other) != 0);
  bearer_vars_remove(&v, 1);
  set(&v, 2, "cd", 1);
  set(&v, 1, "ab", 1); /* in another order */
  set(&v, 3, "no secret", 0);
  hide(&v, "hidden");
  fingerprint(&v, 0, other);
  CHECK(strcmp(first, other) == 0);
  bearer_vars_clear(&v);
}

static void learns_what_it_does_not_know(void) {
  bearer_vars to = { 0 }, from = { 0 };
  CHECK(bearer_vars_set(&to, 1, BEARER_VAR_TEXT, BEARER_VAR_ENCODED, 1, "mine", 4));
  CHECK(bearer_vars_set(&from, 1, BEARER_VAR_TEXT, BEARER_VAR_ENCODED, 1, "yours", 5));
  CHECK(bearer_vars_set(&from, 2, BEARER_VAR_TEXT, BEARER_VAR_ENCODED, 0, "plain", 5));
  CHECK(bearer_vars_hide(&from, "hidden", 6));
  for (int times = 0; times < 2; times++) { /* the second time it knows all */
    CHECK(bearer_vars_learn(&to, &from));
    CHECK(to.count == 4);
    SAME(bearer_vars_get(&to, 1)->value.data, bearer_vars_get(&to, 1)->value.size, "mine",
         4);
    CHECK(!bearer_vars_get(&to, 2)->secret);
  }
  bearer_vars_unhide(&to);
  CHECK(to.count == 2);
  bearer_vars_clear(&to);
  bearer_vars_clear(&from);
}

int main(void) {
  sets_and_replaces();
  takes_all_that_a_name_can_be();
  replaces_by_its_own_part();
  removes();
  hides_each_text_once();
  copies_are_apart();
  trims();
  no_memory_unsets();
  fingerprints_are_hmacs();
  fingerprints_tell_secrets_apart();
  learns_what_it_does_not_know();
  return check_result();
}
