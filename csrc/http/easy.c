/*
 * What libcurl is told, and what it tells. No callback here knows Lua: no error can jump
 * through libcurl.
 */
#include "http/easy.h"

#include <pthread.h>
#include <string.h>
#include <strings.h>

#include "http/tls.h"
#include "http/trust.h"

#if LIBCURL_VERSION_NUM < 0x074400
#error "bearer needs libcurl 7.68 or newer"
#endif

#define HEAD_MAX    (256 * 1024) /* libcurl's own cap differs from version to version */
#define BUFFER_SIZE (16L * 1024) /* a login is small, and all of it is wiped */

/* ---- what libcurl tells ------------------------------------------------------ */

static size_t on_body(char *data, size_t one, size_t size, void *user) {
  bearer_transfer *t = user;
  (void)one; /* always 1 */
  t->in_body = 1;
  bearer_buffer_add(&t->received.body, data, size);
  t->too_large |= t->received.body.failed;
  return t->received.body.failed ? 0 : size;
}

/* Do we know what this encoding is: could it be one that libcurl unpacks? */
static int is_encoding(const char *word, size_t size) {
  static const char *const known[] = { "identity", "none", "gzip", "x-gzip",
                                       "deflate",  "br",   "zstd" };
  for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
    if (strlen(known[i]) == size && strncasecmp(word, known[i], size) == 0)
      return 1;
  return 0;
}

/* "utf-8" is no encoding, nor is "binary", and some servers say so: libcurl would throw
   the body away. It looks at this option when the body comes, as late as with 8.6. */
static void on_encoding(bearer_transfer *t, const char *value, size_t size) {
  static const char between[] = ", \t\r\n";
  const char *end = value + size;
  while (value < end) {
    const char *word = value;
    while (value < end && strchr(between, *value) == NULL)
      value++;
    if (value > word && !is_encoding(word, (size_t)(value - word)))
      curl_easy_setopt(t->easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    value++;
  }
}

static size_t on_header(char *data, size_t one, size_t size, void *user) {
  bearer_transfer *t = user;
  (void)one;
  t->head_total += size; /* with all 1xx before it, which may come for ever */
  t->too_large |= t->head_total > HEAD_MAX || t->head_total > t->max_response;
  if (t->in_body) /* a trailer: nothing in it may overrule the header */
    return t->too_large ? 0 : size;
  if (size >= 5 && memcmp(data, "HTTP/", 5) == 0)
    bearer_buffer_reset(&t->received.head); /* a 1xx came before */
  if (size > 17 && strncasecmp(data, "Content-Encoding:", 17) == 0)
    on_encoding(t, data + 17, size - 17);
  bearer_buffer_add(&t->received.head, data, size);
  t->too_large |= t->received.head.failed;
  return t->too_large ? 0 : size;
}

/* Counts what came over the wire, before it is unpacked. */
static int on_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total,
                       curl_off_t up) {
  bearer_transfer *t = user;
  (void)total;
  (void)up_total;
  if (up > 0)
    t->has_sent = 1;
  if (now > 0 && (size_t)now > t->max_response)
    t->too_large = 1;
  return t->too_large;
}

#if LIBCURL_VERSION_NUM >= 0x075000
static int before_sending(void *user, char *to, char *from, int to_port, int from_port) {
  bearer_transfer *t = user;
  (void)to;
  (void)from;
  (void)to_port;
  (void)from_port;
  if (!bearer_transfer_before_sending(t))
    return CURL_PREREQFUNC_ABORT;
  if (strncasecmp(bearer_buffer_string(&t->request.url), "https:", 6) == 0)
    t->ssl = bearer_tls_of(t->easy);
  return CURL_PREREQFUNC_OK;
}
#endif

/* A new TLS connection: to the server, or to a proxy that speaks TLS itself. */
static CURLcode on_ssl_ctx(CURL *easy, void *ssl_ctx, void *user) {
  const bearer_transfer *t = user;
  int to_proxy = t->proxy.data != NULL && strncasecmp(t->proxy.data, "https:", 6) == 0;
  CURLcode code = bearer_tls_prepare(
      ssl_ctx, to_proxy ? NULL : bearer_buffer_string(&t->request.url));
  (void)easy;
  if (code != CURLE_OK)
    return code;
#if LIBCURL_VERSION_NUM < 0x074d00
  const char *data;
  size_t size;
  if (t->reading != NULL && bearer_reading_has_authorities(t->reading, &data, &size))
    return bearer_trust_use_pem(ssl_ctx, data, size);
#endif
  return t->uses_system_trust ? bearer_trust_use_system(ssl_ctx) : CURLE_OK;
}

