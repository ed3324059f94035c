/*
 * The README's tables, cell by cell: what callers get, what an answer is, how long a hold
 * is, and what is tried again.
 */
#include "base/policy.h"

#include <limits.h>
#include <math.h>

#include "check.h"

/* ---- what callers get -------------------------------------------------------- */

/* The columns of the table: what becomes of the renewal that a call begins or finds. */
typedef enum { SUCCESS, TRANSIENT, THROTTLED, TERMINAL, HELD, UNDER_WAY, COLUMNS } column;

static const char *const columns[COLUMNS] = { "success",  "transient", "throttled",
                                              "terminal", "held",      "under way" };

static const char *const states[] = { "none", "fresh", "advisory", "mandatory",
                                      "expired" };

/* In the order of bearer_state, in the words of the README. */
static const char *const cells[][COLUMNS] = {
  { "a new token", "an error", "an error", "an error", "the same error", "its outcome" },
  { "the token", "the token", "the token", "the token", "the token", "the token" },
  { "the token, then the new one", "the token", "the token", "the token", "the token",
    "the token" },
  { "a new token", "the token", "the token", "the token", "the token", "its outcome" },
  { "a new token", "an error", "an error", "an error", "the same error", "its outcome" },
};

/* The renewal has ended; a failure holds the login. */
static const char *after_the_renewal(bearer_state state, column c) {
  bearer_decision d =
      c == SUCCESS ? bearer_policy_decide(BEARER_FRESH, BEARER_FREE, BEARER_SUCCEEDED)
                   : bearer_policy_decide(state, BEARER_HELD, BEARER_FAILED);
  if (d == BEARER_HAND_OUT)
    return c == SUCCESS ? "a new token" : "the token";
  return d == BEARER_FAIL ? "an error" : "something else";
}

static const char *what_callers_get(bearer_state state, column c) {
  bearer_obstacle obstacle = c == HELD        ? BEARER_HELD
                             : c == UNDER_WAY ? BEARER_UNDER_WAY
                                              : BEARER_FREE;
  switch (bearer_policy_decide(state, obstacle, BEARER_NOT_ASKED)) {
  case BEARER_HAND_OUT:
    return "the token";
  case BEARER_HAND_OUT_BEGIN:
    return c == SUCCESS ? "the token, then the new one" : "the token";
  case BEARER_BEGIN:
    return after_the_renewal(state, c);
  case BEARER_WAIT:
    return c == UNDER_WAY ? "its outcome" : "something else";
  default:
    return c == HELD ? "the same error" : "something else";
  }
}

static void each_cell_of_the_table(void) {
  char name[64];
  for (int state = BEARER_NONE; state <= BEARER_EXPIRED; state++)
    for (int c = 0; c < COLUMNS; c++) {
      const char *got = what_callers_get((bearer_state)state, (column)c);
      snprintf(name, sizeof(name), "%s, %s: %s", states[state], columns[c], got);
      check_that(!strcmp(got, cells[state][c]), __FILE__, __LINE__, name);
    }
}

static bearer_decision decide(bearer_state state, bearer_obstacle obstacle,
                              bearer_outcome outcome) {
  return bearer_policy_decide(state, obstacle, outcome);
}

static void renewals_are_begun_by_those_who_may(void) {
  CHECK(decide(BEARER_NONE, BEARER_FREE, BEARER_NOT_ASKED) == BEARER_BEGIN);
  CHECK(decide(BEARER_FRESH, BEARER_FREE, BEARER_NOT_ASKED) == BEARER_HAND_OUT);
  CHECK(decide(BEARER_ADVISORY, BEARER_FREE, BEARER_NOT_ASKED) == BEARER_HAND_OUT_BEGIN);
  CHECK(decide(BEARER_ADVISORY, BEARER_HELD, BEARER_NOT_ASKED) == BEARER_HAND_OUT);
  CHECK(decide(BEARER_ADVISORY, BEARER_UNDER_WAY, BEARER_NOT_ASKED) == BEARER_HAND_OUT);
  CHECK(decide(BEARER_MANDATORY, BEARER_FREE, BEARER_NOT_ASKED) == BEARER_BEGIN);
  CHECK(decide(BEARER_EXPIRED, BEARER_FREE, BEARER_NOT_ASKED) == BEARER_BEGIN);
}

