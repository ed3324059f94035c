/*
 * The certificate and key that were last found to fit.
 */
#include "http/pair.h"

#include <string.h>

#include "check.h"

static bearer_secret secret(const char *text) {
  bearer_secret s = { NULL, 0 };
  if (text != NULL)
    CHECK(bearer_secret_set(&s, text, strlen(text)));
  return s;
}

typedef struct {
  bearer_secret certificate, key, password;
} texts;

static texts of(const char *certificate, const char *key, const char *password) {
  texts t = { secret(certificate), secret(key), secret(password) };
  return t;
}

static void clear(texts *t) {
  bearer_secret_clear(&t->certificate);
  bearer_secret_clear(&t->key);
  bearer_secret_clear(&t->password);
}

static int is(const bearer_pair *p, const char *certificate, const char *key,
              const char *password) {
  texts t = of(certificate, key, password);
  int same = bearer_pair_is(p, &t.certificate, &t.key, &t.password);
  clear(&t);
  return same;
}

static void keep(bearer_pair *p, const char *certificate, const char *key,
                 const char *password) {
  texts t = of(certificate, key, password);
  bearer_pair_keep(p, &t.certificate, &t.key, &t.password);
  clear(&t);
}

static void what_is_kept(void) {
  bearer_pair *p = bearer_pair_new();
  CHECK(p != NULL && !bearer_pair_has_any(p) && !is(p, "c", "k", NULL));
  keep(p, "c", "k", NULL);
  CHECK(bearer_pair_has_any(p) && is(p, "c", "k", NULL));
  CHECK(!is(p, "c", "k", "") && !is(p, "c", NULL, NULL) && !is(p, "c", "", NULL));
  CHECK(!is(p, "d", "k", NULL) && !is(p, "c", "l", NULL) && !is(p, "cc", "k", NULL));
  keep(p, "d", NULL, "phrase");
  CHECK(is(p, "d", NULL, "phrase") && !is(p, "c", "k", NULL));
  bearer_pair_release(p);
}

static void what_is_restored(void) {
  bearer_pair *p = bearer_pair_new();
  texts t = of("other", "other", "other");
  keep(p, "c", NULL, "phrase");
  CHECK(bearer_pair_restore(p, &t.certificate, &t.key, &t.password));
  SAME(t.certificate.data, t.certificate.size, "c", 1);
  CHECK(t.key.data == NULL);
  SAME(t.password.data, t.password.size, "phrase", 6);
  CHECK(is(p, "c", NULL, "phrase")); /* a copy */
  clear(&t);
  bearer_pair_release(p);
}

static void the_last_who_holds_it_frees_it(void) {
  bearer_pair *p = bearer_pair_new();
  CHECK(bearer_pair_hold(p) == p);
  keep(p, "c", "k", NULL);
  bearer_pair_release(p);
  CHECK(is(p, "c", "k", NULL));
  bearer_pair_release(p);
}

static void none_is_fine(void) {
  CHECK(bearer_pair_hold(NULL) == NULL && !bearer_pair_has_any(NULL));
  CHECK(!is(NULL, "c", "k", NULL));
  keep(NULL, "c", "k", NULL);
  bearer_pair_release(NULL);
}

int main(void) {
  what_is_kept();
  what_is_restored();
  the_last_who_holds_it_frees_it();
  none_is_fine();
  return check_result();
}
