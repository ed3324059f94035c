/*
 * Begin, perform, collect, rest.
 */
#include "http/step.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "http/easy.h"
#include "http/notify.h"

#define FEW  8  /* of each in one step: a fork waits for its end */
#define LOOK 50 /* milliseconds between two looks at the deadlines of what waits */

/* ---- the end of a transfer --------------------------------------------------- */

/* The easy handle is not used again: even reset, it remembers the URL and what it
   received. It is the multi that keeps connections. */
static void end(bearer_multi *m, bearer_transfer *t) {
  if (t->easy != NULL) {
    curl_multi_remove_handle(m->connections->multi, t->easy);
    curl_easy_cleanup(t->easy);
    t->easy = NULL;
  }
  bearer_transfer_clear_sent(t);
  pthread_mutex_lock(&m->mutex);
  bearer_multi_let_go(m, t);
  pthread_mutex_unlock(&m->mutex);
}

static void end_failed(bearer_multi *m, bearer_transfer *t, bearer_code code,
                       const char *reason) {
  bearer_transfer_fail(t, code, reason);
  end(m, t);
}

static void end_timed_out(bearer_multi *m, bearer_transfer *t) {
  end_failed(m, t, BEARER_TIMEOUT,
             t->reading != NULL && !bearer_reading_is_done(t->reading)
                 ? "a file of its certificates could not be read in time"
                 : curl_easy_strerror(CURLE_OPERATION_TIMEDOUT));
}

/* ---- a step ------------------------------------------------------------------ */

static void drop_given_up(bearer_multi *m) {
  for (int i = 0; i < FEW; i++) {
    bearer_transfer *t;
    pthread_mutex_lock(&m->mutex);
    t = bearer_list_first(&m->given_up);
    if (t != NULL)
      bearer_list_remove(&t->place);
    pthread_mutex_unlock(&m->mutex);
    if (t == NULL)
      return;
    end(m, t);
  }
}

static void run(bearer_multi *m, bearer_transfer *t) {
  if (!bearer_easy_prepare(t, m->connections))
    end(m, t);
  else if (curl_multi_add_handle(m->connections->multi, t->easy) != CURLM_OK)
    end_failed(m, t, BEARER_MEMORY, curl_easy_strerror(CURLE_OUT_OF_MEMORY));
}

static void begin_waiting(bearer_multi *m) {
  for (int i = 0; i < FEW; i++) {
    bearer_transfer *t;
    pthread_mutex_lock(&m->mutex);
    t = bearer_queue_next(&m->queue);
    if (t != NULL) {
      bearer_queue_begin(&m->queue, t);
      bearer_list_append(t->reading != NULL ? &m->reading : &m->running, &t->place);
    }
    pthread_mutex_unlock(&m->mutex);
    if (t == NULL)
      return;
    if (t->reading == NULL)
      run(m, t);
  }
}

/* One whose files are to be read, or have been, or whose time is over. */
static bearer_transfer *next_read(bearer_multi *m, double *instant) {
  bearer_transfer *found = NULL;
  pthread_mutex_lock(&m->mutex);
  if (*instant == 0 && bearer_list_first(&m->reading) != NULL)
    *instant = bearer_transfer_now();
  for (bearer_node *n = m->reading.next; n != &m->reading && found == NULL; n = n->next)
    if (!bearer_reading_has_started(n->transfer->reading) ||
        bearer_reading_is_done(n->transfer->reading) || *instant >= n->transfer->deadline)
      found = n->transfer;
  pthread_mutex_unlock(&m->mutex);
  return found;
}

/* Closed meanwhile, it is in the list of what is given up: there it stays. */
static int goes_on(bearer_multi *m, bearer_transfer *t) {
  int wanted;
  pthread_mutex_lock(&m->mutex);
  wanted = !t->closed && !t->ended;
  if (wanted)
    bearer_list_append(&m->running, &t->place);
  pthread_mutex_unlock(&m->mutex);
  return wanted;
}

static void run_read(bearer_multi *m) {
  double instant = 0; /* not looked at yet: mostly there are none */
  bearer_transfer *t;
  while ((t = next_read(m, &instant)) != NULL) {
    int done = bearer_reading_is_done(t->reading);
    if (done && goes_on(m, t))
      run(m, t);
    else if (!done && instant >= t->deadline)
      end_timed_out(m, t);
    else if (!done && !bearer_reading_start(t->reading, m->connections->multi))
      return;
  }
}

/* Those whose time is over before their turn came. There may be thousands. */
static void expire_waiting(bearer_multi *m) {
  double instant = bearer_transfer_now();
  bearer_transfer *t = NULL;
  if (instant < m->look)
    return;
  for (int i = 0; i < 8 * FEW; i++) {
    pthread_mutex_lock(&m->mutex);
    t = bearer_queue_expired(&m->queue, instant);
    if (t != NULL) { /* so that whoever gives it up leaves it to us */
      bearer_queue_begin(&m->queue, t);
      bearer_list_append(&m->running, &t->place);
    }
    pthread_mutex_unlock(&m->mutex);
    if (t == NULL)
      break;
    end_timed_out(m, t);
  }
  m->look = t != NULL ? 0 : instant + LOOK / 1000.0;
}

static void collect(bearer_multi *m) {
  CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(m->connections->multi, &left)) != NULL) {
    char *private_data = NULL;
    bearer_transfer *t;
    if (message->msg != CURLMSG_DONE)
      continue;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private_data);
    t = (bearer_transfer *)(void *)private_data;
    bearer_transfer_finish(t, message->data.result);
    end(m, t);
  }
}