/* Whoever has waited once gets what there is: nobody waits for ever. */
static void nobody_waits_twice(void) {
  for (int obstacle = BEARER_FREE; obstacle <= BEARER_HELD; obstacle++)
    for (int outcome = BEARER_SUCCEEDED; outcome <= BEARER_FAILED; outcome++) {
      bearer_obstacle o = (bearer_obstacle)obstacle;
      bearer_outcome r = (bearer_outcome)outcome;
      CHECK(decide(BEARER_NONE, o, r) == BEARER_FAIL); /* it was dropped meanwhile */
      CHECK(decide(BEARER_EXPIRED, o, r) == BEARER_FAIL);
      CHECK(decide(BEARER_MANDATORY, o, r) == BEARER_HAND_OUT);
      CHECK(decide(BEARER_FRESH, o, r) == BEARER_HAND_OUT);
      CHECK(decide(BEARER_ADVISORY, o, r) <= BEARER_HAND_OUT_BEGIN);
    }
}

/* ---- what an answer is ------------------------------------------------------- */

static void is_class(const char *row, long status, bearer_kind code, int retry_after,
                     bearer_class want) {
  char name[80];
  snprintf(name, sizeof(name), "%s: status %ld, code %d, retry %d", row, status, code,
           retry_after);
  check_that(bearer_policy_class(status, code, retry_after) == want, __FILE__, __LINE__,
             name);
}

static void the_throttled_row(void) {
  is_class("throttled", 429, BEARER_CODE_OTHER, 0, BEARER_THROTTLED);
  is_class("throttled", 503, BEARER_CODE_OTHER, 1, BEARER_THROTTLED);
  is_class("throttled", 401, BEARER_CODE_OTHER, 1, BEARER_THROTTLED);
  is_class("throttled", 500, BEARER_CODE_OTHER, 1, BEARER_THROTTLED);
  is_class("throttled", 200, BEARER_CODE_OTHER, 1, BEARER_THROTTLED);
  is_class("throttled", 400, BEARER_CODE_THROTTLED, 0, BEARER_THROTTLED);
  is_class("throttled", 200, BEARER_CODE_THROTTLED, 0, BEARER_THROTTLED);
}

static void the_terminal_row(void) {
  static const long statuses[] = { 200, 204, 300, 301, 307, 400, 401,
                                   402, 403, 404, 405, 407, 422, 499 };
  for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
    is_class("terminal", statuses[i], BEARER_CODE_OTHER, 0, BEARER_TERMINAL);
  is_class("denied counts before all else", 429, BEARER_CODE_DENIED, 1, BEARER_TERMINAL);
  is_class("denied counts before all else", 503, BEARER_CODE_DENIED, 0, BEARER_TERMINAL);
  is_class("denied counts before all else", 500, BEARER_CODE_DENIED, 0, BEARER_TERMINAL);
}

static void the_transient_row(void) {
  static const long statuses[] = { 408, 425, 500, 501, 502, 503, 504, 507, 599 };
  for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
    is_class("transient", statuses[i], BEARER_CODE_OTHER, 0, BEARER_TRANSIENT);
}

/* ---- holds ------------------------------------------------------------------- */

static void held(const char *what, bearer_class class, int count, double retry_after,
                 long status, double want) {
  double got = bearer_policy_hold(class, count, retry_after, status, BEARER_CODE_OTHER);
  char name[96];
  snprintf(name, sizeof(name), "%s, the %d. time: %g s, want %g", what, count, got, want);
  check_that(got == want, __FILE__, __LINE__, name);
}

static void holds_double(void) {
  static const double transient[] = { 1, 2, 4, 8, 16, 30, 30, 30 };
  static const double terminal[] = { 60, 120, 240, 480, 900, 900, 900, 900 };
  for (int count = 1; count <= 8; count++) {
    held("transient", BEARER_TRANSIENT, count, -1, 500, transient[count - 1]);
    held("throttled", BEARER_THROTTLED, count, -1, 429, transient[count - 1]);
    held("terminal", BEARER_TERMINAL, count, -1, 401, terminal[count - 1]);
    CHECK(bearer_policy_refused_hold(count) == terminal[count - 1]);
  }
  held("transient", BEARER_TRANSIENT, INT_MAX, -1, 0, 30);
  held("terminal", BEARER_TERMINAL, INT_MAX, -1, 0, 900);
  held("transient", BEARER_TRANSIENT, 0, -1, 0, 1);
  held("terminal", BEARER_TERMINAL, INT_MIN, -1, 0, 60);
  held("closed", BEARER_CLASS_CLOSED, 3, 7, 0, 0);
  CHECK(bearer_policy_refused_hold(0) == 60);
  CHECK(bearer_policy_refused_hold(INT_MIN) == 60);
}

