/*
 * A request on its way, and what came of it.
 */
#include "http/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http/proxy.h"
#include "http/tls.h"

double bearer_transfer_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- lists ------------------------------------------------------------------- */

void bearer_list_init(bearer_node *list) {
  list->next = list->previous = list;
  list->transfer = NULL;
}

void bearer_list_remove(bearer_node *node) {
  node->previous->next = node->next;
  node->next->previous = node->previous;
  node->next = node->previous = node;
}

void bearer_list_append(bearer_node *list, bearer_node *node) {
  bearer_list_remove(node);
  node->previous = list->previous;
  node->next = list;
  list->previous->next = node;
  list->previous = node;
}

bearer_transfer *bearer_list_first(const bearer_node *list) {
  return list->next->transfer;
}

/* ---- made on the caller's thread --------------------------------------------- */

static int copy(bearer_secret *out, const char *text) {
  return text == NULL || text[0] == '\0' || bearer_secret_set(out, text, strlen(text));
}

static int copy_route(bearer_transfer *t, const bearer_send_options *o) {
  const char *proxy = o->proxy;
  if (proxy == NULL)
    proxy = bearer_proxy_of_environment(bearer_buffer_string(&t->request.url));
  if (proxy[0] != '\0' && !copy(&t->no_proxy, bearer_proxy_exceptions()))
    return 0;
  return copy(&t->proxy, proxy) && copy(&t->user_agent, o->user_agent);
}

bearer_transfer *bearer_transfer_new(bearer_request *m, const bearer_send_options *o) {
  bearer_materials given = { o->ca_file, o->ca_pem,       o->cert,
                             o->key,     o->key_password, o->last_good };
  bearer_transfer *t = calloc(1, sizeof(*t));
  int failed;
  if (t == NULL)
    return NULL;
  bearer_list_init(&t->place);
  bearer_list_init(&t->news);
  bearer_list_init(&t->owned);
  t->place.transfer = t->news.transfer = t->owned.transfer = t;
  t->request = *m;
  memset(m, 0, sizeof(*m));
  t->deadline = bearer_transfer_now() + (double)o->timeout_ms / 1000;
  t->connect_timeout_ms = o->connect_timeout_ms;
  t->max_response = t->received.head.cap = t->received.body.cap = o->max_response;
  t->reading = bearer_reading_new(&given, &failed);
  if (!failed && copy_route(t, o))
    return t;
  bearer_transfer_free(t);
  return NULL;
}

void bearer_transfer_clear_sent(bearer_transfer *t) {
  bearer_request_clear(&t->request);
  bearer_reading_release(t->reading);
  t->reading = NULL;
  bearer_secret_clear(&t->proxy);
  bearer_secret_clear(&t->no_proxy);
  bearer_secret_clear(&t->user_agent);
}

void bearer_transfer_free(bearer_transfer *t) {
  bearer_list_remove(&t->place);
  bearer_list_remove(&t->news);
  bearer_list_remove(&t->owned);
  bearer_transfer_clear_sent(t);
  bearer_response_clear(&t->received);
  bearer_response_clear(&t->response);
  free(t);
}

/* ---- sendings ---------------------------------------------------------------- */

long bearer_transfer_bytes_sent(const bearer_transfer *t) {
  long size = 0;
  curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &size);
  return size;
}

int bearer_transfer_may_repeat(const bearer_transfer *t) {
  const char *method = bearer_buffer_string(&t->request.method);
  return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

int bearer_transfer_before_sending(bearer_transfer *t) {
  int is_first = t->sendings == 0 && t->proxy.data == NULL; /* then nothing has left */
  long bytes = is_first ? 0 : bearer_transfer_bytes_sent(t);
  int has_left = t->sendings > 0 && bytes > t->bytes_before;
  t->has_sent |= has_left;
  if (has_left && t->head_total == t->head_before && !bearer_transfer_may_repeat(t)) {
    t->is_kept_from_again = 1;
    return 0;
  }
  t->sendings++;
  t->head_before = t->head_total;
  t->bytes_before = bytes;
  return 1;
}

/* ---- results ----------------------------------------------------------------- */

static bearer_code code_of(CURLcode result) {
  switch (result) {
  case CURLE_OPERATION_TIMEDOUT:
    return BEARER_TIMEOUT;
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
    return BEARER_DNS;
  case CURLE_COULDNT_CONNECT:
    return BEARER_CONNECT;
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_SHUTDOWN_FAILED:
  case CURLE_SSL_ENGINE_INITFAILED:
  case CURLE_SSL_INVALIDCERTSTATUS:
    return BEARER_TLS;
#if LIBCURL_VERSION_NUM >= 0x074900
  case CURLE_PROXY:
    return BEARER_PROXY;
#endif
  case CURLE_PARTIAL_FILE:
  case CURLE_GOT_NOTHING:
  case CURLE_BAD_CONTENT_ENCODING:
  case CURLE_WEIRD_SERVER_REPLY:
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_WRITE_ERROR:
    return BEARER_BAD_ANSWER;
  case CURLE_OUT_OF_MEMORY:
    return BEARER_MEMORY;
  default:
    return BEARER_NETWORK;
  }
}

/* Did the connection end after the request had left, and before anything came back? */
static int is_lost(const bearer_transfer *t, CURLcode result) {
  if (t->head_total > 0)
    return 0;
  return t->is_kept_from_again || result == CURLE_GOT_NOTHING ||
         strncmp(t->error, "getpeername()", 13) ==
             0; /* after that, libcurl says no more */
}

static int has_proxy(const bearer_transfer *t) {
  const char *exceptions = t->no_proxy.data != NULL ? t->no_proxy.data : "";
  return t->proxy.data != NULL &&
         !bearer_proxy_is_exception(exceptions, bearer_buffer_string(&t->request.url));
}

static void set_outcome(bearer_transfer *t, CURLcode result) {
  curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &t->proxy_status);
  if (result == CURLE_OK && t->received.status == 407 && has_proxy(t))
    t->proxy_status = 407; /* one that is no tunnel, but passes requests on */
  if (t->too_large || t->received.body.failed || result == CURLE_FILESIZE_EXCEEDED)
    t->outcome = BEARER_TOO_LARGE;
  else if (result == CURLE_OUT_OF_MEMORY && t->has_sent && !t->in_body)
    t->outcome = BEARER_TOO_LARGE; /* its word for a header line of more than 100 KB */
  else if (t->proxy_status >= 300 && (result != CURLE_OK || t->proxy_status == 407))
    t->outcome = BEARER_PROXY;
  else if (is_lost(t, result))
    t->outcome = BEARER_NETWORK;
  else if (result != CURLE_OK)
    t->outcome = code_of(result);
  else
    t->outcome = t->received.status != 0 ? BEARER_OK : BEARER_BAD_ANSWER;
}

