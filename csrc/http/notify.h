/*
 * A pipe that can be read while there is news: what an event loop watches.
 */
#ifndef BEARER_NOTIFY_H
#define BEARER_NOTIFY_H

#pragma GCC visibility push(hidden)

int bearer_notify_open(int ends[2]); /* 0 when the system grants none; errno says why */
/* Safe to repeat. */
void bearer_notify_close(int ends[2]);

/* Each once, in turn. Without a pipe they do nothing. */
void bearer_notify_raise(const int ends[2]);
void bearer_notify_lower(const int ends[2]);

#pragma GCC visibility pop

#endif
