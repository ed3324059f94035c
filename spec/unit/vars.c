/*
 * Names, the texts they are put into, and the texts they must not show in.
 */
#include "base/vars.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/encode.h"
#include "check.h"

static void set(bearer_vars *n, const char *name, const char *value, bearer_var_use use) {
  CHECK(bearer_vars_set(n, name, value, strlen(value), use, 0));
}

static void sets_replaces_removes(void) {
  bearer_vars n = { 0 };
  const bearer_var *e;
  char name[8];
  for (int i = 0; i < 100; i++) { /* grows */
    snprintf(name, sizeof(name), "n%d", i);
    set(&n, name, name, BEARER_VAR_TEXT);
  }
  CHECK(n.count == 100);
  set(&n, "n7", "other", BEARER_VAR_URL);
  CHECK(n.count == 100);
  e = bearer_vars_get(&n, "n7xyz", 2);
  CHECK(e != NULL && e->use == BEARER_VAR_URL && strcmp(e->value.data, "other") == 0);
  bearer_vars_remove(&n, "n0");
  bearer_vars_remove(&n, "n0");
  bearer_vars_remove(&n, "n99");
  CHECK(n.count == 98 && bearer_vars_get(&n, "n0", 2) == NULL);
  e = bearer_vars_get(&n, "n98", 3);
  CHECK(e != NULL && strcmp(e->value.data, "n98") == 0);
  CHECK(bearer_vars_get(&n, "", 0) == NULL);
  bearer_vars_clear(&n);
  bearer_vars_clear(&n);
  CHECK(n.count == 0 && n.list == NULL);
}

static void copies_are_apart(void) {
  bearer_vars a = { 0 }, b = { 0 };
  set(&a, "x", "1", BEARER_VAR_TEXT);
  CHECK(bearer_vars_hide(&a, "hidden", 6) && bearer_vars_hide(&a, "hidden2", 7));
  CHECK(bearer_vars_copy(&b, &a) && b.count == 3);
  set(&a, "x", "2", BEARER_VAR_TEXT);
  CHECK(strcmp(bearer_vars_get(&b, "x", 1)->value.data, "1") == 0);
  bearer_vars_clear(&a);
  CHECK(strcmp(bearer_vars_get(&b, "x", 1)->value.data, "1") == 0);
  bearer_vars_clear(&b);
}

#define EXPANDS(n, text, url, want)                                                      \
  do {                                                                                   \
    bearer_buffer out = { 0 };                                                           \
    size_t missing_size = 0;                                                             \
    CHECK(bearer_vars_expand(n, text, strlen(text), url, &out, &missing_size) == NULL);  \
    HOLDS(&out, want);                                                                   \
    bearer_buffer_free(&out);                                                            \
  } while (0)

static void expands(void) {
  bearer_vars n = { 0 };
  set(&n, "a", "one", BEARER_VAR_TEXT);
  set(&n, "b", "t o/", BEARER_VAR_TEXT);
  set(&n, "u", "https://h/", BEARER_VAR_URL);
  set(&n, "o", "https://o/", BEARER_VAR_OPENER);
  set(&n, "d", "${a}", BEARER_VAR_TEXT);
  set(&n, "e", "", BEARER_VAR_TEXT);
  EXPANDS(&n, "", 0, "");
  EXPANDS(&n, "no name", 0, "no name");
  EXPANDS(&n, "${a}", 0, "one");
  EXPANDS(&n, "-${a}${a}-${b}-", 0, "-oneone-t o/-");
  EXPANDS(&n, "${d}", 0, "${a}"); /* once, not again */
  EXPANDS(&n, "[${e}]", 0, "[]");
  EXPANDS(&n, "$a $ {a} ${a", 0, "$a $ {a} ${a");
  EXPANDS(&n, "$", 0, "$");
  EXPANDS(&n, "${", 0, "${");
  EXPANDS(&n, "$${a}}", 0, "$one}");
  EXPANDS(&n, "x/${b}", 1, "x/t%20o%2F");
  EXPANDS(&n, "${u}x?${u}", 1, "https://h/x?https://h/");
  EXPANDS(&n, "${u}/x", 1, "https://h/x");
  EXPANDS(&n, "${o}x", 1, "https://o/x");
  EXPANDS(&n, "x?${o}", 1, "x?https%3A%2F%2Fo%2F");
  bearer_vars_clear(&n);
}

