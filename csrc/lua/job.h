/*
 * Jobs: what is under way. A job is a renewal, or a call of an API; it is stepped in C,
 * and a step ends with a result or says what it needs: a transfer to end, an instant to
 * come, a function of the host's to be called, another job to end. loop.lua sees to that.
 * A job belongs to no coroutine: whoever polls steps it.
 *
 * What makes a job safe:
 * - A step runs below lua_pcall: whatever is raised in the midst of it, memory and debug
 *   hooks included, ends the job with an error instead of leaving it stuck.
 * - A step is not re-entered: what calls back from within it finds `is_stepping`.
 * - Whether it is to be stepped can be read off its fields at any time; Lua keeps no list
 *   of its own that an error could bring out of step.
 * - `wake` is never later than a second after `deadline`.
 */
#ifndef BEARER_JOB_H
#define BEARER_JOB_H

#include "base/codes.h"
#include "lua/class.h"
#include "lua/state.h"

#pragma GCC visibility push(hidden)

#define BEARER_JOB "bearer.job"

/* What a step says. */
typedef enum {
  BEARER_GO_ON, /* step again */
  BEARER_WAITS, /* for its transfer, or until `wake` */
  BEARER_NEEDS, /* what it has pushed: see bearer_job_step */
  BEARER_HAS_ENDED
} bearer_progress;

typedef struct {
  /* One step, as far as it goes without waiting. The job is at 1, what a function of the
     host's gave at 2 and above (ok, values…), when it was asked for one. What it needs is
     pushed, and counted in `needed`: see core.step. [-0, +n, e] */
  bearer_progress (*step)(lua_State *L, bearer_job *job);
  /* Keep what a function of the host's gave, at 2 and above, before anything that may
     want memory. NULL = it goes to the step alone. [-0, +0, -] */
  void (*keep)(lua_State *L, bearer_job *job);
  /* Put what its errors may not show into its variables. The job is at 1. [-0, +0, m] */
  void (*hide)(lua_State *L, bearer_job *job);
  /* End it: with what was raised in the midst of a step, or as closed. No Lua. */
  void (*fail)(bearer_job *job, bearer_code code, const char *text);
  /* Wipe and free what it owns. Safe to repeat; may not touch Lua. */
  void (*clear)(bearer_job *job);
} bearer_job_class;

struct bearer_job {
  const char *mark; /* borrowed: its address marks a job */
  const bearer_job_class *class;
  bearer_lua_state *state;
  bearer_job_list *list; /* the one it is in; NULL = none */
  bearer_job *next, **link;
  int anchor;                /* where the registry keeps it; 0 = nowhere */
  bearer_transfer *transfer; /* owned; NULL = none under way */
  double deadline;           /* monotonic: when it has to be over */
  double wake;               /* when to step it though nothing else has happened */
  unsigned int turn; /* counts calls of the host's functions: a late one is known */
  int needed;        /* how many values a step that NEEDS has pushed */
  unsigned char is_calling; /* such a call is on */
  unsigned char is_stepping;
  unsigned char is_failing;   /* run() is to find the words for it */
  unsigned char is_cancelled; /* while it was stepping: it ends after the step */
  unsigned char has_ended;
};

/* The most values that a function of the host's gives a step: did it return, and three.
 */
enum { BEARER_JOB_VALUES = 4 };

/* A new job of so many bytes, in no list yet, kept alive until its waiters are told. To
   make it may collect: finalizers may have done anything to its login. [-0, +1, m] */
bearer_job *bearer_job_new(lua_State *L, bearer_lua_state *state,
                           const bearer_job_class *class, size_t size, int slots);
/* It is filled in, and to be stepped. No Lua. */
void bearer_job_begin(bearer_job *job);
/* It is not wanted after all, and was not begun. [-0, +0, -] */
void bearer_job_drop(lua_State *L, bearer_job *job);
bearer_job *bearer_job_test(lua_State *L, int index, const bearer_job_class *class);

/* Where it waits from now on. No Lua. */
void bearer_job_wait(bearer_job *job, double wake);
/* It is over: its waiters are to be told. No Lua. */
void bearer_job_end(bearer_job *job);

/* Nobody wants it any more: it ends as closed, now or after the step it is in. No Lua. */
void bearer_job_cancel(bearer_job *job);

/* Push the job, which has been begun. [-0, +1, -] */
void bearer_job_push(lua_State *L, const bearer_job *job);

/* Puts its functions into the table on top. [-0, +0, m] */
void bearer_job_open(lua_State *L);

#pragma GCC visibility pop

#endif
