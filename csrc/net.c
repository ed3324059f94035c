/*
 * The multi handle: starting, waiting, ending.
 */
#include "net.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#define BEARER_EPOLL
#include <sys/epoll.h>
#endif

#include "transfer.h"

/* Not the clock of clock.h: that one can be moved by tests, libcurl's timers cannot. */
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- sockets ----------------------------------------------------------------- */

static int on_timer(CURLM *multi, long ms, void *user) {
  bearer_net *net = user;
  (void)multi;
  net->due = ms < 0 ? -1 : now() + (double)ms / 1000;
  return 0;
}

#ifdef BEARER_EPOLL
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known) {
  bearer_net *net = user;
  struct epoll_event event;
  (void)easy;
  memset(&event, 0, sizeof(event));
  event.data.fd = fd;
  if (what == CURL_POLL_REMOVE) {
    epoll_ctl(net->poll_fd, EPOLL_CTL_DEL, fd, &event);
    return 0;
  }
  event.events = ((what & CURL_POLL_IN) ? (uint32_t)EPOLLIN : 0) |
                 ((what & CURL_POLL_OUT) ? (uint32_t)EPOLLOUT : 0);
  if (epoll_ctl(net->poll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0 &&
      errno == (known ? ENOENT : EEXIST))
    epoll_ctl(net->poll_fd, known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
  curl_multi_assign(net->multi, fd, net); /* anything but NULL: known from now on */
  return 0;
}

static void wait_and_advance(bearer_net *net, int ms) {
  struct epoll_event events[64];
  int running = 0;
  int count = epoll_wait(net->poll_fd, events, 64, ms);
  for (int i = 0; i < count; i++) {
    uint32_t e = events[i].events;
    int mask = ((e & EPOLLIN) ? CURL_CSELECT_IN : 0) |
               ((e & EPOLLOUT) ? CURL_CSELECT_OUT : 0) |
               ((e & (EPOLLERR | EPOLLHUP)) ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(net->multi, events[i].data.fd, mask, &running);
  }
  if (net->due >= 0 && now() >= net->due) {
    net->due = -1; /* libcurl sets it anew */
    curl_multi_socket_action(net->multi, CURL_SOCKET_TIMEOUT, 0, &running);
  }
}
#else
static void wait_and_advance(bearer_net *net, int ms) {
  int running = 0;
  curl_multi_perform(net->multi, &running);
  if (ms > 0 && running > 0) {
    curl_multi_poll(net->multi, NULL, 0, ms, NULL);
    curl_multi_perform(net->multi, &running);
  }
}
#endif

/* ---- the multi handle -------------------------------------------------------- */

static pthread_once_t global_once = PTHREAD_ONCE_INIT;
static CURLcode global_result;

static void global_init(void) {
  global_result = bearer_transfer_global_init();
}

static int open_multi(bearer_net *net) {
  pthread_once(&global_once, global_init);
  if (global_result != CURLE_OK || (net->multi = curl_multi_init()) == NULL)
    return 0;
  net->pid = getpid();
  net->due = -1;
  curl_multi_setopt(net->multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(net->multi, CURLMOPT_TIMERDATA, net);
#ifdef BEARER_EPOLL
  curl_multi_setopt(net->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(net->multi, CURLMOPT_SOCKETDATA, net);
  net->poll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (net->poll_fd < 0) {
    curl_multi_cleanup(net->multi);
    net->multi = NULL;
    return 0;
  }
#endif
  return 1;
}

static void detach(bearer_transfer *t) {
  *t->link = t->next;
  if (t->next != NULL)
    t->next->link = t->link;
  t->net->running--;
  t->net = NULL;
  t->next = NULL;
}

/* After fork the handle is the parent's: closing it here would say goodbye on the
   parent's connections. It is left alone, where a leak checker can still see it. */
static void abandon(bearer_net *net) {
  static struct orphan {
    CURLM *multi;
    struct orphan *next;
  } *orphans;
  struct orphan *o = malloc(sizeof(*o));
  if (o != NULL) {
    o->multi = net->multi;
    o->next = orphans;
    orphans = o;
  }
  while (net->transfers != NULL) {
    bearer_transfer *t = net->transfers;
    detach(t);
    t->easy = NULL;
    t->ended = t->forked = 1;
  }
  net->multi = NULL;
  while (net->idle_count > 0)
    curl_easy_cleanup(net->idle[--net->idle_count]);
  if (net->poll_fd >= 0)
    close(net->poll_fd);
  net->poll_fd = -1;
  net->due = -1;
}

static int ready(bearer_net *net) {
  if (net->multi != NULL && net->pid != getpid())
    abandon(net);
  return net->multi != NULL;
}

void bearer_net_init(bearer_net *net) {
  memset(net, 0, sizeof(*net));
  net->poll_fd = -1;
  net->due = -1;
}

void bearer_net_close(bearer_net *net) {
  if (!ready(net))
    return;
  while (net->transfers != NULL)
    bearer_transfer_close(net->transfers);
  while (net->idle_count > 0)
    curl_easy_cleanup(net->idle[--net->idle_count]);
  curl_multi_cleanup(net->multi);
  net->multi = NULL;
  if (net->poll_fd >= 0)
    close(net->poll_fd);
  net->poll_fd = -1;
}

/* ---- transfers --------------------------------------------------------------- */

/* Out of the multi; the easy handle is kept for the next transfer. */
static void release(bearer_transfer *t) {
  bearer_net *net = t->net;
  detach(t);
  curl_multi_remove_handle(net->multi, t->easy);
  if (net->idle_count < (int)(sizeof(net->idle) / sizeof(net->idle[0]))) {
    curl_easy_reset(t->easy);
    net->idle[net->idle_count++] = t->easy;
  } else {
    curl_easy_cleanup(t->easy);
  }
  t->easy = NULL;
  bearer_message_clear(&t->message);
}

int bearer_net_start(bearer_net *net, bearer_transfer *t, bearer_message *m,
                     const bearer_options *o) {
  memset(t, 0, sizeof(*t));
  t->message = *m;
  memset(m, 0, sizeof(*m));
  if (ready(net) || open_multi(net))
    t->easy = net->idle_count > 0 ? net->idle[--net->idle_count] : curl_easy_init();
  if (t->easy == NULL)
    t->result = CURLE_OUT_OF_MEMORY;
  else if (bearer_transfer_prepare(t, o) &&
           curl_multi_add_handle(net->multi, t->easy) != CURLM_OK)
    t->result = CURLE_FAILED_INIT;
  if (t->result != CURLE_OK) {
    strncpy(t->reason, curl_easy_strerror(t->result), sizeof(t->reason) - 1);
    if (t->easy != NULL)
      curl_easy_cleanup(t->easy);
    t->easy = NULL;
    t->ended = 1;
    bearer_message_clear(&t->message);
    return 0;
  }
  t->net = net;
  t->next = net->transfers;
  t->link = &net->transfers;
  if (t->next != NULL)
    t->next->link = &t->next;
  net->transfers = t;
  net->running++;
  return 1;
}

void bearer_transfer_close(bearer_transfer *t) {
  if (t->net != NULL && ready(t->net))
    release(t);
  bearer_message_clear(&t->message);
  bearer_buffer_free(&t->head);
  bearer_buffer_free(&t->body);
  t->ended = 1;
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
  }
}

int bearer_net_poll(bearer_net *net, long max_ms) {
  long due;
  if (!ready(net)) {
    if (max_ms > 0)
      poll(NULL, 0, (int)max_ms);
    return 0;
  }
  due = bearer_net_timeout(net);
  if (due >= 0 && due < max_ms)
    max_ms = due;
  wait_and_advance(net, (int)max_ms);
  collect(net);
  return net->running;
}

long bearer_net_timeout(const bearer_net *net) {
  double left;
  if (net->multi == NULL || net->due < 0)
    return -1;
  left = net->due - now();
  return left <= 0 ? 0 : (long)(left * 1000) + 1;
}

int bearer_net_fd(bearer_net *net) {
  if (!ready(net))
    open_multi(net);
  return net->poll_fd;
}
