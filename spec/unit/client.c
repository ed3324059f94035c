/*
 * Sending, waiting, closing; and what goes wrong around it: threads that are not granted,
 * memory that runs out within libcurl, files that do not come, a worker that is stuck.
 */
#include "http/client.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <time.h>

#include "http/fork.h"

#include "check.h"
#include "server.h"

/* ---- what stands before the system's ----------------------------------------- */

static int threads_are_out, memory_is_out, worker_is_stuck, reads_hang;

static int is_set(const int *flag) {
  return __atomic_load_n(flag, __ATOMIC_SEQ_CST);
}

static void set(int *flag, int value) {
  __atomic_store_n(flag, value, __ATOMIC_SEQ_CST);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                   void *(*f)(void *), void *user) {
  int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  if (is_set(&threads_are_out) && !server_is_here)
    return EAGAIN;
  *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
  return real(thread, attributes, f, user);
}

CURLMcode curl_multi_perform(CURLM *multi, int *running) {
  CURLMcode (*real)(CURLM *, int *);
  while (is_set(&worker_is_stuck))
    usleep(10000);
  if (is_set(&memory_is_out))
    return CURLM_OUT_OF_MEMORY;
  *(void **)&real = dlsym(RTLD_NEXT, "curl_multi_perform");
  return real(multi, running);
}

int open(const char *path, int flags, ...) {
  int (*real)(const char *, int, ...);
  mode_t mode = 0;
  if (flags & O_CREAT) {
    va_list list;
    va_start(list, flags);
    mode = va_arg(list, mode_t);
    va_end(list);
  }
  while (strncmp(path, "/hangs", 6) == 0 && is_set(&reads_hang))
    usleep(10000);
  *(void **)&real = dlsym(RTLD_NEXT, "open");
  return real(path, flags, mode);
}

/* ---- helpers ----------------------------------------------------------------- */

static bearer_send_options options(long timeout_ms) {
  bearer_send_options o;
  memset(&o, 0, sizeof(o));
  o.timeout_ms = timeout_ms;
  o.connect_timeout_ms = 100000;
  o.max_response = 10000;
  return o;
}

static bearer_transfer *send_as(bearer_client *client, const char *method,
                                const char *path, const bearer_send_options *o) {
  bearer_request m = { 0 };
  char url[100];
  snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", server_port, path);
  bearer_buffer_text(&m.method, method);
  bearer_buffer_text(&m.url, url);
  m.has_body = strcmp(method, "POST") == 0;
  if (m.has_body)
    bearer_buffer_text(&m.body, "a=b");
  return bearer_client_send(client, &m, o, client);
}

static bearer_transfer *send_with(bearer_client *client, const char *path,
                                  const bearer_send_options *o) {
  return send_as(client, "POST", path, o);
}

static bearer_transfer *send_to(bearer_client *client, const char *path,
                                long timeout_ms) {
  bearer_send_options o = options(timeout_ms);
  return send_with(client, path, &o);
}

/* Until it has ended, for ten seconds at most. */
static int wait_for(bearer_client *client, bearer_transfer *t) {
  double limit = bearer_transfer_now() + 300;
  while (!bearer_transfer_has_ended(t) && bearer_transfer_now() < limit)
    bearer_client_poll(client, bearer_client_moves_itself(client) ? 1000 : 5);
  return bearer_transfer_has_ended(t);
}

static void ends_as(bearer_client *client, bearer_transfer *t, bearer_code code) {
  CHECK(wait_for(client, t));
  if (!CHECK(t->code == code))
    printf("  %s: %s\n", bearer_code_of(t->code)->name, t->reason);
  CHECK(bearer_client_next_ended(client) == t);
  CHECK(bearer_client_next_ended(client) == NULL);
  bearer_transfer_close(t);
}

/* ---- as it should be --------------------------------------------------------- */

