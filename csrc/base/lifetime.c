/*
 * How long a token lives.
 */
#include "base/lifetime.h"

#include <math.h>
#include <string.h>

#define LONGEST_LIFE   (3653 * 86400.0) /* seconds: ten years */
#define LONGEST_TEXT   64               /* bytes: an instant with its zone fits, too */
#define LONGEST_NUMBER 40               /* bytes */

/* ---- numbers ----------------------------------------------------------------- */

static int is_space(char c) { /* isspace would ask the locale */
  return c == ' ' || (c >= '\t' && c <= '\r');
}

static int is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* The digits from at on; where they end. scale: what the last of them is worth. */
static const char *read_digits(const char *at, const char *end, double *value,
                               double *scale) {
  for (; at < end && is_digit(*at); at++) {
    *value = *value * 10 + (*at - '0');
    *scale *= 10;
  }
  return at;
}

/* "12.5": digits before the point, if any behind it; strtod would ask the locale. Where
   it ends; NULL when it does not begin. */
static const char *read_decimal(const char *at, const char *end, double *number) {
  double value = 0, scale = 1;
  const char *digits = at;
  at = read_digits(at, end, &value, &scale);
  if (at == digits)
    return NULL;
  scale = 1;
  if (at < end && *at == '.')
    at = read_digits(at + 1, end, &value, &scale);
  *number = value / scale;
  return at;
}

static void trim(const char **at, const char **end) {
  while (*at < *end && is_space(**at))
    ++*at;
  while (*end > *at && is_space((*end)[-1]))
    --*end;
}

static int read_number(const char *at, const char *end, double *number) {
  int minus;
  trim(&at, &end);
  minus = at < end && *at == '-';
  at = read_decimal(at + minus, end, number);
  if (minus && at != NULL)
    *number = -*number;
  return at == end;
}

int bearer_fact_number(const bearer_fact *f, double *number) {
  if (f->kind == BEARER_FACT_TEXT)
    return f->size <= LONGEST_NUMBER && read_number(f->text, f->text + f->size, number);
  *number = f->number;
  return f->kind == BEARER_FACT_NUMBER && isfinite(f->number);
}

/* ---- spans that name their units --------------------------------------------- */

/* h:mm:ss, as many hours as there are; .NET's d.hh:mm:ss; with decimals. */
static int read_clock(const char *at, const char *end, double *seconds) {
  double first = 0, hours = 0, rest, scale = 1;
  const char *digits = at;
  at = read_digits(at, end, &first, &scale);
  if (at == digits)
    return 0;
  hours = first;
  if (at < end && *at == '.') {
    digits = at + 1;
    hours = 0;
    at = read_digits(digits, end, &hours, &scale);
    if (at == digits)
      return 0;
    hours += first * 24;
  }
  if (end - at < 6 || at[0] != ':' || at[3] != ':' || !is_digit(at[1]) ||
      !is_digit(at[2]) || !is_digit(at[4]) || !is_digit(at[5]) ||
      read_decimal(at + 4, end, &rest) != end)
    return 0;
  *seconds = hours * 3600 + ((at[1] - '0') * 10 + at[2] - '0') * 60 + rest;
  return 1;
}

static int is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* What one of a unit is, in seconds; 0: it is none. */
static double unit_named(const char *name, size_t size) {
  static const struct {
    const char *names; /* each with a blank at its end */
    double seconds;
  } units[] = {
    { "ms msec msecs millisecond milliseconds ", 0.001 },
    { "s sec secs second seconds ", 1 },
    { "m min mins minute minutes ", 60 },
    { "h hr hrs hour hours ", 3600 },
    { "d day days ", 86400 },
    { "w week weeks ", 7 * 86400 },
  };
  char word[16];
  const char *at;
  if (size == 0 || size + 2 > sizeof(word))
    return 0;
  for (size_t i = 0; i < size; i++)
    word[i] = (char)(name[i] | 0x20);
  memcpy(word + size, " ", 2);
  for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++)
    for (at = units[u].names; (at = strstr(at, word)) != NULL; at++)
      if (at == units[u].names || at[-1] == ' ')
        return units[u].seconds;
  return 0;
}

