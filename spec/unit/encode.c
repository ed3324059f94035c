/*
 * The encodings against the vectors of their documents, and against odd bytes.
 */
#include "base/encode.h"

#include <stdlib.h>

#include "check.h"

typedef void encoder(bearer_buffer *out, const void *data, size_t size);

#define ENCODES(encode, data, want)                                                      \
  encodes(encode, data, sizeof(data) - 1, want, sizeof(want) - 1, __LINE__)

static void encodes(encoder *encode, const char *data, size_t size, const char *want,
                    size_t want_size, int line) {
  bearer_buffer b = { 0 };
  encode(&b, data, size);
  CHECK(!b.failed && b.data != NULL && b.data[b.size] == '\0');
  check_same(b.data, b.size, want, want_size, __FILE__, line);
  bearer_buffer_free(&b);
}

static void decodes(const char *text, const char *want, size_t size, int line) {
  bearer_buffer b = { 0 };
  if (check_that(bearer_decode_base64(&b, text, strlen(text)), __FILE__, line, text))
    check_same(b.data, b.size, want, size, __FILE__, line);
  bearer_buffer_free(&b);
}

#define DECODES(text, want) decodes(text, want, sizeof(want) - 1, __LINE__)

static void refuses(const char *text, size_t size, int line) {
  bearer_buffer b = { 0 };
  bearer_buffer_text(&b, "before");
  check_that(!bearer_decode_base64(&b, text, size), __FILE__, line, text);
  HOLDS(&b, "before");
  CHECK(!b.failed);
  bearer_buffer_free(&b);
}

#define REFUSES(text) refuses(text, sizeof(text) - 1, __LINE__)

static void rfc4648_vectors(void) {
  ENCODES(bearer_encode_base64, "", "");
  ENCODES(bearer_encode_base64, "f", "Zg==");
  ENCODES(bearer_encode_base64, "fo", "Zm8=");
  ENCODES(bearer_encode_base64, "foo", "Zm9v");
  ENCODES(bearer_encode_base64, "foob", "Zm9vYg==");
  ENCODES(bearer_encode_base64, "fooba", "Zm9vYmE=");
  ENCODES(bearer_encode_base64, "foobar", "Zm9vYmFy");
  ENCODES(bearer_encode_base64url, "", "");
  ENCODES(bearer_encode_base64url, "f", "Zg");
  ENCODES(bearer_encode_base64url, "fo", "Zm8");
  ENCODES(bearer_encode_base64url, "foobar", "Zm9vYmFy");
  ENCODES(bearer_encode_hex, "", "");
  ENCODES(bearer_encode_hex, "foobar", "666f6f626172");
  ENCODES(bearer_encode_hex, "\x00\x0f\xf0\xff", "000ff0ff");
}

static void both_base64_alphabets(void) {
  ENCODES(bearer_encode_base64, "\xfb\xef\xbe\xff\xff", "++++//8=");
  ENCODES(bearer_encode_base64url, "\xfb\xef\xbe\xff\xff", "----__8");
  ENCODES(bearer_encode_base64, "\0\0\0\0", "AAAAAA==");
  DECODES("++++//8=", "\xfb\xef\xbe\xff\xff");
  DECODES("----__8", "\xfb\xef\xbe\xff\xff");
  DECODES("----__8=", "\xfb\xef\xbe\xff\xff");
  DECODES("-+-+_/8", "\xfb\xef\xbe\xff\xff");
}

static void base64_is_read_padded_or_not(void) {
  DECODES("", "");
  DECODES("Zg==", "f");
  DECODES("Zg", "f");
  DECODES("Zm8=", "fo");
  DECODES("Zm8", "fo");
  DECODES("Zm9v", "foo");
  DECODES("AAAAAA==", "\0\0\0\0");
  DECODES("AAA", "\0\0");
}

static void what_is_not_base64(void) {
  REFUSES("Z");
  REFUSES("Zm9vY");
  REFUSES("=");
  REFUSES("==");
  REFUSES("====");
  REFUSES("Zg=");
  REFUSES("Zm8==");
  REFUSES("Zm9v=");
  REFUSES("Zm9v====");
  REFUSES("Zg==Zg==");
  REFUSES("Z=g=");
  REFUSES(" Zm9v");
  REFUSES("Zm9v\n");
  REFUSES("Zm 9");
  REFUSES("Zm9v\0"); /* a NUL is no end */
  REFUSES("Zm\0v");
  REFUSES("Zm9%3D");
  REFUSES("Zm9.");
  REFUSES("Zm9\xc3\xa9");
}

