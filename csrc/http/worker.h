/*
 * The thread that moves the transfers of one client. It knows no Lua, and is there from
 * the first of them on until the client is closed.
 */
#ifndef BEARER_WORKER_H
#define BEARER_WORKER_H

#include <pthread.h>

#include "http/fork.h"
#include "http/multi.h"

#pragma GCC visibility push(hidden)

typedef struct {
  bearer_multi multi;
  pthread_t thread;        /* under bearer_fork_lock */
  bearer_fork_entry entry; /* from the first transfer on */
  int is_entered;
  int can_lead;
  int caller_waits; /* as soon as it has sent: see bearer_worker_lead */
  int refused;      /* the system grants no thread: the callers make the steps */
} bearer_worker;

void bearer_worker_init(bearer_worker *w, int most);
/* Make what the caller's side needs, once. */
void bearer_worker_open(bearer_worker *w);
/* End the thread, all transfers and all connections. Waits for the step that the thread
   is at, at most. */
void bearer_worker_close(bearer_worker *w);

/* Have a transfer moved; should that be impossible, it has ended then. */
void bearer_worker_add(bearer_worker *w, bearer_transfer *t);

/* What was added while the thread was idle and `caller_waits` is moved here and now,
   until one has ended, for so long at most; the thread sleeps on meanwhile. Two switches
   of threads less. 0: there is no such thing. */
int bearer_worker_lead(bearer_worker *w, long max_ms);
/* From now on that is the thread's again. */
void bearer_worker_release(bearer_worker *w);

/* Where there is no thread: make a step, and wait for so long at most when nothing has
   ended. Without effect where there is one. */
void bearer_worker_move(bearer_worker *w, long max_ms);

#pragma GCC visibility pop

#endif
