/*
 * The caller's side: starting, waiting, ending.
 */
#include "http/client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "http/fork.h"
#include "http/notify.h"
#include "http/queue.h"
#include "http/sockets.h"
#include "http/transfer.h"
#include "http/url.h"
#include "http/worker.h"

double bearer_client_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- lists ------------------------------------------------------------------- */

void bearer_list_empty(bearer_list *list) {
  list->first = NULL;
  list->end = &list->first;
  list->count = 0;
}

static void take_out(bearer_client *net, bearer_transfer *t) {
  bearer_list *list = t->list;
  if (list == NULL)
    return;
  *t->link = t->next;
  if (t->next != NULL)
    t->next->link = t->link;
  else
    list->end = t->link;
  t->list = NULL;
  if (--list->count == 0 && list == &net->ended)
    bearer_notify_lower(net->bell);
}

void bearer_client_enlist(bearer_client *net, bearer_list *list, bearer_transfer *t) {
  take_out(net, t);
  t->list = list;
  t->next = NULL;
  t->link = list->end;
  *list->end = t;
  list->end = &t->next;
  list->count++;
  if (list != &net->ended)
    return;
  bearer_queue_leave(net, t);
  if (list->count == 1)
    bearer_notify_raise(net->bell);
}

void bearer_client_unlist(bearer_client *net, bearer_transfer *t) {
  take_out(net, t);
  bearer_queue_leave(net, t);
}

bearer_transfer *bearer_client_unended(const bearer_client *net) {
  if (net->under_way.first != NULL)
    return net->under_way.first;
  if (net->given_up.first != NULL)
    return net->given_up.first;
  return net->lanes != NULL ? net->lanes->queued.first : NULL;
}

/* ---- the multi handle -------------------------------------------------------- */

/* A finalizer may ask for it when the net has been closed: Lua decides which runs first.
 */
static int open_multi(bearer_client *net) {
  int why;
  errno = ENOMEM; /* unless it is something else */
  if (net->closed || bearer_fork_init() != CURLE_OK || !bearer_notify_open(net->bell))
    return 0;
  net->multi = curl_multi_init();
  if (net->multi == NULL || !bearer_sockets_open(net)) {
    why = errno;
    curl_multi_cleanup(net->multi);
    net->multi = NULL;
    bearer_notify_close(net->bell);
    errno = why;
    return 0;
  }
  if (net->ended.count > 0) /* from before a fork */
    bearer_notify_raise(net->bell);
  net->pid = getpid();
  net->most_connections = 0; /* libcurl's own choice */
  net->share = curl_share_init();
  if (net->share != NULL) /* a TLS session that is resumed costs a third of a new one */
    curl_share_setopt(net->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  bearer_fork_enter(net);
  return 1;
}

static int ready(bearer_client *net) {
  if (net->multi != NULL && net->pid != getpid())
    bearer_fork_abandon(net);
  return net->multi != NULL;
}

/* ---- opening, closing -------------------------------------------------------- */

/* A quarter of the descriptors that the process may have, within reason. */
static int most_transfers(void) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur > 1024)
    return 256;
  return files.rlim_cur < 32 ? 8 : (int)(files.rlim_cur / 4);
}

void bearer_client_init(bearer_client *net) {
  memset(net, 0, sizeof(*net));
  bearer_list_empty(&net->under_way);
  bearer_list_empty(&net->given_up);
  bearer_list_empty(&net->ended);
  pthread_mutex_init(&net->mutex, NULL);
  pthread_mutex_init(&net->step, NULL);
  pthread_mutex_init(&net->turn, NULL);
  net->most = most_transfers();
  net->bell[0] = net->bell[1] = -1;
  net->epoll = net->alarm = -1;
}

/* What is in it lives on without the net, until its owner closes it. */
static void leave(bearer_client *net, bearer_transfer *t) {
  int is_owned = t->list == &net->given_up;
  bearer_client_unlist(net, t);
  t->net = NULL;
  t->ended = 1;
  bearer_worker_release(net, t);
  if (is_owned)
    bearer_transfer_free(t);
}

void bearer_client_close(bearer_client *net) {
  bearer_transfer *t;
  if (ready(net)) {
    bearer_fork_lock();
    bearer_worker_stop(net);
    bearer_fork_leave(net);
    bearer_fork_unlock();
  }
  net->closed = 1;
  while ((t = bearer_client_unended(net)) != NULL)
    leave(net, t);
  while ((t = net->ended.first) != NULL)
    leave(net, t);
  curl_multi_cleanup(net->multi);
  curl_share_cleanup(net->share);
  net->multi = NULL;
  net->share = NULL;
  bearer_sockets_close(net);
  bearer_notify_close(net->bell);
}

/* ---- transfers --------------------------------------------------------------- */

