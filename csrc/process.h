/*
 * What happens to movers when the process forks or exits.
 */
#ifndef BEARER_PROCESS_H
#define BEARER_PROCESS_H

#include "net.h"

#pragma GCC visibility push(hidden)

/* Once in a process: libcurl's global state, and the handlers. */
CURLcode bearer_process_init(void);

/* Nets that may have a mover. */
void bearer_process_enter(bearer_net *net);
void bearer_process_leave(bearer_net *net); /* under the lock */

/* Held while a mover is made or ended, never by a mover. */
void bearer_process_lock(void);
void bearer_process_unlock(void);
int bearer_process_exits(void); /* under the lock */

#pragma GCC visibility pop

#endif
