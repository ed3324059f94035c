/*
 * What waits its turn, by origin. A host that does not answer holds its places until a
 * timeout; it is never given all there are, so that the others get their turn meanwhile.
 * libcurl's own limits (CURLMOPT_MAX_HOST_CONNECTIONS) do not see to that: for each
 * transfer that ends one of those that wait may try, and when that is one of the full
 * host's, nobody gets the place.
 */
#ifndef BEARER_QUEUE_H
#define BEARER_QUEUE_H

#include "http/transfer.h"

#pragma GCC visibility push(hidden)

/* There as long as one of its transfers waits or has a place. */
typedef struct bearer_origin {
  struct bearer_origin *next, **link; /* of the queue's */
  bearer_node waiting;
  int places; /* that its transfers have */
  size_t size;
  char name[]; /* scheme://host[:port], as it was written */
} bearer_origin;

/* Under the mutex of whose it is. */
typedef struct {
  bearer_origin *origins; /* owned */
  int most;               /* places: descriptors are limited */
  int waiting, places;    /* how many wait, how many have a place */
} bearer_queue;

void bearer_queue_init(bearer_queue *q, int most);

/* Have a transfer wait. 0 when memory ran out. */
int bearer_queue_add(bearer_queue *q, bearer_transfer *t);
/* The one to be begun next; NULL when none waits that may. */
bearer_transfer *bearer_queue_next(const bearer_queue *q);
/* It waits no longer and has a place, until it leaves. */
void bearer_queue_begin(bearer_queue *q, bearer_transfer *t);
/* It has ended, or nobody wants it. Without effect on one that is not in the queue. */
void bearer_queue_leave(bearer_queue *q, bearer_transfer *t);

/* One that waits, and was to end by this instant; NULL when there is none. */
bearer_transfer *bearer_queue_expired(const bearer_queue *q, double instant);
/* Any one that waits; NULL when none does. */
bearer_transfer *bearer_queue_any(const bearer_queue *q);

#pragma GCC visibility pop

#endif
