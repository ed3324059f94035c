/*
 * Dates that curl_getdate does not read: ISO 8601, its relatives, and .NET's.
 */
#ifndef BEARER_DATE_H
#define BEARER_DATE_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

typedef struct {
  double unix_time; /* with its fraction; without a zone as if it were UTC */
  int has_zone;     /* the text says where its clock stands */
} bearer_date;

/* A day "2026-11-27", "2026/11/27" or "20261127"; a T, t or blanks and a time
   "12:07:31.5", "12:07" or "120731", if any (else midnight), a comma for the point; and a
   zone "Z", "UTC", "GMT", "+HH:MM", "-HHMM", "+HH", with a name "[Europe/Berlin]" behind
   it, or none. Or "/Date(1795781251350)/", ms since 1970. White space at the ends is no
   matter. 0 when it is no such date (a day or hour that there is not, too). Seconds may
   be 60. */
int bearer_date_read(const char *text, size_t size, bearer_date *date);

/* "+HH:MM", "-HHMM", "+HH", "Z", "UTC" or "GMT": seconds east of Greenwich. 0: it is none
 */
int bearer_date_zone(const char *text, size_t size, double *seconds);

#pragma GCC visibility pop

#endif