static void holds_last_as_long_as_the_server_asks(void) {
  held("throttled, told", BEARER_THROTTLED, 1, 17.5, 429, 17.5);
  held("throttled, told", BEARER_THROTTLED, 6, 2, 429, 2); /* less than it would be */
  held("throttled, told", BEARER_THROTTLED, 1, 0, 429, 1);
  held("throttled, told", BEARER_THROTTLED, 1, 1e9, 429, 3600);
  held("throttled, told", BEARER_THROTTLED, 1, NAN, 429, 1);
  held("terminal, told", BEARER_TERMINAL, 1, 17, 403, 60); /* never less */
  held("terminal, told", BEARER_TERMINAL, 1, 100, 403, 100);
  held("terminal, told", BEARER_TERMINAL, 9, 3600, 403, 3600);
  held("transient, told", BEARER_TRANSIENT, 1, 100, 500, 1);
}

static void a_refusal_that_names_a_time_is_believed_once(void) {
  static const long statuses[] = { 400, 401, 403, 200, 202 };
  static const double want[] = { 2, 60, 120, 240, 480, 900, 900 };
  for (int i = 0; i < 5; i++)
    for (int count = 1; count <= 7; count++) {
      held("throttled refusal", BEARER_THROTTLED, count, 2, statuses[i], want[count - 1]);
      CHECK(bearer_policy_hold(BEARER_THROTTLED, count, 2, statuses[i],
                               BEARER_CODE_THROTTLED) == 2);
    }
  held("throttled refusal", BEARER_THROTTLED, 3, 1000, 401, 1000);
  held("no refusal", BEARER_THROTTLED, 3, 2, 404, 2);
}

static void a_changed_secret_lifts_a_hold_once_a_minute(void) {
  CHECK(bearer_policy_may_lift(BEARER_TERMINAL, INFINITY)); /* it never has */
  CHECK(bearer_policy_may_lift(BEARER_TERMINAL, 60));
  CHECK(!bearer_policy_may_lift(BEARER_TERMINAL, 59.9));
  CHECK(!bearer_policy_may_lift(BEARER_TERMINAL, 0));
  CHECK(!bearer_policy_may_lift(BEARER_TERMINAL, -1));
  CHECK(!bearer_policy_may_lift(BEARER_TERMINAL, NAN));
  CHECK(!bearer_policy_may_lift(BEARER_TRANSIENT, INFINITY));
  CHECK(!bearer_policy_may_lift(BEARER_THROTTLED, INFINITY));
  CHECK(!bearer_policy_may_lift(BEARER_CLASS_CLOSED, INFINITY));
}

static void retry_after_has_its_limits(void) {
  CHECK(bearer_policy_retry_after(17.25) == 17.25);
  CHECK(bearer_policy_retry_after(0) == 1);
  CHECK(bearer_policy_retry_after(0.5) == 1);
  CHECK(bearer_policy_retry_after(-100) == 1); /* a date that is over */
  CHECK(bearer_policy_retry_after(3601) == 3600);
  CHECK(bearer_policy_retry_after(INFINITY) == 3600);
  CHECK(bearer_policy_retry_after(-INFINITY) == 1);
  CHECK(bearer_policy_retry_after(NAN) == -1);
}

static void reads(const char *text, double want) {
  check_that(bearer_policy_read_seconds(text) == want, __FILE__, __LINE__, text);
}

static void retry_after_is_read_in_whole_and_broken_seconds(void) {
  reads("7", 7);
  reads("0", 0);
  reads("2.5", 2.5);
  reads("2.", 2);
  reads("0.25", 0.25);
  reads(" 7 ", 7);
  reads("\t7", 7);
  reads("7, 7", 7); /* two headers, joined */
  reads("5 ,\t60,6", 60);
  CHECK(isinf(bearer_policy_read_seconds(
      "999999999999999999999999999999999999999999999999999999999999999999999999999999999"
      "999999999999999999999999999999999999999999999999999999999999999999999999999999999"
      "999999999999999999999999999999999999999999999999999999999999999999999999999999999"
      "999999999999999999999999999999999999999999999999999999999999999999999999999999999"
      "9.5")));
}

static void retry_after_that_is_something_else_is_left_to_others(void) {
  static const char *const texts[] = { "",
                                       " ",
                                       "-5",
                                       "+5",
                                       ".5",
                                       "1e3",
                                       "0x10",
                                       "nan",
                                       "inf",
                                       "soon",
                                       "7 s",
                                       "7 7",
                                       ",7",
                                       "7,",
                                       "7,,7",
                                       "2.5.1",
                                       "7, soon",
                                       "1,5s",
                                       "Tue, 14 Nov 2023 22:14:20 GMT" };
  for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
    reads(texts[i], -1);
}

/* ---- trying again ------------------------------------------------------------ */

/* A login whose first try met trouble on the way. */
static bearer_attempt trouble(void) {
  bearer_attempt a = { .class = BEARER_TRANSIENT,
                       .sent = 1,
                       .retries = 2,
                       .now = 100,
                       .deadline = 130,
                       .pause = 0.2 };
  return a;
}

