/*
 * A token endpoint that costs next to nothing, over plain HTTP and kept connections: each
 * POST is answered at once, by a token that counts on from 1. A GET tells by how many
 * connections POSTs came, how many came, and shows the last of them.
 */
#include "../../csrc/lua/compat.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 16

typedef struct {
  char data[8192];
  size_t size;
  int has_posted;
} connection;

typedef struct {
  struct pollfd fds[MOST];       /* standard input, the listener, the connections */
  connection *connections[MOST]; /* owned; NULL for the first two */
  nfds_t count;
  unsigned long posters, posts;
  char last[8192];
} server;

BEARER_EXPORT int luaopen_token_server(lua_State *L);

static void leave(server *s, nfds_t i) {
  close(s->fds[i].fd);
  free(s->connections[i]);
  s->count--;
  s->fds[i] = s->fds[s->count];
  s->connections[i] = s->connections[s->count];
}

static void join(server *s) {
  int fd;
  if (s->count == MOST) /* somebody does not keep to one */
    leave(s, 2);
  fd = accept(s->fds[1].fd, NULL, NULL);
  if (fd < 0)
    return;
  s->connections[s->count] = calloc(1, sizeof(connection));
  if (s->connections[s->count] == NULL) {
    close(fd);
    return;
  }
  s->fds[s->count].fd = fd;
  s->fds[s->count].events = POLLIN;
  s->fds[s->count++].revents = 0;
}

static int is_whole(const connection *c) {
  const char *end = strstr(c->data, "\r\n\r\n"), *length;
  if (end == NULL)
    return 0;
  length = strcasestr(c->data, "\r\nContent-Length:");
  return c->size >=
         (size_t)(end + 4 - c->data) +
             (length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0);
}

static int answer(int fd, const char *type, const char *body) {
  char text[10000];
  int size = snprintf(text, sizeof(text),
                      "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nCache-Control: no-store\r\n"
                      "Content-Length: %zu\r\n\r\n%s",
                      type, strlen(body), body);
  return send(fd, text, (size_t)size, MSG_NOSIGNAL) == size;
}

static int answer_post(server *s, int fd, connection *c) {
  char body[200];
  s->posters += !c->has_posted;
  c->has_posted = 1;
  s->posts++;
  memcpy(s->last, c->data, c->size + 1);
  snprintf(body, sizeof(body),
           "{\"access_token\":\"%040lu\",\"token_type\":\"Bearer\",\"expires_in\":3600}",
           s->posts);
  return answer(fd, "application/json", body);
}

static int answer_get(const server *s, int fd) {
  char body[9000];
  snprintf(body, sizeof(body), "%lu %lu\n%s", s->posters, s->posts, s->last);
  return answer(fd, "text/plain", body) && 0; /* asked once */
}

/* 0 when the connection is to end. */
static int hear(server *s, nfds_t i) {
  connection *c = s->connections[i];
  int fd = s->fds[i].fd, lives = 1;
  ssize_t size = recv(fd, c->data + c->size, sizeof(c->data) - 1 - c->size, 0);
  if (size <= 0)
    return 0;
  c->size += (size_t)size;
  c->data[c->size] = '\0';
  if (is_whole(c)) {
    lives = c->data[0] == 'P' ? answer_post(s, fd, c) : answer_get(s, fd);
    c->size = 0;
  }
  return lives;
}

/* serve(fd): on a listening socket, until standard input ends. */
static int serve(lua_State *L) {
  server *s = lua_newuserdata(L, sizeof(*s));
  nfds_t i;
  memset(s, 0, sizeof(*s));
  s->fds[0].fd = STDIN_FILENO;
  s->fds[1].fd = (int)luaL_checkinteger(L, 1);
  s->fds[0].events = s->fds[1].events = POLLIN;
  s->count = 2;
  while (poll(s->fds, s->count, -1) >= 0 && s->fds[0].revents == 0) {
    for (i = s->count; i-- > 2;)
      if (s->fds[i].revents != 0 && !hear(s, i))
        leave(s, i);
    if (s->fds[1].revents != 0)
      join(s);
  }
  return 0;
}

int luaopen_token_server(lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, serve);
  lua_setfield(L, -2, "serve");
  return 1;
}
