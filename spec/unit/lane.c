/*
 * Who gets its turn when there is not room for all.
 */
#include "../../csrc/lane.h"

#include "check.h"

#define MOST 300

static bearer_net net;
static bearer_transfer transfers[3][MOST];
static const char *origins[] = { "https://a.example:443", "https://b.example:443",
                                 "http://b.example:80" };

static void open_net(int most) {
  memset(transfers, 0, sizeof(transfers));
  bearer_net_init(&net);
  net.most = most;
}

static void join(int lane, int count) {
  int joined = 1;
  for (int i = 0; i < count; i++)
    joined &= bearer_lane_join(&net, &transfers[lane][i], origins[lane]);
  CHECK(joined);
}

/* As the mover does, as long as there is room. How many of a lane are under way then. */
static int begin_all(int lane) {
  bearer_transfer *t;
  int count = 0;
  while ((t = bearer_lane_next(&net)) != NULL)
    bearer_net_enlist(&net, &net.under_way, t);
  for (int i = 0; i < MOST; i++)
    count += transfers[lane][i].list == &net.under_way;
  return count;
}

static void close_net(void) {
  bearer_transfer *t;
  while ((t = bearer_net_unended(&net)) != NULL)
    bearer_net_unlist(&net, t);
  CHECK(net.lanes == NULL);
  CHECK(net.in_lanes == 0);
  bearer_net_close(&net);
}

static void one_host_never_gets_all(void) {
  open_net(256);
  join(0, MOST);
  CHECK(begin_all(0) == 192);
  CHECK(bearer_lane_waiting(&net) == MOST - 192);
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

static void whoever_has_least_goes_first(void) {
  open_net(256);
  join(0, 100);
  join(1, 2);
  for (int i = 0; i < 4; i++)
    bearer_net_enlist(&net, &net.under_way, bearer_lane_next(&net));
  CHECK(transfers[1][0].list == &net.under_way);
  CHECK(transfers[1][1].list == &net.under_way);
  CHECK(transfers[0][0].list == &net.under_way);
  CHECK(transfers[0][1].list == &net.under_way);
  CHECK(begin_all(0) == 100);
  close_net();
}

static void the_oldest_goes_first(void) {
  open_net(256);
  join(0, 3);
  for (int i = 0; i < 3; i++) {
    CHECK(bearer_lane_next(&net) == &transfers[0][i]);
    bearer_net_enlist(&net, &net.under_way, &transfers[0][i]);
  }
  CHECK(bearer_lane_next(&net) == NULL);
  close_net();
}

static void what_is_given_up_holds_its_place_until_it_is_dropped(void) {
  open_net(256);
  join(0, MOST);
  begin_all(0);
  bearer_net_enlist(&net, &net.given_up, &transfers[0][0]);
  CHECK(bearer_lane_next(&net) == NULL);
  bearer_net_unlist(&net, &transfers[0][0]);
  CHECK(bearer_lane_next(&net) == &transfers[0][192]);
  close_net();
}

static void what_has_ended_makes_room(void) {
  open_net(256);
  join(0, MOST);
  begin_all(0);
  bearer_net_enlist(&net, &net.ended, &transfers[0][7]);
  CHECK(transfers[0][7].lane == NULL);
  CHECK(bearer_lane_next(&net) == &transfers[0][192]);
  CHECK(bearer_lane_waiting(&net) == MOST - 192);
  close_net();
}

static void time_runs_out_while_waiting(void) {
  open_net(256);
  join(0, 3);
  join(1, 2);
  for (int i = 0; i < 3; i++)
    transfers[0][i].deadline = transfers[1][i].deadline = 20;
  transfers[0][1].deadline = 10;
  CHECK(bearer_lane_expired(&net, 9) == NULL);
  CHECK(bearer_lane_expired(&net, 10) == &transfers[0][1]);
  bearer_net_unlist(&net, &transfers[0][1]);
  CHECK(bearer_lane_expired(&net, 19) == NULL);
  CHECK(bearer_lane_expired(&net, 20) != NULL);
  close_net();
}

int main(void) {
  one_host_never_gets_all();
  few_descriptors_are_shared_as_well();
  whoever_has_least_goes_first();
  the_oldest_goes_first();
  what_is_given_up_holds_its_place_until_it_is_dropped();
  what_has_ended_makes_room();
  time_runs_out_while_waiting();
  return check_result();
}
