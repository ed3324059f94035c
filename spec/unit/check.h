/*
 * What the unit tests share: CHECK counts and tells where it failed; SAME compares bytes.
 */
#ifndef BEARER_CHECK_H
#define BEARER_CHECK_H

#include <stdio.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__ /* running out of memory is what some checks are about */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
  return "allocator_may_return_null=1";
}
#endif

static int check_passed, check_failed;

static inline int check_that(int holds, const char *file, int line, const char *what) {
  if (holds)
    check_passed++;
  else if (++check_failed)
    printf("%s:%d: %s\n", file, line, what);
  return holds;
}

static inline void check_same(const void *got, size_t got_size, const void *want,
                              size_t want_size, const char *file, int line) {
  int same = got_size == want_size && (got_size == 0 || !memcmp(got, want, got_size));
  if (!check_that(same, file, line, "differs:"))
    printf("  got  %zu: %.*s\n  want %zu: %.*s\n", got_size, (int)got_size,
           got != NULL ? (const char *)got : "", want_size, (int)want_size,
           (const char *)want);
}

/* The last line of a test's output; gives the exit status. */
static inline int check_result(void) {
  printf("%d passed, %d failed\n", check_passed, check_failed);
  return check_failed != 0;
}

#define CHECK(condition) check_that((condition) != 0, __FILE__, __LINE__, #condition)
#define SAME(got, got_size, want, want_size)                                             \
  check_same(got, got_size, want, want_size, __FILE__, __LINE__)

/* A buffer's content against a literal, which may hold NUL bytes. */
#define HOLDS(buffer, literal)                                                           \
  SAME((buffer)->data, (buffer)->size, literal, sizeof(literal) - 1)

#endif
