/*
 * "Did you mean …?": the word in a list that looks most like another.
 */
#ifndef BEARER_NEAREST_H
#define BEARER_NEAREST_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

/* Case does not count, two neighbours swapped are one edit, and a word of up to 4, 8, 40
   bytes may differ by 1, 2, 3 edits. The first of the nearest; -1 when none is near or
   the word has more than 40 bytes. */
int bearer_nearest(const char *word, const char *const *list, int count);

#pragma GCC visibility pop

#endif
