/*
 * The caller's side: starting, waiting, ending.
 */
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "mover.h"
#include "process.h"
#include "sockets.h"
#include "transfer.h"

double bearer_net_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- lists ------------------------------------------------------------------- */

static void ring(const bearer_net *net) {
  ssize_t ignored = write(net->bell[1], "", 1);
  (void)ignored; /* it is full of one byte, or there is none */
}

static void silence(const bearer_net *net) {
  char byte;
  ssize_t ignored = read(net->bell[0], &byte, 1);
  (void)ignored;
}

void bearer_net_enlist(bearer_net *net, bearer_list *list, bearer_transfer *t) {
  t->list = list;
  t->next = NULL;
  t->link = list->end;
  *list->end = t;
  list->end = &t->next;
  if (list->count++ == 0 && list == &net->ended)
    ring(net);
}

void bearer_net_unlist(bearer_net *net, bearer_transfer *t) {
  bearer_list *list = t->list;
  *t->link = t->next;
  if (t->next != NULL)
    t->next->link = t->link;
  else
    list->end = t->link;
  t->list = NULL;
  if (--list->count == 0 && list == &net->ended)
    silence(net);
}

static void empty(bearer_list *list) {
  memset(list, 0, sizeof(*list));
  list->end = &list->first;
}

/* ---- the multi handle -------------------------------------------------------- */

static void close_bell(bearer_net *net) {
  for (int i = 0; i < 2; i++)
    if (net->bell[i] >= 0)
      close(net->bell[i]);
  net->bell[0] = net->bell[1] = -1;
}

static int open_pipe(int ends[2]) {
#ifdef __linux__
  return pipe2(ends, O_CLOEXEC | O_NONBLOCK);
#else
  if (pipe(ends) != 0)
    return -1;
  for (int i = 0; i < 2; i++) {
    fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    fcntl(ends[i], F_SETFL, O_NONBLOCK);
  }
  return 0;
#endif
}

static int open_bell(bearer_net *net) {
  if (open_pipe(net->bell) != 0) {
    net->bell[0] = net->bell[1] = -1;
    return 0;
  }
  if (net->ended.count > 0) /* from before a fork */
    ring(net);
  return 1;
}

/* A finalizer may ask for it when the net has been closed: Lua decides which runs first.
 */
static int open_multi(bearer_net *net) {
  errno = ENOMEM; /* unless it is something else */
  if (net->closed || bearer_process_init() != CURLE_OK || !open_bell(net))
    return 0;
  net->multi = curl_multi_init();
  if (net->multi == NULL || !bearer_sockets_open(net)) {
    curl_multi_cleanup(net->multi);
    net->multi = NULL;
    close_bell(net);
    return 0;
  }
  net->pid = getpid();
  net->most_connections = 0; /* libcurl's own choice */
  net->share = curl_share_init();
  if (net->share != NULL) /* a TLS session that is resumed costs a third of a new one */
    curl_share_setopt(net->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  bearer_process_enter(net);
  return 1;
}

/* ---- fork -------------------------------------------------------------------- */

static void abandon_list(bearer_net *net, bearer_list *list) {
  while (list->first != NULL) {
    bearer_transfer *t = list->first;
    bearer_net_unlist(net, t);
    if (list == &net->queued) /* never was the parent's multi's */
      curl_easy_cleanup(t->easy);
    t->easy = NULL;
    if (list == &net->given_up) {
      bearer_transfer_free(t);
      continue;
    }
    t->ended = t->forked = 1;
    bearer_net_enlist(net, &net->ended, t);
  }
}

/* The handle is the parent's: closing it here would say goodbye on the parent's
   connections. It is left alone, where a leak checker can still see it. */
static void orphan(bearer_net *net) {
  static struct orphan {
    CURLM *multi;
    CURLSH *share;
    struct orphan *next;
  } * orphans;
  struct orphan *o = malloc(sizeof(*o));
  if (o != NULL) {
    o->multi = net->multi;
    o->share = net->share;
    o->next = __atomic_load_n(&orphans, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&orphans, &o->next, o, 0, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED)) {
    }
  }
  net->multi = NULL;
  net->share = NULL;
}

/* In a child of fork there is no mover, and the connections are the parent's. */
static void abandon(bearer_net *net) {
  bearer_process_lock();
  bearer_process_leave(net);
  bearer_process_unlock();
  orphan(net);
  net->mover = BEARER_NO_MOVER;
  net->stop = 0;
  bearer_sockets_close(net);
  close_bell(net);
  abandon_list(net, &net->queued);
  abandon_list(net, &net->under_way);
  abandon_list(net, &net->given_up);
}

