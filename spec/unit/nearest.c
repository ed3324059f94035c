/*
 * Slips of the pen, and the words that were meant.
 */
#include "base/nearest.h"

#include "check.h"

static const char *const words[] = { "url",      "client_id", "client_secret",
                                     "username", "password",  "base_url",
                                     "scope",    "Accept",    "" };

static void meant(const char *word, const char *want, int line) {
  int got = bearer_nearest(word, words, sizeof(words) / sizeof(*words));
  const char *found = got >= 0 ? words[got] : "nothing";
  check_same(found, strlen(found), want, strlen(want), __FILE__, line);
}

#define MEANT(word, want) meant(word, want, __LINE__)

static void finds_what_was_meant(void) {
  MEANT("url", "url");
  MEANT("URL", "url");
  MEANT("accept", "Accept");
  MEANT("client_ID", "client_id");
  MEANT("clientid", "client_id");
  MEANT("cleint_id", "client_id"); /* two neighbours swapped: one edit */
  MEANT("passwrod", "password");
  MEANT("passwd", "password");
  MEANT("scopes", "scope");
  MEANT("cope", "scope");
  MEANT("baseurl", "base_url");
}

static void a_part_of_one_word_is_that_word(void) {
  MEANT("user", "username");
  MEANT("USER", "username");
  MEANT("pass", "password");
  MEANT("secret", "client_secret");
  MEANT("client", "nothing"); /* of two */
  MEANT("use", "nothing");
}

static void a_short_word_may_differ_less(void) {
  MEANT("ulr", "url"); /* 4 bytes: 1 edit */
  MEANT("ur", "url");
  MEANT("yrl", "url");
  MEANT("yrll", "nothing");
  MEANT("scxxe", "scope"); /* 8 bytes: 2 edits */
  MEANT("scxxx", "nothing");
  MEANT("usexxxme", "nothing");
  MEANT("client_sexxxt", "client_secret"); /* more: 3 edits */
  MEANT("client_sxxxxt", "nothing");
}

static void nothing_is_near_to_what_is_far(void) {
  MEANT("xyzzy", "nothing");
  MEANT("a_word_that_is_longer_than_forty_bytes_is_", "nothing");
  MEANT("xx", "nothing");
  MEANT("x", ""); /* one edit */
  CHECK(bearer_nearest("url", words, 0) == -1);
}

static void takes_the_first_of_the_nearest(void) {
  static const char *const list[] = { "abcdx", "abcdy", "abcde", "abcdE" };
  CHECK(bearer_nearest("abcdz", list, 4) == 0);
  CHECK(bearer_nearest("abcde", list, 4) == 2);
  CHECK(bearer_nearest("abcyd", list, 4) == 1);
}

static void knows_the_longest_words(void) {
  char word[41], other[45];
  const char *list[2];
  memset(word, 'w', 40);
  word[40] = '\0';
  memset(other, 'w', 44);
  other[44] = '\0';
  list[0] = other;
  list[1] = other + 1;
  CHECK(bearer_nearest(word, list, 1) == -1); /* 4 more */
  CHECK(bearer_nearest(word, list, 2) == 1);  /* 3 more */
}

int main(void) {
  finds_what_was_meant();
  a_part_of_one_word_is_that_word();
  a_short_word_may_differ_less();
  nothing_is_near_to_what_is_far();
  takes_the_first_of_the_nearest();
  knows_the_longest_words();
  return check_result();
}
