/*
 * Dates of ISO 8601 and its relatives, as providers write them.
 */
#include "base/date.h"

#include <math.h>
#include <stdlib.h>

#include "check.h"

static void reads(const char *text, double want, int has_zone, int line) {
  bearer_date got = { -1, -1 };
  check_that(bearer_date_read(text, strlen(text), &got), __FILE__, line, text);
  check_that(got.has_zone == has_zone, __FILE__, line, "has_zone");
  if (!check_that(fabs(got.unix_time - want) < 1e-4, __FILE__, line, text))
    printf("  got %.6f, want %.6f\n", got.unix_time, want);
}

static void refuses(const char *text, size_t size, int line) {
  bearer_date got = { 17, 18 };
  check_that(!bearer_date_read(text, size, &got) && got.unix_time == 17 &&
                 got.has_zone == 18,
             __FILE__, line, text);
}

#define READS(text, want)          reads(text, want, 1, __LINE__)
#define READS_ZONELESS(text, want) reads(text, want, 0, __LINE__)
#define REFUSES(text)              refuses(text, sizeof(text) - 1, __LINE__)

static void reads_what_providers_write(void) {
  READS("2026-11-27T12:07:31Z", 1795781251);
  READS("2026-11-27t12:07:31z", 1795781251);
  READS_ZONELESS("2026-11-27 12:07:31", 1795781251); /* as if it were UTC */
  READS_ZONELESS("2026-11-27T12:07:31", 1795781251);
  READS_ZONELESS("2026-11-27T12:07:31.25", 1795781251.25);
  READS("2026-11-27T12:07:31.5Z", 1795781251.5);
  READS("2026-11-27T12:07:31.1234567Z", 1795781251.1234567);
  READS("2026-11-27T12:07:31.Z", 1795781251);
  READS("2026-11-27T12:07:31.999999999999999999999999999Z", 1795781252);
}

static void reads_zones(void) {
  READS("2026-11-27T12:07:31+00:00", 1795781251);
  READS("2026-11-27T12:07:31-03:00", 1795781251 + 3 * 3600);
  READS("2026-11-27T12:07:31+0530", 1795781251 - 5 * 3600 - 1800);
  READS("2026-11-27T12:07:31-0330", 1795781251 + 3 * 3600 + 1800);
  READS("2026-11-27T12:07:31+02", 1795781251 - 7200);
  READS("2026-11-27 12:07:31 -03:00", 1795781251 + 3 * 3600);
  READS("2026-11-27 12:07:31.25 \t Z", 1795781251.25);
  READS_ZONELESS("2026-11-27 12:07:31 ", 1795781251);
  READS("2026-11-27 12:07:31 UTC", 1795781251);
  READS("2026-11-27 12:07:31GMT", 1795781251);
  READS("2026-11-27 12:07:31 utc", 1795781251);
  READS("2026-11-27T13:07:31+01:00[Europe/Berlin]", 1795781251);
}

static void reads_the_relatives_of_iso_8601(void) {
  READS_ZONELESS("2026-11-27", 1795737600);
  READS_ZONELESS("2026-11-27T12:07", 1795781220);
  READS("2026-11-27T12:07Z", 1795781220);
  READS("2026-11-27T12:07+01:00", 1795777620);
  READS("20261127T120731Z", 1795781251);
  READS_ZONELESS("20261127 1207", 1795781220);
  READS_ZONELESS("2026/11/27 12:07:31", 1795781251);
  READS("2026-11-27T12:07:31,5Z", 1795781251.5);
  READS("\n 2026-11-27T12:07:31Z\r\n", 1795781251);
  READS_ZONELESS("2026-11-27   12:07:31", 1795781251);
}

static void reads_dates_of_net(void) {
  READS("/Date(1795781251350)/", 1795781251.35);
  READS("/Date(1795781251350-0300)/", 1795781251.35);
  READS(" /date(0)/ ", 0);
  READS("/Date(-62135596800000)/", -62135596800.0);
  REFUSES("/Date()/");
  REFUSES("/Date(-)/");
  REFUSES("/Date(17957812513501)");
  REFUSES("/Date(1795781251350)/x");
  REFUSES("/Date(1795781251350+)/");
  REFUSES("/Date(12345678901234567890)/");
  REFUSES("/");
}

