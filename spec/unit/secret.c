/*
 * Secrets are whole copies, and gone when they are replaced or cleared.
 */
#include "base/secret.h"

#include <stdint.h>

#include "check.h"

static void copies(void) {
  char source[] = "s3\0cret";
  bearer_secret s = { 0 };
  CHECK(bearer_secret_set(&s, source, 7));
  memset(source, 'x', sizeof(source));
  SAME(s.data, s.size, "s3\0cret", 7);
  CHECK(s.data[7] == '\0');
  bearer_secret_clear(&s);
  CHECK(s.data == NULL && s.size == 0);
  bearer_secret_clear(&s); /* twice is fine */
}

static void empty_is_set(void) {
  bearer_secret s = { 0 };
  CHECK(bearer_secret_set(&s, "", 0));
  CHECK(s.data != NULL && s.size == 0 && s.data[0] == '\0');
  bearer_secret_clear(&s);
}

static void replaces_by_its_own_part(void) {
  bearer_secret s = { 0 };
  CHECK(bearer_secret_set(&s, "Bearer abc", 10));
  CHECK(bearer_secret_set(&s, s.data + 7, 3));
  SAME(s.data, s.size, "abc", 3);
  bearer_secret_clear(&s);
}

static void no_memory_unsets(void) {
  bearer_secret s = { 0 };
  volatile size_t huge = SIZE_MAX / 2; /* volatile: the compiler knows malloc's limit */
  CHECK(bearer_secret_set(&s, "old", 3));
  CHECK(!bearer_secret_set(&s, "old", huge));
  CHECK(s.data == NULL && s.size == 0);
}

static void wipes(void) {
  char bytes[] = "password";
  bearer_wipe(bytes, 4);
  SAME(bytes, 8, "\0\0\0\0word", 8);
  bearer_wipe(bytes, 0);
  SAME(bytes, 8, "\0\0\0\0word", 8);
}

int main(void) {
  copies();
  empty_is_set();
  replaces_by_its_own_part();
  no_memory_unsets();
  wipes();
  return check_result();
}
