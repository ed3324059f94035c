/*
 * How long a token lives, out of what an answer, the token itself and the definition say.
 * Facts in, seconds out: no clock is read here, and no answer.
 */
#ifndef BEARER_LIFETIME_H
#define BEARER_LIFETIME_H

#include "base/date.h"

#pragma GCC visibility push(hidden)

/* Of a bare number. */
typedef enum {
  BEARER_UNIT_S,
  BEARER_UNIT_MS,
  BEARER_UNIT_MIN,
  BEARER_UNIT_H,
  BEARER_UNIT_D,
  BEARER_UNIT_CLOCK /* h:mm:ss: a bare number says nothing */
} bearer_unit;

/* What stands in one place of an answer. */
typedef struct {
  enum { BEARER_FACT_NONE, BEARER_FACT_NUMBER, BEARER_FACT_TEXT, BEARER_FACT_ODD } kind;
  double number;
  const char *text; /* borrowed */
  size_t size;
} bearer_fact;

typedef struct {
  bearer_fact expires_in, expires_at, issued_at; /* as they stand in the answer */
  bearer_fact exp, iat;                          /* of a JWT */
  bearer_unit unit;
  double zone; /* of dates that name none: seconds east of Greenwich */
  int has_zone;
  double lifetime;     /* the definition's; 0 = none */
  double server_time;  /* Unix time of the answer */
  int is_servers_time; /* by the server's Date and Age, not by our clock */
  /* Reads a date that bearer_date_read does not (curl_getdate); 0 when it cannot. */
  int (*read_date)(const char *text, size_t size, bearer_date *date);
} bearer_lifetime;

/* The facts that were there, and said nothing that can be believed: bits. */
enum {
  BEARER_ODD_EXPIRES_IN = 1,
  BEARER_ODD_EXPIRES_AT = 2,
  BEARER_ODD_ISSUED_AT = 4,
  BEARER_ODD_REFRESH_EXPIRES_IN = 8,
  BEARER_ODD_FACTS = 4 /* how many there are */
};

typedef struct {
  double seconds; /* 0 = nobody says */
  int is_over;    /* it had expired when it came */
  int is_zero;    /* the answer says: 0 seconds */
  int is_dead;    /* an end that the answer or the JWT names is over, perhaps by our
                     clock alone, which may be off */
  unsigned int odd;
} bearer_life;

/* A number in a fact: itself, or a text "  12.5 " of at most 40 bytes; 0 when there is
   none. */
int bearer_fact_number(const bearer_fact *f, double *number);

/* What the answer says, else the token itself, else the definition. What cannot be read,
   is not above 0 or over ten years is odd, and the next source counts. An expires_in may
   be a bare number of units, a Unix time (from 10^9 on, in ms from 10^12), a text with
   its unit
   ("1h", "90 minutes", "PT1H", "1:00:00") or a date; an expires_at a Unix time in s or ms
   or a date. A past date is odd where no zone is known, else the token is over, unless it
   is a JWT that lives. issued_at: what they count from. A JWT's `exp` less the time of
   the answer caps all of this while it is in the future. */
void bearer_lifetime_of(const bearer_lifetime *l, bearer_life *life);

#pragma GCC visibility pop

#endif