static void after(const char *what, bearer_attempt a, bearer_next want) {
  check_that(bearer_policy_after(&a) == want, __FILE__, __LINE__, what);
}

static void logins_are_tried_again(void) {
  bearer_attempt a = trouble();
  after("trouble on the way", a, BEARER_TRY_AGAIN);
  a.tries = 1;
  after("the last try", a, BEARER_TRY_AGAIN);
  a.tries = 2;
  after("no tries left", a, BEARER_END);
  a = trouble();
  a.retries = 0;
  after("no retries at all", a, BEARER_END);
  a = trouble();
  a.is_considered = 1;
  after("an answer, however broken", a, BEARER_END);
  a = trouble();
  a.class = BEARER_TERMINAL;
  after("a refusal", a, BEARER_END);
  a.class = BEARER_THROTTLED;
  after("a server that asks to slow down", a, BEARER_END);
  a.class = BEARER_CLASS_CLOSED;
  after("a login that was closed", a, BEARER_END);
}

static void not_when_time_is_over(void) {
  bearer_attempt a = trouble();
  a.now = 129.7;
  after("just in time", a, BEARER_TRY_AGAIN);
  a.now = 129.9;
  after("the pause would outlast it", a, BEARER_END);
  a.pause = 0;
  after("no pause, in time", a, BEARER_TRY_AGAIN);
  a.now = 130;
  after("over", a, BEARER_END);
  a.now = NAN;
  after("no time at all", a, BEARER_END);
  a = trouble();
  a.pause = NAN;
  after("no pause at all", a, BEARER_END);
}

static void what_is_spent_by_use_is_sent_once(void) {
  bearer_attempt a = trouble();
  a.spends = 1;
  after("it may have been spent", a, BEARER_END);
  a.sent = 0;
  after("it never left", a, BEARER_TRY_AGAIN);
}

static void a_refresh_gives_way_to_a_login(void) {
  bearer_attempt a = trouble();
  a.is_refresh = a.spends = 1;
  after("a refresh, trouble", a, BEARER_LOG_IN);
  a.tries = a.retries;
  a.now = 200;
  after("a refresh, late", a, BEARER_LOG_IN);
  a.class = BEARER_TERMINAL;
  a.is_considered = 1;
  after("a refresh that is refused", a, BEARER_LOG_IN);
  a.class = BEARER_THROTTLED;
  after("a refresh, slow down", a, BEARER_END);
  a.class = BEARER_CLASS_CLOSED;
  after("a refresh of a closed login", a, BEARER_END);
  a = trouble();
  a.is_refresh = a.spends = a.login_repeats = 1;
  after("a login would send the same", a, BEARER_END);
  a.class = BEARER_TERMINAL;
  a.sent = 0;
  after("a proxy that stops the login as well", a, BEARER_END);
  a = trouble();
  a.is_refresh = a.spends = a.login_repeats = 1;
  a.login_repeats = a.sent = 0;
  after("a refresh that was not sent", a, BEARER_LOG_IN);
}

static void pauses_double_and_jitter(void) {
  static const double most[] = { 0.25, 0.5, 1, 2, 4, 8, 8, 8 };
  for (int tries = 0; tries < 8; tries++) {
    CHECK(bearer_policy_pause(tries, 0) == 0);
    CHECK(bearer_policy_pause(tries, 0.5) == most[tries] / 2);
    CHECK(bearer_policy_pause(tries, 1) == most[tries]);
  }
  CHECK(bearer_policy_pause(INT_MAX, 1) == 8 && bearer_policy_pause(INT_MIN, 1) == 0.25);
  CHECK(bearer_policy_pause(3, 7) == 2 && bearer_policy_pause(3, NAN) == 0);
  CHECK(bearer_policy_pause(3, -1) == 0);
}

int main(void) {
  each_cell_of_the_table();
  renewals_are_begun_by_those_who_may();
  nobody_waits_twice();
  the_throttled_row();
  the_terminal_row();
  the_transient_row();
  holds_double();
  holds_last_as_long_as_the_server_asks();
  a_refusal_that_names_a_time_is_believed_once();
  retry_after_has_its_limits();
  a_changed_secret_lifts_a_hold_once_a_minute();
  retry_after_is_read_in_whole_and_broken_seconds();
  retry_after_that_is_something_else_is_left_to_others();
  logins_are_tried_again();
  not_when_time_is_over();
  what_is_spent_by_use_is_sent_once();
  a_refresh_gives_way_to_a_login();
  pauses_double_and_jitter();
  return check_result();
}