/* "1h30m", "1 hour 30 minutes", "3600s". */
static int read_span(const char *at, const char *end, double *seconds) {
  double sum = 0, number;
  if (at == end)
    return 0;
  while (at < end) {
    const char *name;
    double unit;
    at = read_decimal(at, end, &number);
    if (at == NULL)
      return 0;
    while (at < end && is_space(*at))
      at++;
    for (name = at; at < end && is_letter(*at);)
      at++;
    unit = unit_named(name, (size_t)(at - name));
    if (unit == 0)
      return 0;
    sum += number * unit;
    while (at < end && (is_space(*at) || *at == ','))
      at++;
  }
  *seconds = sum;
  return 1;
}

/* ISO 8601's "PT1H30M", "P1D", "P2W": months and years have no length. */
static int read_period(const char *at, const char *end, double *seconds) {
  double sum = 0, number;
  int in_time = 0, any = 0;
  if (at == end || (*at | 0x20) != 'p')
    return 0;
  for (at++; at < end; at++) {
    if (!in_time && (*at | 0x20) == 't') {
      in_time = 1;
      continue;
    }
    at = read_decimal(at, end, &number);
    if (at == NULL || at == end || strchr(in_time ? "hmsHMS" : "dwDW", *at) == NULL)
      return 0;
    sum += number * unit_named(at, 1);
    any = 1;
  }
  *seconds = sum;
  return any;
}

/* ---- one fact ---------------------------------------------------------------- */

typedef struct {
  enum { NOTHING, SPAN, INSTANT } kind;
  double value; /* seconds, or Unix time */
  int has_zone; /* an INSTANT's */
} reading;

static reading nothing(void) {
  reading r = { NOTHING, 0, 0 };
  return r;
}

static reading instant(double unix_time, int has_zone) {
  reading r = { INSTANT, unix_time, has_zone };
  return r;
}

static reading span(double seconds) {
  reading r = { SPAN, seconds, 0 };
  return r;
}

static double unix_seconds(double n) { /* or ms: 10^11 s are the year 5138 */
  return n > 1e11 ? n / 1000 : n;
}

static int is_unix_time(double n) {
  return n >= 1e9 && n <= 1e11;
}

static reading units(const bearer_lifetime *l, double n) {
  static const double seconds[] = { 1, 0.001, 60, 3600, 86400, 0 };
  if (l->unit == BEARER_UNIT_MS ? is_unix_time(n / 1000)
                                : n >= 1e9 && is_unix_time(unix_seconds(n)))
    return instant(unix_seconds(n), 1);
  if (l->unit == BEARER_UNIT_CLOCK && n != 0)
    return nothing();
  return span(n * seconds[l->unit]);
}

static reading read_text(const bearer_lifetime *l, const bearer_fact *f) {
  const char *at = f->text, *end = f->text + f->size;
  bearer_date date;
  double seconds;
  if (f->size > LONGEST_TEXT)
    return nothing();
  trim(&at, &end);
  if (read_clock(at, end, &seconds) || read_span(at, end, &seconds) ||
      read_period(at, end, &seconds))
    return span(seconds);
  if (!bearer_date_read(f->text, f->size, &date) &&
      (l->read_date == NULL || !l->read_date(f->text, f->size, &date)))
    return nothing();
  if (!date.has_zone && l->has_zone)
    return instant(date.unix_time - l->zone, 1);
  return instant(date.unix_time, date.has_zone);
}

/* A number is a span of units or, where an instant is looked for, a Unix time. */
static reading read_fact(const bearer_lifetime *l, const bearer_fact *f, int is_span) {
  double n;
  if (bearer_fact_number(f, &n))
    return is_span ? units(l, n) : instant(unix_seconds(n), 1);
  return f->kind == BEARER_FACT_TEXT ? read_text(l, f) : nothing();
}

/* ---- the sources ------------------------------------------------------------- */

