/*
 * What is in the texts of certificates and keys: PEM, or PKCS#12. A fault is told in
 * words that go on after the option's name; NULL = none. On threads of the host's, under
 * bearer_fork_lock.
 */
#ifndef BEARER_CERTIFICATE_H
#define BEARER_CERTIFICATE_H

#include "base/secret.h"

#pragma GCC visibility push(hidden)

/* PKCS#12 opens with an ASN.1 SEQUENCE; PEM is text. */
int bearer_certificate_is_pkcs12(const char *data, size_t size);

/* Authorities, a client certificate, a key: is there one, whether it fits or not? */
const char *bearer_certificate_authorities_fault(const char *data, size_t size);
const char *bearer_certificate_fault(const char *data, size_t size);
const char *bearer_certificate_key_fault(const char *data, size_t size);

/* Can this certificate be used, with this key and this pass phrase? A key that is unset
   is in the certificate's text. *is_of_key: it is the key that is at fault. */
const char *bearer_certificate_pair_fault(const bearer_secret *certificate,
                                          const bearer_secret *key,
                                          const bearer_secret *password, int *is_of_key);

#pragma GCC visibility pop

#endif
