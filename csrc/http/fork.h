/*
 * What happens when the process forks or exits, and what is done once in it.
 *
 * The order in which locks are taken:
 *   1. the lock of this file: one for the process
 *   2. a client's `turn`, then its `step` (multi.h): held by whoever moves its transfers
 *   3. a client's `mutex` (multi.h): over its lists, for a moment
 *   4. the mutex of trust.c: within a step, while the store is made
 * A fork takes 1, and then 2 and 3 of every client, so that the child finds nothing of
 * ours, and no lock of OpenSSL's or libcurl's, in the midst of a change. 3 and 4 are
 * never held together. Threads that read files (material.c) take 1 alone, to hand over
 * what they read. A thread is joined under 1 alone: it takes 2 to 4, never 1. Nothing of
 * the host's is called under any of them. url.c needs none: curl_url allocates, and does
 * no more.
 */
#ifndef BEARER_FORK_H
#define BEARER_FORK_H

#pragma GCC visibility push(hidden)

/* Once in a process, when the module is loaded: the handlers, what libcurl and OpenSSL
   take milliseconds for at their first use, and what of the environment is read in
   threads. 0 when libcurl cannot be used. */
int bearer_fork_init(void);

/* Around what is done in libcrypto and libcurl on a thread of the host's: a fork waits
   for it. Once the process exits, threads other than the one that exits wait in here for
   a second, in which the process should be gone. */
void bearer_fork_lock(void);
void bearer_fork_unlock(void);

/* How many forks lie between the process that loaded the module and this one. */
unsigned bearer_fork_count(void);

/* 1 once the process exits: then nothing may be begun. */
int bearer_fork_exits(void);

/* Who is told. All are called under the lock; prepare, parent and child may be NULL. */
typedef struct bearer_fork_entry {
  void (*prepare)(void *user); /* a fork comes: lock */
  void (*parent)(void *user);  /* unlock */
  void (*child)(void *user);   /* unlock, and give up what the parent has */
  void (*exit)(void *user);    /* the process exits */
  void *user;
  struct bearer_fork_entry *next, **link;
} bearer_fork_entry;

/* Both under the lock. */
void bearer_fork_enter(bearer_fork_entry *entry);
void bearer_fork_leave(bearer_fork_entry *entry); /* safe to repeat */

#pragma GCC visibility pop

#endif
