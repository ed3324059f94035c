/*
 * The certificate and key that were last found to fit.
 */
#include "http/pair.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/crypto.h>

struct bearer_pair {
  atomic_int holders;
  bearer_secret certificate, key, password; /* the first unset: there is none yet */
};

bearer_pair *bearer_pair_new(void) {
  bearer_pair *p = calloc(1, sizeof(*p));
  if (p != NULL)
    atomic_store(&p->holders, 1);
  return p;
}

bearer_pair *bearer_pair_hold(bearer_pair *p) {
  if (p != NULL)
    atomic_fetch_add(&p->holders, 1);
  return p;
}

static void forget(bearer_pair *p) {
  bearer_secret_clear(&p->certificate);
  bearer_secret_clear(&p->key);
  bearer_secret_clear(&p->password);
}

void bearer_pair_release(bearer_pair *p) {
  if (p == NULL || atomic_fetch_sub(&p->holders, 1) > 1)
    return;
  forget(p);
  free(p);
}

int bearer_pair_has_any(const bearer_pair *p) {
  return p != NULL && p->certificate.data != NULL;
}

static int is_same(const bearer_secret *a, const bearer_secret *b) {
  return (a->data == NULL) == (b->data == NULL) && a->size == b->size &&
         (a->size == 0 || CRYPTO_memcmp(a->data, b->data, a->size) == 0);
}

int bearer_pair_is(const bearer_pair *p, const bearer_secret *certificate,
                   const bearer_secret *key, const bearer_secret *password) {
  return p != NULL && is_same(&p->certificate, certificate) && is_same(&p->key, key) &&
         is_same(&p->password, password);
}

static int copy(bearer_secret *to, const bearer_secret *from) {
  if (from->data != NULL)
    return bearer_secret_set(to, from->data, from->size);
  bearer_secret_clear(to);
  return 1;
}

void bearer_pair_keep(bearer_pair *p, const bearer_secret *certificate,
                      const bearer_secret *key, const bearer_secret *password) {
  if (p != NULL && !(copy(&p->certificate, certificate) && copy(&p->key, key) &&
                     copy(&p->password, password)))
    forget(p);
}

int bearer_pair_restore(const bearer_pair *p, bearer_secret *certificate,
                        bearer_secret *key, bearer_secret *password) {
  return copy(certificate, &p->certificate) && copy(key, &p->key) &&
         copy(password, &p->password);
}
