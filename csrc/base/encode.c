/*
 * The text forms that requests are made of.
 */
#include "base/encode.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/secret.h"

/* libcrypto counts in int and wants its whole result in one place, so base64 goes in
   pieces; each is a multiple of 3 bytes, 4 characters, so they can simply follow. */
#define PIECE_BYTES 768
#define PIECE_CHARS 1024

static const char upper_digits[] = "0123456789ABCDEF";
static const char lower_digits[] = "0123456789abcdef";

static int is_alphanumeric(char c) { /* isalnum would ask the locale */
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* base64 */

static size_t url_alphabet(char *text, size_t size) { /* in place; the size unpadded */
  size_t i;
  while (size > 0 && text[size - 1] == '=')
    size--;
  for (i = 0; i < size; i++) {
    if (text[i] == '+')
      text[i] = '-';
    else if (text[i] == '/')
      text[i] = '_';
  }
  return size;
}

static void base64(bearer_buffer *out, const unsigned char *data, size_t size, int url) {
  char text[PIECE_CHARS + 1]; /* EVP_EncodeBlock adds a NUL */
  if (size == 0)
    bearer_buffer_add(out, "", 0); /* out is a C text even so */
  while (size > 0 && !out->failed) {
    size_t bytes = size < PIECE_BYTES ? size : PIECE_BYTES;
    size_t chars = (size_t)EVP_EncodeBlock((unsigned char *)text, data, (int)bytes);
    bearer_buffer_add(out, text, url ? url_alphabet(text, chars) : chars);
    data += bytes;
    size -= bytes;
  }
  bearer_wipe(text, sizeof(text));
}

void bearer_encode_base64(bearer_buffer *out, const void *data, size_t size) {
  base64(out, data, size, 0);
}

void bearer_encode_base64url(bearer_buffer *out, const void *data, size_t size) {
  base64(out, data, size, 1);
}

static int is_base64(char c) {
  return is_alphanumeric(c) || c == '+' || c == '/' || c == '-' || c == '_';
}

/* The number of characters before the padding; 0 in *valid when it is not base64. */
static size_t unpadded_size(const char *text, size_t size, int *valid) {
  size_t padding = 0, i;
  while (padding < 2 && size > 0 && text[size - 1] == '=') {
    padding++;
    size--;
  }
  *valid = size % 4 != 1 && (padding == 0 || (size + padding) % 4 == 0);
  for (i = 0; i < size && *valid; i++)
    *valid = is_base64(text[i]);
  return size;
}

/* One piece in the standard alphabet, padded: what EVP_DecodeBlock reads. Left to itself
   it skips white space, takes '-' for an end, and counts the padding as data. */
static size_t standard_alphabet(char *piece, const char *text, size_t size) {
  size_t i;
  for (i = 0; i < size; i++)
    piece[i] = text[i] == '-' ? '+' : (char)(text[i] == '_' ? '/' : text[i]);
  for (; i % 4 != 0; i++)
    piece[i] = '=';
  return i;
}

int bearer_decode_base64(bearer_buffer *out, const char *text, size_t size) {
  char piece[PIECE_CHARS];
  unsigned char bytes[PIECE_BYTES];
  int valid;
  size = unpadded_size(text, size, &valid);
  if (!valid)
    return 0;
  bearer_buffer_add(out, "", 0);
  while (size > 0 && !out->failed) {
    size_t taken = size < PIECE_CHARS ? size : PIECE_CHARS;
    size_t chars = standard_alphabet(piece, text, taken);
    int decoded = EVP_DecodeBlock(bytes, (const unsigned char *)piece, (int)chars);
    if (decoded > 0)
      bearer_buffer_add(out, bytes, (size_t)decoded - (chars - taken));
    text += taken;
    size -= taken;
  }
  bearer_wipe(piece, sizeof(piece));
  bearer_wipe(bytes, sizeof(bytes));
  return 1;
}

/* Bytes that are replaced one by one. The digits are appended from the constant tables:
   nothing is left on the stack. */

static void hex_byte(bearer_buffer *out, unsigned char c, const char *digits) {
  bearer_buffer_add(out, digits + (c >> 4), 1);
  bearer_buffer_add(out, digits + (c & 15), 1);
}

void bearer_encode_hex(bearer_buffer *out, const void *data, size_t size) {
  const unsigned char *p = data;
  size_t i;
  bearer_buffer_add(out, "", 0);
  for (i = 0; i < size && !out->failed; i++)
    hex_byte(out, p[i], lower_digits);
}

/* Append data, runs of what passes at once, each other byte by its replacement. */
static void replace(bearer_buffer *out, const char *data, size_t size,
                    int (*passes)(char), void (*replacement)(bearer_buffer *, char)) {
  if (size == 0)
    bearer_buffer_add(out, "", 0);
  while (size > 0 && !out->failed) {
    size_t run = 0;
    while (run < size && passes(data[run]))
      run++;
    bearer_buffer_add(out, data, run);
    if (run < size)
      replacement(out, data[run++]);
    data += run;
    size -= run;
  }
}

static void percent_byte(bearer_buffer *out, char c) {
  bearer_buffer_add(out, "%", 1);
  hex_byte(out, (unsigned char)c, upper_digits);
}

static int passes_percent(char c) {
  return is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

void bearer_encode_percent(bearer_buffer *out, const void *data, size_t size) {
  replace(out, data, size, passes_percent, percent_byte);
}

static void form_byte(bearer_buffer *out, char c) {
  if (c == ' ')
    bearer_buffer_add(out, "+", 1);
  else
    percent_byte(out, c);
}

static int passes_form(char c) {
  return is_alphanumeric(c) || c == '*' || c == '-' || c == '.' || c == '_';
}

void bearer_encode_form(bearer_buffer *out, const void *data, size_t size) {
  replace(out, data, size, passes_form, form_byte);
}

static void json_byte(bearer_buffer *out, char c) {
  static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
  const char *found = memchr(from, c, sizeof(from) - 1);
  bearer_buffer_add(out, "\\", 1);
  if (found != NULL) {
    bearer_buffer_add(out, to + (found - from), 1);
  } else {
    bearer_buffer_add(out, "u00", 3);
    hex_byte(out, (unsigned char)c, lower_digits);
  }
}

static int passes_json(char c) {
  return (unsigned char)c >= ' ' && c != '"' && c != '\\' && c != 0x7f;
}

void bearer_encode_json(bearer_buffer *out, const void *data, size_t size) {
  bearer_buffer_add(out, "\"", 1);
  replace(out, data, size, passes_json, json_byte);
  bearer_buffer_add(out, "\"", 1);
}
