/*
 * A pipe that can be read while there is news: what an event loop watches.
 */
#ifndef BEARER_BELL_H
#define BEARER_BELL_H

#pragma GCC visibility push(hidden)

int bearer_bell_open(int bell[2]); /* 0 when the system grants none; errno says why */
void bearer_bell_close(int bell[2]);

/* Each once, in turn. Without a bell they do nothing. */
void bearer_bell_ring(const int bell[2]);
void bearer_bell_silence(const int bell[2]);

#pragma GCC visibility pop

#endif
