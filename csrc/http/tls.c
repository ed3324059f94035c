/*
 * What OpenSSL is told and tells.
 */
#include "http/tls.h"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "http/url.h"

/* By TLS 1.3 the client has sent its request before it learns that its certificate is not
   what the server wants, and libcurl often has no more to say then than "getpeername()
   failed". It moves many connections on one thread: the last alert is enough, as its
   transfer ends in the same step. `ssl` is compared, and nothing else. */
static _Thread_local struct {
  const void *ssl;
  int alert;
} last;

static void on_info(const SSL *ssl, int where, int value) {
  if ((where & SSL_CB_ALERT) != 0 && (where & SSL_CB_READ) != 0 &&
      value >> 8 == SSL3_AL_FATAL) {
    last.ssl = ssl;
    last.alert = value;
  }
}

/* libcurl takes a certificate's common name for an address when it names no other, and
   OpenSSL does not. */
static int expect_address(SSL_CTX *ctx, const char *url) {
  char address[BEARER_URL_ADDRESS_MAX];
  if (url == NULL || !bearer_url_address(url, address))
    return 1;
  return X509_VERIFY_PARAM_set1_ip_asc(SSL_CTX_get0_param(ctx), address) == 1;
}

CURLcode bearer_tls_prepare(void *ssl_ctx, const char *url) {
#ifdef SSL_OP_CLEANSE_PLAINTEXT /* or the last decrypted record is kept: the token */
  SSL_CTX_set_options(ssl_ctx, SSL_OP_CLEANSE_PLAINTEXT);
#endif
  SSL_CTX_set_info_callback(ssl_ctx, on_info);
  return expect_address(ssl_ctx, url) ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

const void *bearer_tls_of(CURL *easy) {
  struct curl_tlssessioninfo *info = NULL;
  if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK || info == NULL ||
      info->backend != CURLSSLBACKEND_OPENSSL)
    return NULL;
  if (last.ssl == info->internals)
    last.ssl = NULL;
  return info->internals;
}

/* Servers differ in which one they take. */
static int is_of_certificate(int alert) {
  switch (alert & 0xff) {
  case SSL_AD_HANDSHAKE_FAILURE:
  case SSL_AD_BAD_CERTIFICATE:
  case SSL_AD_UNSUPPORTED_CERTIFICATE:
  case SSL_AD_CERTIFICATE_REVOKED:
  case SSL_AD_CERTIFICATE_EXPIRED:
  case SSL_AD_CERTIFICATE_UNKNOWN:
  case SSL_AD_UNKNOWN_CA:
  case SSL_AD_ACCESS_DENIED:
  case SSL_AD_CERTIFICATE_REQUIRED:
    return 1;
  default:
    return 0;
  }
}

const char *bearer_tls_alert(const void *ssl, int *is_of_client) {
  if (ssl == NULL || last.ssl != ssl)
    return NULL;
  if (is_of_client != NULL)
    *is_of_client = is_of_certificate(last.alert);
  if ((last.alert & 0xff) == SSL_AD_CERTIFICATE_REQUIRED) /* "unknown", says OpenSSL 3 */
    return "certificate required";
  return SSL_alert_desc_string_long(last.alert);
}
