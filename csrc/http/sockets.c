/*
 * libcurl's sockets and timers.
 */
#include "http/sockets.h"

#if defined(__linux__) && !defined(BEARER_PORTABLE) /* to try the other half on Linux */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int on_timer(CURLM *multi, long ms, void *user) {
  bearer_client *net = user;
  (void)multi;
  net->due = ms < 0 ? -1 : bearer_client_now() + (double)ms / 1000;
  return 0;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known) {
  bearer_client *net = user;
  struct epoll_event event;
  (void)easy;
  memset(&event, 0, sizeof(event));
  event.data.fd = fd;
  if (what == CURL_POLL_REMOVE) {
    epoll_ctl(net->epoll, EPOLL_CTL_DEL, fd, &event);
    return 0;
  }
  event.events = ((what & CURL_POLL_IN) ? (uint32_t)EPOLLIN : 0) |
                 ((what & CURL_POLL_OUT) ? (uint32_t)EPOLLOUT : 0);
  if (epoll_ctl(net->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0 &&
      errno == (known ? ENOENT : EEXIST))
    epoll_ctl(net->epoll, known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
  curl_multi_assign(net->multi, fd, net); /* anything but NULL: known from now on */
  return 0;
}

int bearer_sockets_open(bearer_client *net) {
  struct epoll_event event;
  net->due = -1;
  net->epoll = epoll_create1(EPOLL_CLOEXEC);
  net->alarm = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  memset(&event, 0, sizeof(event));
  event.data.fd = net->alarm;
  event.events = EPOLLIN;
  if (net->epoll < 0 || net->alarm < 0 ||
      epoll_ctl(net->epoll, EPOLL_CTL_ADD, net->alarm, &event) != 0) {
    bearer_sockets_close(net);
    return 0;
  }
  curl_multi_setopt(net->multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(net->multi, CURLMOPT_TIMERDATA, net);
  curl_multi_setopt(net->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(net->multi, CURLMOPT_SOCKETDATA, net);
  return 1;
}

void bearer_sockets_close(bearer_client *net) {
  if (net->epoll >= 0)
    close(net->epoll);
  if (net->alarm >= 0)
    close(net->alarm);
  net->epoll = net->alarm = -1;
}

void bearer_sockets_wait(bearer_client *net, int ms) {
  struct pollfd any = { net->epoll, POLLIN, 0 };
  double left = net->due < 0 ? ms : (net->due - bearer_client_now()) * 1000;
  if (left < ms)
    ms = left <= 0 ? 0 : (int)left + 1;
  poll(&any, 1, ms);
}

static void run_timers(bearer_client *net) {
  int running;
  if (net->due < 0 || bearer_client_now() < net->due)
    return;
  net->due = -1; /* libcurl sets it anew */
  curl_multi_socket_action(net->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

/* One socket. 0 when none is ready. */
static int run_socket(bearer_client *net) {
  struct epoll_event event;
  uint64_t count;
  int running, mask;
  if (epoll_wait(net->epoll, &event, 1, 0) <= 0)
    return 0;
  if (event.data.fd == net->alarm)
    return read(net->alarm, &count, sizeof(count)) > 0;
  mask = ((event.events & EPOLLIN) ? CURL_CSELECT_IN : 0) |
         ((event.events & EPOLLOUT) ? CURL_CSELECT_OUT : 0) |
         ((event.events & (EPOLLERR | EPOLLHUP)) ? CURL_CSELECT_ERR : 0);
  curl_multi_socket_action(net->multi, event.data.fd, mask, &running);
  return 1;
}

/* One at a time, since it may close others; and a few, since others wait for this thread
   to pause. What is left over is still ready at the next call. */
void bearer_sockets_run(bearer_client *net) {
  int left = 16;
  run_timers(net);
  while (left-- > 0 && run_socket(net)) {
  }
}

void bearer_sockets_wake(bearer_client *net) {
  uint64_t one = 1;
  ssize_t ignored = write(net->alarm, &one, sizeof(one));
  (void)ignored; /* it rings already */
}

#else

int bearer_sockets_open(bearer_client *net) {
  (void)net;
  return 1;
}

void bearer_sockets_close(bearer_client *net) {
  (void)net;
}

void bearer_sockets_wait(bearer_client *net, int ms) {
  curl_multi_poll(net->multi, NULL, 0, ms, NULL);
}

void bearer_sockets_run(bearer_client *net) {
  int running;
  curl_multi_perform(net->multi, &running);
}

void bearer_sockets_wake(bearer_client *net) {
  curl_multi_wakeup(net->multi);
}

#endif
