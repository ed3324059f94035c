/*
 * Begin, perform, collect, wait.
 */
#include "http/worker.h"

#include <signal.h>
#include <string.h>

#include <openssl/crypto.h>

#include "http/fork.h"
#include "http/queue.h"
#include "http/sockets.h"
#include "http/transfer.h"

/* ---- one transfer ------------------------------------------------------------ */

/* The easy handle is not used again: even reset, it remembers the URL and what it
   received. It is the multi that keeps connections. */
void bearer_worker_release(bearer_client *net, bearer_transfer *t) {
  if (t->easy != NULL && net->multi != NULL)
    curl_multi_remove_handle(net->multi, t->easy);
  curl_easy_cleanup(t->easy);
  t->easy = NULL;
  bearer_request_clear(&t->message);
}

static void end(bearer_client *net, bearer_transfer *t, CURLcode result) {
  bearer_transfer_finish(t, result);
  bearer_worker_release(net, t);
  pthread_mutex_lock(&net->mutex);
  if (t->list != &net->given_up) {
    t->ended = 1;
    bearer_client_enlist(net, &net->ended, t);
  }
  pthread_mutex_unlock(&net->mutex);
}

static void begin(bearer_client *net, bearer_transfer *t) {
  double left = t->deadline - bearer_client_now();
  curl_easy_setopt(t->easy, CURLOPT_SHARE, net->share);
  curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, left > 0.001 ? (long)(left * 1000) : 1L);
  if (curl_multi_add_handle(net->multi, t->easy) != CURLM_OK)
    end(net, t, CURLE_FAILED_INIT);
}

/* ---- all of them ------------------------------------------------------------- */

static bearer_transfer *next_queued(bearer_client *net) {
  bearer_transfer *t;
  pthread_mutex_lock(&net->mutex);
  t = bearer_queue_next(net);
  if (t != NULL)
    bearer_client_enlist(net, &net->under_way, t);
  pthread_mutex_unlock(&net->mutex);
  return t;
}

static bearer_transfer *next_given_up(bearer_client *net) {
  bearer_transfer *t;
  pthread_mutex_lock(&net->mutex);
  t = net->given_up.first;
  if (t != NULL)
    bearer_client_unlist(net, t);
  pthread_mutex_unlock(&net->mutex);
  return t;
}

/* So many of each in one step: others wait for this thread to pause. */
static const int few = 8;

static void begin_queued(bearer_client *net) {
  bearer_transfer *t;
  for (int i = 0; i < few && (t = next_queued(net)) != NULL; i++)
    begin(net, t);
}

static void drop_given_up(bearer_client *net) {
  bearer_transfer *t;
  for (int i = 0; i < few && (t = next_given_up(net)) != NULL; i++) {
    bearer_worker_release(net, t);
    bearer_transfer_free(t);
  }
}

static const int glance = 50; /* milliseconds between two looks at their deadlines */

/* Those whose time is over before their turn came. There may be thousands. */
static void expire_queued(bearer_client *net) {
  double instant = bearer_client_now();
  bearer_transfer *found[64];
  int most = (int)(sizeof(found) / sizeof(found[0])), count;
  if (instant < net->look)
    return;
  pthread_mutex_lock(&net->mutex);
  count = bearer_queue_expired(net, instant, found, most);
  for (int i = 0; i < count; i++) /* so that whoever gives it up leaves it to us */
    bearer_client_enlist(net, &net->under_way, found[i]);
  pthread_mutex_unlock(&net->mutex);
  for (int i = 0; i < count; i++)
    end(net, found[i], CURLE_OPERATION_TIMEDOUT);
  net->look = count == most ? 0 : instant + (double)glance / 1000;
}

static void collect(bearer_client *net) {
  CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(net->multi, &left)) != NULL) {
    char *private_data = NULL;
    if (message->msg != CURLMSG_DONE)
      continue;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private_data);
    end(net, (bearer_transfer *)(void *)private_data, message->data.result);
  }
}

/* As long as there is a queue, any connection may be of use again, and as long as as many
   are under way, most of them. Afterwards few stay open: the descriptors are the host's.
 */
static void limit_connections(bearer_client *net, int waiting, int running) {
  long idle = net->most / 4, busy = running + running / 6;
  long limit = waiting > 0 ? net->most : busy > idle ? busy : idle;
  if (limit == net->most_connections)
    return;
  curl_multi_setopt(net->multi, CURLMOPT_MAXCONNECTS, limit);
  net->most_connections = limit;
}