/* ---- what libcurl is told ---------------------------------------------------- */

/* The last refusal of an option sticks. */
#define SET(option, value)                                                               \
  do {                                                                                   \
    CURLcode set_rc = curl_easy_setopt(t->easy, option, value);                          \
    if (set_rc != CURLE_OK)                                                              \
      *result = set_rc;                                                                  \
  } while (0)

/* From 7.87 on it keeps stores by their files' names alone, after on_ssl_ctx: with ours
   in them. The libcurl that is loaded may be newer than the headers. */
static void forget_stores(bearer_transfer *t, CURLcode *result) {
  const CURLoption ca_cache_timeout = (CURLoption)321; /* CURLOPT_CA_CACHE_TIMEOUT */
  CURLcode code = curl_easy_setopt(t->easy, ca_cache_timeout, 0L);
  if (code != CURLE_OK && code != CURLE_UNKNOWN_OPTION)
    *result = code;
}

/* The system's authorities by a store of ours, which libcurl is not to add to. Others by
   a blob: that is compared where a connection is used again, a store is not. */
static void set_trust(bearer_transfer *t, CURLcode *result) {
  const char *data;
  size_t size;
  int own =
      t->reading != NULL && bearer_reading_has_authorities(t->reading, &data, &size);
  SET(CURLOPT_SSL_VERIFYPEER, 1L);
  SET(CURLOPT_SSL_VERIFYHOST, 2L);
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  if (own || bearer_trust_has_store()) {
    SET(CURLOPT_CAINFO, NULL);
    SET(CURLOPT_CAPATH, NULL);
  }
#if LIBCURL_VERSION_NUM < 0x074d00
  if (own) { /* without a blob, nothing tells its connections and sessions from others */
    SET(CURLOPT_FRESH_CONNECT, 1L);
    SET(CURLOPT_FORBID_REUSE, 1L);
    SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
  }
#endif
  forget_stores(t, result);
  t->uses_system_trust = !own && bearer_trust_has_store();
  if (bearer_trust_has_store()) {
    SET(CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
    SET(CURLOPT_SSL_CTX_DATA, t);
  }
  if (t->reading != NULL) {
    CURLcode code = bearer_reading_apply(t->reading, t->easy);
    if (code != CURLE_OK)
      *result = code;
  }
}

/* Methods that nobody expects a body of. Of all others servers may want its length. */
static int has_no_body(const char *method) {
  static const char *const methods[] = { "GET", "HEAD", "OPTIONS", "TRACE" };
  for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
    if (strcmp(method, methods[i]) == 0)
      return 1;
  return 0;
}

static void set_method(bearer_transfer *t, CURLcode *result) {
  const bearer_request *m = &t->request;
  const char *method = bearer_buffer_string(&m->method);
  if (strcmp(method, "HEAD") == 0) {
    SET(CURLOPT_NOBODY, 1L);
    return;
  }
  if (m->has_body || !has_no_body(method)) { /* an empty one has a length as well */
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)m->body.size);
    SET(CURLOPT_POSTFIELDS, bearer_buffer_string(&m->body));
  }
  if (strcmp(method, "POST") != 0)
    SET(CURLOPT_CUSTOMREQUEST, method);
}

static char encodings[40]; /* that libcurl unpacks */
static pthread_once_t encodings_once = PTHREAD_ONCE_INIT;

static void find_encodings(void) {
  int features = curl_version_info(CURLVERSION_NOW)->features;
  if (features & CURL_VERSION_LIBZ)
    strcat(encodings, ", deflate, gzip");
  if (features & CURL_VERSION_BROTLI)
    strcat(encodings, ", br");
#if LIBCURL_VERSION_NUM >= 0x074800
  if (features & CURL_VERSION_ZSTD)
    strcat(encodings, ", zstd");
#endif
}

static const char *known_encodings(void) { /* "" = none */
  pthread_once(&encodings_once, find_encodings);
  return encodings[0] != '\0' ? encodings + 2 : "";
}

static int add_header(bearer_request *m, const char *name, const char *value) {
  return value == NULL || value[0] == '\0' || bearer_request_has_header(m, name) ||
         bearer_request_header(m, name, value, strlen(value));
}

static void set_headers(bearer_transfer *t, CURLcode *result) {
  bearer_request *m = &t->request;
  int ok = bearer_request_header(m, "Expect", NULL, 0); /* no 100-continue round trip */
  /* libcurl writes letter by letter, and what it says of itself twice: that is a
     thirtieth of all that a login costs. A header of ours it writes once. */
  ok = ok && add_header(m, "User-Agent", t->user_agent.data) &&
       add_header(m, "Accept-Encoding", known_encodings());
  if (ok && !m->has_body) /* libcurl would call an empty POST a form */
    ok = bearer_request_header(m, "Content-Type", NULL, 0);
  if (!ok)
    *result = CURLE_OUT_OF_MEMORY;
  SET(CURLOPT_HTTPHEADER, m->headers);
  SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE); /* a proxy gets none of ours */
}