static void an_answer_comes(void) {
  static bearer_client client;
  bearer_buffer value = { 0 };
  bearer_transfer *t;
  bearer_client_init(&client);
  t = send_to(&client, "/ok", 100000);
  CHECK(wait_for(&client, t));
  CHECK(t->code == BEARER_OK && t->sent && t->user == &client);
  CHECK(t->response.status == 200);
  HOLDS(&t->response.body, "{\"a\":1}");
  CHECK(bearer_response_header(&t->response, "x-a", &value));
  HOLDS(&value, "1");
  bearer_buffer_free(&value);
  ends_as(&client, t, BEARER_OK);
  for (int i = 0; i < 5; i++)
    ends_as(&client, send_to(&client, "/ok", 100000), BEARER_OK);
  CHECK(server_connections == 1);
  CHECK(bearer_client_poll(&client, 0) == 0);
  bearer_client_close(&client);
  bearer_client_close(&client); /* twice is fine */
}

static void the_descriptor_is_ready_while_there_is_news(void) {
  static bearer_client client;
  struct pollfd news = { -1, POLLIN, 0 };
  bearer_transfer *t;
  bearer_client_init(&client);
  news.fd = bearer_client_fd(&client);
  CHECK(news.fd >= 0 && poll(&news, 1, 0) == 0);
  t = send_to(&client, "/ok", 100000);
  CHECK(poll(&news, 1, 100000) == 1);
  CHECK(bearer_client_has_ended(&client));
  CHECK(bearer_client_next_ended(&client) == t);
  CHECK(poll(&news, 1, 0) == 0);
  bearer_transfer_close(t);
  bearer_client_close(&client);
}

static void what_may_be_wrong_with_an_answer(void) {
  static bearer_client client;
  bearer_client_init(&client);
  ends_as(&client, send_to(&client, "/large", 100000), BEARER_TOO_LARGE);
  ends_as(&client, send_to(&client, "/junk", 100000), BEARER_BAD_ANSWER);
  ends_as(&client, send_to(&client, "/mute", 200), BEARER_TIMEOUT);
  bearer_client_close(&client);
}

/* ---- a kept connection that breaks ------------------------------------------- */

/* How often the server gets a request whose connection it then ends. */
static int sendings_of(bearer_client *client, const char *method) {
  bearer_send_options o = options(100000);
  bearer_transfer *t;
  int before;
  ends_as(client, send_to(client, "/ok", 100000), BEARER_OK); /* one that is kept */
  before = server_requests;
  t = send_as(client, method, "/dies", &o);
  CHECK(wait_for(client, t) && t->sent && t->response.status == 0);
  if (!CHECK(strcmp(t->reason, "the connection ended before an answer came") == 0))
    printf("  %s: %s\n", method, t->reason);
  ends_as(client, t, BEARER_NETWORK);
  return server_requests - before;
}

static void what_may_have_been_acted_upon_is_sent_once(void) {
  static bearer_client client;
  bearer_client_init(&client);
  CHECK(sendings_of(&client, "POST") == 1);
  CHECK(sendings_of(&client, "PUT") == 1);
  CHECK(sendings_of(&client, "DELETE") == 1);
  CHECK(sendings_of(&client, "PATCH") == 1);
  CHECK(sendings_of(&client, "GET") == 2);
  CHECK(sendings_of(&client, "HEAD") == 2);
  bearer_client_close(&client);
}

/* That can be seen before anything is sent. */
static void what_the_server_has_closed_is_no_trouble(void) {
  static bearer_client client;
  bearer_client_init(&client);
  for (int i = 0; i < 5; i++) {
    double limit = bearer_transfer_now() + 300;
    int before = is_set(&server_closed);
    ends_as(&client, send_to(&client, "/last", 100000), BEARER_OK);
    while (is_set(&server_closed) == before && bearer_transfer_now() < limit)
      usleep(1000);
  }
  bearer_client_close(&client);
}

/* ---- closing ----------------------------------------------------------------- */

