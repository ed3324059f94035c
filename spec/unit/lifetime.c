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

static void lives(const bearer_lifetime *l, double want, unsigned int odd, int line) {
  bearer_life got;
  bearer_lifetime_of(l, &got);
  check_that(!got.is_over, __FILE__, line, "is over");
  if (!check_that(fabs(got.seconds - want) < 1e-6 && got.odd == odd, __FILE__, line,
                  "another life"))
    printf("  got %.9g, odd %u, want %.9g, odd %u\n", got.seconds, got.odd, want, odd);
}

static void is_over(const bearer_lifetime *l, int line) {
  bearer_life got;
  bearer_lifetime_of(l, &got);
  if (!check_that(got.is_over, __FILE__, line, "lives"))
    printf("  got %.9g\n", got.seconds);
}

#define LIVES_ODD(want, odd, ...)                                                        \
  do {                                                                                   \
    bearer_lifetime l = { .server_time = NOW, .is_servers_time = 1, __VA_ARGS__ };       \
    lives(&l, want, odd, __LINE__);                                                      \
  } while (0)

#define LIVES(want, ...) LIVES_ODD(want, 0, __VA_ARGS__)

#define LIVES_ODD_BY_OUR_CLOCK(want, odd, ...)                                           \
  do {                                                                                   \
    bearer_lifetime l = { .server_time = NOW, __VA_ARGS__ };                             \
    lives(&l, want, odd, __LINE__);                                                      \
  } while (0)

#define LIVES_BY_OUR_CLOCK(want, ...) LIVES_ODD_BY_OUR_CLOCK(want, 0, __VA_ARGS__)

#define IS_OVER(...)                                                                     \
  do {                                                                                   \
    bearer_lifetime l = { .server_time = NOW, .is_servers_time = 1, __VA_ARGS__ };       \
    is_over(&l, __LINE__);                                                               \
  } while (0)

enum {
  IN = BEARER_ODD_EXPIRES_IN,
  AT = BEARER_ODD_EXPIRES_AT,
  ISSUED = BEARER_ODD_ISSUED_AT
};

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
  LIVES(7200, .expires_in = number(2), .unit = BEARER_UNIT_H);
  LIVES(86400, .expires_in = text("1"), .unit = BEARER_UNIT_D);
  LIVES(3600, .expires_in = text("1:00:00"), .unit = BEARER_UNIT_CLOCK);
  LIVES(359999, .expires_in = text("99:59:59"), .unit = BEARER_UNIT_CLOCK);
  LIVES(1, .expires_in = text("0:00:01"), .unit = BEARER_UNIT_CLOCK);
}

static void a_text_names_its_unit_itself(void) {
  static const struct {
    const char *text;
    double seconds;
  } spans[] = {
    { "1h", 3600 },
    { "3600s", 3600 },
    { "3600 seconds", 3600 },
    { " 90 min ", 5400 },
    { "15m", 900 },
    { "1.5h", 5400 },
    { "500ms", 0.5 },
    { "7D", 604800 },
    { "1w", 604800 },
    { "1 Hour", 3600 },
    { "2 hrs, 30 mins", 9000 },
    { "1h30m0s", 5400 }, /* Go */
    { "PT1H", 3600 },
    { "pt1h30m", 5400 },
    { "P1D", 86400 },
    { "P1DT0.5H", 88200 },
    { "P2W", 1209600 },
    { "PT3600S", 3600 },
    { "1:00:00", 3600 },
    { "00:20:00", 1200 },
    { "1.02:03:04", 93784 }, /* .NET */
    { "00:00:01.5000000", 1.5 },
  };
  for (size_t i = 0; i < sizeof(spans) / sizeof(*spans); i++) {
    LIVES(spans[i].seconds, .expires_in = text(spans[i].text), .lifetime = 60);
    LIVES(spans[i].seconds, .expires_in = text(spans[i].text), .unit = BEARER_UNIT_MS);
    LIVES(spans[i].seconds, .expires_in = text(spans[i].text), .unit = BEARER_UNIT_CLOCK);
    LIVES(spans[i].seconds, .expires_at = text(spans[i].text));
  }
}

