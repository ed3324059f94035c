/*
 * Dates that curl_getdate does not read: ISO 8601.
 */
#ifndef BEARER_DATE_H
#define BEARER_DATE_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

/* "2026-11-27T12:07:31.5Z", a space or t for the T, any number of decimals, white space
   before a zone "Z", "z", "+HH:MM", "-HHMM", "+HH", or none: that counts as UTC. Unix
   time with its fraction into *unix_time; 0 when it is no such date (a day or hour that
   there is not, too). Seconds may be 60. */
int bearer_date_iso_8601(const char *text, size_t size, double *unix_time);

#pragma GCC visibility pop

#endif
