/*
 * The thread that moves the transfers of one net. It is there while something is under
 * way, and a moment longer: a program whose tokens are fresh has no thread of ours.
 */
#ifndef BEARER_MOVER_H
#define BEARER_MOVER_H

#include "net.h"

#pragma GCC visibility push(hidden)

/* Have what is queued moved. 0 when the system grants no thread. */
int bearer_mover_start(bearer_net *net);
/* End it. Waits for the step that it is at, at most. Under bearer_process_lock. */
void bearer_mover_stop(bearer_net *net);

/* Free what a transfer held while it ran, out of libcurl's hands first. */
void bearer_mover_release(bearer_net *net, bearer_transfer *t);

#pragma GCC visibility pop

#endif
