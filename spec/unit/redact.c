/*
 * Texts for people: no secret shows in them, however it is spelt.
 */
#include "base/redact.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/encode.h"
#include "check.h"

static void hide(bearer_vars *v, const char *secret) {
  CHECK(bearer_vars_hide(v, secret, strlen(secret)));
}

static void redacts(const bearer_vars *v, const char *text, size_t size, const char *want,
                    size_t want_size, int line) {
  bearer_buffer out = { 0 };
  bearer_redact(v, text, size, &out);
  check_that(!out.failed, __FILE__, line, "failed");
  check_same(out.data, out.size, want, want_size, __FILE__, line);
  bearer_buffer_free(&out);
}

#define REDACTS(v, text, want)                                                           \
  redacts(v, text, sizeof(text) - 1, want, sizeof(want) - 1, __LINE__)

static void masks_secrets_alone(void) {
  bearer_vars v = { 0 };
  CHECK(bearer_vars_set(&v, 1, BEARER_VAR_TEXT, BEARER_VAR_ENCODED, 0, "anna", 4));
  CHECK(bearer_vars_set(&v, 2, BEARER_VAR_TEXT, BEARER_VAR_ENCODED, 1, "s3cret", 6));
  hide(&v, "hidden");
  REDACTS(&v, "", "");
  REDACTS(&v, "anna and nothing", "anna and nothing");
  REDACTS(&v, "anna: s3cret, hidden", "anna: ***, ***");
  REDACTS(&v, "hidden", "***");
  REDACTS(&v, "s3crets3cret\0hidden", "***\0***");
  REDACTS(&v, "s3cre hidde idden", "s3cre hidde idden");
  REDACTS(NULL, "s3cret", "s3cret");
  bearer_vars_clear(&v);
}

static void knows_every_encoding(void) {
  static const char secret[] = "a/b+c d\"e~\x7f\xc3\xa9>";
  static void (*const encodings[])(bearer_buffer *, const void *, size_t) = {
    bearer_buffer_add, bearer_encode_json,   bearer_encode_percent,   bearer_encode_form,
    bearer_encode_hex, bearer_encode_base64, bearer_encode_base64url,
  };
  bearer_vars v = { 0 };
  hide(&v, secret);
  for (size_t i = 0; i < sizeof(encodings) / sizeof(*encodings); i++) {
    bearer_buffer text = { 0 }, out = { 0 };
    bearer_buffer_text(&text, "<");
    encodings[i](&text, secret, strlen(secret));
    bearer_buffer_text(&text, ">");
    bearer_redact(&v, text.data, text.size, &out);
    SAME(out.data, out.size, i == 1 ? "<\"***\">" : "<***>", i == 1 ? 7u : 5u);
    bearer_buffer_free(&text);
    bearer_buffer_free(&out);
  }
  bearer_vars_clear(&v);
}

static void knows_mixtures_of_escapes(void) {
  bearer_vars v = { 0 };
  hide(&v, "a/b+c d\"e");
  REDACTS(&v, "<a/b+c d\"e>", "<***>");
  REDACTS(&v, "a/b+c d\"ea/b+c d\"e", "***");
  REDACTS(&v, "a%2Fb%2Bc%20d%22e a%2fb%2bc+d%22e", "*** ***");
  REDACTS(&v, "%61%2F%62%2B%63%20%64%22%65", "***");
  REDACTS(&v, "a\\/b+c d\\\"e, \\u0061/b\\u002Bc\\u0020d&quot;e", "***, ***");
  REDACTS(&v, "a/b+c d&#34;e a&#x2F;b&#x2B;c d&quot;e", "*** ***");
  REDACTS(&v, "YS9iK2MgZCJl YS9iK2MgZCJl= 612f622b632064226 612F622B6320642265",
          "*** ***= 612f622b632064226 ***");
  REDACTS(&v, "a/b+c d\"", "a/b+c d\"");
  REDACTS(&v, "a/b+c d%2", "a/b+c d%2");
  REDACTS(&v, "a%2Fb%2Bc%20d%2", "a%2Fb%2Bc%20d%2");
  bearer_vars_clear(&v);
}

static void repeat(bearer_buffer *b, const char *text, int times) {
  for (int i = 0; i < times; i++)
    bearer_buffer_text(b, text);
}

