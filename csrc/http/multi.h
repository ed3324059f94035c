/*
 * The transfers of one client: those that wait, those under way, those that have ended.
 * The caller's side puts them in and takes them out; whoever makes the steps (step.h)
 * moves them from list to list.
 */
#ifndef BEARER_MULTI_H
#define BEARER_MULTI_H

#include <curl/curl.h>
#include <pthread.h>

#include "http/connections.h"
#include "http/queue.h"
#include "http/transfer.h"

#pragma GCC visibility push(hidden)

typedef struct bearer_multi {
  pthread_mutex_t mutex; /* over the following, and never for long */
  bearer_queue queue;
  bearer_node reading;  /* those whose files are being read; they have a place */
  bearer_node running;  /* those that libcurl has */
  bearer_node given_up; /* begun, but nobody waits for them: to be let go of */
  bearer_node ended;    /* those that nobody was told about yet */
  int open;             /* how many have not ended */
  int notify[2];        /* owned: a pipe that can be read while there are `ended`; -1 =
                           nobody has asked for it */
  pthread_cond_t news;  /* a caller waits for one to end */
  pthread_cond_t idle;  /* the thread waits for something to move */
  int is_idle;          /* it does */
  int is_led; /* and goes on doing so, while the caller makes the steps and waits itself
               */
  enum { BEARER_NO_THREAD, BEARER_HAS_THREAD, BEARER_THREAD_ENDED } thread;
  int stop;  /* the thread is to end */
  int waits; /* somebody waits, and is to be woken when there is news */
  bearer_connections
      *connections; /* owned; NULL before the first step. Changed within a step */

  /* Of whoever makes a step. Instants are those of bearer_transfer_now. */
  pthread_mutex_t turn;  /* who waits for `step`: a fork does not wait for two */
  pthread_mutex_t step;  /* held whenever it does more than wait */
  double look;           /* when to look after the deadlines of what is queued */
  long most_connections; /* as libcurl was told last */
  int quick_waits;       /* that ended at once, one after the other */
  int broken;            /* somebody has closed descriptors of its */
} bearer_multi;

void bearer_multi_init(bearer_multi *m, int most);
/* The pipe that a loop of the host's watches, if need be. 0 when the system grants none;
 * errno says why. */
int bearer_multi_open_pipe(bearer_multi *m);
/* Wait for one to end, no longer than so many milliseconds. For the caller's side. */
void bearer_multi_wait_for_news(bearer_multi *m, long ms);

/* Wait for something to move, when there is nothing, or while the caller sees to it. 0:
   there is something. For the thread. */
int bearer_multi_wait_idle(bearer_multi *m);

/* End a wait. From any thread, not under the mutex. */
void bearer_multi_wake(bearer_multi *m);

/* ---- under the mutex ---- */

/* Have it moved. 0 when memory ran out: then it is still to be failed. */
int bearer_multi_add(bearer_multi *m, bearer_transfer *t);
/* End one that has not begun. */
void bearer_multi_fail(bearer_multi *m, bearer_transfer *t, bearer_code code,
                       const char *reason);
/* End it for its caller, whatever the thread is at. */
void bearer_multi_time_out(bearer_multi *m, bearer_transfer *t);
/* It is out of libcurl's hands: out of the queue as well, and its caller told, or freed
   when its caller has closed it. */
void bearer_multi_let_go(bearer_multi *m, bearer_transfer *t);
/* Any that somebody still has to let go of; NULL when there is none. */
bearer_transfer *bearer_multi_any(const bearer_multi *m);
/* Nobody needs to be told of it any more. */
void bearer_multi_told(bearer_multi *m, bearer_transfer *t);
/* Its owner does not want it any more. 1 when the owner is to free it; 0 when whoever
   moves it does, who is then to be woken. */
int bearer_multi_drop(bearer_multi *m, bearer_transfer *t);

/* End all that has not ended, and leave what is libcurl's alone: in a child of fork,
   where our descriptors are closed, or when the process exits. Under bearer_fork_lock as
   well. */
void bearer_multi_abandon(bearer_multi *m, bearer_code code, const char *reason,
                          int in_child);

#pragma GCC visibility pop

#endif
