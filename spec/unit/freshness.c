/*
 * When a token turns advisory, mandatory and expired.
 */
#include "base/freshness.h"

#include <float.h>
#include <math.h>

#include "check.h"

#define NO_LEEWAY -1

/* Seconds that are left when each state begins, for a request sent at 1000. */
static void windows(double lifetime, double leeway, double jitter, double advisory,
                    double mandatory, double expired) {
  bearer_freshness f;
  bearer_freshness_set(&f, 1000, lifetime, leeway, jitter);
  if (!CHECK(fabs(f.end - 1000 - lifetime) < 1e-6) ||
      !CHECK(fabs(f.end - f.advisory - advisory) < 1e-6) ||
      !CHECK(fabs(f.end - f.mandatory - mandatory) < 1e-6) ||
      !CHECK(fabs(f.end - f.expired - expired) < 1e-6))
    printf("  lifetime %g, leeway %g, jitter %g\n", lifetime, leeway, jitter);
}

static void windows_shrink_with_the_lifetime(void) {
  windows(86400, NO_LEEWAY, 0, 300, 60, 10);
  windows(3600, NO_LEEWAY, 0, 300, 60, 10);
  windows(600, NO_LEEWAY, 0, 300, 60, 10);
  windows(240, NO_LEEWAY, 0, 120, 60, 10);
  windows(200, NO_LEEWAY, 0, 100, 50, 10);
  windows(100, NO_LEEWAY, 0, 50, 25, 5);
  windows(20, NO_LEEWAY, 0, 10, 5, 1);
  windows(1, NO_LEEWAY, 0, 0.5, 0.25, 0.05);
}

static void a_fleet_spreads_out(void) {
  windows(3600, NO_LEEWAY, 0.5, 285, 60, 10);
  windows(3600, NO_LEEWAY, 1, 270, 60, 10);
  windows(100, NO_LEEWAY, 0.5, 47.5, 25, 5);
  windows(3600, NO_LEEWAY, 7, 270, 60, 10); /* out of range: never more than a tenth */
  windows(3600, NO_LEEWAY, -1, 300, 60, 10);
  windows(3600, NO_LEEWAY, NAN, 300, 60, 10);
}

static void a_leeway_replaces_the_mandatory_window(void) {
  windows(3600, 120, 0, 300, 120, 10);
  windows(3600, 0, 0, 300, 10, 10); /* never smaller than the expired window */
  windows(3600, 3, 0, 300, 10, 10);
  windows(3600, 400, 0, 400, 400, 10); /* the advisory one is never smaller than it */
  windows(3600, 290, 1, 290, 290, 10);
  windows(3600, 99999, 0, 1800, 1800, 10); /* at most half the lifetime */
  windows(3600, INFINITY, 0, 1800, 1800, 10);
  windows(20, 60, 1, 10, 10, 1);
  windows(3600, NAN, 0, 300, 60, 10);
}

static void ordered(double sent_at, double lifetime, double leeway, double jitter) {
  bearer_freshness f;
  bearer_freshness_set(&f, sent_at, lifetime, leeway, jitter);
  if (!CHECK(sent_at <= f.advisory && f.advisory <= f.mandatory &&
             f.mandatory <= f.expired && f.expired <= f.end))
    printf("  sent at %g, lifetime %g, leeway %g, jitter %g\n", sent_at, lifetime, leeway,
           jitter);
}

static void always_ordered(void) {
  static const double lifetimes[] = { DBL_MIN, 1e-9,  0.001, 1,   7,
                                      59,      301,   3600,  1e9, 1e300,
                                      DBL_MAX, 86400, 1199,  200, 19.99 };
  static const double leeways[] = { -1, 0, 1e-9, 5, 10, 60, 299, 300, 1800, 1e300 };
  size_t i, j;
  int tenths;
  for (i = 0; i < sizeof(lifetimes) / sizeof(*lifetimes); i++)
    for (j = 0; j < sizeof(leeways) / sizeof(*leeways); j++)
      for (tenths = 0; tenths < 10; tenths += 3) {
        ordered(0, lifetimes[i], leeways[j], tenths / 10.0);
        ordered(1e9, lifetimes[i], leeways[j], tenths / 10.0);
      }
}