/* So many times that, in each way that a server may write it. */
static void masks_however_long(const char *secret, const char *const *spellings,
                               int times) {
  bearer_vars v = { 0 };
  bearer_buffer whole = { 0 };
  repeat(&whole, secret, times);
  hide(&v, whole.data);
  for (; *spellings != NULL; spellings++) {
    bearer_buffer text = { 0 }, out = { 0 };
    bearer_buffer_text(&text, "<");
    repeat(&text, *spellings, times);
    bearer_buffer_text(&text, ">");
    bearer_redact(&v, text.data, text.size, &out);
    HOLDS(&out, "<***>");
    bearer_buffer_free(&text);
    bearer_buffer_free(&out);
  }
  bearer_buffer_free(&whole);
  bearer_vars_clear(&v);
}

static void knows_how_others_write_it(void) {
  static const char secret[] = "a/b+c d\"e'f&\xc3\xa9\xf0\x9f\x94\x91~*";
  static const char *const spellings[] = {
    "a\\/b+c d\\\"e'f&\\u00e9\\ud83d\\udd11~*",                     /* PHP: json_encode */
    "a%2Fb%2Bc+d%22e%27f%26%C3%A9%F0%9F%94%91%7E%2A",               /* urlencode */
    "a%2Fb%2Bc%20d%22e%27f%26%C3%A9%F0%9F%94%91~%2A",               /* rawurlencode */
    "a/b+c d&quot;e&#039;f&amp;\xc3\xa9\xf0\x9f\x94\x91~*",         /* htmlspecialchars */
    "a/b\\u002Bc d\\u0022e\\u0027f\\u0026\\u00E9\\uD83D\\uDD11~*",  /* .NET: JSON */
    "a%2fb%2bc+d%22e%27f%26%c3%a9%f0%9f%94%91%7e*",                 /* UrlEncode */
    "a/b&#x2B;c d&quot;e&#x27;f&amp;&#xE9;&#x1F511;~*",             /* HtmlEncoder */
    "a/b+c d&#34;e&#39;f&amp;&#233;&#128273;~*",                    /* HtmlEncode */
    "a/b+c d\\x22e'f&\\xC3\\xA9\\xF0\\x9F\\x94\\x91~*",             /* a log of nginx */
    "%61%2F%62%2B%63%20%64%22%65%27%66%26%C3%A9%F0%9F%94%91%7E%2A", /* every byte */
    "%61%2f%62%2b%63%20%64%22%65%27%66%26%c3%a9%f0%9f%94%91%7e%2a",
    "a\\/b+c d&quot;e\\u0027f%26\\u00e9%F0%9F%94%91~*", /* whatever */
    NULL,
  };
  masks_however_long(secret, spellings, 1);
  masks_however_long(secret, spellings, 30); /* 600 bytes */
}

static void knows_basic(void) { /* of the pair, which is what is hidden */
  bearer_vars v = { 0 };
  hide(&v, "me:p>?ss\xff");
  REDACTS(&v, "bWU6cD4/c3P/ bWU6cD4_c3P_ bWU6cD4\\/c3P\\/ bWU6cD4%2Fc3P%2F",
          "*** *** *** ***");
  bearer_vars_clear(&v);
  hide(&v, "me:p>?ss");
  REDACTS(&v, "bWU6cD4/c3M= bWU6cD4/c3M bWU6cD4_c3M= bWU6cD4/c3M%3d bWU6cD4/c3M\\u003D",
          "*** *** ***= *** ***");
  bearer_vars_clear(&v);
}

static void masks_what_overlaps(void) {
  bearer_vars v = { 0 };
  hide(&v, "secret");
  hide(&v, "secret-longer");
  hide(&v, "t-longer-still");
  REDACTS(&v, "secret secret-longer secret-longer-still", "*** *** ***");
  bearer_vars_clear(&v);
}

static void masks_odd_secrets(void) {
  bearer_vars v = { 0 };
  hide(&v, "");
  hide(&v, "x");
  REDACTS(&v, "xxx", "xxx"); /* nothing would be left of any text */
  hide(&v, "%25");
  hide(&v, "\\\\");
  hide(&v, "caf\xc3\xa9");
  REDACTS(&v, "%25 %2525 \\\\ \\\\\\\\", "*** *** *** ***");
  REDACTS(&v, "caf\xc3\xa9 caf%C3%A9 caf\\u00e9", "*** *** ***");
  CHECK(bearer_vars_hide(&v, "a\0b", 3));
  REDACTS(&v, "a\0b a%00b a\\u0000b", "*** *** ***");
  hide(&v, "\xe2\x82\xac\xe2\x82\xac");
  REDACTS(&v, "\\u20ac\\u20AC", "***");
  bearer_vars_clear(&v);
}

