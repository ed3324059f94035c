/*
 * libcurl's sockets and timers.
 */
#include "sockets.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#define BEARER_EPOLL
#include <poll.h>
#include <sys/epoll.h>
#endif

double bearer_sockets_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int on_timer(CURLM *multi, long ms, void *user) {
  bearer_net *net = user;
  (void)multi;
  net->due = ms < 0 ? -1 : bearer_sockets_now() + (double)ms / 1000;
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

void bearer_sockets_wait(bearer_net *net, int ms) {
  struct pollfd any = { net->poll_fd, POLLIN, 0 };
  poll(&any, 1, ms);
}

/* One socket at a time: what is left over is still ready at the next call. */
int bearer_sockets_run(bearer_net *net) {
  struct epoll_event event;
  int running = 0, mask;
  if (epoll_wait(net->poll_fd, &event, 1, 0) <= 0)
    return 0;
  mask = ((event.events & EPOLLIN) ? CURL_CSELECT_IN : 0) |
         ((event.events & EPOLLOUT) ? CURL_CSELECT_OUT : 0) |
         ((event.events & (EPOLLERR | EPOLLHUP)) ? CURL_CSELECT_ERR : 0);
  curl_multi_socket_action(net->multi, event.data.fd, mask, &running);
  return 1;
}

int bearer_sockets_run_timers(bearer_net *net) {
  int running = 0;
  if (net->due < 0 || bearer_sockets_now() < net->due)
    return 0;
  net->due = -1; /* libcurl sets it anew */
  curl_multi_socket_action(net->multi, CURL_SOCKET_TIMEOUT, 0, &running);
  return 1;
}
#else
int bearer_sockets_run_timers(bearer_net *net) {
  (void)net;
  return 0;
}

void bearer_sockets_wait(bearer_net *net, int ms) {
  curl_multi_poll(net->multi, NULL, 0, ms, NULL);
}

int bearer_sockets_run(bearer_net *net) {
  int running = 0;
  curl_multi_perform(net->multi, &running);
  return 0;
}
#endif

int bearer_sockets_open(bearer_net *net) {
  net->due = -1;
  curl_multi_setopt(net->multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(net->multi, CURLMOPT_TIMERDATA, net);
#ifdef BEARER_EPOLL
  curl_multi_setopt(net->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(net->multi, CURLMOPT_SOCKETDATA, net);
  net->poll_fd = epoll_create1(EPOLL_CLOEXEC);
  return net->poll_fd >= 0;
#else
  return 1;
#endif
}

void bearer_sockets_close(bearer_net *net) {
  if (net->poll_fd >= 0)
    close(net->poll_fd);
  net->poll_fd = -1;
  net->due = -1;
}