static void transfers_close_at_any_time(void) {
  static bearer_client client;
  bearer_transfer *t[20];
  bearer_client_init(&client);
  for (int i = 0; i < 20; i++)
    t[i] = send_to(&client, i % 2 ? "/mute" : "/slow", 100000);
  for (int i = 0; i < 10; i++) {
    bearer_transfer_close(t[i]);
    usleep(i % 3 ? 0 : 20000);
  }
  CHECK(bearer_client_poll(&client, 0) <= 10);
  bearer_client_close(&client);
  for (int i = 10; i < 20; i++) { /* they outlive their client */
    CHECK(bearer_transfer_has_ended(t[i]));
    CHECK(t[i]->code == BEARER_CLOSED || t[i]->code == BEARER_OK);
    bearer_transfer_close(t[i]);
  }
  t[0] = send_to(&client, "/ok", 100000);
  CHECK(bearer_transfer_has_ended(t[0]) && t[0]->code == BEARER_MEMORY);
  bearer_transfer_close(t[0]);
}

/* ---- what goes wrong --------------------------------------------------------- */

static void without_threads_the_callers_move(void) {
  static bearer_client client;
  bearer_client_init(&client);
  set(&threads_are_out, 1);
  for (int i = 0; i < 3; i++)
    ends_as(&client, send_to(&client, i == 1 ? "/slow" : "/mute", i == 1 ? 100000 : 200),
            i == 1 ? BEARER_OK : BEARER_TIMEOUT);
  CHECK(!bearer_client_moves_itself(&client));
  bearer_transfer_close(send_to(&client, "/mute", 100000));
  set(&threads_are_out, 0); /* and later there are some */
  ends_as(&client, send_to(&client, "/ok", 100000), BEARER_OK);
  CHECK(bearer_client_moves_itself(&client));
  bearer_client_close(&client);
}

static int flag_of(bearer_client *client, const int *flag) {
  int value;
  pthread_mutex_lock(&client->worker.multi.mutex);
  value = *flag;
  pthread_mutex_unlock(&client->worker.multi.mutex);
  return value;
}

/* Send what the caller is going to wait for, when the thread has nothing to do. */
static bearer_transfer *send_and_lead(bearer_client *client, const char *path,
                                      long timeout_ms) {
  double limit = bearer_transfer_now() + 300;
  bearer_transfer *t;
  while (!flag_of(client, &client->worker.multi.is_idle) && bearer_transfer_now() < limit)
    usleep(1000);
  bearer_client_expect_wait(client, 1);
  t = send_to(client, path, timeout_ms);
  bearer_client_expect_wait(client, 0);
  CHECK(flag_of(client, &client->worker.multi.is_led) ==
        (LIBCURL_VERSION_NUM >= 0x075700));
  return t;
}

static void a_caller_that_waits_moves_what_it_sends(void) {
  static bearer_client client;
  bearer_transfer *t;
  double began;
  bearer_client_init(&client);
  ends_as(&client, send_to(&client, "/ok", 100000),
          BEARER_OK); /* there is a thread now */
  for (int i = 0; i < 20; i++) {
    t = send_and_lead(&client, "/ok", 100000);
    while (bearer_client_wait(&client, 100000) > 0) {
    }
    CHECK(!flag_of(&client, &client.worker.multi.is_led));
    ends_as(&client, t, BEARER_OK);
  }
  t = send_and_lead(&client, "/mute", 2000); /* no longer than it wants to */
  began = bearer_transfer_now();
  CHECK(bearer_client_wait(&client, 50) == 1);
  CHECK(bearer_transfer_now() - began >= 0.049 && !flag_of(&client, &t->ended));
  ends_as(&client, t, BEARER_TIMEOUT); /* the thread has gone on */
  t = send_and_lead(&client, "/ok", 100000);
  CHECK(bearer_client_poll(&client, 0) == 1); /* it does not wait after all */
  ends_as(&client, t, BEARER_OK);
  bearer_transfer_close(send_and_lead(&client, "/mute", 100000));
  t = send_and_lead(&client, "/mute", 100000);
  bearer_client_close(&client);
  CHECK(t->code == BEARER_CLOSED);
  bearer_transfer_close(t);
}