static void masks_numbers(void) {
  bearer_vars v = { 0 };
  CHECK(!bearer_redact_finds_number(&v, 42));
  hide(&v, "7");
  hide(&v, "0042");
  hide(&v, "12345678901234567");
  hide(&v, "1234.50");
  hide(&v, "s3cret");
  CHECK(bearer_redact_finds_number(&v, 42));
  CHECK(bearer_redact_finds_number(&v, 12345678901234567.0));
  CHECK(bearer_redact_finds_number(&v, 1234.5));
  CHECK(!bearer_redact_finds_number(&v, 7));
  CHECK(!bearer_redact_finds_number(&v, 43));
  CHECK(!bearer_redact_finds_number(&v, NAN));
  CHECK(!bearer_redact_finds_number(&v, INFINITY));
  bearer_vars_clear(&v);
}

static void masks_long_secrets(void) {
  bearer_vars v = { 0 };
  bearer_buffer secret = { 0 }, text = { 0 }, out = { 0 };
  repeat(&secret, "ab/", 20000);
  CHECK(bearer_vars_hide(&v, secret.data, secret.size));
  bearer_buffer_text(&text, "[");
  bearer_encode_percent(&text, secret.data, secret.size);
  bearer_buffer_text(&text, "][");
  bearer_buffer_add(&text, secret.data, secret.size);
  bearer_buffer_text(&text, "]");
  bearer_redact(&v, text.data, text.size, &out);
  HOLDS(&out, "[***][***]");
  bearer_buffer_reset(&out);
  bearer_redact_sentence(&v, text.data, text.size, &out);
  HOLDS(&out, "[***\xe2\x80\xa6"); /* so far is not looked */
  bearer_buffer_free(&secret);
  bearer_buffer_free(&text);
  bearer_buffer_free(&out);
  bearer_vars_clear(&v);
}

static void fails_rather_than_let_one_through(void) {
  volatile size_t huge = SIZE_MAX / 2; /* volatile: the compiler knows calloc's limit */
  bearer_vars v = { 0 };
  bearer_buffer out = { 0 };
  hide(&v, "secret");
  bearer_redact(&v, "secret", huge, &out);
  CHECK(out.failed && out.size == 0);
  bearer_buffer_reset(&out);
  out.cap = 4;
  bearer_redact(&v, "ab secret", 9, &out);
  CHECK(out.failed && out.size <= 4);
  bearer_buffer_reset(&out);
  bearer_redact_sentence(&v, "ab secret", 9, &out);
  CHECK(out.failed && out.size == 0);
  bearer_buffer_free(&out);
  bearer_vars_clear(&v);
}

/* ---- sentences --------------------------------------------------------------- */

static void says(const bearer_vars *v, const char *text, size_t size, const char *want,
                 size_t want_size, int line) {
  bearer_buffer out = { 0 };
  bearer_redact_sentence(v, text, size, &out);
  check_that(!out.failed, __FILE__, line, "failed");
  check_same(bearer_buffer_string(&out), out.size, want, want_size, __FILE__, line);
  bearer_buffer_free(&out);
}

#define SAYS(v, text, want)                                                              \
  says(v, text, sizeof(text) - 1, want, sizeof(want) - 1, __LINE__)

static void makes_one_line(void) {
  bearer_vars v = { 0 };
  hide(&v, "s3cret");
  SAYS(NULL, "", "");
  SAYS(NULL, " \t\r\n\0\x7f ", "");
  SAYS(NULL, "  a \x01\x1f b\r\nc\0d  ", "a b c d");
  SAYS(NULL, "s3cret", "s3cret");
  SAYS(&v, "\nthe secret is\n\ts3cret \n", "the secret is ***");
  SAYS(&v, "s3 cret", "s3 cret");
  SAYS(&v, "caf\xc3\xa9 \xff", "caf\xc3\xa9 \xff"); /* not UTF-8: not our business */
  bearer_vars_clear(&v);
}