static void reads_zones_alone(void) {
  static const struct {
    const char *text;
    double seconds;
  } zones[] = { { "+00:00", 0 },   { "-03:00", -10800 }, { "+0530", 19800 },
                { "-04", -14400 }, { "Z", 0 },           { " UTC ", 0 },
                { "gmt", 0 } };
  static const char *const none[] = { "",      "3",   "+3",      "-03:0", "+24:00",
                                      "03:00", "CET", "+03:00x", "UTC+3", "+-3" };
  double got;
  for (size_t i = 0; i < sizeof(zones) / sizeof(*zones); i++)
    CHECK(bearer_date_zone(zones[i].text, strlen(zones[i].text), &got) &&
          fabs(got - zones[i].seconds) < 1e-9);
  for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
    check_that(!bearer_date_zone(none[i], strlen(none[i]), &got), __FILE__, __LINE__,
               none[i]);
}

static void knows_the_calendar(void) {
  READS("1970-01-01T00:00:00Z", 0);
  READS("1969-12-31T23:59:59Z", -1);
  READS("2000-02-29T00:00:00Z", 951782400);
  READS("2000-03-01T00:00:00Z", 951868800);
  READS("2024-12-31T23:59:60Z", 1735689600); /* a leap second */
  READS("2038-01-19T03:14:08Z", 2147483648.0);
  READS("9999-12-31T23:59:59Z", 253402300799.0);
  READS("0001-01-01T00:00:00Z", -62135596800.0);
  READS("0000-01-01T00:00:00Z", -62167219200.0);
  READS("0000-03-01T00:00:00Z", -62162035200.0);
  READS("1900-03-01T00:00:00Z", -2203891200.0);
  REFUSES("1900-02-29T00:00:00Z");
  REFUSES("2023-02-29T00:00:00Z");
  REFUSES("2026-04-31T00:00:00Z");
  REFUSES("2026-13-01T00:00:00Z");
  REFUSES("2026-00-01T00:00:00Z");
  REFUSES("2026-01-00T00:00:00Z");
  REFUSES("2026-01-32T00:00:00Z");
}

static void refuses_hours_that_there_are_not(void) {
  REFUSES("2026-11-27T24:00:00Z");
  REFUSES("2026-11-27T12:60:00Z");
  REFUSES("2026-11-27T12:00:61Z");
  REFUSES("2026-11-27T12:00:00+24:00");
  REFUSES("2026-11-27T12:00:00+02:60");
}

static void refuses_what_is_no_such_date(void) {
  REFUSES("");
  REFUSES("2026-11-27T");
  REFUSES("2026-11-27T12:07:31Z\0");
  REFUSES("2026-11-27T12:07:31ZZ");
  REFUSES("2026-11-27T12");
  REFUSES("2026-11-27T12:");
  REFUSES("2026-11-27T12:07:");
  REFUSES("2026-11-27T12:07:31+01:00[Europe/Berlin");
  REFUSES("2026-11-27T12:07:31 CET");
  REFUSES("2026-1127");
  REFUSES("27/11/2026 12:07:31");
  REFUSES("2026-11-27T12:07:31+");
  REFUSES("2026-11-27T12:07:31+2");
  REFUSES("2026-11-27T12:07:31+02:");
  REFUSES("2026-11-27T12:07:31+02:0");
  REFUSES("2026-11-27T12:07:31+020");
  REFUSES("2026-11-27T12:07:31+02000");
  REFUSES("26-11-27T12:07:31Z");
  REFUSES("2026-1-27T12:07:31Z");
  REFUSES("+2026-11-27T12:07:31Z");
  REFUSES("Fri, 27 Nov 2026 12:07:31 GMT");
}

static void never_reads_behind_the_end(void) {
  static const char text[] = "2026-11-27T12:07:31.5+02:00";
  static const char whole[] = "0000000000100000100111001001"; /* by how much there is */
  bearer_date got;
  for (size_t size = 0; size < sizeof(text); size++) {
    char *copy = malloc(size + 1); /* ASan looks on */
    memcpy(copy, text, size);
    CHECK(bearer_date_read(copy, size, &got) == (whole[size] == '1'));
    free(copy);
  }
}

int main(void) {
  reads_what_providers_write();
  reads_zones();
  reads_the_relatives_of_iso_8601();
  reads_dates_of_net();
  reads_zones_alone();
  knows_the_calendar();
  refuses_hours_that_there_are_not();
  refuses_what_is_no_such_date();
  never_reads_behind_the_end();
  return check_result();
}
