/*
 * How long a token is good for. A token is fresh, then advisory (renewed while callers
 * still get it), then mandatory (callers wait for the renewal), then expired. The windows
 * shrink with the lifetime, so that a token of a minute is not renewed all the time.
 */
#ifndef BEARER_FRESHNESS_H
#define BEARER_FRESHNESS_H

#pragma GCC visibility push(hidden)

typedef enum {
  BEARER_NONE, /* there is no token */
  BEARER_FRESH,
  BEARER_ADVISORY,
  BEARER_MANDATORY,
  BEARER_EXPIRED
} bearer_state;

/* The instants at which each state begins, on the monotonic clock, in this order; end is
   when the server gives the token up. All INFINITY when the lifetime is unknown. The
   refresh token may end sooner: what is to be renewed with it is advisory, and mandatory,
   before that, but when it is over that is no matter any more. */
typedef struct {
  double advisory;
  double mandatory;
  double expired;
  double end;
  double refresh_advisory, refresh_mandatory, refresh_end;
} bearer_freshness;

/* sent_at: when the request left. lifetime: seconds; unknown when <= 0, NaN or infinite.
   leeway: seconds in place of the mandatory window, at most half the lifetime; < 0 or NaN
   when none is given. jitter: uniform in [0, 1), starts the advisory window up to a tenth
   of it later, so that a fleet spreads out. */
void bearer_freshness_set(bearer_freshness *f, double sent_at, double lifetime,
                          double leeway, double jitter);

/* A refresh token that lives for so many seconds: unknown when <= 0, NaN or infinite. */
void bearer_freshness_refresh(bearer_freshness *f, double sent_at, double lifetime,
                              double jitter);

/* There is no use in a renewal before the end: it would bring the same token. */
void bearer_freshness_to_the_end(bearer_freshness *f);

/* Until when a token that is fresh now stays so. */
double bearer_freshness_until(const bearer_freshness *f, double now);

/* The state at an instant of the monotonic clock. */
bearer_state bearer_freshness_at(const bearer_freshness *f, double now);

#pragma GCC visibility pop

#endif
