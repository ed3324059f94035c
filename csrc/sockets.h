/*
 * libcurl's sockets and timers: on Linux one epoll descriptor over all of them, which any
 * event loop can watch; elsewhere libcurl looks after them by itself.
 */
#ifndef BEARER_SOCKETS_H
#define BEARER_SOCKETS_H

#include "net.h"

#pragma GCC visibility push(hidden)

/* Have net->multi tell its sockets and timers. 0 when no descriptor is to be had. */
int bearer_sockets_open(bearer_net *net);
/* Close the epoll descriptor; libcurl's own sockets are untouched. Safe to repeat. */
void bearer_sockets_close(bearer_net *net);

/* Wait at most ms for a socket. */
void bearer_sockets_wait(bearer_net *net, int ms);
/* Have libcurl act on a socket, if any is ready. 1 when it did. */
int bearer_sockets_run(bearer_net *net);
/* Have libcurl act on its timers, if any is due. 1 when it did. */
int bearer_sockets_run_timers(bearer_net *net);

/* Seconds. Not the clock of clock.h: tests can move that one, but not libcurl's timers.
 */
double bearer_sockets_now(void);

#pragma GCC visibility pop

#endif
