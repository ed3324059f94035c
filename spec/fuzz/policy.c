/*
 * What to do, when, and for how long, on any facts at all. The input is those facts, one
 * after the other; what is missing is 0.
 */
#include "base/policy.h"

#include <math.h>

#include "fuzz.h"

static const uint8_t *rest;
static size_t left;

static void take(void *to, size_t size) {
  size_t some = size < left ? size : left;
  memset(to, 0, size);
  if (some > 0)
    memcpy(to, rest, some);
  rest += some;
  left -= some;
}

static int integer(void) {
  int value;
  take(&value, sizeof(value));
  return value;
}

static double number(void) {
  double value;
  take(&value, sizeof(value));
  return value;
}

static unsigned below(unsigned most) { /* mostly one that there is */
  uint8_t value;
  take(&value, 1);
  return value % most;
}

/* Nothing is begun beside another, or under a hold; who has waited asks for nothing more;
   no token is handed out that is none. */
static void decide(void) {
  bearer_state state = (bearer_state)below(8);
  bearer_obstacle obstacle = (bearer_obstacle)below(5);
  bearer_outcome outcome = (bearer_outcome)below(5);
  bearer_decision d = bearer_policy_decide(state, obstacle, outcome);
  int begins = d == BEARER_BEGIN || d == BEARER_HAND_OUT_BEGIN;
  int hands_out = d == BEARER_HAND_OUT || d == BEARER_HAND_OUT_BEGIN;
  int lives =
      state == BEARER_FRESH || state == BEARER_ADVISORY || state == BEARER_MANDATORY;
  HOLD(d == BEARER_WAIT || d == BEARER_FAIL || begins || hands_out);
  HOLD(!begins || obstacle == BEARER_FREE);
  HOLD(d != BEARER_WAIT || obstacle == BEARER_UNDER_WAY);
  HOLD(outcome == BEARER_NOT_ASKED || (d != BEARER_BEGIN && d != BEARER_WAIT));
  HOLD(hands_out <= lives && (d == BEARER_FAIL) <= !lives);
}

/* A hold has an end, what may be a wrong password is asked seldom, and one more failure
   never makes it shorter. */
static void holds(void) {
  long status = integer();
  bearer_kind code = (bearer_kind)below(3);
  bearer_class class = bearer_policy_class(status, code, (int)below(2));
  int count = (int)(integer() & 0xffff);
  double asked = number();
  double seconds = bearer_policy_hold(class, count, asked, status, code);
  HOLD(class == BEARER_TRANSIENT || class == BEARER_THROTTLED ||
       class == BEARER_TERMINAL);
  HOLD(code != BEARER_CODE_DENIED || class == BEARER_TERMINAL);
  HOLD(seconds >= 1 && seconds <= 3600);
  HOLD(class != BEARER_TERMINAL || seconds >= 60);
  HOLD(class != BEARER_TRANSIENT || seconds <= 30);
  HOLD(bearer_policy_hold(class, count + 1, asked, status, code) >= seconds);
  HOLD(bearer_policy_refused_hold(count) >= 60 &&
       bearer_policy_refused_hold(count) <= 900);
  asked = number();
  HOLD(!bearer_policy_may_lift(class, asked) ||
       (class == BEARER_TERMINAL && asked >= 60));
  asked = bearer_policy_retry_after(asked);
  HOLD(asked == -1 || (asked >= 1 && asked <= 3600));
}

/* Nothing that is spent by use is sent twice, and nothing is begun after its time. */
static void after(void) {
  bearer_attempt a;
  bearer_next next;
  take(&a, sizeof(a));
  a.class = (bearer_class)below(4);
  next = bearer_policy_after(&a);
  HOLD(next != BEARER_LOG_IN ||
       (a.is_refresh && !a.login_repeats && a.class != BEARER_THROTTLED &&
        a.class != BEARER_CLASS_CLOSED));
  HOLD(next != BEARER_TRY_AGAIN ||
       (a.class == BEARER_TRANSIENT && !a.is_considered && !(a.spends && a.sent) &&
        a.tries < a.retries && a.now + a.pause < a.deadline));
}

static void pauses(void) {
  double pause = bearer_policy_pause(integer(), number());
  HOLD(isfinite(pause) && pause >= 0 && pause <= 8);
}

/* Any text at all is a number of seconds, or none. */
static void retry_after(void) {
  char text[32] = { 0 };
  double seconds;
  take(text, sizeof(text) - 1);
  seconds = bearer_policy_read_seconds(text);
  HOLD(seconds >= 0 || seconds == -1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  rest = data;
  left = size;
  decide();
  holds();
  after();
  pauses();
  retry_after();
  return 0;
}
