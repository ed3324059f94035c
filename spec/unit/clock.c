/*
 * The clocks run, and stop for tests.
 */
#include "base/clock.h"

#include <time.h>

#include "check.h"

static void system_clocks(void) {
  bearer_clock c = { 0 };
  double first = bearer_clock_monotonic(&c);
  double wall = bearer_clock_wall(&c);
  double library = (double)time(NULL);
  CHECK(first > 0);
  CHECK(bearer_clock_monotonic(&c) >= first);
  CHECK(wall > library - 5 && wall < library + 5);
}

static void has_fractions(void) {
  bearer_clock c = { 0 };
  double first = bearer_clock_monotonic(&c), next = first;
  int tries;
  for (tries = 0; tries < 1000000 && next == first; tries++)
    next = bearer_clock_monotonic(&c);
  CHECK(next > first && next - first < 1);
}

static void frozen(void) {
  bearer_clock c = { 1, 12.5, 1700000000.25 };
  CHECK(bearer_clock_monotonic(&c) == 12.5);
  CHECK(bearer_clock_wall(&c) == 1700000000.25);
  c.monotonic = 0;
  CHECK(bearer_clock_monotonic(&c) == 0);
  c.frozen = 0;
  CHECK(bearer_clock_monotonic(&c) > 0);
}

int main(void) {
  system_clocks();
  has_fractions();
  frozen();
  return check_result();
}
