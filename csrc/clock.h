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

/* Seconds since some fixed moment: CLOCK_BOOTTIME on Linux, elsewhere CLOCK_MONOTONIC. */
double bearer_clock_monotonic(const bearer_clock *c);

/* Unix time in seconds, with its fraction. */
double bearer_clock_wall(const bearer_clock *c);

#pragma GCC visibility pop

#endif
