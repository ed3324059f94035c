/*
 * The multi handle: starting, waiting, ending.
 */
#include "net.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sockets.h"
#include "transfer.h"

/* ---- the multi handle -------------------------------------------------------- */

static pthread_once_t global_once = PTHREAD_ONCE_INIT;
static CURLcode global_result;

static void global_init(void) {
  global_result = bearer_transfer_global_init();
}

static void close_multi(bearer_net *net) {
  curl_multi_cleanup(net->multi);
  curl_share_cleanup(net->share);
  net->multi = NULL;
  net->share = NULL;
}

static int open_multi(bearer_net *net) {
  pthread_once(&global_once, global_init);
  if (global_result != CURLE_OK || (net->multi = curl_multi_init()) == NULL)
    return 0;
  net->pid = getpid();
  net->most_connections = 0; /* libcurl's own choice */
  net->share = curl_share_init();
  if (net->share != NULL) /* a TLS session that is resumed costs a third of a new one */
    curl_share_setopt(net->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  if (bearer_sockets_open(net))
    return 1;
  close_multi(net);
  return 0;
}

static void enlist(bearer_net *net, bearer_list *list, bearer_transfer *t) {
  t->net = net;
  t->list = list;
  t->next = NULL;
  t->link = list->end;
  *list->end = t;
  list->end = &t->next;
  net->running += list == &net->under_way;
  net->waiting += list == &net->queued;
}

static void unlist(bearer_transfer *t) {
  t->net->running -= t->list == &t->net->under_way;
  t->net->waiting -= t->list == &t->net->queued;
  *t->link = t->next;
  if (t->next != NULL)
    t->next->link = t->link;
  else
    t->list->end = t->link;
  t->net = NULL;
}

static void abandon_list(bearer_net *net, bearer_list *list) {
  while (list->first != NULL) {
    bearer_transfer *t = list->first;
    unlist(t);
    if (list == &net->queued) /* never was the parent's multi's */
      curl_easy_cleanup(t->easy);
    t->easy = NULL;
    t->ended = t->forked = 1;
    enlist(net, &net->ended, t);
  }
}

/* After fork the handle is the parent's: closing it here would say goodbye on the
   parent's connections. It is left alone, where a leak checker can still see it. */
static void abandon(bearer_net *net) {
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
    } /* no lock: a thread of the parent's may have held it */
  }
  abandon_list(net, &net->queued);
  abandon_list(net, &net->under_way);
  net->multi = NULL;
  net->share = NULL;
  bearer_sockets_close(net);
}

static int ready(bearer_net *net) {
  if (net->multi != NULL && net->pid != getpid())
    abandon(net);
  return net->multi != NULL;
}

/* A quarter of the descriptors that the process may have, within reason. */
static int most_transfers(void) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur > 1024)
    return 256;
  return files.rlim_cur < 32 ? 8 : (int)(files.rlim_cur / 4);
}

static void empty(bearer_list *list) {
  list->first = NULL;
  list->end = &list->first;
}

void bearer_net_init(bearer_net *net) {
  memset(net, 0, sizeof(*net));
  empty(&net->queued);
  empty(&net->under_way);
  empty(&net->ended);
  net->most = most_transfers();
  net->poll_fd = -1;
  net->due = -1;
}

void bearer_net_close(bearer_net *net) {
  int mine = ready(net);
  while (net->ended.first != NULL)
    unlist(net->ended.first);
  if (!mine)
    return;
  while (net->queued.first != NULL)
    bearer_transfer_close(net->queued.first);
  while (net->under_way.first != NULL)
    bearer_transfer_close(net->under_way.first);
  close_multi(net);
  bearer_sockets_close(net);
}

/* ---- transfers --------------------------------------------------------------- */

/* Out of the multi. The easy handle is not used again: even reset, it remembers the URL
   and what it received. It is the multi that keeps connections. */
static void release(bearer_transfer *t) {
  bearer_net *net = t->net;
  if (t->list == &net->under_way)
    curl_multi_remove_handle(net->multi, t->easy);
  unlist(t);
  curl_easy_cleanup(t->easy);
  t->easy = NULL;
  bearer_message_clear(&t->message);
}

/* It has ended without libcurl's doing. */
static void fail(bearer_net *net, bearer_transfer *t, CURLcode why) {
  t->result = why;
  strncpy(t->reason, curl_easy_strerror(why), sizeof(t->reason) - 1);
  if (t->net != NULL)
    release(t);
  else if (t->easy != NULL)
    curl_easy_cleanup(t->easy);
  t->easy = NULL;
  t->ended = 1;
  bearer_message_clear(&t->message);
  enlist(net, &net->ended, t);
}

int bearer_net_start(bearer_net *net, bearer_transfer *t, bearer_message *m,
                     const bearer_options *o) {
  memset(t, 0, sizeof(*t));
  t->id = ++net->last_id;
  t->message = *m;
  memset(m, 0, sizeof(*m));
  t->deadline = bearer_sockets_now() + (double)o->timeout_ms / 1000;
  if (ready(net) || open_multi(net))
    t->easy = curl_easy_init();
  if (t->easy == NULL || !bearer_transfer_prepare(t, o)) {
    fail(net, t, t->easy == NULL ? CURLE_OUT_OF_MEMORY : t->result);
    return 0;
  }
  enlist(net, &net->queued, t);
  return 1;
}