/* So many times a text, and behind it another one, as a sentence. */
static void cuts(const char *text, int times, const char *tail, int shown, int dots,
                 int line) {
  bearer_buffer all = { 0 }, want = { 0 };
  repeat(&all, text, times);
  bearer_buffer_text(&all, tail);
  bearer_buffer_add(&want, all.data, (size_t)shown);
  bearer_buffer_text(&want, dots ? "\xe2\x80\xa6" : "");
  says(NULL, all.data, all.size, want.data, want.size, line);
  bearer_buffer_free(&all);
  bearer_buffer_free(&want);
}

static void cuts_what_is_long(void) {
  cuts("x", 300, "", 300, 0, __LINE__);
  cuts("x", 300, "  ", 300, 0, __LINE__);
  cuts("x", 301, "", 300, 1, __LINE__);
  cuts("x", 1000000, "", 300, 1, __LINE__);
  cuts("x", 299, "\xc3\xa9\xc3\xa9", 299, 1, __LINE__); /* not inside a character */
  cuts("x", 297, "\xf0\x9f\x94\x91\x78", 297, 1, __LINE__);
  cuts("\x80", 500, "", 300, 1, __LINE__); /* no UTF-8 at all */
}

static void looks_past_white_space(void) {
  bearer_buffer text = { 0 };
  repeat(&text, " \n", 500);
  bearer_buffer_text(&text, "here");
  says(NULL, text.data, text.size, "here", 4, __LINE__);
  bearer_buffer_free(&text);
}

/* A secret at any place, in the middle of what is cut, too: nothing of it shows. */
static void a_cut_secret_does_not_show(const bearer_vars *v,
                                       const bearer_buffer *spelling, const char *sign,
                                       int from, int to, int step) {
  for (int before = from; before < to; before += step) {
    bearer_buffer text = { 0 }, out = { 0 };
    repeat(&text, before % 2 ? " \n" : " .", before / 2);
    repeat(&text, " ", before % 2);
    bearer_buffer_add(&text, spelling->data, spelling->size);
    repeat(&text, ".", 5000);
    bearer_redact_sentence(v, text.data, text.size, &out);
    CHECK(!out.failed && out.size <= BEARER_SHOWN_MAX + 3);
    CHECK(memmem(out.data, out.size, sign, strlen(sign)) == NULL);
    bearer_buffer_free(&text);
    bearer_buffer_free(&out);
  }
}

static void no_cut_shows_a_part_of_a_secret(void) {
  static const struct {
    const char *spelling, *sign;
  } all[] = {
    { "T0P/SECRET\"WORDS", "T" },
    { "T0P%2FSECRET%22WORDS", "T" },
    { "%54%30%50%2F%53%45%43%52%45%54%22%57%4F%52%44%53", "%5" },
    { "\\u0054\\u0030\\u0050\\/\\u0053\\u0045CRET\\\"WORDS", "T" },
    { "T0P\\/SECRET&quot;WORDS", "T" },
    { "VDBQL1NFQ1JFVCJXT1JEUw==", "V" },
    { "5430502f53454352455422574f524453", "5" },
  };
  bearer_vars v = { 0 };
  hide(&v, "T0P/SECRET\"WORDS");
  for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
    bearer_buffer spelling = { 0 };
    bearer_buffer_text(&spelling, all[i].spelling);
    a_cut_secret_does_not_show(&v, &spelling, all[i].sign, 0, 2000, 7);
    a_cut_secret_does_not_show(&v, &spelling, all[i].sign, BEARER_LOOKED_AT_MAX - 100,
                               BEARER_LOOKED_AT_MAX + 2, 1);
    bearer_buffer_free(&spelling);
  }
  bearer_vars_clear(&v);
}

/* Longer than all that is looked at: of it, there is only a beginning. */
static void no_cut_shows_a_part_of_a_long_secret(void) {
  static void (*const encodings[])(bearer_buffer *, const void *, size_t) = {
    bearer_buffer_add,       bearer_encode_percent, bearer_encode_base64,
    bearer_encode_base64url, bearer_encode_hex,
  };
  static const char *const signs[] = { "W", "W", "V", "V", "57" };
  for (int size = 1000; size < 40000; size += 2999) {
    bearer_vars v = { 0 };
    bearer_buffer secret = { 0 };
    bearer_buffer_text(&secret, "W/");
    repeat(&secret, "W?>", size / 3);
    hide(&v, secret.data);
    for (size_t i = 0; i < sizeof(encodings) / sizeof(*encodings); i++) {
      bearer_buffer spelling = { 0 };
      encodings[i](&spelling, secret.data, secret.size);
      a_cut_secret_does_not_show(&v, &spelling, signs[i], 0, 5000, 333);
      a_cut_secret_does_not_show(&v, &spelling, signs[i], BEARER_LOOKED_AT_MAX - 20,
                                 BEARER_LOOKED_AT_MAX + 2, 1);
      bearer_buffer_free(&spelling);
    }
    bearer_buffer_free(&secret);
    bearer_vars_clear(&v);
  }
}

