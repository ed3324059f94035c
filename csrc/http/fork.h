/*
 * What happens to nets when the process forks or exits.
 */
#ifndef BEARER_FORK_H
#define BEARER_FORK_H

#include "http/client.h"

#pragma GCC visibility push(hidden)

/* Once in a process: libcurl's global state, and the handlers. */
CURLcode bearer_fork_init(void);

/* In a child of fork there is no mover, and the connections are the parent's: end what
   was under way as `forked`, and leave the rest alone. */
void bearer_fork_abandon(bearer_client *net);

/* Nets that may have a mover. */
void bearer_fork_enter(bearer_client *net);
void bearer_fork_leave(bearer_client *net); /* under the lock */

/* Held while a mover is made or ended, never by a mover. */
void bearer_fork_lock(void);
void bearer_fork_unlock(void);
int bearer_fork_exits(void); /* under the lock */

#pragma GCC visibility pop

#endif
