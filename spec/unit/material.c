/*
 * Certificates and keys on their way into TLS: a server that knows one client asks for
 * them.
 */
#include "http/client.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "http/fork.h"

#include "check.h"
#include "identity.h"
#include "server.h"

static identity server, friend, stranger;

/* ---- a server ---------------------------------------------------------------- */

static SSL_CTX *server_ctx;

static void *serve(void *user) {
  static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  char head[4096];
  SSL *ssl = SSL_new(server_ctx);
  SSL_set_fd(ssl, (int)(long)user);
  if (SSL_accept(ssl) == 1)
    while (SSL_read(ssl, head, sizeof(head)) > 0)
      SSL_write(ssl, answer, sizeof(answer) - 1);
  SSL_free(ssl);
  close((int)(long)user);
  ERR_clear_error();
  return NULL;
}

static void *accept_all(void *user) {
  int fd;
  pthread_t thread;
  while ((fd = accept4((int)(long)user, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
    server_connections++;
    if (pthread_create(&thread, NULL, serve, (void *)(long)fd) == 0)
      pthread_detach(thread);
  }
  return NULL;
}

static void start_server(void) {
  struct sockaddr_in address;
  socklen_t size = sizeof(address);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  pthread_t thread;
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(bind(listener, (struct sockaddr *)&address, size) == 0);
  CHECK(listen(listener, 10) == 0);
  CHECK(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
  server_port = ntohs(address.sin_port);
  server_ctx = SSL_CTX_new(TLS_server_method());
  SSL_CTX_use_certificate(server_ctx, server.x);
  SSL_CTX_use_PrivateKey(server_ctx, server.key);
  SSL_CTX_set_max_proto_version(server_ctx, TLS1_2_VERSION); /* refuses within connect */
  SSL_CTX_set_verify(server_ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(server_ctx), friend.x);
  CHECK(pthread_create(&thread, NULL, accept_all, (void *)(long)listener) == 0);
  pthread_detach(thread);
}

/* ---- asking it --------------------------------------------------------------- */

static bearer_client client;
static char last_reason[CURL_ERROR_SIZE];

static bearer_material text(const char *data) {
  bearer_material m = { BEARER_CONTENT, data, data != NULL ? strlen(data) : 0 };
  if (data == NULL)
    m.kind = BEARER_NOT_GIVEN;
  return m;
}

static bearer_code ask(const bearer_send_options *materials) {
  bearer_request m = { 0 };
  bearer_send_options o = *materials;
  bearer_transfer *t;
  bearer_code code;
  char url[100];
  o.timeout_ms = o.connect_timeout_ms = 100000;
  o.max_response = 10000;
  snprintf(url, sizeof(url), "https://127.0.0.1:%d/", server_port);
  bearer_buffer_text(&m.method, "GET");
  bearer_buffer_text(&m.url, url);
  t = bearer_client_send(&client, &m, &o, NULL);
  while (!bearer_transfer_has_ended(t))
    bearer_client_poll(&client, 1000);
  code = t->code;
  memcpy(last_reason, t->reason, sizeof(last_reason));
  bearer_transfer_close(t);
  return code;
}

/* With the right authority. */
static bearer_code with(const char *cert, const char *key, const char *password) {
  bearer_send_options o;
  memset(&o, 0, sizeof(o));
  o.ca_pem = text(server.cert);
  o.cert = text(cert);
  o.key = text(key);
  o.key_password = text(password);
  return ask(&o);
}

/* ---- what is trusted --------------------------------------------------------- */

static bearer_code trusting(const char *pem, const char *path) {
  bearer_send_options o;
  memset(&o, 0, sizeof(o));
  o.cert = text(friend.cert);
  o.key = text(friend.plain);
  o.ca_pem = text(pem);
  o.ca_file = text(path);
  if (path != NULL)
    o.ca_file.kind = BEARER_PATH;
  return ask(&o);
}

static void authorities(void) {
  char path[] = "/tmp/bearer-unit-XXXXXX";
  int fd = mkstemp(path);
  CHECK(trusting(server.cert, NULL) == BEARER_OK);
  CHECK(trusting(NULL, NULL) == BEARER_TLS); /* not on that one's connection */
  CHECK(trusting(stranger.cert, NULL) == BEARER_TLS);
  CHECK(trusting("none", NULL) == BEARER_TLS);
  CHECK(trusting("-----BEGIN CERTIFICATE-----\n", NULL) == BEARER_TLS);
  CHECK(write(fd, server.cert, strlen(server.cert)) == (ssize_t)strlen(server.cert));
  CHECK(trusting(NULL, path) == BEARER_OK);
  CHECK(trusting(stranger.cert, path) == BEARER_OK); /* either is trusted */
  close(fd);
  unlink(path);
}

/* ---- who we are -------------------------------------------------------------- */

static void a_certificate_and_its_key(void) {
  char both[4096];
  CHECK(with(friend.cert, friend.plain, NULL) == BEARER_OK);
  snprintf(both, sizeof(both), "%s%s", friend.plain, friend.cert);
  CHECK(with(both, NULL, NULL) == BEARER_OK);
  snprintf(both, sizeof(both), "%s%s", friend.cert, stranger.plain);
  CHECK(with(both, friend.plain, NULL) == BEARER_OK); /* the key that is given wins */
  CHECK(with(friend.cert, NULL, NULL) == BEARER_TLS);
  CHECK(with(NULL, NULL, NULL) != BEARER_OK);
  CHECK(with(stranger.cert, stranger.plain, NULL) != BEARER_OK);
}

static void another_key_does_not_ride_on_the_right_ones_connection(void) {
  int before;
  CHECK(with(friend.cert, friend.plain, NULL) == BEARER_OK);
  before = server_connections;
  CHECK(with(friend.cert, friend.plain, NULL) == BEARER_OK);
  CHECK(server_connections == before); /* it is kept */
  CHECK(with(friend.cert, stranger.plain, NULL) == BEARER_TLS);
  CHECK(with(friend.cert, "none", NULL) == BEARER_TLS);
  CHECK(with(friend.cert, NULL, NULL) == BEARER_TLS);
}

static void a_key_that_wants_a_pass_phrase(void) {
  static const char wants[] =
      "key: the key wants a pass phrase, and no `key_password` is given";
  static const char other[] =
      "key: the key wants a pass phrase, and `key_password` is another";
  CHECK(with(friend.cert, friend.encrypted, "phrase") == BEARER_OK);
  CHECK(with(friend.cert, friend.plain, "not needed") == BEARER_OK);
  CHECK(with(friend.cert, friend.encrypted, NULL) == BEARER_TLS);
  SAME(last_reason, strlen(last_reason), wants, strlen(wants));
  CHECK(with(friend.cert, friend.encrypted, "another") == BEARER_TLS);
  SAME(last_reason, strlen(last_reason), other, strlen(other));
}

static void pkcs12(void) {
  bearer_send_options o;
  unsigned char *der = NULL;
  PKCS12 *p12 = PKCS12_create("phrase", "x", friend.key, friend.x, NULL, 0, 0, 0, 0, 0);
  int size = i2d_PKCS12(p12, &der), before;
  memset(&o, 0, sizeof(o));
  CHECK(size > 0);
  o.ca_pem = text(server.cert);
  o.cert.kind = BEARER_CONTENT;
  o.cert.data = (const char *)der;
  o.cert.size = (size_t)size;
  o.key_password = text("phrase");
  CHECK(ask(&o) == BEARER_OK);
  o.key = text(stranger.plain); /* what is in it wins, on a connection of its own */
  before = server_connections;
  CHECK(ask(&o) == BEARER_OK && server_connections == before + 1);
  o.key = text(NULL);
  o.key_password = text("another");
  CHECK(ask(&o) == BEARER_TLS);
  CHECK(strstr(last_reason, "pass phrase") != NULL);
  OPENSSL_free(der);
  PKCS12_free(p12);
}

/* ---- while files are replaced ------------------------------------------------ */

static bearer_code with_last_good(bearer_pair *pair, const char *cert, const char *key) {
  bearer_send_options o;
  memset(&o, 0, sizeof(o));
  o.ca_pem = text(server.cert);
  o.cert = text(cert);
  o.key = text(key);
  o.last_good = pair;
  return ask(&o);
}

static void the_last_good_pair_stays(void) {
  bearer_pair *pair = bearer_pair_new(), *other = bearer_pair_new();
  CHECK(pair != NULL && other != NULL && !bearer_pair_has_any(pair));
  CHECK(with_last_good(pair, friend.cert, stranger.plain) == BEARER_TLS);
  CHECK(!bearer_pair_has_any(pair));
  CHECK(with_last_good(pair, friend.cert, friend.plain) == BEARER_OK);
  CHECK(bearer_pair_has_any(pair));
  CHECK(with_last_good(pair, friend.cert, stranger.plain) == BEARER_OK);
  CHECK(with_last_good(pair, stranger.cert, friend.plain) == BEARER_OK);
  CHECK(with_last_good(pair, "", friend.plain) == BEARER_OK);
  CHECK(with_last_good(pair, friend.cert, "half") == BEARER_OK);
  CHECK(with_last_good(other, friend.cert, stranger.plain) == BEARER_TLS);
  CHECK(with_last_good(pair, stranger.cert, stranger.plain) != BEARER_OK); /* it fits */
  CHECK(with_last_good(pair, friend.cert, stranger.plain) != BEARER_OK);
  bearer_pair_release(pair);
  bearer_pair_release(other);
  bearer_pair_release(NULL);
}

int main(void) {
  alarm(600);
  signal(SIGPIPE, SIG_IGN); /* the server's: OpenSSL writes without MSG_NOSIGNAL */
  CHECK(bearer_fork_init());
  make_identity(&server, "server");
  make_identity(&friend, "friend");
  make_identity(&stranger, "stranger");
  start_server();
  bearer_client_init(&client);
  authorities();
  a_certificate_and_its_key();
  another_key_does_not_ride_on_the_right_ones_connection();
  a_key_that_wants_a_pass_phrase();
  pkcs12();
  the_last_good_pair_stays();
  bearer_client_close(&client);
  forget_identity(&server);
  forget_identity(&friend);
  forget_identity(&stranger);
  SSL_CTX_free(server_ctx);
  return check_result();
}