void bearer_transfer_close(bearer_transfer *t) {
  if (t->net != NULL && t->easy != NULL && ready(t->net))
    release(t);
  else if (t->net != NULL)
    unlist(t);
  bearer_message_clear(&t->message);
  bearer_buffer_free(&t->head);
  bearer_buffer_free(&t->body);
  t->ended = 1;
}

/* ---- polling ----------------------------------------------------------------- */

static int may_begin(const bearer_net *net) {
  return net->queued.first != NULL && net->running < net->most;
}

/* Begin the oldest of those that wait. 0 when none can be begun. */
static int begin_one(bearer_net *net) {
  bearer_transfer *t = net->queued.first;
  double left;
  if (!may_begin(net))
    return 0;
  left = t->deadline - bearer_sockets_now();
  curl_easy_setopt(t->easy, CURLOPT_SHARE, net->share);
  curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, left > 0.001 ? (long)(left * 1000) : 1L);
  if (curl_multi_add_handle(net->multi, t->easy) != CURLM_OK) {
    fail(net, t, CURLE_FAILED_INIT);
    return 1;
  }
  unlist(t);
  enlist(net, &net->under_way, t);
  return 1;
}

/* Those whose time is over before their turn came. */
static void expire_queued(bearer_net *net) {
  double instant = bearer_sockets_now();
  bearer_transfer *t = may_begin(net) ? NULL : net->queued.first;
  while (t != NULL) {
    bearer_transfer *next = t->next;
    if (instant >= t->deadline)
      fail(net, t, CURLE_OPERATION_TIMEDOUT);
    t = next;
  }
}

static void collect(bearer_net *net) {
  CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(net->multi, &left)) != NULL) {
    char *private_data = NULL;
    bearer_transfer *t;
    if (message->msg != CURLMSG_DONE)
      continue;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private_data);
    t = (bearer_transfer *)(void *)private_data;
    bearer_transfer_finish(t, message->data.result);
    release(t);
    enlist(net, &net->ended, t);
  }
}

/* What is under way goes first. Otherwise many handshakes would wait for their turn, and
   libcurl's timers, which nobody can divide, would do all of them in one go. */
static int may_begin_now(bearer_net *net, int busy) {
  double instant = bearer_sockets_now();
  if (busy && instant - net->begun < 0.05)
    return 0;
  net->begun = instant;
  return 1;
}

/* As long as there is a queue, any connection may be of use again, and as long as as many
   are under way, most of them. Afterwards few stay open: the descriptors are the host's.
 */
static void limit_connections(bearer_net *net) {
  long few = net->most / 4, busy = net->running + net->running / 6;
  long limit = net->waiting > 0 ? net->most : busy > few ? busy : few;
  if (limit != net->most_connections)
    curl_multi_setopt(net->multi, CURLMOPT_MAXCONNECTS, limit);
  net->most_connections = limit;
}

/* Run libcurl's timers or one socket, each first in its turn: either may hold a step of a
   TLS handshake, which nobody can cut. Begin a transfer. 0 when there was nothing to do.
 */
static int step(bearer_net *net) {
  int busy = net->timers_first
                 ? bearer_sockets_run_timers(net) || bearer_sockets_run(net)
                 : bearer_sockets_run(net) || bearer_sockets_run_timers(net);
  net->timers_first = !net->timers_first;
  busy |= may_begin_now(net, busy) && begin_one(net);
  collect(net);
  return busy;
}

int bearer_net_poll(bearer_net *net, long max_ms, double work) {
  long due;
  double till;
  if (!ready(net)) {
    if (max_ms > 0 && net->ended.first == NULL)
      poll(NULL, 0, (int)max_ms);
    return 0;
  }
  due = bearer_net_timeout(net);
  if (due >= 0 && due < max_ms)
    max_ms = due;
  if (max_ms > 0)
    bearer_sockets_wait(net, (int)max_ms);
  till = bearer_sockets_now() + work;
  while (step(net) && bearer_sockets_now() < till) {
  }
  limit_connections(net);
  expire_queued(net);
  return net->running + net->waiting;
}

unsigned long bearer_net_next_ended(bearer_net *net) {
  bearer_transfer *t = net->ended.first;
  if (t == NULL)
    return 0;
  unlist(t);
  return t->id;
}

long bearer_net_timeout(const bearer_net *net) {
  double left;
  if (net->ended.first != NULL || (net->multi != NULL && may_begin(net)))
    return 0;
  if (net->multi == NULL || (net->due < 0 && net->waiting == 0))
    return -1;
  left = net->due < 0 ? 0.05 : net->due - bearer_sockets_now();
  if (net->waiting > 0 && left > 0.05)
    left = 0.05; /* look after the deadlines of those that wait */
  return left <= 0 ? 0 : (long)(left * 1000) + 1;
}

int bearer_net_fd(bearer_net *net) {
  if (!ready(net))
    open_multi(net);
  return net->poll_fd;
}
