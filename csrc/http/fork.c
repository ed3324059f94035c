/*
 * A fork waits until no mover is in the midst of a step, where it may hold a lock of
 * OpenSSL's that the child would find locked for ever. An exit waits until no mover uses
 * what OpenSSL tears down then. Both wait for one step, at most.
 */
#include "http/fork.h"

#include <stdlib.h>
#include <unistd.h>

#include "http/notify.h"
#include "http/sockets.h"
#include "http/transfer.h"
#include "http/worker.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bearer_client *nets; /* borrowed */
static int exits;

void bearer_fork_lock(void) {
  pthread_mutex_lock(&lock);
}

void bearer_fork_unlock(void) {
  pthread_mutex_unlock(&lock);
}

int bearer_fork_exits(void) {
  return exits;
}

void bearer_fork_enter(bearer_client *net) {
  bearer_fork_lock();
  net->next = nets;
  net->link = &nets;
  if (nets != NULL)
    nets->link = &net->next;
  nets = net;
  bearer_fork_unlock();
}

void bearer_fork_leave(bearer_client *net) {
  *net->link = net->next;
  if (net->next != NULL)
    net->next->link = net->link;
}

/* ---- fork -------------------------------------------------------------------- */

static void before_fork(void) {
  pid_t pid = getpid();
  bearer_fork_lock();
  for (bearer_client *net = nets; net != NULL; net = net->next) {
    net->held = net->pid == pid; /* else its mover did not survive an earlier fork */
    if (net->held) {
      pthread_mutex_lock(&net->turn); /* until the end: the mover may be next */
      pthread_mutex_lock(&net->step);
      pthread_mutex_lock(&net->mutex);
    }
  }
}

static void after_fork(void) {
  for (bearer_client *net = nets; net != NULL; net = net->next)
    if (net->held) {
      pthread_mutex_unlock(&net->mutex);
      pthread_mutex_unlock(&net->step);
      pthread_mutex_unlock(&net->turn);
    }
  bearer_fork_unlock();
}

static void abandon(bearer_client *net, bearer_transfer *t) {
  int is_owned = t->list == &net->given_up;
  if (!is_owned && t->list != &net->under_way) /* never was the parent's multi's */
    curl_easy_cleanup(t->easy);
  t->easy = NULL;
  if (is_owned) {
    bearer_client_unlist(net, t);
    bearer_transfer_free(t);
    return;
  }
  t->ended = t->forked = 1;
  bearer_client_enlist(net, &net->ended, t);
}

/* The handle is the parent's: closing it here would say goodbye on the parent's
   connections. It is left alone, where a leak checker can still see it. Under the lock.
 */
static void orphan(bearer_client *net) {
  static struct orphan {
    CURLM *multi;
    CURLSH *share;
    struct orphan *next;
  } * orphans;
  struct orphan *o = malloc(sizeof(*o));
  if (o != NULL) {
    o->multi = net->multi;
    o->share = net->share;
    o->next = orphans;
    orphans = o;
  }
  net->multi = NULL;
  net->share = NULL;
}

void bearer_fork_abandon(bearer_client *net) {
  bearer_transfer *t;
  bearer_fork_lock();
  bearer_fork_leave(net);
  orphan(net);
  bearer_fork_unlock();
  net->mover = BEARER_NO_WORKER;
  net->stop = 0;
  bearer_sockets_close(net);
  bearer_notify_close(net->bell);
  while ((t = bearer_client_unended(net)) != NULL)
    abandon(net, t);
}

/* ---- exit -------------------------------------------------------------------- */

static void at_exit(void) {
  pid_t pid = getpid();
  bearer_fork_lock();
  exits = 1;
  for (bearer_client *net = nets; net != NULL; net = net->next)
    if (net->pid == pid)
      bearer_worker_stop(net);
  bearer_fork_unlock();
}

/* ---- once -------------------------------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode result;

static void init(void) {
  result = bearer_transfer_global_init();
  if (result != CURLE_OK)
    return;
  /* after OpenSSL's own handler, which this has registered: the last one runs first */
  if (pthread_atfork(before_fork, after_fork, after_fork) != 0 || atexit(at_exit) != 0)
    result = CURLE_OUT_OF_MEMORY;
}

CURLcode bearer_fork_init(void) {
  pthread_once(&once, init);
  return result;
}
