/*
 * What is in the texts of certificates and keys.
 */
#include "http/certificate.h"

#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

int bearer_certificate_is_pkcs12(const char *data, size_t size) {
  return size > 0 && data[0] == 0x30;
}

/* ---- PEM --------------------------------------------------------------------- */

static BIO *open_text(const char *data, size_t size) { /* NULL: no memory, or too much */
  ERR_clear_error();
  return size <= INT_MAX ? BIO_new_mem_buf(data, (int)size) : NULL;
}

static void close_text(BIO *bio) {
  BIO_free(bio);
  ERR_clear_error();
}

/* After a block that could not be read: are there others? */
static int goes_on(void) {
  int more = ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE;
  ERR_clear_error();
  return more;
}

/* A pass phrase is always given: without one, OpenSSL would ask on the terminal. */
static char no_phrase[] = "";

static X509 *read_certificate(const char *data, size_t size) { /* the caller's, or NULL */
  BIO *bio = open_text(data, size);
  X509 *found = NULL;
  int more = bio != NULL;
  while (more && found == NULL) {
    found = PEM_read_bio_X509_AUX(bio, NULL, NULL, no_phrase);
    more = found == NULL && goes_on();
  }
  close_text(bio);
  return found;
}

typedef enum { NO_KEY, OPEN_KEY, LOCKED_KEY } key_kind;

static int ends_with(const char *text, const char *end) {
  size_t size = strlen(text), length = strlen(end);
  return size >= length && strcmp(text + size - length, end) == 0;
}

/* "BEGIN ENCRYPTED PRIVATE KEY", or "Proc-Type: 4,ENCRYPTED". */
static key_kind kind_of(const char *name, const char *header) {
  if (!ends_with(name, "PRIVATE KEY"))
    return NO_KEY;
  return strstr(name, "ENCRYPTED") != NULL || strstr(header, "ENCRYPTED") != NULL
             ? LOCKED_KEY
             : OPEN_KEY;
}

/* Of the first key in a text, without opening it. */
static key_kind find_key(const char *data, size_t size) {
  BIO *bio = open_text(data, size);
  key_kind found = NO_KEY;
  int more = bio != NULL;
  while (more && found == NO_KEY) {
    char *name = NULL, *header = NULL;
    unsigned char *bytes = NULL;
    long count = 0;
    if (PEM_read_bio(bio, &name, &header, &bytes, &count))
      found = kind_of(name, header);
    else
      more = goes_on();
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(bytes, count > 0 ? (size_t)count : 0);
  }
  close_text(bio);
  return found;
}

static EVP_PKEY *read_key(const bearer_secret *text, const bearer_secret *password) {
  BIO *bio = open_text(text->data, text->size);
  EVP_PKEY *key = NULL;
  if (bio != NULL)
    key = PEM_read_bio_PrivateKey(bio, NULL, NULL,
                                  password->data != NULL ? password->data : no_phrase);
  close_text(bio);
  return key;
}

/* ---- each by itself ---------------------------------------------------------- */

const char *bearer_certificate_authorities_fault(const char *data, size_t size) {
  X509 *first = read_certificate(data, size);
  X509_free(first);
  return first != NULL ? NULL : "holds no certificate in PEM";
}

static PKCS12 *read_pkcs12(const char *data, size_t size) { /* the caller's, or NULL */
  const unsigned char *bytes = (const unsigned char *)data;
  PKCS12 *found = size <= LONG_MAX ? d2i_PKCS12(NULL, &bytes, (long)size) : NULL;
  ERR_clear_error();
  return found;
}

const char *bearer_certificate_fault(const char *data, size_t size) {
  PKCS12 *p12;
  if (!bearer_certificate_is_pkcs12(data, size))
    return bearer_certificate_authorities_fault(data, size);
  p12 = read_pkcs12(data, size);
  PKCS12_free(p12);
  return p12 != NULL ? NULL : "is neither PEM nor PKCS#12";
}

const char *bearer_certificate_key_fault(const char *data, size_t size) {
  return find_key(data, size) != NO_KEY ? NULL : "holds no private key in PEM";
}

/* ---- both together ----------------------------------------------------------- */

static const char *locked(const bearer_secret *password) {
  return password->data != NULL
             ? "the key wants a pass phrase, and `key_password` is another"
             : "the key wants a pass phrase, and no `key_password` is given";
}

static const char *mismatch(X509 *x, EVP_PKEY *key) {
  int fits = X509_check_private_key(x, key) == 1;
  ERR_clear_error();
  return fits ? NULL : "is not the key of `cert`";
}

static const char *pem_fault(const bearer_secret *certificate, const bearer_secret *text,
                             const bearer_secret *password) {
  key_kind kind = find_key(text->data, text->size);
  EVP_PKEY *key = kind != NO_KEY ? read_key(text, password) : NULL;
  X509 *x = key != NULL ? read_certificate(certificate->data, certificate->size) : NULL;
  const char *why = NULL;
  if (kind == NO_KEY)
    why = text == certificate ? "holds no private key, and no `key` is given"
                              : "holds no private key in PEM";
  else if (key == NULL)
    why = kind == LOCKED_KEY ? locked(password) : "holds a private key that is broken";
  else if (x != NULL)
    why = mismatch(x, key);
  X509_free(x);
  EVP_PKEY_free(key);
  return why;
}

static const char *pkcs12_fault(const bearer_secret *s, const bearer_secret *password) {
  PKCS12 *p12 = read_pkcs12(s->data, s->size);
  EVP_PKEY *key = NULL;
  X509 *x = NULL;
  const char *why = NULL;
  if (p12 == NULL)
    return "is neither PEM nor PKCS#12";
  if (!PKCS12_parse(p12, password->data != NULL ? password->data : "", &key, &x, NULL))
    why = ERR_GET_REASON(ERR_peek_last_error()) == PKCS12_R_MAC_VERIFY_FAILURE
              ? locked(password)
              : "is PKCS#12 of a kind that this OpenSSL does not read";
  else if (key == NULL || x == NULL)
    why = "holds no certificate with its private key";
  X509_free(x);
  EVP_PKEY_free(key);
  PKCS12_free(p12);
  ERR_clear_error();
  return why;
}

const char *bearer_certificate_pair_fault(const bearer_secret *certificate,
                                          const bearer_secret *key,
                                          const bearer_secret *password, int *is_of_key) {
  const char *why;
  *is_of_key = 0;
  if (certificate->data == NULL)
    return "no `cert` is given";
  if (bearer_certificate_is_pkcs12(certificate->data, certificate->size))
    return pkcs12_fault(certificate, password);
  why = bearer_certificate_fault(certificate->data, certificate->size);
  if (why != NULL)
    return why;
  *is_of_key = key->data != NULL;
  return pem_fault(certificate, key->data != NULL ? key : certificate, password);
}