static void set_limits(bearer_transfer *t, CURLcode *result) {
  double left = t->deadline - bearer_transfer_now();
  SET(CURLOPT_TIMEOUT_MS, left > 0.001 ? (long)(left * 1000) : 1L);
  SET(CURLOPT_CONNECTTIMEOUT_MS, t->connect_timeout_ms);
  SET(CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
  SET(CURLOPT_QUICK_EXIT, 1L); /* a stuck resolver thread is not waited for */
#endif
  SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->max_response);
  SET(CURLOPT_NOPROGRESS, 0L);
  SET(CURLOPT_XFERINFOFUNCTION, on_progress);
  SET(CURLOPT_XFERINFODATA, t);
  SET(CURLOPT_BUFFERSIZE, 4096L);
  SET(CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_SIZE);
}

/* libcurl sends a request again by itself when a kept connection breaks before the
   answer. The server may have acted on it by then. An older one is not to use those
   connections.
 */
static void set_repetition(bearer_transfer *t, CURLcode *result) {
#if LIBCURL_VERSION_NUM >= 0x075000
  t->watches_sendings =
      curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, before_sending) == CURLE_OK;
  if (t->watches_sendings)
    SET(CURLOPT_PREREQDATA, t);
#endif
  if (!t->watches_sendings && !bearer_transfer_may_repeat(t))
    SET(CURLOPT_FRESH_CONNECT, 1L);
}

static void set_route(bearer_transfer *t, CURLcode *result) {
#if LIBCURL_VERSION_NUM >= 0x075500
  SET(CURLOPT_PROTOCOLS_STR, "https,http"); /* http: the caller has checked the host */
#else
  SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTPS | CURLPROTO_HTTP));
#endif
  SET(CURLOPT_URL, bearer_buffer_string(&t->request.url));
  SET(CURLOPT_PATH_AS_IS, 1L); /* what was checked is what is sent */
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  SET(CURLOPT_ACCEPT_ENCODING, known_encodings());
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  SET(CURLOPT_PROXY, t->proxy.data != NULL ? t->proxy.data : "");
  /* also without a proxy: libcurl would ask the environment, in this thread */
  SET(CURLOPT_NOPROXY, t->no_proxy.data != NULL ? t->no_proxy.data : "");
  if (t->proxy.data != NULL) {
    /* not Negotiate: its tickets are the user's, not the host's */
    SET(CURLOPT_PROXYAUTH, (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST | CURLAUTH_NTLM));
    SET(CURLOPT_USERAGENT, t->user_agent.data); /* for the CONNECT */
  }
}

static void set_callbacks(bearer_transfer *t, CURLcode *result) {
  SET(CURLOPT_PRIVATE, t);
  SET(CURLOPT_ERRORBUFFER, t->error);
  SET(CURLOPT_WRITEFUNCTION, on_body);
  SET(CURLOPT_WRITEDATA, t);
  SET(CURLOPT_HEADERFUNCTION, on_header);
  SET(CURLOPT_HEADERDATA, t);
}

int bearer_easy_prepare(bearer_transfer *t, bearer_connections *c) {
  CURLcode result = CURLE_OK;
  const char *fault = NULL;
  if (t->reading != NULL) {
    bearer_reading_settle(t->reading);
    fault = bearer_reading_fault(t->reading);
  }
  if (fault != NULL) {
    t->is_own_fault = 1;
    bearer_transfer_fail(t, BEARER_TLS, fault);
    return 0;
  }
  t->easy = curl_easy_init();
  if (t->easy != NULL) {
    set_callbacks(t, &result);
    set_route(t, &result);
    set_trust(t, &result);
    set_limits(t, &result);
    set_method(t, &result);
    set_repetition(t, &result);
    set_headers(t, &result);
    if (result == CURLE_OK)
      result = bearer_connections_adopt(c, t->easy);
  }
  if (t->easy != NULL && result == CURLE_OK)
    return 1;
  bearer_transfer_fail(
      t,
      t->easy != NULL && result != CURLE_OUT_OF_MEMORY ? BEARER_NETWORK : BEARER_MEMORY,
      curl_easy_strerror(t->easy != NULL ? result : CURLE_OUT_OF_MEMORY));
  return 0;
}
