/*
 * A small HTTP server in threads of the test, on 127.0.0.1. /ok answers at once, /slow
 * after 300 ms, /mute never, /large with 100,000 bytes, /junk with no HTTP. /dies ends
 * the connection in place of an answer, /last after it.
 */
#ifndef BEARER_SERVER_H
#define BEARER_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static _Thread_local int server_is_here; /* in this thread */
static int server_port, server_connections, server_requests, server_closed;

/* Read a head and the body that its Content-Length tells. 0 at the end. */
static inline int server_read(int fd, char *head, size_t room) {
  size_t size = 0;
  const char *end, *length;
  for (;;) {
    ssize_t got = read(fd, head + size, room - size - 1);
    if (got <= 0)
      return 0;
    size += (size_t)got;
    head[size] = '\0';
    end = strstr(head, "\r\n\r\n");
    length = strstr(head, "Content-Length: ");
    if (end != NULL && size - (size_t)(end + 4 - head) >=
                           (length != NULL ? strtoul(length + 16, NULL, 10) : 0))
      return 1;
  }
}

static inline void server_write(int fd, const char *data, size_t size) {
  ssize_t ignored = send(fd, data, size, MSG_NOSIGNAL);
  (void)ignored;
}

static inline void server_answer(int fd, const char *head) {
  static char large[100000];
  char text[200];
  size_t size = strstr(head, " /large") != NULL ? sizeof(large) : 7;
  int count = snprintf(text, sizeof(text),
                       "HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: %zu\r\n\r\n%s", size,
                       size == 7 ? "{\"a\":1}" : "");
  server_write(fd, text, (size_t)count);
  if (size != 7)
    server_write(fd, large, size);
}

static inline void *server_serve(void *user) {
  char head[8192];
  int fd = (int)(long)user;
  while (server_read(fd, head, sizeof(head))) {
    __atomic_add_fetch(&server_requests, 1, __ATOMIC_SEQ_CST);
    if (strstr(head, " /mute") != NULL)
      continue;
    if (strstr(head, " /dies") != NULL)
      break;
    if (strstr(head, " /slow") != NULL)
      usleep(300000);
    if (strstr(head, " /junk") != NULL)
      server_write(fd, "junk\n\n", 6);
    else
      server_answer(fd, head);
    if (strstr(head, " /last") != NULL)
      break;
  }
  close(fd);
  __atomic_add_fetch(&server_closed, 1, __ATOMIC_SEQ_CST);
  return NULL;
}

static inline void *server_accept(void *user) {
  int listener = (int)(long)user, fd;
  pthread_t thread;
  server_is_here = 1;
  while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
    __atomic_add_fetch(&server_connections, 1, __ATOMIC_SEQ_CST);
    if (pthread_create(&thread, NULL, server_serve, (void *)(long)fd) == 0)
      pthread_detach(thread);
  }
  return NULL;
}

static inline int server_start(void) {
  struct sockaddr_in address;
  socklen_t size = sizeof(address);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  pthread_t thread;
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (struct sockaddr *)&address, size) != 0 ||
      listen(listener, 100) != 0 ||
      getsockname(listener, (struct sockaddr *)&address, &size) != 0)
    return 0;
  server_port = ntohs(address.sin_port);
  return pthread_create(&thread, NULL, server_accept, (void *)(long)listener) == 0 &&
         pthread_detach(thread) == 0;
}

#endif
