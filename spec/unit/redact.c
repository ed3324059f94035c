/*
 * Texts for people: no secret shows in them, however it is spelt.
 */
#include "base/redact.h"

#include <stdint.h>
#include <time.h>

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

static void repeat(bearer_buffer *b, const char *text, int times) {
  for (int i = 0; i < times; i++)
    bearer_buffer_text(b, text);
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
  HOLDS(&out, "[***][***]");
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
static void a_cut_secret_does_not_show(const char *spelling, const char *sign) {
  bearer_vars v = { 0 };
  hide(&v, "T0P/SECRET\"WORDS");
  for (int before = 0; before < 2000; before += 7) {
    bearer_buffer text = { 0 }, out = { 0 };
    repeat(&text, before % 2 ? " \n" : " .", before / 2);
    bearer_buffer_text(&text, spelling);
    repeat(&text, ".", 5000);
    bearer_redact_sentence(&v, text.data, text.size, &out);
    CHECK(!out.failed && out.size <= BEARER_SHOWN_MAX + 3);
    CHECK(memmem(out.data, out.size, sign, strlen(sign)) == NULL);
    bearer_buffer_free(&text);
    bearer_buffer_free(&out);
  }
  bearer_vars_clear(&v);
}

static void no_cut_shows_a_part_of_a_secret(void) {
  a_cut_secret_does_not_show("T0P/SECRET\"WORDS", "T");
  a_cut_secret_does_not_show("T0P%2FSECRET%22WORDS", "T");
  a_cut_secret_does_not_show("T0P\\/SECRET&quot;WORDS", "T");
  a_cut_secret_does_not_show("VDBQL1NFQ1JFVCJXT1JEUw==", "V");
  a_cut_secret_does_not_show("5430502f53454352455422574f524453", "5");
}

static void shows_what_follows_a_long_secret(void) {
  bearer_vars v = { 0 };
  bearer_buffer token = { 0 }, text = { 0 };
  repeat(&token, "eyJhb", 2000);
  hide(&v, token.data);
  bearer_buffer_text(&text, "the token ");
  bearer_buffer_text(&text, token.data);
  bearer_buffer_text(&text, " is not known");
  says(&v, text.data, text.size, "the token *** is not known", 26, __LINE__);
  repeat(&text, " ", 200000);
  says(&v, text.data, text.size, "the token *** is not known", 26, __LINE__);
  bearer_buffer_free(&token);
  bearer_buffer_free(&text);
  bearer_vars_clear(&v);
}

/* Secrets that a server chose to be looked for, in a text that it chose. */
static void a_hostile_server_costs_little(void) {
  bearer_vars v = { 0 };
  bearer_buffer token = { 0 }, almost = { 0 }, text = { 0 }, out = { 0 };
  clock_t begin;
  repeat(&token, "a", 1 << 19);
  bearer_buffer_text(&token, "b");
  repeat(&almost, "a", 255);
  bearer_buffer_text(&almost, "b");
  repeat(&text, "a", 1 << 23);
  hide(&v, token.data);
  hide(&v, almost.data);
  begin = clock();
  bearer_redact_sentence(&v, text.data, text.size, &out);
  CHECK(!out.failed && clock() - begin < 4 * CLOCKS_PER_SEC);
  bearer_buffer_free(&token);
  bearer_buffer_free(&almost);
  bearer_buffer_free(&text);
  bearer_buffer_free(&out);
  bearer_vars_clear(&v);
}

int main(void) {
  masks_secrets_alone();
  knows_every_encoding();
  knows_mixtures_of_escapes();
  masks_what_overlaps();
  masks_odd_secrets();
  masks_long_secrets();
  fails_rather_than_let_one_through();
  makes_one_line();
  cuts_what_is_long();
  looks_past_white_space();
  no_cut_shows_a_part_of_a_secret();
  shows_what_follows_a_long_secret();
  a_hostile_server_costs_little();
  return check_result();
}
