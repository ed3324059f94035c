/*
 * The thread, and what becomes of it in a fork and at the exit.
 */
#include "http/worker.h"

#include <signal.h>
#include <string.h>

#include "http/step.h"

/* ---- fork and exit: all under bearer_fork_lock ------------------------------- */

static void before_fork(void *user) {
  bearer_multi *m = &((bearer_worker *)user)->multi;
  pthread_mutex_lock(&m->turn); /* until the end: the thread may be next */
  pthread_mutex_lock(&m->step);
  pthread_mutex_lock(&m->mutex);
}

static void in_parent(void *user) {
  bearer_multi *m = &((bearer_worker *)user)->multi;
  pthread_mutex_unlock(&m->mutex);
  pthread_mutex_unlock(&m->step);
  pthread_mutex_unlock(&m->turn);
}

static void in_child(void *user) {
  bearer_worker *w = user;
  bearer_multi_abandon(&w->multi, BEARER_FORKED, "the process forked", 1);
  in_parent(user);
}

static void stop(bearer_worker *w) {
  int has_thread;
  pthread_mutex_lock(&w->multi.mutex);
  has_thread = w->multi.thread != BEARER_NO_THREAD;
  w->multi.stop = 1;
  pthread_mutex_unlock(&w->multi.mutex);
  bearer_multi_wake(&w->multi);
  if (has_thread)
    pthread_join(w->thread, NULL);
  pthread_mutex_lock(&w->multi.mutex);
  w->multi.thread = BEARER_NO_THREAD;
  w->multi.stop = 0;
  pthread_mutex_unlock(&w->multi.mutex);
}

/* Others may be waiting for their answers in threads of their own; these are told. */
static void at_exit(void *user) {
  bearer_worker *w = user;
  stop(w);
  pthread_mutex_lock(&w->multi.step); /* a caller that makes steps itself */
  pthread_mutex_lock(&w->multi.mutex);
  bearer_multi_abandon(&w->multi, BEARER_NETWORK, "the process exits", 0);
  w->multi.stop = 1; /* for good */
  pthread_mutex_unlock(&w->multi.mutex);
  pthread_mutex_unlock(&w->multi.step);
}

/* ---- the thread -------------------------------------------------------------- */

static void *move(void *user) {
  bearer_multi *m = user;
  int ms;
  while ((ms = bearer_step(m, 1)) >= 0)
    if (ms > 0)
      bearer_step_wait(m, ms);
  return NULL;
}

/* Signals are the host's, but for those that say that this thread went wrong. */
static void block_signals(sigset_t *before) {
  static const int own[] = { SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV };
  sigset_t others;
  sigfillset(&others);
  for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
    sigdelset(&others, own[i]);
  pthread_sigmask(SIG_SETMASK, &others, before);
}

static int spawn(bearer_worker *w) {
  pthread_attr_t attributes;
  sigset_t before;
  int error;
  if (pthread_attr_init(&attributes) != 0)
    return 0;
  pthread_attr_setstacksize(&attributes, 1024 * 1024); /* musl's default is too little */
  block_signals(&before);
  error = pthread_create(&w->thread, &attributes, move, &w->multi);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
#ifdef __linux__
  if (error == 0)
    pthread_setname_np(w->thread, "bearer");
#endif
  return error == 0;
}

/* Sets what the thread is, before it runs: it may end at once. */
static int start(bearer_worker *w) {
  int ended;
  pthread_mutex_lock(&w->multi.mutex);
  ended = w->multi.thread == BEARER_THREAD_ENDED;
  w->multi.thread = BEARER_HAS_THREAD;
  pthread_mutex_unlock(&w->multi.mutex);
  if (ended)
    pthread_join(w->thread, NULL);
  if (spawn(w))
    return 1;
  pthread_mutex_lock(&w->multi.mutex);
  w->multi.thread = BEARER_NO_THREAD;
  pthread_mutex_unlock(&w->multi.mutex);
  return 0;
}

/* ---- for the client ---------------------------------------------------------- */

void bearer_worker_init(bearer_worker *w, int most) {
  memset(w, 0, sizeof(*w));
  bearer_multi_init(&w->multi, most);
  w->entry.prepare = before_fork;
  w->entry.parent = in_parent;
  w->entry.child = in_child;
  w->entry.exit = at_exit;
  w->entry.user = w;
}