static void tells_what_is_missing(void) {
  bearer_vars n = { 0 };
  const char *text = "${a}${bcd}${e}", *missing;
  bearer_buffer out = { 0 };
  size_t size = 0;
  set(&n, "a", "1", BEARER_VAR_TEXT);
  missing = bearer_vars_expand(&n, text, strlen(text), 0, &out, &size);
  CHECK(missing == text + 6 && size == 3);
  bearer_buffer_free(&out);
  missing = bearer_vars_expand(&n, "${}", 3, 0, &out, &size);
  CHECK(missing != NULL && size == 0);
  bearer_buffer_free(&out);
  bearer_vars_clear(&n);
}

/* ---- for people -------------------------------------------------------------- */

#define REDACTS(n, text, want)                                                           \
  do {                                                                                   \
    bearer_buffer out = { 0 };                                                           \
    bearer_vars_redact(n, text, sizeof(text) - 1, &out);                                 \
    CHECK(!out.failed);                                                                  \
    HOLDS(&out, want);                                                                   \
    bearer_buffer_free(&out);                                                            \
  } while (0)

static void hide(bearer_vars *n, const char *secret) {
  CHECK(bearer_vars_hide(n, secret, strlen(secret)));
}

static void redacts(void) {
  bearer_vars n = { 0 };
  set(&n, "user", "anna", BEARER_VAR_TEXT);
  hide(&n, "a/b+c d\"e");
  REDACTS(&n, "", "");
  REDACTS(&n, "anna and nothing", "anna and nothing");
  REDACTS(&n, "<a/b+c d\"e>", "<***>");
  REDACTS(&n, "a/b+c d\"ea/b+c d\"e", "***");
  REDACTS(&n, "a/b+c d\"e\0a/b+c d\"e", "***\0***");
  REDACTS(&n, "a%2Fb%2Bc%20d%22e a%2fb%2bc+d%22e", "*** ***");
  REDACTS(&n, "%61%2F%62%2B%63%20%64%22%65", "***");
  REDACTS(&n, "a\\/b+c d\\\"e, \\u0061/b\\u002Bc\\u0020d&quot;e", "***, ***");
  REDACTS(&n, "a/b+c d&#34;e", "***");
  REDACTS(&n, "YS9iK2MgZCJl YS9iK2MgZCJl= 612f622b632064226 612F622B6320642265",
          "*** ***= 612f622b632064226 ***");
  REDACTS(&n, "a/b+c d\"", "a/b+c d\"");
  REDACTS(&n, "a/b+c d%2", "a/b+c d%2");
  REDACTS(&n, "a%2Fb%2Bc%20d%2", "a%2Fb%2Bc%20d%2");
  bearer_vars_clear(&n);
}

static void redacts_what_overlaps(void) {
  bearer_vars n = { 0 };
  hide(&n, "secret");
  hide(&n, "secret-longer");
  hide(&n, "t-longer-still");
  REDACTS(&n, "secret secret-longer secret-longer-still", "*** *** ***");
  bearer_vars_clear(&n);
}

static void redacts_odd_secrets(void) {
  bearer_vars n = { 0 };
  hide(&n, "");
  hide(&n, "x");
  REDACTS(&n, "xxx", "xxx"); /* nothing would be left of any text */
  hide(&n, "%25");
  hide(&n, "\\\\");
  hide(&n, "caf\xc3\xa9");
  REDACTS(&n, "%25 %2525 \\\\ \\\\\\\\", "*** *** *** ***");
  REDACTS(&n, "caf\xc3\xa9 caf%C3%A9 caf\\u00e9", "*** *** ***");
  CHECK(bearer_vars_hide(&n, "a\0b", 3));
  REDACTS(&n, "a\0b a%00b a\\u0000b", "*** *** ***");
  bearer_vars_clear(&n);
}

static void redacts_long_secrets(void) {
  bearer_vars n = { 0 };
  bearer_buffer secret = { 0 }, text = { 0 }, out = { 0 };
  for (int i = 0; i < 20000; i++)
    bearer_buffer_text(&secret, "ab/");
  CHECK(bearer_vars_hide(&n, secret.data, secret.size));
  bearer_buffer_text(&text, "[");
  bearer_encode_percent(&text, secret.data, secret.size);
  bearer_buffer_text(&text, "][");
  bearer_buffer_add(&text, secret.data, secret.size);
  bearer_buffer_text(&text, "]");
  bearer_vars_redact(&n, text.data, text.size, &out);
  HOLDS(&out, "[***][***]");
  bearer_buffer_free(&secret);
  bearer_buffer_free(&text);
  bearer_buffer_free(&out);
  bearer_vars_clear(&n);
}

int main(void) {
  sets_replaces_removes();
  copies_are_apart();
  expands();
  tells_what_is_missing();
  redacts();
  redacts_what_overlaps();
  redacts_odd_secrets();
  redacts_long_secrets();
  return check_result();
}
