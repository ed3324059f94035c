/*
 * How long a token lives, by what stands in an answer.
 */
#include "base/lifetime.h"

#include <float.h>
#include <math.h>

#include "check.h"

#define NOW  1795781251.0 /* 2026-11-27T12:07:31Z, by the server's clock */
#define YEAR (366 * 86400.0)

static bearer_fact number(double n) {
  bearer_fact f = { .kind = BEARER_FACT_NUMBER, .number = n };
  return f;
}

static bearer_fact text(const char *t) {
  bearer_fact f = { .kind = BEARER_FACT_TEXT, .text = t, .size = strlen(t) };
  return f;
}

static bearer_fact odd(void) { /* a boolean, a list */
  bearer_fact f = { .kind = BEARER_FACT_ODD };
  return f;
}

static void lives(const bearer_lifetime *l, double want, int line) {
  double got = -1;
  check_that(bearer_lifetime_of(l, &got), __FILE__, line, "makes no sense");
  if (!check_that(fabs(got - want) < 1e-6, __FILE__, line, "another life"))
    printf("  got %.9g, want %.9g\n", got, want);
}

static void makes_no_sense(const bearer_lifetime *l, int line) {
  double got = -1;
  if (!check_that(!bearer_lifetime_of(l, &got), __FILE__, line, "makes sense"))
    printf("  got %.9g\n", got);
}

#define LIVES(want, ...)                                                                 \
  do {                                                                                   \
    bearer_lifetime l = { .server_time = NOW, __VA_ARGS__ };                             \
    lives(&l, want, __LINE__);                                                           \
  } while (0)

#define MAKES_NO_SENSE(...)                                                              \
  do {                                                                                   \
    bearer_lifetime l = { .server_time = NOW, __VA_ARGS__ };                             \
    makes_no_sense(&l, __LINE__);                                                        \
  } while (0)

/* ---- numbers ----------------------------------------------------------------- */

static void is_number(const char *t, double want) {
  bearer_fact f = text(t);
  double got = -1;
  check_that(bearer_fact_number(&f, &got) && fabs(got - want) <= 1e-14 * fabs(want),
             __FILE__, __LINE__, t);
}

static void is_none(const char *t, size_t size) {
  bearer_fact f = { .kind = BEARER_FACT_TEXT, .text = t, .size = size };
  double got;
  check_that(!bearer_fact_number(&f, &got), __FILE__, __LINE__, t);
}

static void numbers_may_be_texts(void) {
  static const char *const none[] = { "",     " ",   "-",   ".5",    "+5",   "1e3",
                                      "0x10", "5 s", "1,5", "1.2.3", "5-",   "--5",
                                      "inf",  "nan", "1 2", "\xb2",  "never" };
  is_number("3600", 3600);
  is_number("  12.5 ", 12.5);
  is_number("\t\n\v\f\r7\r\n", 7);
  is_number("-7", -7);
  is_number("12.", 12);
  is_number("007", 7);
  is_number("0.000001", 0.000001);
  is_number("1518104864", 1518104864);
  is_number("1518104864.1234567", 1518104864.1234567);
  is_number("1000000000000000000000000000000000000000", 1e39); /* 40 bytes */
  is_none("10000000000000000000000000000000000000000", 41);
  for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
    is_none(none[i], strlen(none[i]));
  is_none("5\0", 2);
}

static void other_facts_are_no_numbers(void) {
  bearer_fact none = { 0 }, o = odd(), nan = number(NAN), inf = number(INFINITY);
  bearer_fact plain = number(-2.5);
  double got;
  CHECK(!bearer_fact_number(&none, &got) && !bearer_fact_number(&o, &got));
  CHECK(!bearer_fact_number(&nan, &got) && !bearer_fact_number(&inf, &got));
  CHECK(bearer_fact_number(&plain, &got) && got == -2.5);
}

/* ---- expires_in -------------------------------------------------------------- */

static void expires_in_counts_in_its_unit(void) {
  LIVES(3600, .expires_in = number(3600));
  LIVES(3600, .expires_in = text("3600"));
  LIVES(0.5, .expires_in = number(0.5));
  LIVES(3600, .expires_in = number(3600000), .unit = BEARER_UNIT_MS);
  LIVES(1800, .expires_in = number(30), .unit = BEARER_UNIT_MIN);
  LIVES(90, .expires_in = text("1.5"), .unit = BEARER_UNIT_MIN);
  LIVES(3600, .expires_in = text("1:00:00"), .unit = BEARER_UNIT_CLOCK);
  LIVES(359999, .expires_in = text("99:59:59"), .unit = BEARER_UNIT_CLOCK);
  LIVES(1, .expires_in = text("0:00:01"), .unit = BEARER_UNIT_CLOCK);
}

static void a_clock_is_written_like_one(void) {
  static const char *const none[] = { "",        "3600",    "1:00",     "1:0:0",
                                      ":00:00",  "1:00:0x", "1:00:000", " 1:00:00",
                                      "1:00:0 ", "1-00-00", "-1:00:00", "x:00:00",
                                      "1:x0:00", "1:00:00 " };
  for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
    MAKES_NO_SENSE(.expires_in = text(none[i]), .unit = BEARER_UNIT_CLOCK);
  MAKES_NO_SENSE(.expires_in = number(3600), .unit = BEARER_UNIT_CLOCK);
}