static int ready(bearer_net *net) {
  if (net->multi != NULL && net->pid != getpid())
    abandon(net);
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

void bearer_net_init(bearer_net *net) {
  memset(net, 0, sizeof(*net));
  empty(&net->queued);
  empty(&net->under_way);
  empty(&net->given_up);
  empty(&net->ended);
  pthread_mutex_init(&net->mutex, NULL);
  pthread_mutex_init(&net->step, NULL);
  pthread_mutex_init(&net->turn, NULL);
  net->most = most_transfers();
  net->bell[0] = net->bell[1] = -1;
  net->epoll = net->alarm = -1;
}

/* What is in it lives on without the net, until its owner closes it. */
static void leave(bearer_net *net, bearer_list *list) {
  bearer_transfer *t;
  while ((t = list->first) != NULL) {
    bearer_net_unlist(net, t);
    t->net = NULL;
    t->ended = 1;
    bearer_mover_release(net, t);
    if (list == &net->given_up)
      bearer_transfer_free(t);
  }
}

void bearer_net_close(bearer_net *net) {
  if (ready(net)) {
    bearer_process_lock();
    bearer_mover_stop(net);
    bearer_process_leave(net);
    bearer_process_unlock();
  }
  net->closed = 1;
  leave(net, &net->queued);
  leave(net, &net->under_way);
  leave(net, &net->given_up);
  leave(net, &net->ended);
  curl_multi_cleanup(net->multi);
  curl_share_cleanup(net->share);
  net->multi = NULL;
  net->share = NULL;
  bearer_sockets_close(net);
  close_bell(net);
}

/* ---- transfers --------------------------------------------------------------- */

/* It ends without having been begun. */
static void fail(bearer_net *net, bearer_transfer *t, CURLcode why, const char *reason) {
  t->result = why;
  strncpy(t->reason, reason, sizeof(t->reason) - 1);
  curl_easy_cleanup(t->easy);
  t->easy = NULL;
  bearer_message_clear(&t->message);
  pthread_mutex_lock(&net->mutex);
  if (t->list != NULL)
    bearer_net_unlist(net, t);
  t->ended = 1;
  bearer_net_enlist(net, &net->ended, t);
  pthread_mutex_unlock(&net->mutex);
}

bearer_transfer *bearer_net_start(bearer_net *net, bearer_message *m,
                                  const bearer_options *o) {
  bearer_transfer *t = calloc(1, sizeof(*t));
  if (t == NULL)
    return NULL;
  t->net = net;
  t->id = ++net->last_id;
  t->message = *m;
  memset(m, 0, sizeof(*m));
  t->deadline = bearer_net_now() + (double)o->timeout_ms / 1000;
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
  pthread_mutex_lock(&net->mutex);
  bearer_net_enlist(net, &net->queued, t);
  pthread_mutex_unlock(&net->mutex);
  if (!bearer_mover_start(net))
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
  bearer_net *net = t->net;
  int runs;
  ready(net);
  pthread_mutex_lock(&net->mutex);
  runs = t->list == &net->under_way;
  if (t->list != NULL)
    bearer_net_unlist(net, t);
  if (runs)
    bearer_net_enlist(net, &net->given_up, t);
  pthread_mutex_unlock(&net->mutex);
  if (runs)
    bearer_sockets_wake(net);
  return runs;
}

void bearer_transfer_free(bearer_transfer *t) {
  curl_easy_cleanup(t->easy);
  bearer_message_clear(&t->message);
  bearer_buffer_free(&t->head);
  bearer_buffer_free(&t->body);
  free(t);
}

void bearer_transfer_close(bearer_transfer *t) {
  if (t != NULL && (t->net == NULL || !give_up(t)))
    bearer_transfer_free(t);
}

/* ---- polling ----------------------------------------------------------------- */

static int count(bearer_net *net, int *ended) {
  int open;
  pthread_mutex_lock(&net->mutex);
  open = net->queued.count + net->under_way.count;
  *ended = net->ended.count;
  pthread_mutex_unlock(&net->mutex);
  return open;
}

int bearer_net_poll(bearer_net *net, long max_ms) {
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

unsigned long bearer_net_next_ended(bearer_net *net) {
  unsigned long id = 0;
  bearer_transfer *t;
  ready(net);
  pthread_mutex_lock(&net->mutex);
  t = net->ended.first;
  if (t != NULL) {
    bearer_net_unlist(net, t);
    t->net = NULL;
    id = t->id;
  }
  pthread_mutex_unlock(&net->mutex);
  return id;
}

int bearer_net_has_ended(bearer_net *net) {
  int ended;
  ready(net);
  count(net, &ended);
  return ended > 0;
}

int bearer_net_fd(bearer_net *net) {
  if (!ready(net))
    open_multi(net);
  return net->bell[0];
}
