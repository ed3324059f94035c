/*
 * How long a token is good for.
 */
#include "base/freshness.h"

#include <math.h>

/* Each window: at most so many seconds, and at most this part of the lifetime. */
#define ADVISORY_MOST  300.0
#define ADVISORY_PART  2.0
#define MANDATORY_MOST 60.0
#define MANDATORY_PART 4.0
#define EXPIRED_MOST   10.0
#define EXPIRED_PART   20.0
#define LEEWAY_PART    2.0
#define SPREAD         0.1 /* of the advisory window, at random */

static double smaller(double a, double b) {
  return a < b ? a : b;
}

static double larger(double a, double b) {
  return a > b ? a : b;
}

static double mandatory_window(double lifetime, double leeway) {
  if (leeway >= 0) /* false for NaN */
    return smaller(leeway, lifetime / LEEWAY_PART);
  return smaller(MANDATORY_MOST, lifetime / MANDATORY_PART);
}

static double advisory_window(double lifetime, double jitter) {
  double window = smaller(ADVISORY_MOST, lifetime / ADVISORY_PART);
  if (jitter >= 0)
    window *= 1 - SPREAD * smaller(jitter, 1);
  return window;
}

void bearer_freshness_set(bearer_freshness *f, double sent_at, double lifetime,
                          double leeway, double jitter) {
  double expired, mandatory, advisory;
  f->refresh_advisory = f->refresh_mandatory = f->refresh_end = INFINITY;
  if (!(lifetime > 0) || isinf(lifetime)) {
    f->advisory = f->mandatory = f->expired = f->end = INFINITY;
    return;
  }
  /* A leeway may be larger than one neighbour or smaller than the other: keep order. */
  expired = smaller(EXPIRED_MOST, lifetime / EXPIRED_PART);
  mandatory = larger(mandatory_window(lifetime, leeway), expired);
  advisory = larger(advisory_window(lifetime, jitter), mandatory);
  f->end = sent_at + lifetime;
  f->expired = f->end - expired;
  f->mandatory = f->end - mandatory;
  f->advisory = f->end - advisory;
}

void bearer_freshness_refresh(bearer_freshness *f, double sent_at, double lifetime,
                              double jitter) {
  bearer_freshness own;
  bearer_freshness_set(&own, sent_at, lifetime, -1, jitter);
  f->refresh_advisory = own.advisory;
  f->refresh_mandatory = own.mandatory;
  f->refresh_end = own.end;
}

void bearer_freshness_to_the_end(bearer_freshness *f) {
  f->advisory = f->mandatory = f->expired = f->end;
}

double bearer_freshness_until(const bearer_freshness *f, double now) {
  return now < f->refresh_end ? smaller(f->advisory, f->refresh_advisory) : f->advisory;
}

bearer_state bearer_freshness_at(const bearer_freshness *f, double now) {
  int is_refreshable = now < f->refresh_end;
  if (!(now < f->expired)) /* so that a NaN hands nothing out */
    return BEARER_EXPIRED;
  if (now >= f->mandatory || (is_refreshable && now >= f->refresh_mandatory))
    return BEARER_MANDATORY;
  if (now >= f->advisory || (is_refreshable && now >= f->refresh_advisory))
    return BEARER_ADVISORY;
  return BEARER_FRESH;
}
