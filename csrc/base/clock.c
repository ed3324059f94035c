/*
 * The two clocks.
 */
#include "base/clock.h"

#include <time.h>

static double seconds(clockid_t id) { /* -1 when this system has no such clock */
  struct timespec t;
  if (clock_gettime(id, &t) != 0)
    return -1;
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double bearer_clock_monotonic(const bearer_clock *c) {
  if (c->frozen)
    return c->monotonic;
#ifdef CLOCK_BOOTTIME
  {
    double now = seconds(CLOCK_BOOTTIME); /* a sandbox may refuse it */
    if (now >= 0)
      return now;
  }
#endif
  return seconds(CLOCK_MONOTONIC);
}

double bearer_clock_wall(const bearer_clock *c) {
  return c->frozen ? c->wall : seconds(CLOCK_REALTIME);
}
