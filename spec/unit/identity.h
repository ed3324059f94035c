/*
 * Certificates that signed themselves, with their keys, made for one test.
 */
#ifndef BEARER_IDENTITY_H
#define BEARER_IDENTITY_H

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "check.h"

typedef struct {
  EVP_PKEY *key;
  X509 *x;
  char cert[2048], plain[1024], encrypted[2048]; /* PEM */
} identity;

static inline void write_pem(BIO *bio, char *out, size_t room) {
  char *data;
  long size = BIO_get_mem_data(bio, &data);
  CHECK(size > 0 && (size_t)size < room);
  memcpy(out, data, (size_t)size);
  BIO_free(bio);
}

static inline void make_identity(identity *id, const char *name) {
  unsigned char phrase[] = "phrase";
  BIO *bio[3] = { BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()) };
  X509_EXTENSION *names;
  id->key = EVP_EC_gen("P-256");
  id->x = X509_new();
  X509_set_version(id->x, 2);
  X509_gmtime_adj(X509_getm_notBefore(id->x), -60);
  X509_gmtime_adj(X509_getm_notAfter(id->x), 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(id->x), "CN", MBSTRING_ASC,
                             (const unsigned char *)name, -1, -1, 0);
  X509_set_issuer_name(id->x, X509_get_subject_name(id->x));
  X509_set_pubkey(id->x, id->key);
  names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
  X509_add_ext(id->x, names, -1);
  X509_EXTENSION_free(names);
  CHECK(X509_sign(id->x, id->key, EVP_sha256()) > 0);
  CHECK(PEM_write_bio_X509(bio[0], id->x));
  CHECK(PEM_write_bio_PrivateKey(bio[1], id->key, NULL, NULL, 0, NULL, NULL));
  CHECK(PEM_write_bio_PrivateKey(bio[2], id->key, EVP_aes_128_cbc(), phrase, 6, NULL,
                                 NULL));
  write_pem(bio[0], id->cert, sizeof(id->cert));
  write_pem(bio[1], id->plain, sizeof(id->plain));
  write_pem(bio[2], id->encrypted, sizeof(id->encrypted));
}

static inline void forget_identity(identity *id) {
  EVP_PKEY_free(id->key);
  X509_free(id->x);
}

#endif
