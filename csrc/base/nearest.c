/*
 * "Did you mean …?"
 */
#include "base/nearest.h"

#include <stdlib.h>
#include <string.h>

#define LONGEST       40 /* bytes of a word */
#define MOST_EDITS    3
#define SHORTEST_PART 4
#define LONGEST_OTHER (LONGEST + MOST_EDITS)

typedef int row[LONGEST_OTHER + 1]; /* edits to each beginning of the other word */

static char lower(char c) { /* tolower would ask the locale */
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int same(char a, char b) {
  return lower(a) == lower(b);
}

static int smaller(int a, int b) {
  return a < b ? a : b;
}

/* The row behind the i-th letter of a; before is the one before the last. */
static void next_row(const char *a, const char *b, int size, int i, const int *before,
                     const int *last, int *this) {
  this[0] = i;
  for (int j = 1; j <= size; j++) {
    int replaced = last[j - 1] + !same(a[i - 1], b[j - 1]);
    this[j] = smaller(smaller(last[j], this[j - 1]) + 1, replaced);
    if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
      this[j] = smaller(this[j], before[j - 2] + 1);
  }
}

static int distance(const char *a, int a_size, const char *b, int b_size) {
  row rows[3];
  for (int j = 0; j <= b_size; j++)
    rows[0][j] = rows[2][j] = j;
  for (int i = 1; i <= a_size; i++)
    next_row(a, b, b_size, i, rows[(i + 1) % 3], rows[(i + 2) % 3], rows[i % 3]);
  return rows[a_size % 3][b_size];
}

static int tolerance(size_t size) {
  return size < 5 ? 1 : size < 9 ? 2 : MOST_EDITS;
}

/* Does one word hold the other, in any case? */
static int holds(const char *text, const char *part, size_t size) {
  for (; strlen(text) >= size; text++) {
    size_t i = 0;
    while (i < size && same(text[i], part[i]))
      i++;
    if (i == size)
      return 1;
  }
  return 0;
}

/* The one word that holds this one: `username` for `user`. */
static int only_longer(const char *word, size_t size, const char *const *list,
                       int count) {
  int found = -1;
  for (int i = 0; i < count && size >= SHORTEST_PART; i++) {
    if (strnlen(list[i], LONGEST + 1) > LONGEST || !holds(list[i], word, size))
      continue;
    if (found >= 0)
      return -1;
    found = i;
  }
  return found;
}

int bearer_nearest(const char *word, const char *const *list, int count) {
  size_t size = strlen(word);
  int best = -1, least;
  if (size > LONGEST)
    return -1;
  least = tolerance(size) + 1;
  for (int i = 0; i < count; i++) {
    size_t other = strnlen(list[i], LONGEST_OTHER + 1);
    int edits = least;
    if (abs((int)other - (int)size) < least)
      edits = distance(word, (int)size, list[i], (int)other);
    if (edits < least) {
      best = i;
      least = edits;
    }
  }
  return best >= 0 ? best : only_longer(word, strlen(word), list, count);
}