static void zero_says_nothing(void) {
  LIVES(0, .expires_in = number(0));
  LIVES(0, .expires_in = text(" -0.0 "));
  LIVES(0, .expires_in = text("0:00:00"), .unit = BEARER_UNIT_CLOCK);
  LIVES(60, .expires_in = number(0), .lifetime = 60);
  LIVES(50, .expires_in = number(0), .exp = number(150), .iat = number(100),
        .lifetime = 60);
  LIVES(60, .expires_in = number(0), .expires_at = number(NOW + 5), .lifetime = 60);
}

static void what_is_absurd_is_refused(void) {
  MAKES_NO_SENSE(.expires_in = number(-1), .lifetime = 60);
  MAKES_NO_SENSE(.expires_in = text("never"), .lifetime = 60);
  MAKES_NO_SENSE(.expires_in = text(""));
  MAKES_NO_SENSE(.expires_in = odd(), .exp = number(150), .iat = number(100));
  MAKES_NO_SENSE(.expires_in = number(NAN));
  MAKES_NO_SENSE(.expires_in = number(INFINITY));
  MAKES_NO_SENSE(.expires_in = number(DBL_MAX), .unit = BEARER_UNIT_MIN);
  LIVES(100 * YEAR, .expires_in = number(100 * YEAR));
  MAKES_NO_SENSE(.expires_in = number(100 * YEAR + 1));
}

/* ---- expires_at -------------------------------------------------------------- */

static int reads_tomorrow(const char *t, size_t size, double *unix_time) {
  if (size != 8 || memcmp(t, "tomorrow", 8) != 0)
    return 0;
  *unix_time = NOW + 86400;
  return 1;
}

static void expires_at_is_measured_by_the_server(void) {
  LIVES(600, .expires_at = number(NOW + 600));
  LIVES(600, .expires_at = text("1795781851"));
  LIVES(600, .expires_at = number((NOW + 600) * 1000), .unit = BEARER_UNIT_MS);
  LIVES(600, .expires_at = number(NOW + 600), .unit = BEARER_UNIT_MIN);
  LIVES(600, .expires_at = text("2026-11-27T12:17:31Z"));
  LIVES(600, .expires_at = text("2026-11-27 09:17:31.000 -03:00"),
        .unit = BEARER_UNIT_MS);
  LIVES(0.5, .expires_at = text("2026-11-27T12:07:31.5"));
  LIVES(86400, .expires_at = text("tomorrow"), .read_date = reads_tomorrow);
  LIVES(7, .expires_in = number(7), .expires_at = number(NOW + 600));
}

static void an_end_that_makes_no_sense_is_refused(void) {
  MAKES_NO_SENSE(.expires_at = number(NOW), .lifetime = 60);
  MAKES_NO_SENSE(.expires_at = number(NOW - 1));
  MAKES_NO_SENSE(.expires_at = number(0));
  MAKES_NO_SENSE(.expires_at = number(NOW + 101 * YEAR));
  MAKES_NO_SENSE(.expires_at = text("9999-12-31T23:59:59Z"));
  MAKES_NO_SENSE(.expires_at = text("yesterday"), .read_date = reads_tomorrow);
  MAKES_NO_SENSE(.expires_at = text("tomorrow"));
  MAKES_NO_SENSE(.expires_at = text("2026-11-27T12:17:31.000000000000000000000Z"));
  MAKES_NO_SENSE(.expires_at = odd());
}

/* ---- the token, the definition ----------------------------------------------- */

static void a_jwt_says_it_itself(void) {
  LIVES(7200, .exp = text("1518104864"), .iat = text("1518097664")); /* CRM.COM */
  LIVES(50, .exp = number(150), .iat = number(100), .lifetime = 60);
  LIVES(300, .exp = number(NOW + 300), .lifetime = 60); /* no iat */
  LIVES(300, .exp = number(NOW + 300), .iat = odd());
  LIVES(50, .exp = number(150), .iat = number(100), .unit = BEARER_UNIT_MS);
  LIVES(9, .exp = number(150), .iat = number(100), .expires_in = number(9));
}

static void a_jwt_that_makes_no_sense_says_nothing(void) {
  LIVES(60, .exp = number(100), .iat = number(100), .lifetime = 60);
  LIVES(60, .exp = number(100), .lifetime = 60);
  LIVES(60, .exp = text("soon"), .lifetime = 60);
  LIVES(60, .iat = number(100), .lifetime = 60);
  LIVES(60, .exp = number(100 * YEAR), .iat = number(0), .lifetime = 60);
  LIVES(0, .exp = odd());
}

static void else_the_definition_says_it(void) {
  LIVES(0, .unit = BEARER_UNIT_S);
  LIVES(1200, .lifetime = 1200);
  LIVES(1200, .lifetime = 1200, .unit = BEARER_UNIT_MS);
  LIVES(0, .lifetime = NAN);
  LIVES(0, .lifetime = -5);
}

int main(void) {
  numbers_may_be_texts();
  other_facts_are_no_numbers();
  expires_in_counts_in_its_unit();
  a_clock_is_written_like_one();
  zero_says_nothing();
  what_is_absurd_is_refused();
  expires_at_is_measured_by_the_server();
  an_end_that_makes_no_sense_is_refused();
  a_jwt_says_it_itself();
  a_jwt_that_makes_no_sense_says_nothing();
  else_the_definition_says_it();
  return check_result();
}
