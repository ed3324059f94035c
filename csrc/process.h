/*
 * What happens to nets when the process forks or exits.
 */
#ifndef BEARER_PROCESS_H
#define BEARER_PROCESS_H

#include "net.h"

#pragma GCC visibility push(hidden)

/* Once in a process: libcurl's global state, and the handlers. */
CURLcode bearer_process_init(void);

/* In a child of fork there is no mover, and the connections are the parent's: end what
   was under way as `forked`, and leave the rest alone. */
void bearer_process_abandon(bearer_net *net);

/* Nets that may have a mover. */
void bearer_process_enter(bearer_net *net);
void bearer_process_leave(bearer_net *net); /* under the lock */

/* Held while a mover is made or ended, never by a mover. */
void bearer_process_lock(void);
void bearer_process_unlock(void);
int bearer_process_exits(void); /* under the lock */

#pragma GCC visibility pop

#endif
