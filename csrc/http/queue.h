/*
 * Lanes: what waits its turn, one queue for each origin. A host that does not answer
 * holds its places until a timeout; it is never given all there are, so that the others
 * get their turn meanwhile. libcurl's own limits (CURLMOPT_MAX_HOST_CONNECTIONS) do not
 * see to that: for each transfer that ends one of those that wait may try, and when that
 * is one of the full host's, nobody gets the place.
 */
#ifndef BEARER_QUEUE_H
#define BEARER_QUEUE_H

#include "http/client.h"

#pragma GCC visibility push(hidden)

/* There as long as a transfer is in it: queued, under way, or given up and not dropped
   yet. */
struct bearer_queue {
  bearer_queue *next, **link; /* of the net's */
  bearer_list queued;
  int count;     /* with those that have a place */
  char origin[]; /* scheme://host[:port], as it was written */
};

/* All under the net's mutex. */

/* Queue a transfer in its origin's lane. 0 when memory ran out. */
int bearer_queue_join(bearer_client *net, bearer_transfer *t, const char *origin);
/* It has ended, or nobody wants it. Without effect on one that is in no lane. */
void bearer_queue_leave(bearer_client *net, bearer_transfer *t);

/* The one to be begun next; NULL when none waits that may. */
bearer_transfer *bearer_queue_next(const bearer_client *net);
/* Find those that wait, and were to end by this instant: so many, at most. */
int bearer_queue_expired(const bearer_client *net, double instant,
                         bearer_transfer **found, int most);
/* How many wait. */
int bearer_queue_waiting(const bearer_client *net);

#pragma GCC visibility pop

#endif
