/*
 * Begin, perform, collect, rest.
 */
#include "http/multi.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "http/notify.h"

#define FEW  8  /* of each in one step: a fork waits for its end */
#define LOOK 50 /* milliseconds between two looks at the deadlines of what waits */

/* ---- the end of a transfer --------------------------------------------------- */

/* Its caller is to be told. Under the mutex. */
static void announce(bearer_multi *m, bearer_transfer *t) {
  int first = bearer_list_first(&m->ended) == NULL;
  t->ended = 1;
  m->open--;
  bearer_list_append(&m->ended, &t->news);
  if (first)
    bearer_notify_raise(m->notify);
}

/* Out of the queue; freed when its owner has closed it. Under the mutex. */
static void let_go(bearer_multi *m, bearer_transfer *t) {
  bearer_queue_leave(&m->queue, t);
  if (t->closed) {
    bearer_transfer_free(t);
  } else if (!t->ended) {
    bearer_transfer_publish(t);
    announce(m, t);
  }
}

/* The easy handle is not used again: even reset, it remembers the URL and what it
   received. It is the multi that keeps connections. */
static void end(bearer_multi *m, bearer_transfer *t) {
  if (t->easy != NULL) {
    curl_multi_remove_handle(m->c->multi, t->easy);
    curl_easy_cleanup(t->easy);
    t->easy = NULL;
  }
  bearer_transfer_clear_sent(t);
  pthread_mutex_lock(&m->mutex);
  let_go(m, t);
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
  if (!bearer_transfer_prepare(t, m->c))
    end(m, t);
  else if (curl_multi_add_handle(m->c->multi, t->easy) != CURLM_OK)
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
static bearer_transfer *next_read(bearer_multi *m, double instant) {
  bearer_transfer *found = NULL;
  pthread_mutex_lock(&m->mutex);
  for (bearer_node *n = m->reading.next; n != &m->reading && found == NULL; n = n->next)
    if (!bearer_reading_has_started(n->transfer->reading) ||
        bearer_reading_is_done(n->transfer->reading) || instant >= n->transfer->deadline)
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
  double instant = bearer_transfer_now();
  bearer_transfer *t;
  while ((t = next_read(m, instant)) != NULL) {
    int done = bearer_reading_is_done(t->reading);
    if (done && goes_on(m, t))
      run(m, t);
    else if (!done && instant >= t->deadline)
      end_timed_out(m, t);
    else if (!done && !bearer_reading_start(t->reading, m->c->multi))
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
  while ((message = curl_multi_info_read(m->c->multi, &left)) != NULL) {
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
  CURLMcode code = curl_multi_perform(m->c->multi, &running);
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
  if (m->c == NULL || limit == m->most_connections)
    return;
  curl_multi_setopt(m->c->multi, CURLMOPT_MAXCONNECTS, limit);
  m->most_connections = limit;
}

/* Under the mutex: what is added from now on finds a thread that has ended, or wakes. */
static int rest(bearer_multi *m) {
  if (m->stop || (m->c == NULL && m->queue.waiting == 0)) {
    if (m->thread == BEARER_HAS_THREAD)
      m->thread = BEARER_THREAD_ENDED;
    return -1;
  }
  if (bearer_list_first(&m->given_up) != NULL) /* more than a step drops */
    return 0;
  if (m->queue.waiting > 0 && (m->look <= 0 || bearer_queue_next(&m->queue) != NULL))
    return 0;
  return m->queue.waiting > 0 || bearer_list_first(&m->reading) != NULL ? LOOK : 60000;
}

static int look_round(bearer_multi *m) {
  int waiting, places, ms;
  pthread_mutex_lock(&m->mutex);
  waiting = m->queue.waiting;
  places = m->queue.places;
  ms = rest(m);
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
  bearer_connections *c = m->c;
  bearer_transfer *t;
  if (c != NULL)
    return 1;
  if (is_to_stop(m))
    return 0;
  c = bearer_connections_new();
  pthread_mutex_lock(&m->mutex);
  m->c = c;
  while (c == NULL && (t = bearer_queue_any(&m->queue)) != NULL) {
    bearer_transfer_fail(t, BEARER_MEMORY, strerror(errno));
    bearer_transfer_clear_sent(t);
    let_go(m, t);
  }
  pthread_mutex_unlock(&m->mutex);
  return c != NULL;
}

int bearer_multi_step(bearer_multi *m) {
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
  ms = look_round(m);
  if (ms < 0)
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

void bearer_multi_wait(bearer_multi *m, int ms) {
  double began = bearer_transfer_now();
  bearer_connections *c;
  pthread_mutex_lock(&m->mutex);
  c = m->c;
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

void bearer_multi_wake(bearer_multi *m) {
  bearer_connections *c;
  pthread_mutex_lock(&m->mutex);
  c = m->waits ? m->c : NULL;
  m->waits = 0; /* libcurl remembers it, if the wait has not begun yet */
  pthread_mutex_unlock(&m->mutex);
  if (c != NULL)
    curl_multi_wakeup(c->multi);
}

/* ---- the caller's side: under the mutex -------------------------------------- */

int bearer_multi_add(bearer_multi *m, bearer_transfer *t) {
  m->open++;
  return bearer_queue_add(&m->queue, t);
}

void bearer_multi_fail(bearer_multi *m, bearer_transfer *t, bearer_code code,
                       const char *reason) {
  bearer_transfer_fail(t, code, reason);
  bearer_transfer_clear_sent(t);
  let_go(m, t);
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

static bearer_transfer *any_open(const bearer_multi *m) {
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
  bearer_connections_leave(m->c, in_child);
  m->c = NULL;
  m->thread = BEARER_NO_THREAD;
  m->stop = m->waits = m->broken = 0;
  m->most_connections = 0;
  while ((t = any_open(m)) != NULL) {
    t->easy = NULL; /* left behind with its multi handle */
    t->left = 1;    /* for all we know */
    bearer_multi_fail(m, t, code, reason);
  }
}

void bearer_multi_close(bearer_multi *m) {
  bearer_transfer *t;
  while ((t = any_open(m)) != NULL) {
    if (!t->closed)
      bearer_transfer_fail(t, BEARER_CLOSED, "the client is closed");
    end(m, t);
  }
  bearer_connections_free(m->c);
  m->c = NULL;
  bearer_notify_close(m->notify);
}