static void memory_that_runs_out_in_libcurl_ends_them(void) {
  static bearer_client client;
  bearer_transfer *t, *other;
  bearer_client_init(&client);
  t = send_to(&client, "/mute", 60000);
  CHECK(bearer_client_poll(&client, 100) == 1);
  set(&memory_is_out, 1);
  other = send_to(&client, "/ok", 60000);
  CHECK(wait_for(&client, other) && wait_for(&client, t));
  CHECK(other->code == BEARER_MEMORY && t->code == BEARER_MEMORY);
  bearer_transfer_close(other);
  bearer_transfer_close(t);
  set(&memory_is_out, 0);
  ends_as(&client, send_to(&client, "/ok", 100000), BEARER_OK);
  bearer_client_close(&client);
}

static void a_stuck_worker_holds_nobody_up(void) {
  static bearer_client client;
  double began = bearer_transfer_now();
  bearer_transfer *t[3];
  bearer_client_init(&client);
  set(&worker_is_stuck, 1);
  for (int i = 0; i < 3; i++)
    t[i] = send_to(&client, "/ok", 200);
  CHECK(wait_for(&client, t[0]) && t[0]->code == BEARER_TIMEOUT);
  bearer_transfer_close(t[0]);
  CHECK(bearer_transfer_now() - began < 50); /* it would for ever */
  bearer_transfer_close(t[1]);
  set(&worker_is_stuck, 0); /* and goes on with what nobody wants */
  CHECK(bearer_transfer_has_ended(t[2]));
  bearer_transfer_close(t[2]);
  ends_as(&client, send_to(&client, "/ok", 100000), BEARER_OK);
  bearer_client_close(&client);
}

static void says(bearer_client *client, const bearer_send_options *o,
                 const char *reason) {
  bearer_transfer *t = send_with(client, "/ok", o);
  CHECK(wait_for(client, t));
  SAME(t->reason, strlen(t->reason), reason, strlen(reason));
  ends_as(client, t, BEARER_TLS);
}

static void files_that_cannot_be_read(void) {
  static bearer_client client;
  bearer_send_options o = options(100000);
  bearer_client_init(&client);
  o.ca_file.kind = BEARER_PATH;
  o.ca_file.data = "/none/such";
  says(&client, &o, "ca_file /none/such: does not exist");
  o.ca_file.data = "/dev/zero";
  says(&client, &o, "ca_file /dev/zero: is no regular file");
  o.ca_file.data = "/dev";
  says(&client, &o, "ca_file /dev: is no regular file");
  o.ca_file.data = "/dev/null";
  set(&threads_are_out, 1); /* read by whoever moves it, then */
  says(&client, &o, "ca_file /dev/null: is no regular file");
  set(&threads_are_out, 0);
  o.ca_file.kind = BEARER_NOT_GIVEN;
  o.key.kind = BEARER_CONTENT;
  o.key.data = "";
  says(&client, &o, "key: is empty");
  bearer_client_close(&client);
}

static void a_fifo_is_refused(void) {
  static bearer_client client;
  char folder[] = "/tmp/bearer-unit-XXXXXX", path[64], reason[100];
  bearer_send_options o = options(100000);
  bearer_client_init(&client);
  CHECK(mkdtemp(folder) != NULL);
  snprintf(path, sizeof(path), "%s/fifo", folder);
  snprintf(reason, sizeof(reason), "cert %s: is no regular file", path);
  CHECK(mkfifo(path, 0600) == 0);
  o.cert.kind = BEARER_PATH;
  o.cert.data = path;
  says(&client, &o, reason);
  unlink(path);
  rmdir(folder);
  bearer_client_close(&client);
}

static void a_file_that_hangs_holds_only_its_own_up(void) {
  static bearer_client client;
  bearer_send_options o = options(2000);
  double began = bearer_transfer_now();
  bearer_transfer *t;
  bearer_client_init(&client);
  set(&reads_hang, 1);
  o.ca_file.kind = BEARER_PATH;
  o.ca_file.data = "/hangs/ca.pem";
  t = send_with(&client, "/ok", &o);
  ends_as(&client, send_to(&client, "/ok", 100000), BEARER_OK);
  CHECK(bearer_client_next_ended(&client) == NULL);
  ends_as(&client, t, BEARER_TIMEOUT);
  CHECK(bearer_transfer_now() - began < 50); /* it would for ever */
  o.timeout_ms = 60000;
  t = send_with(&client, "/ok", &o);
  CHECK(bearer_client_poll(&client, 50) == 1);
  began = bearer_transfer_now();
  bearer_client_close(&client); /* nor this */
  CHECK(bearer_transfer_now() - began < 50);
  bearer_transfer_close(t);
  set(&reads_hang, 0);
  usleep(200000); /* the readers come back, and find nobody */
}

