/*
 * What to do, when, and for how long.
 */
#include "base/policy.h"

#include <string.h>

/* Seconds. A hold without a time of the server's doubles from the first to the longest.
 */
#define TRANSIENT_FIRST   1.0
#define TRANSIENT_LONGEST 30.0
#define TERMINAL_FIRST    60.0
#define TERMINAL_LONGEST  900.0
#define ASKED_LEAST       1.0
#define ASKED_MOST        3600.0
#define LIFTED_AT_MOST    60.0
#define PAUSE_FIRST       0.25
#define PAUSE_LONGEST     8.0

/* ---- what a caller gets ------------------------------------------------------ */

static bearer_decision without_token(bearer_obstacle obstacle, bearer_outcome outcome) {
  if (outcome != BEARER_NOT_ASKED) /* after a success: it was dropped meanwhile */
    return BEARER_FAIL;
  switch (obstacle) {
  case BEARER_FREE:
    return BEARER_BEGIN;
  case BEARER_UNDER_WAY:
    return BEARER_WAIT;
  default:
    return BEARER_FAIL;
  }
}

static bearer_decision mandatory(bearer_obstacle obstacle, bearer_outcome outcome) {
  if (outcome != BEARER_NOT_ASKED) /* it failed, or brought a token of a short life */
    return BEARER_HAND_OUT;
  switch (obstacle) {
  case BEARER_FREE:
    return BEARER_BEGIN;
  case BEARER_UNDER_WAY:
    return BEARER_WAIT;
  default:
    return BEARER_HAND_OUT;
  }
}

bearer_decision bearer_policy_decide(bearer_state state, bearer_obstacle obstacle,
                                     bearer_outcome outcome) {
  switch (state) {
  case BEARER_FRESH:
    return BEARER_HAND_OUT;
  case BEARER_ADVISORY:
    return obstacle == BEARER_FREE ? BEARER_HAND_OUT_BEGIN : BEARER_HAND_OUT;
  case BEARER_MANDATORY:
    return mandatory(obstacle, outcome);
  default:
    return without_token(obstacle, outcome);
  }
}

/* ---- what an answer is ------------------------------------------------------- */

/* A status with which a wrong password is answered: by some servers with a friendly one.
 */
static int is_refusing(long status) {
  return status == 400 || status == 401 || status == 403 ||
         (status >= 200 && status <= 299);
}

bearer_class bearer_policy_class(long status, bearer_kind code, int has_retry_after) {
  if (code == BEARER_CODE_DENIED)
    return BEARER_TERMINAL;
  if (code == BEARER_CODE_THROTTLED || status == 429 || has_retry_after)
    return BEARER_THROTTLED;
  if (status >= 500 || status == 408 || status == 425)
    return BEARER_TRANSIENT;
  return BEARER_TERMINAL; /* also a wrong address, a redirect: again changes nothing */
}

/* ---- holds ------------------------------------------------------------------- */

/* The count-th value in a row (1, 2, …) of one that doubles. */
static double doubled(double first, int count, double longest) {
  double value = first;
  for (; count > 1 && value < longest; count--)
    value *= 2;
  return value < longest ? value : longest;
}

double bearer_policy_retry_after(double seconds) {
  if (seconds != seconds) /* NaN */
    return -1;
  if (seconds < ASKED_LEAST)
    return ASKED_LEAST;
  return seconds < ASKED_MOST ? seconds : ASKED_MOST;
}

/* A number of seconds, whole or broken, at *text, which moves on behind it; -1: none. */
static double read_seconds(const char **text) {
  const char *s = *text;
  double seconds = 0, unit = 1;
  if (*s < '0' || *s > '9')
    return -1;
  for (; *s >= '0' && *s <= '9'; s++)
    seconds = seconds * 10 + (*s - '0');
  if (*s == '.')
    for (s++; *s >= '0' && *s <= '9'; s++)
      seconds += (*s - '0') * (unit /= 10);
  *text = s;
  return seconds;
}

double bearer_policy_read_seconds(const char *text) {
  double longest = -1, seconds;
  for (;;) {
    text += strspn(text, " \t");
    if ((seconds = read_seconds(&text)) < 0)
      return -1;
    longest = seconds > longest ? seconds : longest;
    text += strspn(text, " \t");
    if (*text == '\0')
      return longest;
    if (*text++ != ',')
      return -1;
  }
}

/* A refusal that names a time is asked again after that time, once. From then on it is
   taken for what it may be, a wrong password. */
static double guard(int count, long status, bearer_kind code) {
  if (count <= 1 || !is_refusing(status) || code == BEARER_CODE_THROTTLED)
    return 0;
  return doubled(TERMINAL_FIRST, count - 1, TERMINAL_LONGEST);
}

double bearer_policy_hold(bearer_class class, int count, double retry_after, long status,
                          bearer_kind code) {
  double asked = retry_after >= 0 ? bearer_policy_retry_after(retry_after) : -1;
  double seconds = doubled(TRANSIENT_FIRST, count, TRANSIENT_LONGEST);
  double least;
  switch (class) {
  case BEARER_TRANSIENT:
    return seconds;
  case BEARER_THROTTLED:
    least = guard(count, status, code);
    seconds = asked >= 0 ? asked : seconds;
    return seconds > least ? seconds : least;
  case BEARER_TERMINAL:
    seconds = bearer_policy_refused_hold(count);
    return asked > seconds ? asked : seconds;
  default:
    return 0; /* what is closed asks nothing */
  }
}

int bearer_policy_may_lift(bearer_class class, double since) {
  return class == BEARER_TERMINAL && since >= LIFTED_AT_MOST;
}

double bearer_policy_refused_hold(int count) {
  return doubled(TERMINAL_FIRST, count, TERMINAL_LONGEST);
}

/* ---- trying again ------------------------------------------------------------ */

static int may_try_again(const bearer_attempt *a) {
  return a->class == BEARER_TRANSIENT && !a->is_considered && !(a->spends && a->sent) &&
         a->tries < a->retries && a->now < a->deadline;
}

bearer_next bearer_policy_after(const bearer_attempt *a) {
  if (a->class == BEARER_CLASS_CLOSED)
    return BEARER_END;
  if (a->is_refresh && a->class != BEARER_THROTTLED && !a->login_repeats)
    return BEARER_LOG_IN;
  /* Not when the time would be over before: then this error is the one to tell. */
  if (may_try_again(a) && a->now + a->pause < a->deadline)
    return BEARER_TRY_AGAIN;
  return BEARER_END;
}

double bearer_policy_pause(int tries, double random) {
  double most = tries > 0 ? doubled(2 * PAUSE_FIRST, tries, PAUSE_LONGEST) : PAUSE_FIRST;
  if (!(random > 0)) /* NaN, too */
    return 0;
  return most * (random < 1 ? random : 1);
}
