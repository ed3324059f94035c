/*
 * One transfer's easy handle. No callback here knows Lua: no error can jump through
 * libcurl.
 */
#include "http/transfer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/ssl.h>

#if defined(__linux__)
#include <malloc.h>
#endif

/* ---- memory ------------------------------------------------------------------ */

#if defined(__linux__)
static void wiping_free(void *p) {
  if (p != NULL) {
    bearer_wipe(p, malloc_usable_size(p));
    free(p);
  }
}

static void *wiping_realloc(void *p, size_t size) {
  size_t old = p != NULL ? malloc_usable_size(p) : 0;
  void *new_p = malloc(size > 0 ? size : 1);
  if (new_p != NULL && p != NULL) {
    memcpy(new_p, p, old < size ? old : size);
    wiping_free(p);
  }
  return new_p;
}

CURLcode bearer_transfer_global_init(void) {
  return curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc,
                              strdup, calloc);
}
#else
CURLcode bearer_transfer_global_init(void) {
  return curl_global_init(CURL_GLOBAL_DEFAULT);
}
#endif

/* OpenSSL keeps the last decrypted record otherwise: there the token is. */
static CURLcode cleanse_plaintext(CURL *easy, void *ssl_ctx, void *unused) {
  (void)easy;
  (void)unused;
#ifdef SSL_OP_CLEANSE_PLAINTEXT
  SSL_CTX_set_options(ssl_ctx, SSL_OP_CLEANSE_PLAINTEXT);
#else
  (void)ssl_ctx;
#endif
  return CURLE_OK;
}

#define HEAD_MAX (256 * 1024) /* libcurl's own cap differs from version to version */

/* ---- what libcurl tells ------------------------------------------------------ */

static size_t on_body(char *data, size_t one, size_t size, void *user) {
  bearer_transfer *t = user;
  (void)one; /* always 1 */
  t->in_body = 1;
  bearer_buffer_add(&t->body, data, size);
  t->too_large |= t->body.failed;
  return t->body.failed ? 0 : size;
}

static size_t on_header(char *data, size_t one, size_t size, void *user) {
  bearer_transfer *t = user;
  (void)one;
  t->head_total += size; /* with all 1xx before it, which may come for ever */
  t->too_large |= t->head_total > HEAD_MAX || t->head_total > t->max_response;
  if (t->in_body) /* a trailer: nothing in it may overrule the header */
    return t->too_large ? 0 : size;
  if (size >= 5 && memcmp(data, "HTTP/", 5) == 0)
    bearer_buffer_reset(&t->head); /* a 1xx came before */
  bearer_buffer_add(&t->head, data, size);
  t->too_large |= t->head.failed;
  return t->too_large ? 0 : size;
}

/* Counts what came over the wire, before it is unpacked. */
static int on_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total,
                       curl_off_t up) {
  bearer_transfer *t = user;
  (void)total;
  (void)up_total;
  if (up > 0)
    t->sent = 1;
  if (now > 0 && (size_t)now > t->max_response)
    t->too_large = 1;
  return t->too_large;
}

/* ---- what libcurl is told ---------------------------------------------------- */

/* The last refusal of an option sticks. */
#define SET(option, value)                                                               \
  do {                                                                                   \
    CURLcode set_rc = curl_easy_setopt(t->easy, option, value);                          \
    if (set_rc != CURLE_OK)                                                              \
      t->result = set_rc;                                                                \
  } while (0)

static int is_pem(const bearer_secret *s) {
  return s->size > 10 && memcmp(s->data, "-----BEGIN", 10) == 0;
}

static void set_blob(bearer_transfer *t, CURLoption option, const bearer_secret *s) {
  struct curl_blob blob = { s->data, s->size, CURL_BLOB_COPY };
  SET(option, &blob);
}

static void set_trust(bearer_transfer *t, const bearer_options *o) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  SET(CURLOPT_SSL_VERIFYPEER, 1L);
  SET(CURLOPT_SSL_VERIFYHOST, 2L);
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  if (o->ca_file != NULL || o->ca_pem.data != NULL) {
    SET(CURLOPT_CAPATH, NULL);
    SET(CURLOPT_CAINFO, o->ca_file);
    if (o->ca_pem.data != NULL)
      set_blob(t, CURLOPT_CAINFO_BLOB, &o->ca_pem);
#if LIBCURL_VERSION_NUM >= 0x075400
  } else if (info->age >= CURLVERSION_TENTH && info->capath != NULL) {
    /* the system's bundle costs 40 ms a connection to parse; its folder does not */
    SET(CURLOPT_CAINFO, NULL);
    SET(CURLOPT_CAPATH, info->capath);
#endif
  }
  if (info->ssl_version != NULL && strncmp(info->ssl_version, "OpenSSL/", 8) == 0)
    curl_easy_setopt(t->easy, CURLOPT_SSL_CTX_FUNCTION, cleanse_plaintext);
}

static void set_certificate(bearer_transfer *t, const bearer_options *o) {
  if (o->cert.data != NULL && is_pem(&o->cert))
    set_blob(t, CURLOPT_SSLCERT_BLOB, &o->cert);
  else if (o->cert.data != NULL)
    SET(CURLOPT_SSLCERT, o->cert.data);
  if (o->key.data != NULL && is_pem(&o->key))
    set_blob(t, CURLOPT_SSLKEY_BLOB, &o->key);
  else if (o->key.data != NULL)
    SET(CURLOPT_SSLKEY, o->key.data);
}