static char inherited[256]; /* by us */

static void no_descriptor_is_inherited(void) {
  static bearer_client client;
  double limit = bearer_transfer_now() + 300;
  bearer_transfer *t;
  int count = 0;
  while (is_set(&server_closed) < is_set(&server_connections) &&
         bearer_transfer_now() < limit)
    usleep(1000); /* the server's own, of before, would move the numbers */
  bearer_client_init(&client);
  t = send_to(&client, "/mute", 100000);
  ends_as(&client, send_to(&client, "/ok", 100000), BEARER_OK);
  for (int fd = 3; fd < 256; fd++) {
    int flags = fcntl(fd, F_GETFD);
    if (inherited[fd])
      continue;
    count += flags >= 0;
    if (!CHECK(flags < 0 || (flags & FD_CLOEXEC)))
      printf("  descriptor %d\n", fd);
  }
  CHECK(count >= 6); /* a pipe, a pair, two connections */
  bearer_transfer_close(t);
  bearer_client_close(&client);
}

/* ---- descriptors that the host closes ----------------------------------------- */

static void a_closed_descriptor_is_replaced(void) {
  static bearer_client client;
  bearer_transfer *t;
  int polls = 0;
  bearer_client_init(&client);
  ends_as(&client, send_to(&client, "/ok", 100000), BEARER_OK);
  close(bearer_client_fd(&client));
  t = send_to(&client, "/slow", 100000);
  while (!bearer_transfer_has_ended(t) && ++polls < 1000)
    bearer_client_poll(&client, 1000);
  CHECK(polls < 10);
  ends_as(&client, t, BEARER_OK);
  bearer_client_close(&client);
}

static double process_time(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int is_local_socket(int fd) {
  int domain = 0;
  socklen_t size = sizeof(domain);
  return !inherited[fd] && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
         domain == AF_UNIX;
}

/* The pair by which libcurl is woken is then ready for ever, as poll sees it. */
static void a_closed_descriptor_does_not_make_the_thread_spin(void) {
  static bearer_client client;
  double before;
  int closed = 0;
  bearer_client_init(&client);
  ends_as(&client, send_to(&client, "/ok", 100000), BEARER_OK);
  for (int fd = 3; fd < 256; fd++)
    if (is_local_socket(fd))
      closed += close(fd) == 0;
  CHECK(closed == 2);
  bearer_transfer_close(send_to(&client, "/mute", 100000));
  before = process_time();
  usleep(500000);
  CHECK(process_time() - before < 0.2);
  bearer_client_close(&client);
}

int main(void) {
  alarm(600);
  for (int fd = 0; fd < 256; fd++)
    inherited[fd] = fcntl(fd, F_GETFD) >= 0;
  CHECK(bearer_fork_init());
  CHECK(server_start());
  an_answer_comes();
  the_descriptor_is_ready_while_there_is_news();
  what_may_be_wrong_with_an_answer();
  what_may_have_been_acted_upon_is_sent_once();
  what_the_server_has_closed_is_no_trouble();
  transfers_close_at_any_time();
  without_threads_the_callers_move();
  a_caller_that_waits_moves_what_it_sends();
  memory_that_runs_out_in_libcurl_ends_them();
  a_stuck_worker_holds_nobody_up();
  files_that_cannot_be_read();
  a_fifo_is_refused();
  a_file_that_hangs_holds_only_its_own_up();
  no_descriptor_is_inherited();
  a_closed_descriptor_is_replaced();
  a_closed_descriptor_does_not_make_the_thread_spin();
  return check_result();
}
