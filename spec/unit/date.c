/*
 * Dates of ISO 8601, as providers write them.
 */
#include "base/date.h"

#include <math.h>

#include "check.h"

static void reads(const char *text, double want, int line) {
  double got = -1;
  check_that(bearer_date_iso_8601(text, strlen(text), &got), __FILE__, line, text);
  if (!check_that(fabs(got - want) < 1e-4, __FILE__, line, text))
    printf("  got %.6f, want %.6f\n", got, want);
}

static void refuses(const char *text, size_t size, int line) {
  double got = 17;
  check_that(!bearer_date_iso_8601(text, size, &got) && got == 17, __FILE__, line, text);
}

#define READS(text, want) reads(text, want, __LINE__)
#define REFUSES(text)     refuses(text, sizeof(text) - 1, __LINE__)

static void reads_what_providers_write(void) {
  READS("2026-11-27T12:07:31Z", 1795781251);
  READS("2026-11-27t12:07:31z", 1795781251);
  READS("2026-11-27 12:07:31", 1795781251); /* no zone: UTC */
  READS("2026-11-27T12:07:31", 1795781251);
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
  READS("2026-11-27 12:07:31 ", 1795781251);
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
  REFUSES("2026-11-27");
  REFUSES("2026-11-27T");
  REFUSES("2026-11-27T12:07");
  REFUSES("2026-11-27T12:07Z");
  REFUSES(" 2026-11-27T12:07:31Z");
  REFUSES("2026-11-27T12:07:31Z ");
  REFUSES("2026-11-27T12:07:31Z\0");
  REFUSES("2026-11-27T12:07:31ZZ");
  REFUSES("2026-11-27T12:07:31+");
  REFUSES("2026-11-27T12:07:31+2");
  REFUSES("2026-11-27T12:07:31+02:");
  REFUSES("2026-11-27T12:07:31+02:0");
  REFUSES("2026-11-27T12:07:31+020");
  REFUSES("2026-11-27T12:07:31+02000");
  REFUSES("2026-11-27T12:07:31,5Z");
  REFUSES("26-11-27T12:07:31Z");
  REFUSES("2026-1-27T12:07:31Z");
  REFUSES("+2026-11-27T12:07:31Z");
  REFUSES("20261127T120731Z");
  REFUSES("Fri, 27 Nov 2026 12:07:31 GMT");
}

static void never_reads_behind_the_end(void) {
  static const char text[] = "2026-11-27T12:07:31.5+02:00";
  double got;
  for (size_t size = 0; size < sizeof(text) - 1; size++) {
    int whole = size >= 19 && size != 22 && size != 23 && size != 25 && size != 26;
    CHECK(bearer_date_iso_8601(text, size, &got) == whole);
  }
}

int main(void) {
  reads_what_providers_write();
  reads_zones();
  knows_the_calendar();
  refuses_hours_that_there_are_not();
  refuses_what_is_no_such_date();
  never_reads_behind_the_end();
  return check_result();
}
