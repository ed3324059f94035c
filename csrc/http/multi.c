/*
 * The lists, as the caller's side and whoever moves them use them.
 */
#include "http/multi.h"

#include <string.h>

#include "http/notify.h"

/* Also in a child of fork, where a thread of the parent's seems to wait for ever. */
static void init_conditions(bearer_multi *m) {
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&m->news, &monotonic);
  pthread_cond_init(&m->idle, &monotonic);
  pthread_condattr_destroy(&monotonic);
}

/* ---- beginning and end ------------------------------------------------------- */

void bearer_multi_init(bearer_multi *m, int most) {
  memset(m, 0, sizeof(*m));
  bearer_queue_init(&m->queue, most);
  bearer_list_init(&m->reading);
  bearer_list_init(&m->running);
  bearer_list_init(&m->given_up);
  bearer_list_init(&m->ended);
  pthread_mutex_init(&m->mutex, NULL);
  pthread_mutex_init(&m->step, NULL);
  pthread_mutex_init(&m->turn, NULL);
  init_conditions(m);
  m->notify[0] = m->notify[1] = -1;
}

int bearer_multi_open_pipe(bearer_multi *m) {
  if (m->notify[0] >= 0)
    return 1;
  if (!bearer_notify_open(m->notify))
    return 0;
  if (bearer_list_first(&m->ended) != NULL) /* from before a fork */
    bearer_notify_raise(m->notify);
  return 1;
}

/* ---- the end of a transfer --------------------------------------------------- */

/* Its caller is to be told. */
static void announce(bearer_multi *m, bearer_transfer *t) {
  int first = bearer_list_first(&m->ended) == NULL;
  t->ended = 1;
  m->open--;
  bearer_list_append(&m->ended, &t->news);
  if (!first)
    return;
  bearer_notify_raise(m->notify);
  pthread_cond_signal(&m->news);
}

void bearer_multi_let_go(bearer_multi *m, bearer_transfer *t) {
  bearer_queue_leave(&m->queue, t);
  if (t->closed) {
    bearer_transfer_free(t);
  } else if (!t->ended) {
    bearer_transfer_publish(t);
    announce(m, t);
  }
}

/* ---- the caller's side ------------------------------------------------------- */

int bearer_multi_add(bearer_multi *m, bearer_transfer *t) {
  m->open++;
  return bearer_queue_add(&m->queue, t);
}

void bearer_multi_fail(bearer_multi *m, bearer_transfer *t, bearer_code code,
                       const char *reason) {
  bearer_transfer_fail(t, code, reason);
  bearer_transfer_clear_sent(t);
  bearer_multi_let_go(m, t);
}

/* Only what is the caller's is touched: the rest may be in use. */
void bearer_multi_time_out(bearer_multi *m, bearer_transfer *t) {
  const char *words = curl_easy_strerror(CURLE_OPERATION_TIMEDOUT);
  if (t->ended)
    return;
  t->code = BEARER_TIMEOUT;
  t->sent = 1; /* for all we know */
  strncpy(t->reason, words, sizeof(t->reason) - 1);
  if (t->begun)
    bearer_list_append(&m->given_up, &t->place);
  else
    bearer_queue_leave(&m->queue, t);
  announce(m, t);
}

void bearer_multi_told(bearer_multi *m, bearer_transfer *t) {
  int was = bearer_list_first(&m->ended) != NULL;
  bearer_list_remove(&t->news);
  if (was && bearer_list_first(&m->ended) == NULL)
    bearer_notify_lower(m->notify);
}

int bearer_multi_drop(bearer_multi *m, bearer_transfer *t) {
  bearer_multi_told(m, t);
  if (!t->ended)
    m->open--;
  if (!t->begun) {
    bearer_queue_leave(&m->queue, t);
    return 1;
  }
  t->closed = 1;
  bearer_list_append(&m->given_up, &t->place);
  return 0;
}

/* ---- waiting ---- */

static struct timespec in_milliseconds(long ms) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_sec += ms / 1000;
  t.tv_nsec += ms % 1000 * 1000000;
  if (t.tv_nsec >= 1000000000) {
    t.tv_sec++;
    t.tv_nsec -= 1000000000;
  }
  return t;
}

/* A signal does not end it: whoever waits long does so in pieces. */
void bearer_multi_wait_for_news(bearer_multi *m, long ms) {
  struct timespec till = in_milliseconds(ms);
  int late = 0;
  pthread_mutex_lock(&m->mutex);
  while (!late && bearer_list_first(&m->ended) == NULL)
    late = pthread_cond_timedwait(&m->news, &m->mutex, &till) != 0;
  pthread_mutex_unlock(&m->mutex);
}

int bearer_multi_wait_idle(bearer_multi *m) {
  int is_idle;
  pthread_mutex_lock(&m->mutex);
  is_idle = m->thread == BEARER_HAS_THREAD && m->queue.places == 0 &&
            m->queue.waiting == 0 && bearer_list_first(&m->given_up) == NULL;
  m->is_idle = is_idle;
  while (is_idle && (m->waits || m->is_led) && !m->stop)
    pthread_cond_wait(&m->idle, &m->mutex);
  m->is_idle = 0;
  pthread_mutex_unlock(&m->mutex);
  return is_idle;
}

void bearer_multi_wake(bearer_multi *m) {
  bearer_connections *c;
  pthread_mutex_lock(&m->mutex);
  c = m->waits && (!m->is_idle || m->is_led) ? m->connections : NULL;
  m->waits = 0; /* libcurl remembers it, if the wait has not begun yet */
  if (m->is_idle)
    pthread_cond_signal(&m->idle);
  pthread_mutex_unlock(&m->mutex);
  if (c != NULL)
    curl_multi_wakeup(c->multi);
}

/* ---- all of them ------------------------------------------------------------- */

bearer_transfer *bearer_multi_any(const bearer_multi *m) {
  const bearer_node *lists[] = { &m->reading, &m->running, &m->given_up };
  for (int i = 0; i < 3; i++)
    if (bearer_list_first(lists[i]) != NULL)
      return bearer_list_first(lists[i]);
  return bearer_queue_any(&m->queue);
}

void bearer_multi_abandon(bearer_multi *m, bearer_code code, const char *reason,
                          int in_child) {
  bearer_transfer *t;
  if (in_child)
    bearer_notify_close(m->notify);
  bearer_connections_leave(m->connections, in_child);
  m->connections = NULL;
  m->thread = BEARER_NO_THREAD;
  if (in_child)
    init_conditions(m);
  m->stop = m->waits = m->broken = m->is_idle = m->is_led = 0;
  m->most_connections = 0;
  while ((t = bearer_multi_any(m)) != NULL) {
    t->easy = NULL;  /* left behind with its multi handle */
    t->has_sent = 1; /* for all we know */
    bearer_multi_fail(m, t, code, reason);
  }
}