/* libcurl does not say which of them it had no memory for. */
static void fail_all(bearer_multi *m, bearer_node *list, const char *reason) {
  bearer_transfer *t;
  do {
    pthread_mutex_lock(&m->mutex);
    t = bearer_list_first(list);
    if (t != NULL)
      bearer_list_remove(&t->place);
    pthread_mutex_unlock(&m->mutex);
    if (t != NULL)
      end_failed(m, t, BEARER_MEMORY, reason);
  } while (t != NULL);
}

static void perform(bearer_multi *m) {
  int running;
  CURLMcode code = curl_multi_perform(m->connections->multi, &running);
  collect(m);
  if (code != CURLM_OK)
    fail_all(m, &m->running, curl_multi_strerror(code));
}

/* As long as something waits, any connection may be of use again, and as long as many
   are under way, most of them. Afterwards few stay open: the descriptors are the host's.
 */
static void limit_connections(bearer_multi *m, int waiting, int places) {
  long idle = m->queue.most / 4, busy = places + places / 6;
  long limit = waiting > 0 ? m->queue.most : busy > idle ? busy : idle;
  if (m->connections == NULL || limit == m->most_connections)
    return;
  curl_multi_setopt(m->connections->multi, CURLMOPT_MAXCONNECTS, limit);
  m->most_connections = limit;
}

/* Under the mutex: what is added from now on finds a thread that has ended, or wakes. */
static int rest(bearer_multi *m, int in_thread) {
  if (m->stop || (m->connections == NULL && m->queue.waiting == 0)) {
    if (in_thread)
      m->thread = BEARER_THREAD_ENDED;
    return -1;
  }
  if (bearer_list_first(&m->given_up) != NULL) /* more than a step drops */
    return 0;
  if (m->queue.waiting > 0 && (m->look <= 0 || bearer_queue_next(&m->queue) != NULL))
    return 0;
  return m->queue.waiting > 0 || bearer_list_first(&m->reading) != NULL ? LOOK : 60000;
}

static int look_round(bearer_multi *m, int in_thread) {
  int waiting, places, ms;
  pthread_mutex_lock(&m->mutex);
  waiting = m->queue.waiting;
  places = m->queue.places;
  ms = rest(m, in_thread);
  m->waits = ms > 0;
  pthread_mutex_unlock(&m->mutex);
  limit_connections(m, waiting, places);
  return ms;
}

static int is_to_stop(bearer_multi *m) {
  int stop;
  pthread_mutex_lock(&m->mutex);
  stop = m->stop;
  pthread_mutex_unlock(&m->mutex);
  return stop;
}

/* There may be no descriptors for it: then what waits fails for now. */
static int open_connections(bearer_multi *m) {
  bearer_connections *c = m->connections;
  bearer_transfer *t;
  if (is_to_stop(m)) /* whoever stops it ends all; another may be at libcurl's wait */
    return 0;
  if (c != NULL)
    return 1;
  c = bearer_connections_new();
  pthread_mutex_lock(&m->mutex);
  m->connections = c;
  while (c == NULL && (t = bearer_queue_any(&m->queue)) != NULL) {
    bearer_transfer_fail(t, BEARER_MEMORY, strerror(errno));
    bearer_transfer_clear_sent(t);
    bearer_multi_let_go(m, t);
  }
  pthread_mutex_unlock(&m->mutex);
  return c != NULL;
}

int bearer_step(bearer_multi *m, int in_thread) {
  int ms;
  pthread_mutex_lock(&m->turn);
  pthread_mutex_lock(&m->step);
  pthread_mutex_unlock(&m->turn);
  if (open_connections(m)) {
    drop_given_up(m);
    begin_waiting(m);
    run_read(m);
    expire_waiting(m);
    perform(m);
  }
  ms = look_round(m, in_thread);
  if (ms < 0 && in_thread)
    OPENSSL_thread_stop(); /* now, and not at the thread's end: it takes a lock */
  pthread_mutex_unlock(&m->step);
  return ms;
}

/* ---- between two steps ------------------------------------------------------- */

static void pause_a_little(void) {
  struct timespec pause = { 0, 10000000 };
  nanosleep(&pause, NULL);
}

/* A descriptor that somebody has closed is always ready, and so would we be. */
static int is_spinning(bearer_multi *m, const bearer_connections *c, double began) {
  if (bearer_transfer_now() - began > 0.001)
    m->quick_waits = 0;
  return ++m->quick_waits % 256 == 0 && !bearer_connections_are_whole(c);
}

void bearer_step_wait_for_sockets(bearer_multi *m, int ms) {
  double began = bearer_transfer_now();
  bearer_connections *c;
  pthread_mutex_lock(&m->mutex);
  c = m->connections;
  pthread_mutex_unlock(&m->mutex);
  if (c == NULL || curl_multi_poll(c->multi, NULL, 0, ms, NULL) != CURLM_OK)
    pause_a_little(); /* memory is short */
  else if (is_spinning(m, c, began))
    m->broken = 1;
  if (m->broken)
    pause_a_little();
  pthread_mutex_lock(&m->mutex);
  m->waits = 0;
  pthread_mutex_unlock(&m->mutex);
}

void bearer_step_wait(bearer_multi *m, int ms) {
  if (!bearer_multi_wait_idle(m))
    bearer_step_wait_for_sockets(m, ms);
}

/* ---- the end of all ---------------------------------------------------------- */

void bearer_step_close(bearer_multi *m) {
  bearer_transfer *t;
  while ((t = bearer_multi_any(m)) != NULL) {
    if (!t->closed)
      bearer_transfer_fail(t, BEARER_CLOSED, "the client is closed");
    end(m, t);
  }
  bearer_connections_free(m->connections);
  m->connections = NULL;
  bearer_notify_close(m->notify);
}