static void set_method(bearer_transfer *t) {
  const char *method = bearer_buffer_string(&t->message.method);
  if (strcmp(method, "HEAD") == 0) {
    SET(CURLOPT_NOBODY, 1L);
    return;
  }
  if (t->message.has_body || strcmp(method, "POST") == 0) {
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->message.body.size);
    SET(CURLOPT_POSTFIELDS, bearer_buffer_string(&t->message.body));
  }
  if (strcmp(method, "POST") != 0)
    SET(CURLOPT_CUSTOMREQUEST, method);
}

static void set_headers(bearer_transfer *t) {
  bearer_request *m = &t->message;
  int ok = bearer_request_header(m, "Expect", NULL, 0); /* no 100-continue round trip */
  if (ok && !m->has_body) /* libcurl would call an empty POST a form */
    ok = bearer_request_header(m, "Content-Type", NULL, 0);
  if (!ok)
    t->result = CURLE_OUT_OF_MEMORY;
  SET(CURLOPT_HTTPHEADER, m->headers);
  SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE); /* a proxy gets none of ours */
}

static void set_limits(bearer_transfer *t, const bearer_options *o) {
  SET(CURLOPT_TIMEOUT_MS, o->timeout_ms);
  SET(CURLOPT_CONNECTTIMEOUT_MS, o->connect_timeout_ms);
  SET(CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
  SET(CURLOPT_QUICK_EXIT, 1L); /* a stuck resolver thread is not waited for */
#endif
  SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)o->max_response);
  SET(CURLOPT_NOPROGRESS, 0L);
  SET(CURLOPT_XFERINFOFUNCTION, on_progress);
  SET(CURLOPT_XFERINFODATA, t);
  SET(CURLOPT_FRESH_CONNECT, o->once ? 1L : 0L);
}

/* libcurl would ask the environment for these in the mover, while the host may be
   changing it. http_proxy is not asked for: what is not encrypted does not leave by it.
 */
static const char *variable(const char *const *names) {
  const char *value = NULL;
  while (value == NULL && *names != NULL)
    value = getenv(*names++);
  return value != NULL ? value : "";
}

static void set_proxy(bearer_transfer *t, const bearer_options *o, const char *url) {
  static const char *const proxies[] = { "https_proxy", "HTTPS_PROXY", "all_proxy",
                                         "ALL_PROXY", NULL };
  static const char *const exceptions[] = { "no_proxy", "NO_PROXY", NULL };
  if (o->proxy != NULL)
    SET(CURLOPT_PROXY, o->proxy);
  else
    SET(CURLOPT_PROXY, strncasecmp(url, "http://", 7) == 0 ? "" : variable(proxies));
  SET(CURLOPT_NOPROXY, variable(exceptions));
}

static void set_route(bearer_transfer *t, const bearer_options *o) {
  const char *url = bearer_buffer_string(&t->message.url);
#if LIBCURL_VERSION_NUM >= 0x075500
  SET(CURLOPT_PROTOCOLS_STR, "https,http"); /* http: the caller has checked the host */
#else
  SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTPS | CURLPROTO_HTTP));
#endif
  SET(CURLOPT_URL, url);
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  SET(CURLOPT_ACCEPT_ENCODING, "");
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set_proxy(t, o, url);
  if (o->user_agent != NULL)
    SET(CURLOPT_USERAGENT, o->user_agent);
}

static void set_callbacks(bearer_transfer *t) {
  SET(CURLOPT_PRIVATE, t);
  SET(CURLOPT_ERRORBUFFER, t->reason);
  SET(CURLOPT_WRITEFUNCTION, on_body);
  SET(CURLOPT_WRITEDATA, t);
  SET(CURLOPT_HEADERFUNCTION, on_header);
  SET(CURLOPT_HEADERDATA, t);
}

int bearer_transfer_prepare(bearer_transfer *t, const bearer_options *o) {
  t->max_response = o->max_response;
  t->body.cap = o->max_response;
  t->head.cap = o->max_response;
  set_callbacks(t);
  set_route(t, o);
  set_trust(t, o);
  set_certificate(t, o);
  set_limits(t, o);
  set_method(t);
  set_headers(t);
  return t->result == CURLE_OK;
}

void bearer_transfer_finish(bearer_transfer *t, CURLcode result) {
  long sent = 0, connect_status = 0;
  t->result = result;
  curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->status);
  curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &connect_status);
  if (result != CURLE_OK && connect_status >= 300)
    t->result = CURLE_PROXY;
  if (curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &sent) == CURLE_OK && sent > 0)
    t->sent = 1;
  if (t->body.failed || result == CURLE_FILESIZE_EXCEEDED)
    t->too_large = 1;
  if (result == CURLE_OUT_OF_MEMORY && t->sent && !t->in_body)
    t->too_large = 1; /* libcurl's word for a header line of more than 100 KB */
  if (t->reason[0] == '\0')
    strncpy(t->reason, curl_easy_strerror(result), sizeof(t->reason) - 1);
}
