/*
 * The thread that moves the transfers of one net. It is there while something is under
 * way, and a moment longer: a program whose tokens are fresh has no thread of ours.
 */
#ifndef BEARER_WORKER_H
#define BEARER_WORKER_H

#include "http/client.h"

#pragma GCC visibility push(hidden)

/* Have what is queued moved. 0 when the system grants no thread. */
int bearer_worker_start(bearer_client *net);
/* End it. Waits for the step that it is at, at most. Under bearer_fork_lock. */
void bearer_worker_stop(bearer_client *net);

/* Free what a transfer held while it ran, out of libcurl's hands first. */
void bearer_worker_release(bearer_client *net, bearer_transfer *t);

#pragma GCC visibility pop

#endif