static int is_life(double seconds) { /* false for NaN */
  return seconds > 0 && seconds <= LONGEST_LIFE;
}

static double smaller(double a, double b) {
  return a < b ? a : b;
}

/* It was issued some time ago, and kept somewhere since. */
static double since_issue(const bearer_lifetime *l, const reading *issued, double life) {
  double left = issued->value + life - l->server_time;
  return issued->kind == INSTANT && issued->has_zone && left > 0 ? smaller(left, life)
                                                                 : life;
}

/* An end that is an instant; with the other one beside it, the server's zone is no
   matter. 0: it says nothing. */
static double until(const bearer_lifetime *l, const reading *end, const reading *issued,
                    bearer_life *life) {
  double left = end->value - l->server_time;
  double whole = end->value - issued->value;
  int is_pair =
      issued->kind == INSTANT && issued->has_zone == end->has_zone && is_life(whole);
  if (is_life(left))
    return is_pair && !end->has_zone ? whole : is_pair ? smaller(left, whole) : left;
  if (is_pair && !end->has_zone)
    return whole;
  if (end->has_zone && left <= 0 && left >= -LONGEST_LIFE) {
    life->is_dead = 1;
    life->is_over |= l->is_servers_time;
  }
  return 0;
}

/* What one of the answer's facts says, or 0. */
static double stated(const bearer_lifetime *l, const bearer_fact *f, int is_span,
                     const reading *issued, bearer_life *life) {
  reading r = read_fact(l, f, is_span);
  if (r.kind == INSTANT)
    return until(l, &r, issued, life);
  if (r.kind != SPAN)
    return 0;
  life->is_zero |= r.value == 0;
  return is_life(r.value) ? since_issue(l, issued, r.value) : 0;
}

static double of_answer(const bearer_lifetime *l, bearer_life *life) {
  reading issued = read_fact(l, &l->issued_at, 0);
  double seconds = 0;
  if (issued.kind != INSTANT && l->issued_at.kind != BEARER_FACT_NONE)
    life->odd |= BEARER_ODD_ISSUED_AT;
  if (l->expires_in.kind != BEARER_FACT_NONE) {
    seconds = stated(l, &l->expires_in, 1, &issued, life);
    life->odd |= seconds > 0 ? 0 : BEARER_ODD_EXPIRES_IN;
  }
  if (seconds == 0 && l->expires_at.kind != BEARER_FACT_NONE) {
    seconds = stated(l, &l->expires_at, 0, &issued, life);
    life->odd |= seconds > 0 ? 0 : BEARER_ODD_EXPIRES_AT;
  }
  return seconds;
}

/* How long a JWT was made for, or 0. */
static double of_jwt(const bearer_lifetime *l, double end) {
  double begin;
  if (bearer_fact_number(&l->iat, &begin) && is_life(end - unix_seconds(begin)))
    return end - unix_seconds(begin);
  return is_life(end - l->server_time) ? end - l->server_time : 0;
}

void bearer_lifetime_of(const bearer_lifetime *l, bearer_life *life) {
  double end = 0, left = 0;
  int is_jwt = bearer_fact_number(&l->exp, &end);
  memset(life, 0, sizeof(*life));
  life->seconds = of_answer(l, life);
  end = unix_seconds(end);
  left = is_jwt ? end - l->server_time : 0;
  if (left > 0)
    life->is_dead = 0;
  else if (is_jwt && l->is_servers_time && left >= -LONGEST_LIFE)
    life->is_dead = 1;
  if (life->seconds > 0 || left > 0) /* it lives, whatever else is said */
    life->is_over = life->is_zero = 0;
  else
    life->is_over |= life->is_dead && l->is_servers_time;
  if (life->seconds == 0 && is_jwt)
    life->seconds = of_jwt(l, end);
  if (life->seconds == 0 && l->lifetime > 0 && isfinite(l->lifetime))
    life->seconds = l->lifetime;
  if (left > 0 && life->seconds > 0)
    life->seconds = smaller(life->seconds, left);
}
