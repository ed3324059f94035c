/*
 * Buffers grow, keep to their cap, remember a failure, and wipe.
 */
#include "base/buffer.h"

#include <stdint.h>

#include "check.h"

static void starts_empty(void) {
  bearer_buffer b = { 0 };
  SAME(bearer_buffer_string(&b), 1, "", 1);
  bearer_buffer_add(&b, NULL, 0);
  CHECK(!b.failed && b.size == 0 && b.data != NULL && b.data[0] == '\0');
  bearer_buffer_free(&b);
  CHECK(b.data == NULL && b.size == 0 && b.room == 0);
  bearer_buffer_free(&b); /* twice is fine */
}

static void grows(void) {
  bearer_buffer b = { 0 };
  size_t i;
  int right = 1;
  for (i = 0; i < 5000; i++)
    bearer_buffer_add(&b, "ab", 2);
  for (i = 0; i < b.size; i++)
    right &= b.data[i] == (i % 2 ? 'b' : 'a');
  CHECK(right && b.size == 10000 && b.room > b.size && b.data[b.size] == '\0');
  bearer_buffer_free(&b);
}

static void takes_any_byte(void) {
  bearer_buffer b = { 0 };
  bearer_buffer_add(&b, "a\0b", 3);
  bearer_buffer_text(&b, "\xff");
  HOLDS(&b, "a\0b\xff");
  bearer_buffer_free(&b);
}

static void keeps_to_its_cap(void) {
  bearer_buffer b = { 0 };
  b.cap = 5;
  bearer_buffer_text(&b, "12345");
  CHECK(!b.failed);
  bearer_buffer_text(&b, "6");
  CHECK(b.failed);
  HOLDS(&b, "12345");
  bearer_buffer_add(&b, "", 0); /* a failure sticks */
  CHECK(b.failed);
  bearer_buffer_reset(&b);
  CHECK(!b.failed && b.size == 0);
  bearer_buffer_text(&b, "123456");
  CHECK(b.failed && b.size == 0);
  bearer_buffer_free(&b);
  CHECK(b.cap == 5);
}

static void refuses_huge_sizes(void) {
  bearer_buffer b = { 0 };
  volatile size_t huge = SIZE_MAX;
  bearer_buffer_text(&b, "x");
  bearer_buffer_add(&b, "y", huge);
  CHECK(b.failed);
  bearer_buffer_reset(&b);
  bearer_buffer_add(&b, "y", huge / 2);
  CHECK(b.failed && b.size == 0);
  bearer_buffer_free(&b);
}

static void wipes_on_reset(void) {
  bearer_buffer b = { 0 };
  size_t room;
  bearer_buffer_text(&b, "password");
  room = b.room;
  bearer_buffer_reset(&b);
  CHECK(b.room == room); /* the memory is kept */
  SAME(b.data, 8, "\0\0\0\0\0\0\0\0", 8);
  bearer_buffer_free(&b);
}

int main(void) {
  starts_empty();
  grows();
  takes_any_byte();
  keeps_to_its_cap();
  refuses_huge_sizes();
  wipes_on_reset();
  return check_result();
}
