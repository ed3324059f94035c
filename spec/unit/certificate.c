/*
 * What is in the texts of certificates and keys, and whether they fit.
 */
#include "http/certificate.h"

#include <openssl/pkcs12.h>
#include <string.h>

#include "identity.h"

#define NO_CERTIFICATE "holds no certificate in PEM"
#define NO_KEY         "holds no private key in PEM"
#define NEITHER        "is neither PEM nor PKCS#12"

static identity ours, another;

static void says(const char *why, const char *want, int line) {
  if (want == NULL)
    check_that(why == NULL, __FILE__, line, why != NULL ? why : "");
  else
    check_same(why != NULL ? why : "", why != NULL ? strlen(why) : 0, want, strlen(want),
               __FILE__, line);
}

/* ---- each by itself ---------------------------------------------------------- */

#define AUTHORITIES(text, want)                                                          \
  says(bearer_certificate_authorities_fault(text, strlen(text)), want, __LINE__)
#define CERTIFICATE(text, want)                                                          \
  says(bearer_certificate_fault(text, strlen(text)), want, __LINE__)
#define KEY(text, want)                                                                  \
  says(bearer_certificate_key_fault(text, strlen(text)), want, __LINE__)

static void authorities(void) {
  char text[8192];
  AUTHORITIES(ours.cert, NULL);
  snprintf(text, sizeof(text), "words\n%s%s", ours.plain, ours.cert);
  AUTHORITIES(text, NULL);
  snprintf(text, sizeof(text),
           "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n%s", ours.cert);
  AUTHORITIES(text, NULL);
  AUTHORITIES("", NO_CERTIFICATE);
  AUTHORITIES("words", NO_CERTIFICATE);
  AUTHORITIES(ours.plain, NO_CERTIFICATE);
  AUTHORITIES("-----BEGIN CERTIFICATE-----\n", NO_CERTIFICATE);
  AUTHORITIES("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
              NO_CERTIFICATE);
  snprintf(text, sizeof(text), "%.200s", ours.cert);
  AUTHORITIES(text, NO_CERTIFICATE);
}

static void certificates(void) {
  CERTIFICATE(ours.cert, NULL);
  CERTIFICATE(ours.plain, NO_CERTIFICATE);
  CERTIFICATE("0", NEITHER);
  CERTIFICATE("0\202\1\1x", NEITHER);
  CHECK(!bearer_certificate_is_pkcs12("", 0) && !bearer_certificate_is_pkcs12("-", 1));
}

static void keys(void) {
  char text[8192];
  KEY(ours.plain, NULL);
  KEY(ours.encrypted, NULL);
  snprintf(text, sizeof(text), "%s%s", ours.cert, ours.encrypted);
  KEY(text, NULL);
  KEY("", NO_KEY);
  KEY(ours.cert, NO_KEY);
  KEY("-----BEGIN PRIVATE KEY-----\n", NO_KEY);
  KEY("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", NO_KEY);
}

/* ---- both together ----------------------------------------------------------- */

static bearer_secret secret(const char *text) {
  bearer_secret s = { NULL, 0 };
  if (text != NULL)
    CHECK(bearer_secret_set(&s, text, strlen(text)));
  return s;
}

/* want_key: it is the key that is at fault. */
static void pair(const char *certificate, const char *key, const char *password,
                 const char *want, int want_key, int line) {
  bearer_secret c = secret(certificate), k = secret(key), p = secret(password);
  int is_of_key;
  const char *why = bearer_certificate_pair_fault(&c, &k, &p, &is_of_key);
  says(why, want, line);
  CHECK(why == NULL || is_of_key == want_key);
  bearer_secret_clear(&c);
  bearer_secret_clear(&k);
  bearer_secret_clear(&p);
}

#define PAIR(certificate, key, password, want, want_key)                                 \
  pair(certificate, key, password, want, want_key, __LINE__)

static void pairs(void) {
  char both[8192];
  PAIR(ours.cert, ours.plain, NULL, NULL, 0);
  PAIR(ours.cert, ours.plain, "not needed", NULL, 0);
  PAIR(ours.cert, ours.encrypted, "phrase", NULL, 0);
  PAIR(ours.cert, ours.encrypted, NULL,
       "the key wants a pass phrase, and no `key_password` is given", 1);
  PAIR(ours.cert, ours.encrypted, "another",
       "the key wants a pass phrase, and `key_password` is another", 1);
  PAIR(ours.cert, another.plain, NULL, "is not the key of `cert`", 1);
  PAIR(ours.cert, "none", NULL, NO_KEY, 1);
  PAIR("none", ours.plain, NULL, NO_CERTIFICATE, 0);
  PAIR(NULL, ours.plain, NULL, "no `cert` is given", 0);
  PAIR(ours.cert, NULL, NULL, "holds no private key, and no `key` is given", 0);
  snprintf(both, sizeof(both), "%s%s", ours.plain, ours.cert);
  PAIR(both, NULL, NULL, NULL, 0);
  PAIR(both, another.plain, NULL, "is not the key of `cert`", 1);
  snprintf(both, sizeof(both), "%s%s", another.plain, ours.cert);
  PAIR(both, NULL, NULL, "is not the key of `cert`", 0);
  PAIR(both, ours.plain, NULL, NULL, 0);
}

static const char *pkcs12_fault(PKCS12 *p12, size_t cut, const char *password) {
  unsigned char *der = NULL;
  int size = i2d_PKCS12(p12, &der), is_of_key;
  bearer_secret c = { NULL, 0 }, none = { NULL, 0 }, p = secret(password);
  const char *why;
  CHECK(size > 0 && bearer_secret_set(&c, der, (size_t)size - cut));
  why = bearer_certificate_pair_fault(&c, &none, &p, &is_of_key);
  CHECK(!is_of_key);
  bearer_secret_clear(&c);
  bearer_secret_clear(&p);
  OPENSSL_free(der);
  return why;
}

static void pkcs12(void) {
  PKCS12 *p12 = PKCS12_create("phrase", "x", ours.key, ours.x, NULL, 0, 0, 0, 0, 0);
  PKCS12 *half = PKCS12_create("phrase", "x", NULL, ours.x, NULL, 0, 0, 0, 0, 0);
  says(pkcs12_fault(p12, 0, "phrase"), NULL, __LINE__);
  says(pkcs12_fault(p12, 0, NULL),
       "the key wants a pass phrase, and no `key_password` is given", __LINE__);
  says(pkcs12_fault(p12, 0, "another"),
       "the key wants a pass phrase, and `key_password` is another", __LINE__);
  says(pkcs12_fault(p12, 1, "phrase"), NEITHER, __LINE__);
  says(pkcs12_fault(half, 0, "phrase"), "holds no certificate with its private key",
       __LINE__);
  PKCS12_free(p12);
  PKCS12_free(half);
}

int main(void) {
  make_identity(&ours, "ours");
  make_identity(&another, "another");
  authorities();
  certificates();
  keys();
  pairs();
  pkcs12();
  forget_identity(&ours);
  forget_identity(&another);
  return check_result();
}
