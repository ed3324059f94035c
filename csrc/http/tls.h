/*
 * What OpenSSL is told of a new connection, and what it tells: alerts of the server's.
 */
#ifndef BEARER_TLS_H
#define BEARER_TLS_H

#include <curl/curl.h>

#pragma GCC visibility push(hidden)

/* Prepare an SSL_CTX of libcurl's for the server of this URL; NULL = for whose we do not
   know. */
CURLcode bearer_tls_prepare(void *ssl_ctx, const char *url);

/* The SSL that an easy handle is about to send by; NULL = none, or not OpenSSL's. What it
   was told before is forgotten. */
const void *bearer_tls_of(CURL *easy);

/* The fatal alert that came last to this SSL, as words: "certificate required". NULL when
   none did, or it is forgotten. On the thread that moved it, and soon. *is_of_client,
   which may be NULL: it may well be about the client's certificate. */
const char *bearer_tls_alert(const void *ssl, int *is_of_client);

#pragma GCC visibility pop

#endif