/* What has left before the first sending went to a proxy. */
static void note_sent(bearer_transfer *t) {
  if ((t->sendings > 0 || !t->watches_sendings) &&
      bearer_transfer_bytes_sent(t) > t->bytes_before)
    t->has_sent = 1;
}

/* After a handshake that has seemed to succeed. Where we do not know the SSL, libcurl's
   words may tell. */
static int is_refused_by_alert(const bearer_transfer *t, CURLcode result) {
  return (result == CURLE_RECV_ERROR || result == CURLE_SEND_ERROR ||
          result == CURLE_GOT_NOTHING) &&
         t->head_total == 0 &&
         (bearer_tls_alert(t->ssl, NULL) != NULL ||
          (t->ssl == NULL && strstr(t->error, " alert ") != NULL));
}

static void explain_alert(bearer_transfer *t) {
  int has_own = t->reading != NULL && bearer_reading_has_certificate(t->reading);
  int is_of_client;
  const char *alert = bearer_tls_alert(t->ssl, &is_of_client);
  t->outcome = BEARER_TLS;
  if (alert == NULL)
    return;
  snprintf(t->error, sizeof(t->error), "the server %s (TLS alert: %s)",
           !is_of_client ? "broke the connection off"
           : has_own     ? "refuses this client certificate"
                         : "wants a client certificate",
           alert);
}

/* By the server, who has not even been sent it, as far as we know. */
static int is_unanswered(const bearer_transfer *t) {
  return t->watches_sendings ? !t->has_sent : t->head_total == 0;
}

static void explain_proxy(bearer_transfer *t, const char *name) {
  char words[sizeof(t->error)];
  if (t->outcome == BEARER_PROXY && t->proxy_status == 407)
    snprintf(words, sizeof(words), "the proxy %s %s", name,
             bearer_proxy_has_user(t->proxy.data) ? "refuses this user and password"
                                                  : "wants a user and a password");
  else if (t->outcome == BEARER_PROXY && t->proxy_status != 0)
    snprintf(words, sizeof(words), "the proxy %s answered HTTP %ld", name,
             t->proxy_status);
  else
    snprintf(words, sizeof(words), "through the proxy %.64s: %.160s", name, t->error);
  bearer_transfer_fail(t, t->outcome, words);
}

/* Nothing came through: it may be the proxy that is to be looked at. */
static void name_proxy(bearer_transfer *t) {
  bearer_buffer name = { 0 };
  if (!has_proxy(t))
    return;
  bearer_proxy_name(&name, t->proxy.data);
  if (bearer_proxy_is_usable(t->proxy.data) &&
      strstr(t->error, t->proxy.data) == NULL) /* whole, with its password */
    explain_proxy(t, bearer_buffer_string(&name));
  else
    bearer_transfer_fail(t, BEARER_PROXY,
                         "the proxy's address is none that can be used: "
                         "http://host:3128, say");
  bearer_buffer_free(&name);
}

void bearer_transfer_finish(bearer_transfer *t, CURLcode result) {
  const char *words = NULL;
  curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->received.status);
  note_sent(t);
  set_outcome(t, result);
  if (is_refused_by_alert(t, result))
    explain_alert(t);
  if (t->outcome == BEARER_NETWORK && is_lost(t, result))
    words = "the connection ended before an answer came";
  if (t->reading != NULL &&
      (result == CURLE_SSL_CERTPROBLEM || result == CURLE_SSL_CACERT_BADFILE))
    t->is_own_fault = 1;
  if (t->is_own_fault && result == CURLE_SSL_CACERT_BADFILE)
    words = bearer_reading_blame_authorities(t->reading);
  if (words == NULL && t->outcome != BEARER_OK && t->error[0] == '\0')
    words = curl_easy_strerror(result);
  if (words != NULL)
    bearer_transfer_fail(t, t->outcome, words);
  if (t->outcome == BEARER_PROXY || (t->outcome != BEARER_OK && is_unanswered(t)))
    name_proxy(t);
}

void bearer_transfer_fail(bearer_transfer *t, bearer_code code, const char *reason) {
  size_t size = strnlen(reason, sizeof(t->error) - 1);
  t->outcome = code;
  memcpy(t->error, reason, size);
  t->error[size] = '\0';
}

void bearer_transfer_publish(bearer_transfer *t) {
  t->response = t->received;
  memset(&t->received, 0, sizeof(t->received));
  t->code = t->outcome;
  t->sent = t->has_sent;
  if (t->code != BEARER_OK)
    memcpy(t->reason, t->error, sizeof(t->reason));
}
