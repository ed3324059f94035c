/*
 * Lifetimes and dates from a hostile server: the input is a text, read in each place
 * where one may stand, with another one behind its first line.
 */
#include "base/lifetime.h"

#include <math.h>

#include "fuzz.h"

#define NOW       1795781251.0
#define TEN_YEARS (3653 * 86400.0)

static bearer_fact text_of(const char *text, size_t size) {
  bearer_fact f = { .kind = BEARER_FACT_TEXT, .text = text, .size = size };
  return f;
}

/* A life is none, or one that can be believed; what is over does not live. */
static void lives(const bearer_lifetime *l) {
  bearer_life life;
  bearer_lifetime_of(l, &life);
  HOLD(life.seconds >= 0 && life.seconds <= TEN_YEARS); /* false for NaN */
  HOLD(life.odd < 1u << BEARER_ODD_FACTS);
  HOLD(!(life.is_zero && life.is_over && life.odd == 0));
}

static void in_each_place(bearer_fact one, bearer_fact other) {
  for (int unit = BEARER_UNIT_S; unit <= (int)BEARER_UNIT_CLOCK; unit++)
    for (int servers = 0; servers < 2; servers++) {
      bearer_lifetime l = { .unit = (bearer_unit)unit,
                            .server_time = NOW,
                            .is_servers_time = servers,
                            .has_zone = servers,
                            .zone = -10800 };
      l.expires_in = one;
      lives(&l);
      l.expires_at = other;
      lives(&l);
      l.issued_at = one;
      lives(&l);
      l.expires_in.kind = BEARER_FACT_NONE;
      lives(&l);
      l.exp = one;
      l.iat = other;
      lives(&l);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *text = (const char *)data;
  const char *line = size > 0 ? memchr(text, '\n', size) : NULL;
  size_t first = line != NULL ? (size_t)(line - text) : size;
  bearer_date date = { 17, 18 };
  double east = 17;
  if (bearer_date_read(text, size, &date))
    HOLD(isfinite(date.unix_time) && (date.has_zone == 0 || date.has_zone == 1));
  else
    HOLD(date.unix_time > 16 && date.unix_time < 18 && date.has_zone == 18);
  if (bearer_date_zone(text, size, &east))
    HOLD(east > -86400 && east < 86400);
  in_each_place(text_of(text, first),
                line != NULL ? text_of(line + 1, size - first - 1) : text_of("", 0));
  return 0;
}