static void round_trip(size_t size) { /* over several pieces, of all byte values */
  unsigned char *data = malloc(size);
  bearer_buffer standard = { 0 }, url = { 0 }, back = { 0 };
  size_t i;
  for (i = 0; i < size; i++)
    data[i] = (unsigned char)(i * 7 + i / 256);
  bearer_encode_base64(&standard, data, size);
  bearer_encode_base64url(&url, data, size);
  CHECK(standard.size == (size + 2) / 3 * 4);
  CHECK(url.size == (size * 4 + 2) / 3);
  CHECK(bearer_decode_base64(&back, standard.data, standard.size));
  SAME(back.data, back.size, data, size);
  bearer_buffer_reset(&back);
  CHECK(bearer_decode_base64(&back, url.data, url.size));
  SAME(back.data, back.size, data, size);
  bearer_buffer_free(&standard);
  bearer_buffer_free(&url);
  bearer_buffer_free(&back);
  free(data);
}

static void base64_round_trips(void) {
  static const size_t sizes[] = { 1,   255,  766,  767,  768,  769,
                                  770, 1535, 1536, 1537, 5000, 1 << 20 };
  size_t i;
  for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
    round_trip(sizes[i]);
}

static void percent(void) {
  ENCODES(bearer_encode_percent, "", "");
  ENCODES(bearer_encode_percent, "AZaz09-._~", "AZaz09-._~");
  ENCODES(bearer_encode_percent, " +&=/?#%*", "%20%2B%26%3D%2F%3F%23%25%2A");
  ENCODES(bearer_encode_percent, "\0\n\x7f\x80\xff", "%00%0A%7F%80%FF");
  ENCODES(bearer_encode_percent, "caf\xc3\xa9", "caf%C3%A9");
  ENCODES(bearer_encode_percent, "@[`{/:", "%40%5B%60%7B%2F%3A"); /* next to the ranges */
}

static void form(void) {
  ENCODES(bearer_encode_form, "", "");
  ENCODES(bearer_encode_form, "AZaz09-._*", "AZaz09-._*");
  ENCODES(bearer_encode_form, " ~+&=%", "+%7E%2B%26%3D%25");
  ENCODES(bearer_encode_form, "a\r\nb\0c", "a%0D%0Ab%00c");
  /* RFC 6749, appendix B */
  ENCODES(bearer_encode_form, " %&+\xc2\xa3\xe2\x82\xac", "+%25%26%2B%C2%A3%E2%82%AC");
}

static void json(void) {
  ENCODES(bearer_encode_json, "", "\"\"");
  ENCODES(bearer_encode_json, "plain / 'text'", "\"plain / 'text'\"");
  ENCODES(bearer_encode_json, "a\"b\\c", "\"a\\\"b\\\\c\"");
  ENCODES(bearer_encode_json, "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"");
  ENCODES(bearer_encode_json, "\0\x01\x1f\x7f", "\"\\u0000\\u0001\\u001f\\u007f\"");
  ENCODES(bearer_encode_json, "\xc3\xa9\xe2\x80\xa8\xf0\x9f\x94\x91",
          "\"\xc3\xa9\xe2\x80\xa8\xf0\x9f\x94\x91\"");
  ENCODES(bearer_encode_json, "\xff\x80", "\"\xff\x80\"");
}

static void all_append_and_keep_a_failure(void) {
  static encoder *const all[] = { bearer_encode_base64, bearer_encode_base64url,
                                  bearer_encode_hex,    bearer_encode_percent,
                                  bearer_encode_form,   bearer_encode_json };
  char data[2000];
  size_t i;
  memset(data, '\xff', sizeof(data));
  for (i = 0; i < sizeof(all) / sizeof(*all); i++) {
    bearer_buffer b = { 0 };
    b.cap = 10;
    bearer_buffer_text(&b, "Basic ");
    all[i](&b, "", 0);
    CHECK(!b.failed && memcmp(b.data, "Basic ", 6) == 0);
    all[i](&b, data, sizeof(data));
    CHECK(b.failed && b.size <= 10);
    all[i](&b, "", 0);
    CHECK(b.failed);
    bearer_buffer_free(&b);
  }
}

static void decoding_keeps_a_failure(void) {
  bearer_buffer b = { 0 };
  b.cap = 2;
  CHECK(bearer_decode_base64(&b, "Zm9v", 4)); /* it is base64; that it was lost, b says */
  CHECK(b.failed);
  CHECK(bearer_decode_base64(&b, "", 0) && b.failed);
  bearer_buffer_free(&b);
}

int main(void) {
  rfc4648_vectors();
  both_base64_alphabets();
  base64_is_read_padded_or_not();
  what_is_not_base64();
  base64_round_trips();
  percent();
  form();
  json();
  all_append_and_keep_a_failure();
  decoding_keeps_a_failure();
  return check_result();
}
