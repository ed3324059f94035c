/*
 * Whom the system's store trusts: from its bundle and from its folder.
 */
#include "http/trust.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static char place[] = "/tmp/bearer-unit-XXXXXX";
static char bundle[64], folder[64], fifo[64];
static X509 *roots[3];

static X509 *make_root(const char *name) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *x = X509_new();
  X509_NAME *subject = X509_get_subject_name(x);
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -60);
  X509_gmtime_adj(X509_getm_notAfter(x), 3600);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                             -1, 0);
  X509_set_issuer_name(x, subject);
  X509_set_pubkey(x, key);
  CHECK(X509_sign(x, key, EVP_sha256()) > 0);
  EVP_PKEY_free(key);
  return x;
}

static void append_text(const char *text) {
  FILE *file = fopen(bundle, "a");
  CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void append_root(int root) {
  FILE *file = fopen(bundle, "a");
  CHECK(file != NULL && PEM_write_X509(file, roots[root]) && fclose(file) == 0);
}

/* By its hashed name, as c_rehash links it. */
static void put_into_folder(int root) {
  char path[100];
  FILE *file;
  snprintf(path, sizeof(path), "%s/%08lx.0", folder, X509_subject_name_hash(roots[root]));
  file = fopen(path, "w");
  CHECK(file != NULL && PEM_write_X509(file, roots[root]) && fclose(file) == 0);
}

/* Whom, as a set of bits. */
static int trusted_by(SSL_CTX *ctx) {
  int bits = 0;
  for (int i = 0; i < 3; i++) {
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    CHECK(X509_STORE_CTX_init(check, SSL_CTX_get_cert_store(ctx), roots[i], NULL));
    if (X509_verify_cert(check) == 1)
      bits |= 1 << i;
    X509_STORE_CTX_free(check);
  }
  return bits;
}

static int trusted(const char *from_bundle, const char *from_folder) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  int bits;
  bearer_trust_set_places(from_bundle, from_folder);
  CHECK(bearer_trust_use_system(ctx) == CURLE_OK);
  bits = trusted_by(ctx);
  SSL_CTX_free(ctx);
  return bits;
}

static void from_both_from_either_from_none(void) {
  append_root(0);
  put_into_folder(1);
  CHECK(trusted(bundle, folder) == 3);
  CHECK(trusted(bundle, NULL) == 1);
  CHECK(trusted(NULL, folder) == 2);
  CHECK(trusted(NULL, NULL) == 0);
  CHECK(trusted("/none/such", folder) == 2);
  CHECK(trusted(bundle, "/none/such") == 1);
  CHECK(trusted(folder, bundle) == 0); /* neither is what it should be */
}

static void a_root_that_somebody_appended(void) {
  append_root(2);
  CHECK(trusted(bundle, folder) == 7);
}

static void junk_in_a_bundle_is_passed_over(void) {
  unlink(bundle);
  append_text(
      "Some words.\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
      "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"
      "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC "
      "PARAMETERS-----\n");
  append_root(0);
  append_text("\n\n# more words\n");
  append_root(2);
  append_text("-----BEGIN CERTIFICATE-----\nMIIB");
  CHECK(trusted(bundle, NULL) == 5);
  unlink(bundle);
  append_text("");
  CHECK(trusted(bundle, folder) == 2);
}

static void a_fifo_keeps_nobody_waiting(void) {
  CHECK(mkfifo(fifo, 0600) == 0);
  CHECK(trusted(fifo, folder) == 2);
  unlink(fifo);
}

static void there_is_one_store(void) {
  SSL_CTX *a = SSL_CTX_new(TLS_client_method()), *b = SSL_CTX_new(TLS_client_method());
  bearer_trust_set_places(NULL, folder);
  CHECK(bearer_trust_use_system(a) == CURLE_OK);
  CHECK(bearer_trust_use_system(b) == CURLE_OK);
  CHECK(SSL_CTX_get_cert_store(a) == SSL_CTX_get_cert_store(b));
  SSL_CTX_free(a);
  CHECK(trusted_by(b) == 2); /* and it outlives who used it */
  SSL_CTX_free(b);
}

static void given_texts_are_a_store_of_their_own(void) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  BIO *bio = BIO_new(BIO_s_mem());
  char *data;
  long size;
  CHECK(PEM_write_bio_X509(bio, roots[1]));
  size = BIO_get_mem_data(bio, &data);
  CHECK(bearer_trust_use_pem(ctx, data, (size_t)size) == CURLE_OK);
  CHECK(trusted_by(ctx) == 2);
  CHECK(bearer_trust_use_pem(ctx, "none", 4) == CURLE_SSL_CACERT_BADFILE);
  CHECK(trusted_by(ctx) == 0);
  BIO_free(bio);
  SSL_CTX_free(ctx);
}

static void the_environment_comes_first(void) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  unlink(bundle);
  append_root(0);
  bearer_trust_set_places(NULL, NULL);
  setenv("SSL_CERT_FILE", bundle, 1);
  setenv("SSL_CERT_DIR", folder, 1);
  bearer_trust_init();
  CHECK(bearer_trust_use_system(ctx) == CURLE_OK);
  CHECK(trusted_by(ctx) == 3);
  CHECK(bearer_trust_has_store());
  SSL_CTX_free(ctx);
}

int main(void) {
  char command[100];
  CHECK(mkdtemp(place) != NULL);
  snprintf(bundle, sizeof(bundle), "%s/bundle.pem", place);
  snprintf(folder, sizeof(folder), "%s/certs", place);
  snprintf(fifo, sizeof(fifo), "%s/fifo", place);
  CHECK(mkdir(folder, 0700) == 0);
  roots[0] = make_root("one");
  roots[1] = make_root("two");
  roots[2] = make_root("three");
  from_both_from_either_from_none();
  a_root_that_somebody_appended();
  junk_in_a_bundle_is_passed_over();
  a_fifo_keeps_nobody_waiting();
  there_is_one_store();
  given_texts_are_a_store_of_their_own();
  the_environment_comes_first();
  bearer_trust_set_places(NULL, NULL);
  for (int i = 0; i < 3; i++)
    X509_free(roots[i]);
  snprintf(command, sizeof(command), "rm -rf %s", place);
  CHECK(system(command) == 0);
  return check_result();
}