/* It ends without having been begun. */
static void fail(bearer_client *net, bearer_transfer *t, CURLcode why,
                 const char *reason) {
  t->result = why;
  strncpy(t->reason, reason, sizeof(t->reason) - 1);
  curl_easy_cleanup(t->easy);
  t->easy = NULL;
  bearer_request_clear(&t->message);
  pthread_mutex_lock(&net->mutex);
  t->ended = 1;
  bearer_client_enlist(net, &net->ended, t);
  pthread_mutex_unlock(&net->mutex);
}

static int queue(bearer_client *net, bearer_transfer *t) {
  bearer_buffer origin = { 0 };
  int ok;
  bearer_url_origin(&origin, bearer_buffer_string(&t->message.url));
  pthread_mutex_lock(&net->mutex);
  ok = !origin.failed && bearer_queue_join(net, t, bearer_buffer_string(&origin));
  pthread_mutex_unlock(&net->mutex);
  bearer_buffer_free(&origin);
  return ok;
}

bearer_transfer *bearer_client_start(bearer_client *net, bearer_request *m,
                                     const bearer_options *o) {
  bearer_transfer *t = calloc(1, sizeof(*t));
  if (t == NULL)
    return NULL;
  t->net = net;
  t->id = ++net->last_id;
  t->message = *m;
  memset(m, 0, sizeof(*m));
  t->deadline = bearer_client_now() + (double)o->timeout_ms / 1000;
  if (!ready(net) && !open_multi(net)) {
    fail(net, t, CURLE_OUT_OF_MEMORY,
         net->closed ? "the Lua state is closing" : strerror(errno));
    return t;
  }
  t->easy = curl_easy_init();
  if (t->easy == NULL)
    t->result = CURLE_OUT_OF_MEMORY;
  if (t->easy == NULL || !bearer_transfer_prepare(t, o)) {
    fail(net, t, t->result, curl_easy_strerror(t->result));
    return t;
  }
  if (!queue(net, t))
    fail(net, t, CURLE_OUT_OF_MEMORY, curl_easy_strerror(CURLE_OUT_OF_MEMORY));
  else if (!bearer_worker_start(net))
    fail(net, t, CURLE_OUT_OF_MEMORY, "the system grants no thread");
  return t;
}

int bearer_transfer_has_ended(bearer_transfer *t) {
  int ended;
  if (t->net == NULL)
    return 1;
  ready(t->net);
  pthread_mutex_lock(&t->net->mutex);
  ended = t->ended;
  pthread_mutex_unlock(&t->net->mutex);
  return ended;
}

/* 1 when the mover has to let go of it first, and does so in its own time. */
static int give_up(bearer_transfer *t) {
  bearer_client *net = t->net;
  int runs;
  ready(net);
  pthread_mutex_lock(&net->mutex);
  runs = t->list == &net->under_way;
  if (runs)
    bearer_client_enlist(net, &net->given_up, t);
  else
    bearer_client_unlist(net, t);
  pthread_mutex_unlock(&net->mutex);
  if (runs)
    bearer_sockets_wake(net);
  return runs;
}

void bearer_transfer_free(bearer_transfer *t) {
  curl_easy_cleanup(t->easy);
  bearer_request_clear(&t->message);
  bearer_buffer_free(&t->head);
  bearer_buffer_free(&t->body);
  free(t);
}

void bearer_transfer_close(bearer_transfer *t) {
  if (t != NULL && (t->net == NULL || !give_up(t)))
    bearer_transfer_free(t);
}

/* ---- polling ----------------------------------------------------------------- */

static int count(bearer_client *net, int *ended) {
  int open;
  pthread_mutex_lock(&net->mutex);
  open = bearer_queue_waiting(net) + net->under_way.count;
  *ended = net->ended.count;
  pthread_mutex_unlock(&net->mutex);
  return open;
}

int bearer_client_poll(bearer_client *net, long max_ms) {
  struct pollfd bell;
  int ended, open;
  ready(net);
  open = count(net, &ended);
  if (max_ms <= 0 || ended > 0)
    return open;
  bell.fd = net->bell[0];
  bell.events = POLLIN;
  poll(&bell, 1, (int)max_ms);
  return count(net, &ended);
}

unsigned long bearer_client_next_ended(bearer_client *net) {
  unsigned long id = 0;
  bearer_transfer *t;
  ready(net);
  pthread_mutex_lock(&net->mutex);
  t = net->ended.first;
  if (t != NULL) {
    bearer_client_unlist(net, t);
    t->net = NULL;
    id = t->id;
  }
  pthread_mutex_unlock(&net->mutex);
  return id;
}

int bearer_client_has_ended(bearer_client *net) {
  int ended;
  ready(net);
  count(net, &ended);
  return ended > 0;
}

int bearer_client_fd(bearer_client *net) {
  if (!ready(net))
    open_multi(net);
  return net->bell[0];
}
