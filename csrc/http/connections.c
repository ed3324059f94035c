/*
 * A multi handle and its descriptors.
 */
#include "http/connections.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/sockios.h>
#endif

/* ---- the table --------------------------------------------------------------- */

static int add(bearer_connections *c, int fd) {
  if (c->count == c->room) {
    int room = c->room > 0 ? c->room * 2 : 8;
    int *fds = realloc(c->fds, (size_t)room * sizeof(*fds));
    if (fds == NULL)
      return 0;
    c->fds = fds;
    c->room = room;
  }
  c->fds[c->count++] = fd;
  return 1;
}

static void drop(bearer_connections *c, int fd) {
  for (int i = 0; i < c->count; i++)
    if (c->fds[i] == fd) {
      c->fds[i] = c->fds[--c->count];
      return;
    }
}

/* ---- connections ------------------------------------------------------------- */

static curl_socket_t open_socket(void *user, curlsocktype purpose,
                                 struct curl_sockaddr *address) {
  int type = address->socktype, fd;
  (void)purpose;
#ifdef SOCK_CLOEXEC
  type |= SOCK_CLOEXEC;
#endif
  fd = socket(address->family, type, address->protocol);
  if (fd < 0)
    return CURL_SOCKET_BAD;
#ifndef SOCK_CLOEXEC
  fcntl(fd, F_SETFD, FD_CLOEXEC);
#endif
  if (add(user, fd))
    return fd;
  close(fd);
  return CURL_SOCKET_BAD;
}

static int close_socket(void *user, curl_socket_t fd) {
  drop(user, fd);
  return close(fd);
}

CURLcode bearer_connections_adopt(bearer_connections *c, CURL *easy) {
  CURLcode code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  if (code == CURLE_OK)
    code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, c);
  if (code == CURLE_OK)
    code = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
  if (code == CURLE_OK)
    code = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, c);
  if (code == CURLE_OK)
    code = curl_easy_setopt(easy, CURLOPT_SHARE, c->share);
  return code;
}

/* ---- the wakeup pair --------------------------------------------------------- */

#ifdef __linux__

#define SPAN 8 /* descriptors that are looked at, from where the pair should be */

/* Two numbers that are free: a new pair gets them, unless another thread is faster. */
static void lowest_free(int fds[2]) {
  for (int i = 0; i < 2; i++)
    fds[i] = open("/", O_RDONLY | O_CLOEXEC);
  for (int i = 0; i < 2; i++)
    if (fds[i] >= 0)
      close(fds[i]);
}

/* 1 for a local socket that would be inherited. */
static int is_candidate(int fd) {
  int domain = 0, flags = fcntl(fd, F_GETFD);
  socklen_t size = sizeof(domain);
  return flags >= 0 && !(flags & FD_CLOEXEC) &&
         getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

/* Are there bytes on their way through it, in either direction? */
static int is_filled(int fd) {
  int in = 0, out = 0;
  if (ioctl(fd, SIOCINQ, &in) != 0 || ioctl(fd, SIOCOUTQ, &out) != 0)
    return 0;
  return in > 0 || out > 0;
}

/* libcurl 7 makes the pair without CLOEXEC and tells nobody. It is known by this: there
   are bytes in it after a wakeup, and none after the poll that a wakeup ends. */
static int watch_wakeup(bearer_connections *c, CURLM *multi, const int fds[2]) {
  char filled[2 * SPAN];
  int ok = 1;
  for (int i = 0; i < 2 * SPAN; i++) {
    int fd = fds[i / SPAN] + i % SPAN;
    filled[i] = (char)(is_candidate(fd) && is_filled(fd));
  }
  curl_multi_poll(multi, NULL, 0, 0, NULL);
  for (int i = 0; i < 2 * SPAN; i++) {
    int fd = fds[i / SPAN] + i % SPAN;
    if (!filled[i] || !is_candidate(fd) || is_filled(fd))
      continue; /* not ours, or seen a moment ago: it is no candidate any more */
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    ok &= add(c, fd);
  }
  return ok;
}

#else

static void lowest_free(int fds[2]) {
  fds[0] = fds[1] = -1;
}

static int watch_wakeup(bearer_connections *c, CURLM *multi, const int fds[2]) {
  (void)c;
  (void)multi;
  (void)fds;
  return 1;
}

#endif

/* ---- all of it --------------------------------------------------------------- */

/* Without descriptors libcurl makes a handle all the same, which cannot be woken. */
static int open_multi(bearer_connections *c) {
  int fds[2];
  lowest_free(fds);
  errno = ENOMEM; /* unless it is something else */
  c->multi = curl_multi_init();
  return c->multi != NULL && curl_multi_wakeup(c->multi) == CURLM_OK &&
         watch_wakeup(c, c->multi, fds);
}

bearer_connections *bearer_connections_new(void) {
  bearer_connections *c = calloc(1, sizeof(*c));
  int why;
  if (c == NULL)
    return NULL;
  if (!open_multi(c)) {
    why = errno;
    bearer_connections_free(c);
    errno = why;
    return NULL;
  }
  c->share = curl_share_init();
  if (c->share != NULL) /* a TLS session that is resumed costs a third of a new one */
    curl_share_setopt(c->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  return c;
}

void bearer_connections_free(bearer_connections *c) {
  if (c == NULL)
    return;
  curl_multi_cleanup(c->multi);
  curl_share_cleanup(c->share);
  free(c->fds);
  free(c);
}

void bearer_connections_leave(bearer_connections *c, int close_fds) {
  static bearer_connections *left;
  if (c == NULL)
    return;
  for (int i = 0; close_fds && i < c->count; i++)
    close(c->fds[i]);
  c->count = 0;
  c->next = left;
  left = c;
}

int bearer_connections_are_whole(const bearer_connections *c) {
  for (int i = 0; i < c->count; i++)
    if (fcntl(c->fds[i], F_GETFD) < 0)
      return 0;
  return 1;
}
