/*
 * JSON, written as one walks a value: the writer sees to commas and colons.
 */
#ifndef BEARER_JSON_WRITER_H
#define BEARER_JSON_WRITER_H

#include "base/buffer.h"

#pragma GCC visibility push(hidden)

#define BEARER_JSON_DEEPEST 1000

typedef struct {
  bearer_buffer *out; /* borrowed */
  int depth;          /* of open objects and arrays */
  int needs_comma;
  int too_deep; /* deeper than BEARER_JSON_DEEPEST: nothing is written from then on */
} bearer_json;

void bearer_json_begin(bearer_json *j, bearer_buffer *out);
void bearer_json_open(bearer_json *j, char bracket);  /* '{' or '[' */
void bearer_json_close(bearer_json *j, char bracket); /* '}' or ']' */
void bearer_json_key(bearer_json *j, const char *key, size_t size);
void bearer_json_string(bearer_json *j, const void *text, size_t size);
/* JSON text, as it stands: a number, true, a value that was written before. */
void bearer_json_raw(bearer_json *j, const char *text, size_t size);
/* 0 (and nothing written) for NaN and the infinities, which JSON cannot say. */
int bearer_json_number(bearer_json *j, double n);

/* A number as text, none of its digits lost: whole ones without exponent or point (up to
   2^63), others in the shortest of %.14g and %.17g that reads back the same; the point is
   a point in every locale. The size; NaN and the infinities as C has them. */
#define BEARER_NUMBER_MAX 40
int bearer_number_text(double n, char text[BEARER_NUMBER_MAX]);

#pragma GCC visibility pop

#endif