static void what_is_no_span_is_odd(void) {
  static const char *const none[] = {
    "",     "never", "soon",     "h",       "1x",         "1 h x",   "1h-",      "-1h",
    "1mo",  "P1M",   "P1Y",      "P",       "PT",         "P1H",     "PT1",      "PT1D",
    "1:00", "1:0:0", ":00:00",   "1:x0:00", "1:00:0x",    "1-00-00", "-1:00:00", "0x10",
    "s s",  "1e3s",  "1.:00:00", "min 5",   "secondss 5", "NaN",     "inf",      "\xff"
  };
  for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
    LIVES_ODD(60, IN, .expires_in = text(none[i]), .lifetime = 60);
  LIVES_ODD(60, IN, .expires_in = { .kind = BEARER_FACT_TEXT, .text = "1h\0", .size = 3 },
            .lifetime = 60);
  LIVES_ODD(60, IN, .expires_in = number(3600), .unit = BEARER_UNIT_CLOCK,
            .lifetime = 60);
}

static void what_cannot_be_believed_falls_to_the_next_source(void) {
  static const double numbers[] = {
    0, -0.0, -1, -3600, NAN, INFINITY, DBL_MAX, -DBL_MAX, 9223372036854775807.0, 11 * YEAR
  };
  for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
    bearer_fact n = number(numbers[i]);
    LIVES_ODD(0, IN, .expires_in = n);
    LIVES_ODD(60, IN, .expires_in = n, .lifetime = 60);
    LIVES_ODD(5, IN, .expires_in = n, .expires_at = number(NOW + 5), .lifetime = 60);
    LIVES_ODD(50, IN, .expires_in = n, .exp = number(NOW + 50), .lifetime = 60);
    LIVES_ODD(60, IN | AT, .expires_in = n, .expires_at = text("never"), .lifetime = 60);
  }
  LIVES_ODD(60, IN, .expires_in = odd(), .lifetime = 60);
  LIVES_ODD(60, IN, .expires_in = text("0:00:00"), .lifetime = 60);
  LIVES(9.9 * YEAR, .expires_in = number(9.9 * YEAR));
}

static void zero_is_told(void) {
  bearer_lifetime l = { .expires_in = number(0), .lifetime = 60, .server_time = NOW };
  bearer_life life;
  bearer_lifetime_of(&l, &life);
  CHECK(life.is_zero && life.seconds > 59);
  l.expires_in = text(" 0 ");
  bearer_lifetime_of(&l, &life);
  CHECK(life.is_zero);
  l.exp = number(NOW + 5); /* but it lives */
  bearer_lifetime_of(&l, &life);
  CHECK(!life.is_zero);
  l.expires_in = number(5);
  bearer_lifetime_of(&l, &life);
  CHECK(!life.is_zero);
}

static void a_dead_jwt_is_told(void) {
  bearer_lifetime l = { .expires_in = number(60),
                        .exp = number(NOW - 1),
                        .server_time = NOW,
                        .is_servers_time = 1 };
  bearer_life life;
  bearer_lifetime_of(&l, &life);
  CHECK(life.is_dead && !life.is_over && life.seconds > 59);
  l.is_servers_time = 0; /* our own clock may be off */
  bearer_lifetime_of(&l, &life);
  CHECK(!life.is_dead);
}

static void an_expires_in_may_be_an_instant(void) {
  LIVES(600, .expires_in = number(NOW + 600));
  LIVES(600, .expires_in = text("1795781851"));
  LIVES(600, .expires_in = number((NOW + 600) * 1000));
  LIVES(600, .expires_in = number((NOW + 600) * 1000), .unit = BEARER_UNIT_MS);
  LIVES(600, .expires_in = number(NOW + 600), .unit = BEARER_UNIT_MIN);
  LIVES(600, .expires_in = text("2026-11-27T12:17:31Z"));
  LIVES(4e6, .expires_in = number(4e9), .unit = BEARER_UNIT_MS); /* 46 days */
  IS_OVER(.expires_in = number(NOW - 600));
}

/* ---- expires_at -------------------------------------------------------------- */

