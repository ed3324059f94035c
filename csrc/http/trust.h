/*
 * Whom we trust when nobody says otherwise: the system's bundle and its folder, both, in
 * one store for the process. To read the bundle takes 20 ms, so it is read once, by
 * whoever makes the first TLS connection.
 */
#ifndef BEARER_TRUST_H
#define BEARER_TRUST_H

#include <stddef.h>

#include <curl/curl.h>

#pragma GCC visibility push(hidden)

/* Look where the system keeps what it trusts: SSL_CERT_FILE and SSL_CERT_DIR, libcurl's
   places, OpenSSL's. Once, on a thread of the host's, whose environment it is. */
void bearer_trust_init(void);

/* 1 when libcurl uses OpenSSL, so that it takes a store of ours. */
int bearer_trust_has_store(void);

/* Have this SSL_CTX verify against the system's store. From any thread. */
CURLcode bearer_trust_use_system(void *ssl_ctx);

/* Have it verify against these certificates alone: for a libcurl that takes no blob. */
CURLcode bearer_trust_use_pem(void *ssl_ctx, const char *data, size_t size);

/* For tests: these places instead, either may be NULL. What was read is forgotten. */
void bearer_trust_set_places(const char *bundle, const char *folder);

#pragma GCC visibility pop

#endif
