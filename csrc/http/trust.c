/*
 * The store of certificates that we trust.
 */
#include "http/trust.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "base/file.h"

#define BUNDLE_MAX (16 * 1024 * 1024)

static char bundle[PATH_MAX], folder[PATH_MAX]; /* "" when there is none */
static int has_store;

/* Held within a step of a worker's only, which a fork waits for. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static X509_STORE *system_store; /* owned, made at first need, never freed */

/* ---- where ------------------------------------------------------------------- */

/* The first that is there. A list of folders, as OpenSSL takes it, is taken as it is. */
static void choose(char *place, const char *const *names, int count, int is_folder) {
  struct stat info;
  place[0] = '\0';
  for (int i = 0; i < count; i++) {
    const char *name = names[i];
    if (name == NULL || name[0] == '\0' || strlen(name) >= PATH_MAX)
      continue;
    if ((is_folder && strchr(name, ':') != NULL) ||
        (stat(name, &info) == 0 && !S_ISDIR(info.st_mode) == !is_folder)) {
      strcpy(place, name);
      return;
    }
  }
}

void bearer_trust_init(void) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  const char *bundles[] = { getenv(X509_get_default_cert_file_env()), NULL,
                            X509_get_default_cert_file() };
  const char *folders[] = { getenv(X509_get_default_cert_dir_env()), NULL,
                            X509_get_default_cert_dir() };
#if LIBCURL_VERSION_NUM >= 0x075400
  if (info->age >= CURLVERSION_TENTH) {
    bundles[1] = info->cainfo;
    folders[1] = info->capath;
  }
#endif
  has_store = info->ssl_version != NULL && strncmp(info->ssl_version, "OpenSSL/", 8) == 0;
  choose(bundle, bundles, 3, 0);
  choose(folder, folders, 3, 1);
}

int bearer_trust_has_store(void) {
  return has_store;
}

/* ---- reading ----------------------------------------------------------------- */

/* Add all certificates in a text. What is between them, or is none, is passed over: a
   bundle with one bad entry is no reason to trust nobody. */
static int add_pem(X509_STORE *store, const char *data, size_t size) {
  BIO *bio = size <= INT_MAX ? BIO_new_mem_buf(data, (int)size) : NULL;
  char no_phrase[] = ""; /* or OpenSSL would ask for one on the terminal */
  int more = bio != NULL, count = 0;
  ERR_clear_error();
  while (more) {
    X509 *certificate = PEM_read_bio_X509_AUX(bio, NULL, NULL, no_phrase);
    if (certificate != NULL)
      count += X509_STORE_add_cert(store, certificate);
    else /* this one is bad, or that was the last */
      more = ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE;
    X509_free(certificate);
    ERR_clear_error();
  }
  BIO_free(bio);
  return count;
}

static X509_STORE *new_store(void) {
  X509_STORE *store = X509_STORE_new();
  if (store != NULL) /* as libcurl has it: whoever is in the store is trusted */
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
  return store;
}

/* A missing bundle leaves the folder, and the other way round. */
static X509_STORE *read_system(void) {
  X509_STORE *store = new_store();
  X509_LOOKUP *lookup;
  bearer_secret text = { NULL, 0 };
  if (store == NULL)
    return NULL;
  if (bundle[0] != '\0' && bearer_file_read(bundle, BUNDLE_MAX, &text) == NULL)
    add_pem(store, text.data, text.size);
  bearer_secret_clear(&text);
  lookup =
      folder[0] != '\0' ? X509_STORE_add_lookup(store, X509_LOOKUP_hash_dir()) : NULL;
  if (lookup != NULL)
    X509_LOOKUP_add_dir(lookup, folder, X509_FILETYPE_PEM);
  ERR_clear_error();
  return store;
}

/* ---- using ------------------------------------------------------------------- */

CURLcode bearer_trust_use_system(void *ssl_ctx) {
  X509_STORE *store;
  pthread_mutex_lock(&mutex);
  if (system_store == NULL)
    system_store = read_system();
  store = system_store;
  if (store != NULL)
    SSL_CTX_set1_cert_store(ssl_ctx, store);
  pthread_mutex_unlock(&mutex);
  return store != NULL ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

CURLcode bearer_trust_use_pem(void *ssl_ctx, const char *data, size_t size) {
  X509_STORE *store = new_store();
  int count;
  if (store == NULL)
    return CURLE_OUT_OF_MEMORY;
  count = add_pem(store, data, size);
  SSL_CTX_set_cert_store(ssl_ctx, store); /* takes it over */
  return count > 0 ? CURLE_OK : CURLE_SSL_CACERT_BADFILE;
}

void bearer_trust_set_places(const char *new_bundle, const char *new_folder) {
  pthread_mutex_lock(&mutex);
  choose(bundle, &new_bundle, 1, 0);
  choose(folder, &new_folder, 1, 1);
  X509_STORE_free(system_store);
  system_store = NULL;
  pthread_mutex_unlock(&mutex);
}
