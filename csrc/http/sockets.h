/*
 * How the mover waits: for libcurl's sockets and timers, or to be woken. On Linux one
 * epoll descriptor watches them all, so that a turn costs what has happened, however many
 * are under way; elsewhere libcurl's own poll looks at each.
 */
#ifndef BEARER_SOCKETS_H
#define BEARER_SOCKETS_H

#include "http/client.h"

#pragma GCC visibility push(hidden)

int bearer_sockets_open(bearer_client *net); /* 0 when it cannot be had */
void bearer_sockets_close(bearer_client *net);

/* Until there is news, for so many milliseconds at most. */
void bearer_sockets_wait(bearer_client *net, int ms);
/* Have libcurl do what is due; a part of it, if it is much. */
void bearer_sockets_run(bearer_client *net);
/* End a wait. From any thread. */
void bearer_sockets_wake(bearer_client *net);

#pragma GCC visibility pop

#endif