static int reads_tomorrow(const char *t, size_t size, bearer_date *date) {
  if (size != 8 || memcmp(t, "tomorrow", 8) != 0)
    return 0;
  date->unix_time = NOW + 86400;
  date->has_zone = 1;
  return 1;
}

static void expires_at_is_measured_by_the_server(void) {
  LIVES(600, .expires_at = number(NOW + 600));
  LIVES(600, .expires_at = text("1795781851"));
  LIVES(600, .expires_at = number((NOW + 600) * 1000), .unit = BEARER_UNIT_MS);
  LIVES(600, .expires_at = number((NOW + 600) * 1000));
  LIVES(600, .expires_at = number(NOW + 600), .unit = BEARER_UNIT_MS);
  LIVES(600, .expires_at = number(NOW + 600), .unit = BEARER_UNIT_MIN);
  LIVES(600, .expires_at = text("2026-11-27T12:17:31Z"));
  LIVES(600, .expires_at = text("2026-11-27 12:17:31 UTC"));
  LIVES(600, .expires_at = text("/Date(1795781851000)/"));
  LIVES(600, .expires_at = text("2026-11-27 09:17:31.000 -03:00"),
        .unit = BEARER_UNIT_MS);
  LIVES(0.5, .expires_at = text("2026-11-27T12:07:31.5"));
  LIVES(86400, .expires_at = text("tomorrow"), .read_date = reads_tomorrow);
  LIVES(7, .expires_in = number(7), .expires_at = number(NOW + 600));
}

static void ends_that_nobody_can_mean_are_odd(void) {
  LIVES_ODD(60, AT, .expires_at = number(0), .lifetime = 60);
  LIVES_ODD(60, AT, .expires_at = number(-1), .lifetime = 60);
  LIVES_ODD(60, AT, .expires_at = text("0001-01-01T00:00:00Z"), .lifetime = 60);
  LIVES_ODD(60, AT, .expires_at = text("/Date(-62135596800000)/"), .lifetime = 60);
  LIVES_ODD(60, AT, .expires_at = text("9999-12-31T23:59:59Z"), .lifetime = 60);
  LIVES_ODD(60, AT, .expires_at = number(NOW + 11 * YEAR), .lifetime = 60);
  LIVES_ODD(0, AT, .expires_at = text("yesterday"), .read_date = reads_tomorrow);
  LIVES_ODD(0, AT, .expires_at = text("tomorrow"));
  LIVES_ODD(0, AT, .expires_at = odd());
}

static void an_end_that_is_past_is_over(void) {
  IS_OVER(.expires_at = number(NOW), .lifetime = 60);
  IS_OVER(.expires_at = number(NOW - 1));
  IS_OVER(.expires_at = text("2026-11-27T12:07:31Z"));
  IS_OVER(.expires_at = text("2026-11-27T12:07:31"), .zone = 0, .has_zone = 1);
  LIVES_ODD(5, AT, .expires_at = number(NOW - 1), .exp = number(NOW + 5)); /* it lives */
  LIVES_ODD_BY_OUR_CLOCK(60, AT, .expires_at = number(NOW - 1), .lifetime = 60);
}

static void a_date_without_a_zone_may_be_of_the_west(void) {
  LIVES_ODD(60, AT, .expires_at = text("2026-11-27 09:17:31"), .lifetime = 60);
  LIVES(600, .expires_at = text("2026-11-27 09:17:31"), .zone = -3 * 3600, .has_zone = 1);
  LIVES(600, .expires_at = text("2026-11-27 14:17:31"), .zone = 2 * 3600, .has_zone = 1);
  LIVES(600, .expires_at = text("2026-11-27T12:17:31Z"), .zone = 2 * 3600, .has_zone = 1);
  LIVES(600, .expires_at = text("2026-11-27 09:17:31"),
        .issued_at = text("2026-11-27 09:07:31"));
  LIVES(600, .expires_at = text("2026-11-27 14:17:31"),
        .issued_at = text("2026-11-27 14:07:31"));
}

