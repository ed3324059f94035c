/*
 * Dates that curl_getdate does not read.
 */
#include "base/date.h"

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
  if (take(r, "."))
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

static int take_day(reader *r, double *seconds) {
  int year, month, day;
  if (!take_number(r, 4, 0, 9999, &year) || !take(r, "-") ||
      !take_number(r, 2, 1, 12, &month) || !take(r, "-") ||
      !take_number(r, 2, 1, days_in(year, month), &day))
    return 0;
  *seconds = 86400.0 * (double)day_number(year, month, day);
  return 1;
}

static int take_time(reader *r, double *seconds) {
  int hour, minute, second;
  if (!take_number(r, 2, 0, 23, &hour) || !take(r, ":") ||
      !take_number(r, 2, 0, 59, &minute) || !take(r, ":") ||
      !take_number(r, 2, 0, 60, &second)) /* 60: a leap second */
    return 0;
  *seconds += hour * 3600 + minute * 60 + second + take_fraction(r);
  return 1;
}

/* "Z", "+HH:MM", "-HHMM", "+HH" or nothing. */
static int take_zone(reader *r, double *seconds) {
  int hour, minute = 0, sign;
  if (take(r, "Zz") || r->at == r->end)
    return 1;
  sign = take(r, "+") ? 1 : -1;
  if ((sign < 0 && !take(r, "-")) || !take_number(r, 2, 0, 23, &hour))
    return 0;
  if ((take(r, ":") || is_digit(r)) && !take_number(r, 2, 0, 59, &minute))
    return 0;
  *seconds -= sign * (hour * 3600 + minute * 60);
  return 1;
}

int bearer_date_iso_8601(const char *text, size_t size, double *unix_time) {
  reader r = { text, text + size };
  double seconds = 0;
  if (!take_day(&r, &seconds) || !take(&r, "Tt ") || !take_time(&r, &seconds))
    return 0;
  while (take(&r, " \t\n\v\f\r"))
    ;
  if (!take_zone(&r, &seconds) || r.at != r.end)
    return 0;
  *unix_time = seconds;
  return 1;
}
