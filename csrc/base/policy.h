/*
 * What to do, given the state of a token, the hold a login is under and the outcome of a
 * renewal; how long a hold is; which class an answer is; what is tried again, and when.
 * All of it is arithmetic: no clock is read, nothing is sent, nothing is kept.
 */
#ifndef BEARER_POLICY_H
#define BEARER_POLICY_H

#include "base/codes.h"
#include "base/freshness.h"

#pragma GCC visibility push(hidden)

/* ---- what a caller gets ------------------------------------------------------- */

/* What stands between a caller and a new token. */
typedef enum {
  BEARER_FREE,      /* nothing: a renewal can be begun */
  BEARER_UNDER_WAY, /* a renewal is on */
  BEARER_HELD       /* too soon after a failure */
} bearer_obstacle;

/* What became of the renewal that this caller has waited for. */
typedef enum {
  BEARER_NOT_ASKED, /* it has waited for none yet */
  BEARER_SUCCEEDED, /* (and yet there may be no token now: it was dropped) */
  BEARER_FAILED
} bearer_outcome;

typedef enum {
  BEARER_HAND_OUT,       /* the token */
  BEARER_HAND_OUT_BEGIN, /* the token, and have a renewal begun in the background */
  BEARER_BEGIN,          /* begin a renewal and wait for it */
  BEARER_WAIT,           /* wait for the one that is on */
  BEARER_FAIL            /* the error of the hold, or of the renewal */
} bearer_decision;

/* The README's table, cell by cell. Total: any value of each. */
bearer_decision bearer_policy_decide(bearer_state state, bearer_obstacle obstacle,
                                     bearer_outcome outcome);

/* ---- what an answer is -------------------------------------------------------- */

typedef enum { BEARER_CODE_OTHER, BEARER_CODE_DENIED, BEARER_CODE_THROTTLED } bearer_kind;

/* The class of a refusal, by its status and what the definition says of its code. */
bearer_class bearer_policy_class(long status, bearer_kind code, int has_retry_after);

/* ---- holds -------------------------------------------------------------------- */

/* Seconds. count: how many holds of this class in a row, this one included (1, 2, …).
   retry_after: what the server asked for; < 0 = nothing. status and code: of the answer;
   a 400, 401, 403 or 2xx that names a time (and whose code is not one of `throttled`) is
   believed once, then it is held like a terminal one. */
double bearer_policy_hold(bearer_class class, int count, double retry_after, long status,
                          bearer_kind code);

/* Retry-After as the rules have it: within 1 s and 1 h. NaN gives -1: nothing. */
double bearer_policy_retry_after(double seconds);

/* The seconds in the text of a Retry-After, whole or broken; of several, as they come
   when headers are joined, the longest. -1: it is something else. */
double bearer_policy_read_seconds(const char *text);

/* May a secret that has changed lift a hold of this class, so many seconds after one has
   last done so? One that changes each time that it is asked for lifts it once a minute.
 */
int bearer_policy_may_lift(bearer_class class, double since);

/* Until when a token that was refused is not replaced by a login, after so many in a row
   that had just been bought were refused as well: seconds. */
double bearer_policy_refused_hold(int count);

/* ---- trying again ------------------------------------------------------------- */

/* What a renewal does after a failed attempt. */
typedef enum {
  BEARER_END,       /* with this error */
  BEARER_TRY_AGAIN, /* after a pause */
  BEARER_LOG_IN     /* at once, in place of the refresh that failed */
} bearer_next;

typedef struct {
  int is_refresh;
  bearer_class class;
  int is_considered; /* an answer came, however broken, which repeating would not change
                      */
  int spends;        /* what was sent may be spent by use */
  int sent;          /* it left for the server, or may have */
  int login_repeats; /* a login would send what this refresh has just sent, or be stopped
                        where it was */
  int tries, retries;
  double now, deadline;
  double pause; /* of bearer_policy_pause; one that outlasts the deadline is the end */
} bearer_attempt;

bearer_next bearer_policy_after(const bearer_attempt *a);

/* Seconds before the next try, full jitter: at most 0.25 s doubling to 8 s, times a
   random number in [0, 1). */
double bearer_policy_pause(int tries, double random);

#pragma GCC visibility pop

#endif