static void what_was_issued_long_ago_lives_for_what_is_left(void) {
  LIVES(600, .expires_in = number(3600), .issued_at = number(NOW - 3000));
  LIVES(600, .expires_in = number(3600), .issued_at = text("1795778251000")); /* ms */
  LIVES(600, .expires_at = number(NOW + 600), .issued_at = number(NOW - 3000));
  LIVES(3600, .expires_in = number(3600), .issued_at = number(NOW));
  LIVES(3600, .expires_in = number(3600),
        .issued_at = number(NOW + 50)); /* it is ahead */
  LIVES(3600, .expires_in = number(3600), .issued_at = number(NOW - 4000));
  LIVES(3600, .expires_in = number(3600), .issued_at = text("2026-11-27 09:00:00"));
  LIVES_ODD(3600, ISSUED, .expires_in = number(3600), .issued_at = text("then"));
}

/* ---- the token, the definition ----------------------------------------------- */

static void a_jwt_says_it_itself(void) {
  LIVES(7200, .exp = text("1795788451"), .iat = text("1795781251")); /* CRM.COM */
  LIVES(300, .exp = number(NOW + 300), .lifetime = 600);             /* no iat */
  LIVES(300, .exp = number(NOW + 300), .iat = odd());
  LIVES(50, .exp = number(NOW + 50), .iat = number(NOW), .unit = BEARER_UNIT_MS);
  LIVES(300, .exp = number((NOW + 300) * 1000), .iat = number(NOW * 1000));
  LIVES(9, .exp = number(NOW + 50), .iat = number(NOW), .expires_in = number(9));
}

static void a_jwt_that_was_issued_long_ago_lives_for_what_is_left(void) {
  LIVES(600, .exp = number(NOW + 600), .iat = number(NOW - 3000));
  LIVES(600, .exp = number(NOW + 600), .expires_in = number(3600));
  LIVES(600, .exp = number(NOW + 600), .expires_at = number(NOW + 3600));
  LIVES(60, .exp = number(NOW + 600), .expires_in = number(60));
  LIVES_BY_OUR_CLOCK(600, .exp = number(NOW + 600), .expires_in = number(3600));
  LIVES(50, .exp = number(NOW + 650), .iat = number(NOW + 600)); /* they are ahead */
}

static void a_jwt_that_is_dead_had_expired_when_it_came(void) {
  IS_OVER(.exp = number(NOW - 3600), .iat = number(NOW - 7200));
  IS_OVER(.exp = number(NOW), .lifetime = 60);
  IS_OVER(.exp = number(NOW - 3600), .expires_in = text("never"));
  LIVES(60, .exp = number(NOW - 3600), .expires_in = number(60)); /* the answer says so */
  LIVES_BY_OUR_CLOCK(50, .exp = number(NOW - 50),
                     .iat = number(NOW - 100)); /* our own clock may be off */
}

static void a_jwt_that_makes_no_sense_says_nothing(void) {
  LIVES(60, .exp = number(100), .iat = number(100), .lifetime = 60);
  LIVES(60, .exp = number(100), .lifetime = 60);
  LIVES(60, .exp = number(0), .lifetime = 60);
  LIVES(60, .exp = text("soon"), .lifetime = 60);
  LIVES(60, .iat = number(100), .lifetime = 60);
  LIVES(60, .exp = number(1e300), .iat = number(0), .lifetime = 60);
  LIVES(0, .exp = number(NOW + 11 * YEAR), .iat = number(NOW));
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
  a_text_names_its_unit_itself();
  what_is_no_span_is_odd();
  what_cannot_be_believed_falls_to_the_next_source();
  zero_is_told();
  a_dead_jwt_is_told();
  an_expires_in_may_be_an_instant();
  expires_at_is_measured_by_the_server();
  ends_that_nobody_can_mean_are_odd();
  an_end_that_is_past_is_over();
  a_date_without_a_zone_may_be_of_the_west();
  what_was_issued_long_ago_lives_for_what_is_left();
  a_jwt_says_it_itself();
  a_jwt_that_was_issued_long_ago_lives_for_what_is_left();
  a_jwt_that_is_dead_had_expired_when_it_came();
  a_jwt_that_makes_no_sense_says_nothing();
  else_the_definition_says_it();
  return check_result();
}
