/*
 * Who gets its turn when there is not room for all.
 */
#include "http/queue.h"

#include "check.h"

#define MOST 300

static bearer_client net;
static bearer_transfer transfers[3][MOST];
static const char *origins[] = { "https://a.example:443", "https://b.example:443",
                                 "http://b.example:80" };

static void open_net(int most) {
  memset(transfers, 0, sizeof(transfers));
  bearer_client_init(&net);
  net.most = most;
}

static void join(int lane, int count) {
  int joined = 1;
  for (int i = 0; i < count; i++) {
    transfers[lane][i].id = ++net.last_id;
    joined &= bearer_queue_join(&net, &transfers[lane][i], origins[lane]);
  }
  CHECK(joined);
}

/* As the mover does, as long as there is room. How many of a lane are under way then. */
static int begin_all(int lane) {
  bearer_transfer *t;
  int count = 0;
  while ((t = bearer_queue_next(&net)) != NULL)
    bearer_client_enlist(&net, &net.under_way, t);
  for (int i = 0; i < MOST; i++)
    count += transfers[lane][i].list == &net.under_way;
  return count;
}

static void close_net(void) {
  bearer_transfer *t;
  while ((t = bearer_client_unended(&net)) != NULL)
    bearer_client_unlist(&net, t);
  CHECK(net.lanes == NULL);
  CHECK(net.in_lanes == 0);
  bearer_client_close(&net);
}

static void one_host_never_gets_all(void) {
  open_net(256);
  join(0, MOST);
  CHECK(begin_all(0) == 192);
  CHECK(bearer_queue_waiting(&net) == MOST - 192);
  join(1, MOST);
  CHECK(begin_all(1) == 48);
  join(2, MOST);
  CHECK(begin_all(2) == 12);
  CHECK(begin_all(0) == 192);
  close_net();
}

static void few_descriptors_are_shared_as_well(void) {
  open_net(8);
  join(0, MOST);
  CHECK(begin_all(0) == 6);
  join(1, MOST);
  CHECK(begin_all(1) > 0);
  close_net();
}

static void begin(bearer_transfer *expected) {
  if (CHECK(bearer_queue_next(&net) == expected) && expected != NULL)
    bearer_client_enlist(&net, &net.under_way, expected);
}

static void the_oldest_goes_first(void) {
  open_net(256);
  join(1, 2);
  join(0, 3);
  join(2, 1);
  begin(&transfers[1][0]);
  begin(&transfers[1][1]);
  for (int i = 0; i < 3; i++)
    begin(&transfers[0][i]);
  begin(&transfers[2][0]);
  begin(NULL);
  close_net();
}

/* As each ends, another origin comes along. */
static void new_origins_do_not_get_ahead(void) {
  char origin[32];
  open_net(8);
  for (int i = 0; i < MOST; i++) {
    bearer_transfer *t = &transfers[0][i];
    t->id = ++net.last_id;
    snprintf(origin, sizeof(origin), "https://h%d.example", i);
    CHECK(bearer_queue_join(&net, t, origin));
    if (i < 20)
      continue;
    begin(&transfers[0][i - 20]);
    bearer_client_unlist(&net, &transfers[0][i - 20]);
  }
  close_net();
}

static void what_is_given_up_holds_its_place_until_it_is_dropped(void) {
  open_net(256);
  join(0, MOST);
  begin_all(0);
  bearer_client_enlist(&net, &net.given_up, &transfers[0][0]);
  CHECK(bearer_queue_next(&net) == NULL);
  bearer_client_unlist(&net, &transfers[0][0]);
  CHECK(bearer_queue_next(&net) == &transfers[0][192]);
  close_net();
}

static void what_has_ended_makes_room(void) {
  open_net(256);
  join(0, MOST);
  begin_all(0);
  bearer_client_enlist(&net, &net.ended, &transfers[0][7]);
  CHECK(transfers[0][7].lane == NULL);
  CHECK(bearer_queue_next(&net) == &transfers[0][192]);
  CHECK(bearer_queue_waiting(&net) == MOST - 192);
  close_net();
}

static void time_runs_out_while_waiting(void) {
  bearer_transfer *found[5];
  open_net(256);
  join(0, 3);
  join(1, 2);
  for (int i = 0; i < 3; i++)
    transfers[0][i].deadline = transfers[1][i].deadline = 20;
  transfers[0][1].deadline = 10;
  CHECK(bearer_queue_expired(&net, 9, found, 4) == 0);
  CHECK(bearer_queue_expired(&net, 10, found, 4) == 1);
  CHECK(found[0] == &transfers[0][1]);
  bearer_client_unlist(&net, &transfers[0][1]);
  CHECK(bearer_queue_expired(&net, 19, found, 4) == 0);
  CHECK(bearer_queue_expired(&net, 20, found, 3) == 3);
  CHECK(bearer_queue_expired(&net, 20, found, 5) == 4);
  close_net();
}

int main(void) {
  one_host_never_gets_all();
  few_descriptors_are_shared_as_well();
  the_oldest_goes_first();
  new_origins_do_not_get_ahead();
  what_is_given_up_holds_its_place_until_it_is_dropped();
  what_has_ended_makes_room();
  time_runs_out_while_waiting();
  return check_result();
}
