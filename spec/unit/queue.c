/*
 * Who gets its turn when there is not room for all.
 */
#include "http/queue.h"

#include "check.h"

#define MOST 300

static bearer_queue queue;
static bearer_node running;
static bearer_transfer transfers[3][MOST];
static unsigned long last_id;
static const char *urls[] = { "https://a.example:443/x?y", "https://b.example:443",
                              "http://b.example:80/z" };

static void open_queue(int most) {
  bearer_queue_init(&queue, most);
  bearer_list_init(&running);
  last_id = 0;
}

static void prepare(bearer_transfer *t, const char *url) {
  memset(t, 0, sizeof(*t));
  bearer_list_init(&t->place);
  bearer_list_init(&t->news);
  bearer_list_init(&t->owned);
  t->place.transfer = t->news.transfer = t->owned.transfer = t;
  t->id = ++last_id;
  bearer_buffer_text(&t->request.url, url);
}

static void add(int origin, int count) {
  int added = 1;
  for (int i = 0; i < count; i++) {
    prepare(&transfers[origin][i], urls[origin]);
    added &= bearer_queue_add(&queue, &transfers[origin][i]);
  }
  CHECK(added);
}

static void begin_one(bearer_transfer *t) {
  bearer_queue_begin(&queue, t);
  bearer_list_append(&running, &t->place);
}

/* As long as there is room. How many of an origin have a place then. */
static int begin_all(int origin) {
  bearer_transfer *t;
  int count = 0;
  while ((t = bearer_queue_next(&queue)) != NULL)
    begin_one(t);
  for (int i = 0; i < MOST; i++)
    count += transfers[origin][i].begun;
  return count;
}

static void close_queue(void) {
  for (int origin = 0; origin < 3; origin++)
    for (int i = 0; i < MOST; i++) {
      bearer_queue_leave(&queue, &transfers[origin][i]);
      bearer_request_clear(&transfers[origin][i].request);
      transfers[origin][i].begun = 0;
    }
  CHECK(queue.origins == NULL);
  CHECK(queue.waiting == 0 && queue.places == 0);
  CHECK(bearer_queue_any(&queue) == NULL);
}

static void one_host_never_gets_all(void) {
  open_queue(256);
  add(0, MOST);
  CHECK(begin_all(0) == 192);
  CHECK(queue.waiting == MOST - 192);
  add(1, MOST);
  CHECK(begin_all(1) == 48);
  add(2, MOST);
  CHECK(begin_all(2) == 12);
  CHECK(begin_all(0) == 192);
  close_queue();
}

static void few_descriptors_are_shared_as_well(void) {
  open_queue(8);
  add(0, MOST);
  CHECK(begin_all(0) == 6);
  add(1, MOST);
  CHECK(begin_all(1) > 0);
  close_queue();
}

static void begin(bearer_transfer *expected) {
  if (CHECK(bearer_queue_next(&queue) == expected) && expected != NULL)
    begin_one(expected);
}

static void the_oldest_goes_first(void) {
  open_queue(256);
  add(1, 2);
  add(0, 3);
  add(2, 1);
  begin(&transfers[1][0]);
  begin(&transfers[1][1]);
  for (int i = 0; i < 3; i++)
    begin(&transfers[0][i]);
  begin(&transfers[2][0]);
  begin(NULL);
  close_queue();
}

/* As each ends, another origin comes along. */
static void new_origins_do_not_get_ahead(void) {
  char url[40];
  open_queue(8);
  for (int i = 0; i < MOST; i++) {
    bearer_transfer *t = &transfers[0][i];
    snprintf(url, sizeof(url), "https://h%d.example/path", i);
    prepare(t, url);
    CHECK(bearer_queue_add(&queue, t));
    if (i < 20)
      continue;
    begin(&transfers[0][i - 20]);
    bearer_queue_leave(&queue, &transfers[0][i - 20]);
  }
  close_queue();
}

static void an_origin_ends_at_the_third_slash(void) {
  static const char *const same[] = { "https://h:1", "https://h:1/", "https://h:1?x",
                                      "https://h:1/a/b", "https://h:1#f" };
  static const char *const others[] = { "https://h:12", "http://h:1", "https://h" };
  open_queue(256);
  for (int i = 0; i < 5; i++) {
    prepare(&transfers[0][i], same[i]);
    CHECK(bearer_queue_add(&queue, &transfers[0][i]));
    CHECK(transfers[0][i].origin == transfers[0][0].origin);
  }
  for (int i = 0; i < 3; i++) {
    prepare(&transfers[1][i], others[i]);
    CHECK(bearer_queue_add(&queue, &transfers[1][i]));
    CHECK(transfers[1][i].origin->waiting.next == &transfers[1][i].place);
  }
  close_queue();
}

static void what_has_ended_makes_room(void) {
  open_queue(256);
  add(0, MOST);
  begin_all(0);
  CHECK(bearer_queue_next(&queue) == NULL);
  bearer_queue_leave(&queue, &transfers[0][7]);
  CHECK(transfers[0][7].origin == NULL && !transfers[0][7].begun);
  CHECK(bearer_queue_next(&queue) == &transfers[0][192]);
  CHECK(queue.waiting == MOST - 192);
  bearer_queue_leave(&queue, &transfers[0][7]); /* twice is fine */
  CHECK(queue.places == 191);
  close_queue();
}

static void what_waits_may_leave(void) {
  open_queue(256);
  add(0, 2);
  bearer_queue_leave(&queue, &transfers[0][0]);
  CHECK(queue.waiting == 1);
  CHECK(bearer_queue_next(&queue) == &transfers[0][1]);
  close_queue();
}

static void time_runs_out_while_waiting(void) {
  open_queue(256);
  add(0, 3);
  add(1, 2);
  for (int i = 0; i < 3; i++)
    transfers[0][i].deadline = transfers[1][i].deadline = 20;
  transfers[0][1].deadline = 10;
  CHECK(bearer_queue_expired(&queue, 9) == NULL);
  CHECK(bearer_queue_expired(&queue, 10) == &transfers[0][1]);
  bearer_queue_leave(&queue, &transfers[0][1]);
  CHECK(bearer_queue_expired(&queue, 19) == NULL);
  for (int i = 0; i < 4; i++) {
    bearer_transfer *t = bearer_queue_expired(&queue, 20);
    if (CHECK(t != NULL))
      bearer_queue_leave(&queue, t);
  }
  CHECK(bearer_queue_expired(&queue, 20) == NULL);
  close_queue();
}

int main(void) {
  one_host_never_gets_all();
  few_descriptors_are_shared_as_well();
  the_oldest_goes_first();
  new_origins_do_not_get_ahead();
  an_origin_ends_at_the_third_slash();
  what_has_ended_makes_room();
  what_waits_may_leave();
  time_runs_out_while_waiting();
  return check_result();
}
