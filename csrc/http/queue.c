/*
 * What waits its turn, by origin.
 */
#include "http/queue.h"

#include <stdlib.h>
#include <string.h>

void bearer_queue_init(bearer_queue *q, int most) {
  memset(q, 0, sizeof(*q));
  q->most = most;
}

/* ---- origins ----------------------------------------------------------------- */

/* The text up to the third slash is enough: two ways to write one host are two queues. */
static size_t origin_size(const char *url) {
  const char *authority = strstr(url, "://");
  authority = authority != NULL ? authority + 3 : url;
  return (size_t)(authority - url) + strcspn(authority, "/?#");
}

static bearer_origin *find(const bearer_queue *q, const char *name, size_t size) {
  bearer_origin *o = q->origins;
  while (o != NULL && (o->size != size || memcmp(o->name, name, size) != 0))
    o = o->next;
  return o;
}

static bearer_origin *make(bearer_queue *q, const char *name, size_t size) {
  bearer_origin *o = malloc(sizeof(*o) + size);
  if (o == NULL)
    return NULL;
  memcpy(o->name, name, size);
  o->size = size;
  o->places = 0;
  bearer_list_init(&o->waiting);
  o->next = q->origins;
  o->link = &q->origins;
  if (q->origins != NULL)
    q->origins->link = &o->next;
  q->origins = o;
  return o;
}

static void drop_if_unused(bearer_origin *o) {
  if (o->places > 0 || bearer_list_first(&o->waiting) != NULL)
    return;
  *o->link = o->next;
  if (o->next != NULL)
    o->next->link = o->link;
  free(o);
}

/* ---- in and out -------------------------------------------------------------- */

int bearer_queue_add(bearer_queue *q, bearer_transfer *t) {
  const char *url = bearer_buffer_string(&t->request.url);
  size_t size = origin_size(url);
  bearer_origin *o = find(q, url, size);
  if (o == NULL)
    o = make(q, url, size);
  if (o == NULL)
    return 0;
  t->origin = o;
  t->begun = 0;
  q->waiting++;
  bearer_list_append(&o->waiting, &t->place);
  return 1;
}

void bearer_queue_begin(bearer_queue *q, bearer_transfer *t) {
  bearer_list_remove(&t->place);
  t->begun = 1;
  t->origin->places++;
  q->waiting--;
  q->places++;
}

void bearer_queue_leave(bearer_queue *q, bearer_transfer *t) {
  bearer_origin *o = t->origin;
  if (o == NULL)
    return;
  bearer_list_remove(&t->place);
  t->origin = NULL;
  if (t->begun) {
    o->places--;
    q->places--;
  } else {
    q->waiting--;
  }
  t->begun = 0;
  drop_if_unused(o);
}

/* ---- whose turn it is -------------------------------------------------------- */

/* The oldest, among those of origins that have less than three times the places that are
   left: one alone gets three quarters, a second one three quarters of the rest. */
bearer_transfer *bearer_queue_next(const bearer_queue *q) {
  int left = q->most - q->places;
  bearer_transfer *oldest = NULL;
  for (const bearer_origin *o = q->origins; o != NULL; o = o->next) {
    bearer_transfer *t = bearer_list_first(&o->waiting);
    if (t != NULL && o->places < 3 * left && (oldest == NULL || t->id < oldest->id))
      oldest = t;
  }
  return oldest;
}

bearer_transfer *bearer_queue_expired(const bearer_queue *q, double instant) {
  for (const bearer_origin *o = q->origins; o != NULL; o = o->next)
    for (const bearer_node *n = o->waiting.next; n != &o->waiting; n = n->next)
      if (instant >= n->transfer->deadline)
        return n->transfer;
  return NULL;
}

bearer_transfer *bearer_queue_any(const bearer_queue *q) {
  for (const bearer_origin *o = q->origins; o != NULL; o = o->next)
    if (bearer_list_first(&o->waiting) != NULL)
      return bearer_list_first(&o->waiting);
  return NULL;
}