/* A libcurl that looks names up within a step, or waits for a lookup that is stuck, would
   hold its caller up: that is left to the thread. */
static int lookups_go_apart(void) {
#if LIBCURL_VERSION_NUM >= 0x075700
  return (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS) != 0;
#else
  return 0;
#endif
}

void bearer_worker_open(bearer_worker *w) {
  if (!w->is_entered) {
    bearer_fork_lock();
    bearer_fork_enter(&w->entry);
    bearer_fork_unlock();
    w->can_lead = lookups_go_apart();
    w->is_entered = 1;
  }
}

void bearer_worker_close(bearer_worker *w) {
  bearer_fork_lock();
  bearer_fork_leave(&w->entry);
  stop(w);
  if (bearer_fork_exits()) { /* OpenSSL may be gone */
    bearer_connections_leave(w->multi.connections, 0);
    w->multi.connections = NULL;
  }
  bearer_step_close(&w->multi);
  bearer_fork_unlock();
}

static void fail(bearer_worker *w, bearer_transfer *t, bearer_code code,
                 const char *why) {
  pthread_mutex_lock(&w->multi.mutex);
  bearer_multi_fail(&w->multi, t, code, why);
  pthread_mutex_unlock(&w->multi.mutex);
}

void bearer_worker_add(bearer_worker *w, bearer_transfer *t) {
  int ok, has_thread, is_led;
  pthread_mutex_lock(&w->multi.mutex);
  ok = bearer_multi_add(&w->multi, t);
  has_thread = w->multi.thread == BEARER_HAS_THREAD;
  is_led = w->multi.is_led |=
      ok && has_thread && w->can_lead && w->caller_waits && w->multi.is_idle;
  pthread_mutex_unlock(&w->multi.mutex);
  if (!ok) {
    fail(w, t, BEARER_MEMORY, "not enough memory");
  } else if (has_thread) {
    if (!is_led)
      bearer_multi_wake(&w->multi);
  } else {
    bearer_fork_lock();
    if (bearer_fork_exits())
      fail(w, t, BEARER_NETWORK, "the process exits");
    else
      w->refused = !start(w);
    bearer_fork_unlock();
  }
}

/* ---- by the caller ------------------------------------------------------------ */

static int has_ended(bearer_multi *m) {
  int ended;
  pthread_mutex_lock(&m->mutex);
  ended = bearer_list_first(&m->ended) != NULL;
  pthread_mutex_unlock(&m->mutex);
  return ended;
}

/* In pieces, since libcurl goes on waiting after a signal. */
int bearer_worker_lead(bearer_worker *w, long max_ms) {
  const double piece = 100; /* milliseconds */
  bearer_multi *m = &w->multi;
  double till, left;
  int is_led, ms;
  pthread_mutex_lock(&m->mutex);
  is_led = m->is_led;
  pthread_mutex_unlock(&m->mutex);
  if (!is_led)
    return 0;
  till = bearer_transfer_now() + (double)max_ms / 1000;
  while ((ms = bearer_step(m, 0)) >= 0 && !has_ended(m)) {
    left = (till - bearer_transfer_now()) * 1000;
    if (left <= 0)
      break;
    left = left < piece ? left : piece;
    if (ms > 0)
      bearer_step_wait_for_sockets(m, ms < left ? ms : (int)left + 1);
  }
  bearer_worker_release(w);
  return 1;
}

void bearer_worker_release(bearer_worker *w) {
  bearer_multi *m = &w->multi;
  int is_left;
  pthread_mutex_lock(&m->mutex);
  is_left = m->is_led && (m->queue.places > 0 || m->queue.waiting > 0 ||
                          bearer_list_first(&m->given_up) != NULL);
  m->is_led = 0;
  pthread_mutex_unlock(&m->mutex);
  if (is_left)
    bearer_multi_wake(m);
}

void bearer_worker_move(bearer_worker *w, long max_ms) {
  bearer_multi *m = &w->multi;
  int ms;
  if (!w->refused || bearer_fork_exits())
    return;
  ms = bearer_step(m, 0);
  if (has_ended(m) || max_ms <= 0 || ms <= 0)
    return;
  bearer_step_wait(m, ms < max_ms ? ms : (int)max_ms);
  bearer_step(m, 0);
}
