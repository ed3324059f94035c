/*
 * What waits its turn, one queue for each origin.
 */
#include "http/queue.h"

#include <stdlib.h>
#include <string.h>

static bearer_queue *find(const bearer_client *net, const char *origin) {
  bearer_queue *lane = net->lanes;
  while (lane != NULL && strcmp(lane->origin, origin) != 0)
    lane = lane->next;
  return lane;
}

static bearer_queue *make(bearer_client *net, const char *origin) {
  size_t size = strlen(origin) + 1;
  bearer_queue *lane = malloc(sizeof(*lane) + size);
  if (lane == NULL)
    return NULL;
  memcpy(lane->origin, origin, size);
  lane->count = 0;
  bearer_list_empty(&lane->queued);
  lane->next = net->lanes;
  lane->link = &net->lanes;
  if (net->lanes != NULL)
    net->lanes->link = &lane->next;
  net->lanes = lane;
  return lane;
}

int bearer_queue_join(bearer_client *net, bearer_transfer *t, const char *origin) {
  bearer_queue *lane = find(net, origin);
  if (lane == NULL)
    lane = make(net, origin);
  if (lane == NULL)
    return 0;
  t->lane = lane;
  lane->count++;
  net->in_lanes++;
  bearer_client_enlist(net, &lane->queued, t);
  return 1;
}

void bearer_queue_leave(bearer_client *net, bearer_transfer *t) {
  bearer_queue *lane = t->lane;
  if (lane == NULL)
    return;
  t->lane = NULL;
  net->in_lanes--;
  if (--lane->count > 0)
    return;
  *lane->link = lane->next;
  if (lane->next != NULL)
    lane->next->link = lane->link;
  free(lane);
}

/* The oldest, among those of origins that have less than three times the places that are
   left: one alone gets three quarters, a second one three quarters of the rest. */
bearer_transfer *bearer_queue_next(const bearer_client *net) {
  int left = net->most - net->under_way.count - net->given_up.count;
  bearer_transfer *oldest = NULL;
  for (const bearer_queue *lane = net->lanes; lane != NULL; lane = lane->next) {
    bearer_transfer *t = lane->queued.first;
    if (t != NULL && lane->count - lane->queued.count < 3 * left &&
        (oldest == NULL || t->id < oldest->id))
      oldest = t;
  }
  return oldest;
}

int bearer_queue_expired(const bearer_client *net, double instant,
                         bearer_transfer **found, int most) {
  int count = 0;
  for (const bearer_queue *lane = net->lanes; lane != NULL; lane = lane->next)
    for (bearer_transfer *t = lane->queued.first; t != NULL && count < most; t = t->next)
      if (instant >= t->deadline)
        found[count++] = t;
  return count;
}

int bearer_queue_waiting(const bearer_client *net) {
  return net->in_lanes - net->under_way.count - net->given_up.count;
}