/* Seconds without work before it ends: to begin costs OpenSSL half a millisecond, and
   logins come in bursts. */
static const double patience = 1;

/* Milliseconds to wait, at most; -1 = this is the end. Under the mutex. */
static int rest(bearer_client *net, int waiting, int running) {
  double instant = bearer_client_now(), left;
  if (waiting + running > 0)
    net->worked = instant;
  left = net->worked + patience - instant;
  if (net->stop || left <= 0) {
    net->mover = BEARER_HAS_WORKED;
    return -1;
  }
  if (net->given_up.count > 0) /* more than a step drops, or given up during this one */
    return 0;
  if (waiting > 0)
    return net->look == 0 || bearer_queue_next(net) != NULL ? 0 : glance;
  return running > 0 ? 60000 : (int)(left * 1000) + 1;
}

static int look_round(bearer_client *net) {
  int waiting, running, ms;
  pthread_mutex_lock(&net->mutex);
  waiting = bearer_queue_waiting(net);
  running = net->under_way.count + net->given_up.count;
  ms = rest(net, waiting, running);
  pthread_mutex_unlock(&net->mutex);
  limit_connections(net, waiting, running);
  return ms;
}

static int step(bearer_client *net) {
  int ms;
  pthread_mutex_lock(&net->turn);
  pthread_mutex_lock(&net->step);
  pthread_mutex_unlock(&net->turn);
  drop_given_up(net);
  begin_queued(net);
  expire_queued(net);
  bearer_sockets_run(net);
  collect(net);
  ms = look_round(net);
  if (ms < 0)
    OPENSSL_thread_stop(); /* now, and not at the thread's end: it takes a lock */
  pthread_mutex_unlock(&net->step);
  return ms;
}

static void *move(void *user) {
  bearer_client *net = user;
  int ms;
  while ((ms = step(net)) >= 0)
    if (ms > 0)
      bearer_sockets_wait(net, ms);
  return NULL;
}

/* ---- the thread -------------------------------------------------------------- */

/* Signals are the host's, but for those that say that this thread went wrong. */
static void block_signals(sigset_t *before) {
  static const int own[] = { SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV };
  sigset_t others;
  sigfillset(&others);
  for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
    sigdelset(&others, own[i]);
  pthread_sigmask(SIG_SETMASK, &others, before);
}

static int spawn(bearer_client *net) {
  pthread_attr_t attributes;
  sigset_t before;
  int error;
  if (pthread_attr_init(&attributes) != 0)
    return 0;
  pthread_attr_setstacksize(&attributes, 1024 * 1024); /* musl's default is too little */
  block_signals(&before);
  error = pthread_create(&net->thread, &attributes, move, net);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
#ifdef __linux__
  if (error == 0)
    pthread_setname_np(net->thread, "bearer");
#endif
  return error == 0;
}

static int mover_of(bearer_client *net) {
  int mover;
  pthread_mutex_lock(&net->mutex);
  mover = net->mover;
  pthread_mutex_unlock(&net->mutex);
  return mover;
}

static void set_mover(bearer_client *net, int mover) {
  pthread_mutex_lock(&net->mutex);
  net->mover = mover;
  net->stop = 0;
  pthread_mutex_unlock(&net->mutex);
}

int bearer_worker_start(bearer_client *net) {
  int ok;
  if (mover_of(net) == BEARER_WORKS) {
    bearer_sockets_wake(net);
    return 1;
  }
  bearer_fork_lock();
  bearer_worker_stop(net); /* it has ended by itself, and is still to be joined */
  ok = !bearer_fork_exits();
  if (ok) {
    set_mover(net, BEARER_WORKS);
    net->worked = bearer_client_now();
    ok = spawn(net);
  }
  if (!ok)
    set_mover(net, BEARER_NO_WORKER);
  bearer_fork_unlock();
  return ok;
}

void bearer_worker_stop(bearer_client *net) {
  if (mover_of(net) == BEARER_NO_WORKER)
    return;
  pthread_mutex_lock(&net->mutex);
  net->stop = 1;
  pthread_mutex_unlock(&net->mutex);
  bearer_sockets_wake(net);
  pthread_join(net->thread, NULL);
  set_mover(net, BEARER_NO_WORKER);
}
