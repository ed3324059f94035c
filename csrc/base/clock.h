/*
 * The two clocks. Lifetimes are counted on one that nobody sets and that runs on through
 * suspend; what other processes or servers read is wall-clock time. Both can be frozen,
 * so that a test decides what time it is.
 */
#ifndef BEARER_CLOCK_H
#define BEARER_CLOCK_H

#include <time.h>

#pragma GCC visibility push(hidden)

typedef struct {
  int frozen; /* 0: the system's clocks, so a zeroed structure works */
  double monotonic;
  double wall;
} bearer_clock;

/* An instant of a clock that costs next to nothing to read, and moves every few ms. */
typedef struct {
  long long s;
  long ns;
} bearer_tick;

/* Is it still the tick that was last seen? Sets it; never true while the clock is frozen,
   where there is no such clock, or of a zeroed tick. In this header since every
   login:header() asks. */
static inline int bearer_clock_same_tick(const bearer_clock *c, bearer_tick *last) {
#ifdef CLOCK_MONOTONIC_COARSE
  struct timespec t;
  if (!c->frozen && clock_gettime(CLOCK_MONOTONIC_COARSE, &t) == 0) {
    if (t.tv_nsec == last->ns && t.tv_sec == last->s)
      return 1;
    last->s = t.tv_sec;
    last->ns = t.tv_nsec;
    return 0;
  }
#endif
  (void)c;
  last->s = 0;
  last->ns = 0;
  return 0;
}

/* Seconds since some fixed moment: CLOCK_BOOTTIME on Linux, elsewhere CLOCK_MONOTONIC. */
double bearer_clock_monotonic(const bearer_clock *c);

/* Unix time in seconds, with its fraction. */
double bearer_clock_wall(const bearer_clock *c);

#pragma GCC visibility pop

#endif
