/*
 * Every encoding, decoded again by other means, gives the input.
 */
#include "base/encode.h"

#include <curl/curl.h>

#include "fuzz.h"

static int same(const void *a, size_t a_size, const void *b, size_t b_size) {
  return a_size == b_size && (a_size == 0 || !memcmp(a, b, a_size));
}

static void base64(const uint8_t *data, size_t size) {
  bearer_buffer text = { 0 }, back = { 0 };
  bearer_encode_base64(&text, data, size);
  HOLD(text.size == (size + 2) / 3 * 4);
  HOLD(bearer_decode_base64(&back, text.data, text.size));
  HOLD(same(back.data, back.size, data, size));
  bearer_buffer_reset(&text);
  bearer_buffer_reset(&back);
  bearer_encode_base64url(&text, data, size);
  HOLD(strcspn(bearer_buffer_string(&text), "+/=") == text.size);
  HOLD(bearer_decode_base64(&back, text.data, text.size));
  HOLD(same(back.data, back.size, data, size));
  bearer_buffer_free(&text);
  bearer_buffer_free(&back);
}

static void hex(const uint8_t *data, size_t size) {
  bearer_buffer text = { 0 };
  size_t i;
  bearer_encode_hex(&text, data, size);
  HOLD(text.size == size * 2);
  for (i = 0; i < size; i++) {
    char digits[3] = { text.data[2 * i], text.data[2 * i + 1], '\0' };
    HOLD(strtoul(digits, NULL, 16) == data[i]);
  }
  bearer_buffer_free(&text);
}

static void percent(const uint8_t *data, size_t size, int form) {
  bearer_buffer text = { 0 };
  char *back;
  size_t i;
  int back_size = 0;
  (form ? bearer_encode_form : bearer_encode_percent)(&text, data, size);
  HOLD(strcspn(bearer_buffer_string(&text), " &=?#\"<>\\\n") == text.size);
  for (i = 0; form && i < text.size; i++)
    if (text.data[i] == '+')
      text.data[i] = ' ';
  if (text.size > 0) { /* a size of 0 would mean: measure it */
    back = curl_easy_unescape(NULL, text.data, (int)text.size, &back_size);
    HOLD(back != NULL && same(back, (size_t)back_size, data, size));
    curl_free(back);
  }
  bearer_buffer_free(&text);
}

static const char *json_byte(const char *p, uint8_t *byte) { /* behind one character */
  static const char from[] = "\"\\bfnrt", to[] = "\"\\\b\f\n\r\t";
  char digits[5] = { 0 };
  if (*p != '\\') {
    *byte = (uint8_t)*p;
    return p + 1;
  }
  if (p[1] != 'u') {
    HOLD(p[1] != '\0' && strchr(from, p[1]) != NULL);
    *byte = (uint8_t)to[strchr(from, p[1]) - from];
    return p + 2;
  }
  memcpy(digits, p + 2, 4);
  *byte = (uint8_t)strtoul(digits, NULL, 16);
  return p + 6;
}

static void json(const uint8_t *data, size_t size) {
  bearer_buffer text = { 0 };
  const char *p, *end;
  size_t i;
  bearer_encode_json(&text, data, size);
  HOLD(text.size >= size + 2 && text.data[0] == '"');
  p = text.data + 1;
  end = text.data + text.size - 1;
  for (i = 0; i < size; i++) {
    uint8_t byte;
    HOLD(p < end && (uint8_t)*p >= ' ' && *p != '"' && *p != 0x7f);
    p = json_byte(p, &byte);
    HOLD(byte == data[i]);
  }
  HOLD(p == end && *p == '"');
  bearer_buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  base64(data, size);
  hex(data, size);
  percent(data, size, 0);
  percent(data, size, 1);
  json(data, size);
  return 0;
}
