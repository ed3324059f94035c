/*
 * How long a token lives.
 */
#include "base/lifetime.h"

#include <math.h>

#include "base/date.h"

#define LONGEST_LIFE (100 * 366 * 86400.0) /* seconds */
#define LONGEST_TEXT 40                    /* bytes: an instant with its zone fits, too */

/* ---- reading ----------------------------------------------------------------- */

static int is_space(char c) { /* isspace would ask the locale */
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The digits from at on; where they end. scale: what the last of them is worth. */
static const char *read_digits(const char *at, const char *end, double *value,
                               double *scale) {
  for (; at < end && *at >= '0' && *at <= '9'; at++) {
    *value = *value * 10 + (*at - '0');
    *scale *= 10;
  }
  return at;
}

/* "  -12.5 ": digits before the point, if any behind it; strtod would ask the locale. */
static int read_number(const char *at, const char *end, double *number) {
  double value = 0, scale = 1;
  const char *digits;
  int minus;
  while (at < end && is_space(*at))
    at++;
  while (end > at && is_space(end[-1]))
    end--;
  minus = at < end && *at == '-';
  digits = at + minus;
  at = read_digits(digits, end, &value, &scale);
  if (at == digits)
    return 0;
  scale = 1;
  if (at < end && *at == '.')
    at = read_digits(at + 1, end, &value, &scale);
  *number = (minus ? -value : value) / scale;
  return at == end;
}

int bearer_fact_number(const bearer_fact *f, double *number) {
  if (f->kind == BEARER_FACT_TEXT)
    return f->size <= LONGEST_TEXT && read_number(f->text, f->text + f->size, number);
  *number = f->number;
  return f->kind == BEARER_FACT_NUMBER && isfinite(f->number);
}

static int is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* h:mm:ss, as many hours as there are. */
static int read_clock(const bearer_fact *f, double *seconds) {
  double hours = 0, scale = 1;
  const char *at, *end;
  if (f->kind != BEARER_FACT_TEXT)
    return 0;
  end = f->text + f->size;
  at = read_digits(f->text, end, &hours, &scale);
  if (at == f->text || end - at != 6 || at[0] != ':' || at[3] != ':' ||
      !is_digit(at[1]) || !is_digit(at[2]) || !is_digit(at[4]) || !is_digit(at[5]))
    return 0;
  *seconds = hours * 3600 + ((at[1] - '0') * 10 + at[2] - '0') * 60 + (at[4] - '0') * 10 +
             at[5] - '0';
  return 1;
}

static int read_seconds(const bearer_fact *f, bearer_unit unit, double *seconds) {
  if (unit == BEARER_UNIT_CLOCK)
    return read_clock(f, seconds);
  if (!bearer_fact_number(f, seconds))
    return 0;
  if (unit == BEARER_UNIT_MS)
    *seconds *= 0.001;
  else if (unit == BEARER_UNIT_MIN)
    *seconds *= 60;
  return 1;
}

static int read_instant(const bearer_lifetime *l, double *unix_time) {
  const bearer_fact *f = &l->expires_at;
  if (bearer_fact_number(f, unix_time)) {
    if (l->unit == BEARER_UNIT_MS)
      *unix_time /= 1000;
    return 1;
  }
  if (f->kind != BEARER_FACT_TEXT || f->size > LONGEST_TEXT)
    return 0;
  return bearer_date_iso_8601(f->text, f->size, unix_time) ||
         (l->read_date != NULL && l->read_date(f->text, f->size, unix_time));
}

/* ---- the sources ------------------------------------------------------------- */

/* What the answer says; 0 seconds when that is nothing. 0 when it makes no sense. */
static int stated(const bearer_lifetime *l, double *seconds) {
  double life = 0, end;
  *seconds = 0;
  if (l->expires_in.kind != BEARER_FACT_NONE) {
    if (!read_seconds(&l->expires_in, l->unit, &life))
      return 0;
    if (life == 0) /* neither "for ever" nor "dead already" */
      return 1;
  } else if (l->expires_at.kind != BEARER_FACT_NONE) {
    if (!read_instant(l, &end))
      return 0;
    life = end - l->server_time;
  } else {
    return 1;
  }
  if (!(life > 0 && life <= LONGEST_LIFE)) /* NaN, too */
    return 0;
  *seconds = life;
  return 1;
}

/* What the JWT says of itself, or 0. */
static double of_jwt(const bearer_lifetime *l) {
  double end, begin;
  if (!bearer_fact_number(&l->exp, &end)) /* CRM.COM has texts here */
    return 0;
  if (!bearer_fact_number(&l->iat, &begin))
    begin = l->server_time;
  end -= begin;
  return end > 0 && end < LONGEST_LIFE ? end : 0;
}

int bearer_lifetime_of(const bearer_lifetime *l, double *seconds) {
  if (!stated(l, seconds))
    return 0;
  if (*seconds == 0)
    *seconds = of_jwt(l);
  if (*seconds == 0 && l->lifetime > 0 && isfinite(l->lifetime))
    *seconds = l->lifetime;
  return 1;
}
