/*
 * The two clocks. Lifetimes are counted on one that nobody sets and that runs on through
 * suspend; what other processes or servers read is wall-clock time. Both can be frozen,
 * so that a test decides what time it is.
 */
#ifndef BEARER_CLOCK_H
#define BEARER_CLOCK_H

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
   where there is no such clock, or of a zeroed tick. */
int bearer_clock_same_tick(const bearer_clock *c, bearer_tick *last);

/* Seconds since some fixed moment: CLOCK_BOOTTIME on Linux, elsewhere CLOCK_MONOTONIC. */
double bearer_clock_monotonic(const bearer_clock *c);

/* Unix time in seconds, with its fraction. */
double bearer_clock_wall(const bearer_clock *c);

#pragma GCC visibility pop

#endif
