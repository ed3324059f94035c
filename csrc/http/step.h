/*
 * The step that moves the transfers of one client: made by a thread (worker.h), or by the
 * callers themselves where the system grants none or they wait anyway. Whoever makes the
 * first step makes the multi handle, so that nobody pays for it who only wants something
 * sent.
 */
#ifndef BEARER_STEP_H
#define BEARER_STEP_H

#include "http/multi.h"

#pragma GCC visibility push(hidden)

/* Move what can be moved. Milliseconds that may be waited before the next; -1 when there
   is nothing more to do here: it was to stop, or the multi handle cannot be made. */
int bearer_step(bearer_multi *m, int in_thread);
/* Wait so long at most, for libcurl's sockets or to be woken. */
void bearer_step_wait_for_sockets(bearer_multi *m, int ms);
/* Likewise for the thread: as long as it takes when there is nothing to move. */
void bearer_step_wait(bearer_multi *m, int ms);

/* End all that has not ended, close every connection. Nobody is at a step. */
void bearer_step_close(bearer_multi *m);

#pragma GCC visibility pop

#endif