static void shows_what_follows_a_long_secret(void) {
  bearer_vars v = { 0 };
  bearer_buffer token = { 0 }, text = { 0 };
  repeat(&token, "eyJhb", 600);
  hide(&v, token.data);
  bearer_buffer_text(&text, "the token ");
  bearer_buffer_text(&text, token.data);
  bearer_buffer_text(&text, " is not known");
  says(&v, text.data, text.size, "the token *** is not known", 26, __LINE__);
  repeat(&text, " ", 200000);
  says(&v, text.data, text.size, "the token *** is not known\xe2\x80\xa6", 29, __LINE__);
  bearer_buffer_free(&token);
  bearer_buffer_free(&text);
  bearer_vars_clear(&v);
}

/* ---- what it costs ----------------------------------------------------------- */

/* So many bytes of which only the first few may be looked at: others end the program. */
static char *open_only_at_its_beginning(size_t *size, size_t open, char with) {
  char *all;
  *size = 1 << 26;
  all = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(all != MAP_FAILED);
  memset(all, with, open);
  CHECK(mprotect(all + open, *size - open, PROT_NONE) == 0);
  return all;
}

/* Texts, and secrets to be looked for, that a server chose: beyond the first few KB
   nothing is looked at. */
static void what_is_far_away_is_not_looked_at(void) {
  size_t size, open = 2 * BEARER_LOOKED_AT_MAX, page = (size_t)sysconf(_SC_PAGESIZE);
  char *text = open_only_at_its_beginning(&size, (open + page - 1) / page * page, 'a');
  bearer_vars v = { 0 };
  bearer_buffer out = { 0 };
  hide(&v, "xyz");
  v.list[0].value.size = size;
  free(v.list[0].value.data);
  v.list[0].value.data = text; /* borrowed */
  bearer_redact_sentence(&v, text, size, &out);
  HOLDS(&out, "***\xe2\x80\xa6");
  bearer_buffer_reset(&out);
  bearer_redact_sentence(&v, "short", 5, &out);
  HOLDS(&out, "short");
  v.list[0].value.data = NULL;
  CHECK(munmap(text, size) == 0);
  bearer_buffer_free(&out);
  bearer_vars_clear(&v);
}

/* Self-similar secrets in self-similar texts, the worst that there is, on the way to an
   end that is wrong: each byte is looked at as often as in any other text. */
static void a_hostile_server_costs_little(void) {
  size_t steps[2], most = 2 * 2 * 5 * (size_t)BEARER_LOOKED_AT_MAX; /* in 5 forms */
  for (int hostile = 0; hostile < 2; hostile++) {
    bearer_vars v = { 0 };
    bearer_buffer token = { 0 }, text = { 0 }, out = { 0 };
    repeat(&token, hostile ? "a" : "0123456789abcdefgh", hostile ? 2000 : 2000 / 18);
    bearer_buffer_text(&token, "b");
    repeat(&text, hostile ? "a" : "0123456789abcdefgh", hostile ? 1 << 20 : 1 << 16);
    hide(&v, token.data);
    steps[hostile] = bearer_redact_sentence(&v, text.data, text.size, &out);
    CHECK(!out.failed);
    bearer_buffer_free(&token);
    bearer_buffer_free(&text);
    bearer_buffer_free(&out);
    bearer_vars_clear(&v);
  }
  CHECK(steps[0] > 0 && steps[0] < most && steps[1] < most);
}

int main(void) {
  masks_secrets_alone();
  knows_every_encoding();
  knows_mixtures_of_escapes();
  knows_how_others_write_it();
  knows_basic();
  masks_what_overlaps();
  masks_odd_secrets();
  masks_numbers();
  masks_long_secrets();
  fails_rather_than_let_one_through();
  makes_one_line();
  cuts_what_is_long();
  looks_past_white_space();
  no_cut_shows_a_part_of_a_secret();
  no_cut_shows_a_part_of_a_long_secret();
  shows_what_follows_a_long_secret();
  what_is_far_away_is_not_looked_at();
  a_hostile_server_costs_little();
  return check_result();
}
