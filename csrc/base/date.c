/*
 * Dates that curl_getdate does not read.
 */
#include "base/date.h"

#include <string.h>

/* What is left of a text while it is read from the front. */
typedef struct {
  const char *at, *end;
} reader;

static int is_digit(const reader *r) {
  return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

static int take(reader *r, const char *any_of) { /* 0: another character, or the end */
  for (; r->at < r->end && *any_of != '\0'; any_of++)
    if (*r->at == *any_of) {
      r->at++;
      return 1;
    }
  return 0;
}

/* Exactly so many digits, within bounds; 0 when there is no such number. */
static int take_number(reader *r, int digits, int least, int most, int *value) {
  *value = 0;
  for (; digits > 0; digits--) {
    if (!is_digit(r))
      return 0;
    *value = *value * 10 + (*r->at++ - '0');
  }
  return *value >= least && *value <= most;
}

static double take_fraction(reader *r) {
  double value = 0, part = 1;
  if (take(r, ".,"))
    while (is_digit(r)) {
      part /= 10;
      value += part * (*r->at++ - '0');
    }
  return value < 1 ? value : 0.999999; /* many nines are not yet the next second */
}

static int is_leap(int year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in(int year, int month) {
  static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
  return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days since 1970-01-01, by the Gregorian calendar; the year 0 is a leap year. */
static long day_number(int year, int month, int day) {
  long y = year, days = 365 * y + (y + 3) / 4 - (y + 99) / 100 + (y + 399) / 400;
  for (int m = 1; m < month; m++)
    days += days_in(year, m);
  return days + day - 1 - 719528; /* of which so many came before 1970 */
}

static void skip_blanks(reader *r) {
  while (take(r, " \t\n\v\f\r"))
    ;
}

/* With one of these between its parts, or with none at all. */
static int take_day(reader *r, double *seconds) {
  int year, month, day, parted;
  if (!take_number(r, 4, 0, 9999, &year))
    return 0;
  parted = r->at < r->end && (*r->at == '-' || *r->at == '/');
  if ((parted && !take(r, "-/")) || !take_number(r, 2, 1, 12, &month) ||
      (parted && !take(r, "-/")) || !take_number(r, 2, 1, days_in(year, month), &day))
    return 0;
  *seconds = 86400.0 * (double)day_number(year, month, day);
  return 1;
}

static int take_time(reader *r, double *seconds) {
  int hour, minute, second = 0, parted;
  if (!take_number(r, 2, 0, 23, &hour))
    return 0;
  parted = take(r, ":");
  if (!take_number(r, 2, 0, 59, &minute))
    return 0;
  if (parted ? take(r, ":") : is_digit(r))
    if (!take_number(r, 2, 0, 60, &second)) /* 60: a leap second */
      return 0;
  *seconds += hour * 3600 + minute * 60 + second + take_fraction(r);
  return 1;
}

static int take_word(reader *r, const char *word) { /* in any case */
  const char *at = r->at;
  for (; *word != '\0'; word++, at++)
    if (at >= r->end || (*at & ~0x20) != *word)
      return 0;
  r->at = at;
  return 1;
}

/* "Z", "UTC", "+HH:MM", "-HHMM", "+HH": seconds east of Greenwich. */
static int take_zone(reader *r, double *seconds) {
  int hour, minute = 0, sign;
  *seconds = 0;
  if (take_word(r, "UTC") || take_word(r, "GMT") || take_word(r, "Z"))
    return 1;
  sign = take(r, "+") ? 1 : -1;
  if ((sign < 0 && !take(r, "-")) || !take_number(r, 2, 0, 23, &hour))
    return 0;
  if ((take(r, ":") || is_digit(r)) && !take_number(r, 2, 0, 59, &minute))
    return 0;
  *seconds = sign * (hour * 3600 + minute * 60);
  return 1;
}

/* Java's "+01:00[Europe/Berlin]". */
static int take_region(reader *r) {
  if (!take(r, "["))
    return 1;
  while (r->at < r->end && *r->at != ']')
    r->at++;
  return take(r, "]");
}

static int take_time_and_zone(reader *r, bearer_date *d) {
  double east;
  if (!take(r, "Tt \t"))
    return 0;
  skip_blanks(r);
  if (!take_time(r, &d->unix_time))
    return 0;
  skip_blanks(r);
  if (r->at == r->end)
    return 1;
  if (!take_zone(r, &east) || !take_region(r))
    return 0;
  d->unix_time -= east;
  d->has_zone = 1;
  return 1;
}

/* "/Date(1795781251350+0200)/": an instant; the zone only says whose it was. */
static int take_net(reader *r, bearer_date *d) {
  double ms = 0, zone;
  int minus, digits = 0;
  if (!take(r, "/") || !take_word(r, "DATE") || !take(r, "("))
    return 0;
  minus = take(r, "-");
  for (; is_digit(r) && digits < 15; digits++)
    ms = ms * 10 + (*r->at++ - '0');
  if (digits == 0 || (r->at < r->end && *r->at != ')' && !take_zone(r, &zone)) ||
      !take(r, ")") || !take(r, "/"))
    return 0;
  d->unix_time = (minus ? -ms : ms) / 1000;
  d->has_zone = 1;
  return 1;
}

static reader trimmed(const char *text, size_t size) {
  reader r = { text, text + size };
  skip_blanks(&r);
  while (r.end > r.at && strchr(" \t\n\v\f\r", r.end[-1]) != NULL && r.end[-1] != '\0')
    r.end--;
  return r;
}

int bearer_date_read(const char *text, size_t size, bearer_date *date) {
  reader r = trimmed(text, size);
  bearer_date d = { 0, 0 };
  int ok =
      r.at < r.end && *r.at == '/'
          ? take_net(&r, &d)
          : take_day(&r, &d.unix_time) && (r.at == r.end || take_time_and_zone(&r, &d));
  if (!ok || r.at != r.end)
    return 0;
  *date = d;
  return 1;
}

int bearer_date_zone(const char *text, size_t size, double *seconds) {
  reader r = trimmed(text, size);
  double east;
  if (!take_zone(&r, &east) || r.at != r.end)
    return 0;
  *seconds = east;
  return 1;
}
