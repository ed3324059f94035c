/*
 * How long a token lives, out of what an answer, the token itself and the definition say.
 * Facts in, seconds out: no clock is read here, and no answer.
 */
#ifndef BEARER_LIFETIME_H
#define BEARER_LIFETIME_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

typedef enum {
  BEARER_UNIT_S,
  BEARER_UNIT_MS,
  BEARER_UNIT_MIN,
  BEARER_UNIT_CLOCK /* h:mm:ss */
} bearer_unit;

/* What stands in one place of an answer. */
typedef struct {
  enum { BEARER_FACT_NONE, BEARER_FACT_NUMBER, BEARER_FACT_TEXT, BEARER_FACT_ODD } kind;
  double number;
  const char *text; /* borrowed */
  size_t size;
} bearer_fact;

typedef struct {
  bearer_fact expires_in, expires_at; /* as they stand in the answer */
  bearer_fact exp, iat;               /* of a JWT */
  bearer_unit unit;
  double lifetime;    /* the definition's; 0 = none */
  double server_time; /* Unix time of the answer, by the server's Date and Age */
  /* Reads a date that bearer_date_iso_8601 does not (curl_getdate); 0 when it cannot. */
  int (*read_date)(const char *text, size_t size, double *unix_time);
} bearer_lifetime;

/* A number in a fact: itself, or a text "  12.5 " of at most 40 bytes; 0 when there is
   none. */
int bearer_fact_number(const bearer_fact *f, double *number);

/* Seconds into *seconds, 0 when it is not known: what the answer says, else the token
   itself, else the definition. An expires_in of 0 says nothing. Answers 0 when what the
   answer says makes no sense: no number or date, over before it begins, or longer than
   100 years. unit is that of expires_in; with ms, an expires_at that is a number is in ms
   as well. A JWT counts in seconds. */
int bearer_lifetime_of(const bearer_lifetime *l, double *seconds);

#pragma GCC visibility pop

#endif
