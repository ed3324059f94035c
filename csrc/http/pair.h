/*
 * The certificate and key that were last found to fit. While files are being replaced,
 * one after the other, there is a moment in which they do not: then these stay in use.
 */
#ifndef BEARER_PAIR_H
#define BEARER_PAIR_H

#include "base/secret.h"

#pragma GCC visibility push(hidden)

/* Shared by the options that they are given in and the transfers that use these. */
typedef struct bearer_pair bearer_pair;

bearer_pair *bearer_pair_new(void);            /* NULL when memory ran out */
bearer_pair *bearer_pair_hold(bearer_pair *p); /* NULL is fine here, and below */
void bearer_pair_release(bearer_pair *p);      /* wiped and freed by the last */

/* ---- for who moves the transfers of one client, and nobody else ---- */

int bearer_pair_has_any(const bearer_pair *p);
/* Is it this one? A key or pass phrase that is unset was not given. */
int bearer_pair_is(const bearer_pair *p, const bearer_secret *certificate,
                   const bearer_secret *key, const bearer_secret *password);
/* Remember this one; when memory runs out, none. */
void bearer_pair_keep(bearer_pair *p, const bearer_secret *certificate,
                      const bearer_secret *key, const bearer_secret *password);
/* Put it in the place of these. 0 when memory ran out. */
int bearer_pair_restore(const bearer_pair *p, bearer_secret *certificate,
                        bearer_secret *key, bearer_secret *password);

#pragma GCC visibility pop

#endif
