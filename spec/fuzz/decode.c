/*
 * Base64 and tokens from a hostile server.
 */
#include "base/encode.h"
#include "base/jwt.h"
#include "fuzz.h"

static int has_byte(const char *data, size_t size, char c) {
  return size > 0 && memchr(data, c, size) != NULL;
}

/* What was accepted has the size its characters can carry, and reads the same again. */
static void decoded(const bearer_buffer *out, size_t size) {
  bearer_buffer text = { 0 }, again = { 0 };
  HOLD(out->size <= size / 4 * 3 + 2);
  bearer_encode_base64url(&text, out->data, out->size);
  HOLD(bearer_decode_base64(&again, text.data, text.size));
  HOLD(again.size == out->size && !memcmp(again.data, out->data, out->size));
  bearer_buffer_free(&text);
  bearer_buffer_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *text = (const char *)data;
  bearer_buffer out = { 0 };
  if (bearer_decode_base64(&out, text, size)) {
    HOLD(!has_byte(text, size, '\0') && !has_byte(text, size, '\n'));
    decoded(&out, size);
  } else {
    HOLD(out.size == 0 && !out.failed);
  }
  bearer_buffer_reset(&out);
  if (bearer_jwt_payload(&out, text, size))
    decoded(&out, size);
  else
    HOLD(out.size == 0 && !out.failed);
  bearer_buffer_free(&out);
  out.cap = size / 2; /* too little room: the failure must stick */
  if (bearer_decode_base64(&out, text, size))
    HOLD(out.size <= size / 2 || out.failed || out.cap == 0);
  bearer_buffer_free(&out);
  return 0;
}