static void states_follow_each_other(void) {
  bearer_freshness f;
  bearer_freshness_set(&f, 1000, 3600, NO_LEEWAY, 0);
  CHECK(bearer_freshness_at(&f, 1000) == BEARER_FRESH);
  CHECK(bearer_freshness_at(&f, 4299.999) == BEARER_FRESH);
  CHECK(bearer_freshness_at(&f, 4300) == BEARER_ADVISORY);
  CHECK(bearer_freshness_at(&f, 4539.999) == BEARER_ADVISORY);
  CHECK(bearer_freshness_at(&f, 4540) == BEARER_MANDATORY);
  CHECK(bearer_freshness_at(&f, 4589.999) == BEARER_MANDATORY);
  CHECK(bearer_freshness_at(&f, 4590) == BEARER_EXPIRED);
  CHECK(bearer_freshness_at(&f, 1e12) == BEARER_EXPIRED);
  CHECK(bearer_freshness_at(&f, NAN) == BEARER_EXPIRED);
  bearer_freshness_set(&f, 1000, 3600, 9999, 0); /* no advisory state at all */
  CHECK(bearer_freshness_at(&f, 2799.999) == BEARER_FRESH);
  CHECK(bearer_freshness_at(&f, 2800) == BEARER_MANDATORY);
}

static void an_unknown_lifetime_stays_fresh(void) {
  static const double unknown[] = { 0, -0.0, -1, NAN, INFINITY, -INFINITY };
  size_t i;
  for (i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
    bearer_freshness f;
    bearer_freshness_set(&f, 1000, unknown[i], 60, 0.5);
    CHECK(isinf(f.advisory) && isinf(f.mandatory) && isinf(f.expired) && isinf(f.end));
    CHECK(bearer_freshness_at(&f, 1000) == BEARER_FRESH);
    CHECK(bearer_freshness_at(&f, 1e300) == BEARER_FRESH);
  }
}

static void a_refresh_token_may_end_sooner(void) {
  bearer_freshness f;
  bearer_freshness_set(&f, 1000, 3600, NO_LEEWAY, 0);
  bearer_freshness_refresh(&f, 1000, 300, 0);
  CHECK(bearer_freshness_at(&f, 1149.9) == BEARER_FRESH);
  CHECK(bearer_freshness_at(&f, 1150) == BEARER_ADVISORY);
  CHECK(bearer_freshness_at(&f, 1240) == BEARER_MANDATORY);
  CHECK(bearer_freshness_at(&f, 1299.9) == BEARER_MANDATORY);
  CHECK(bearer_freshness_at(&f, 1300) == BEARER_FRESH); /* too late: that is no matter */
  CHECK(bearer_freshness_at(&f, 4300) == BEARER_ADVISORY);
  CHECK(bearer_freshness_until(&f, 1000) == 1150 &&
        bearer_freshness_until(&f, 1300) == 4300);
  bearer_freshness_refresh(&f, 1000, 4000, 0); /* the usual case: that is later */
  CHECK(bearer_freshness_until(&f, 1000) == 4300);
  CHECK(bearer_freshness_at(&f, 4590) == BEARER_EXPIRED);
  bearer_freshness_refresh(&f, 1000, 0, 0);
  CHECK(bearer_freshness_at(&f, 1299) == BEARER_FRESH);
  bearer_freshness_set(&f, 1000, 0, NO_LEEWAY, 0); /* of a token of unknown life, too */
  bearer_freshness_refresh(&f, 1000, 300, 0);
  CHECK(bearer_freshness_at(&f, 1150) == BEARER_ADVISORY);
  CHECK(bearer_freshness_at(&f, 1300) == BEARER_FRESH);
}

static void without_a_use_it_is_fresh_to_the_end(void) {
  bearer_freshness f;
  bearer_freshness_set(&f, 1000, 300, NO_LEEWAY, 0);
  bearer_freshness_to_the_end(&f);
  CHECK(bearer_freshness_at(&f, 1299.999) == BEARER_FRESH);
  CHECK(bearer_freshness_at(&f, 1300) == BEARER_EXPIRED);
}

static void zeroed_is_expired(void) {
  bearer_freshness f = { 0 };
  CHECK(BEARER_NONE == 0); /* a zeroed state: there is no token at all */
  CHECK(bearer_freshness_at(&f, 1) == BEARER_EXPIRED);
}

int main(void) {
  windows_shrink_with_the_lifetime();
  a_fleet_spreads_out();
  a_leeway_replaces_the_mandatory_window();
  always_ordered();
  states_follow_each_other();
  an_unknown_lifetime_stays_fresh();
  a_refresh_token_may_end_sooner();
  without_a_use_it_is_fresh_to_the_end();
  zeroed_is_expired();
  return check_result();
}
