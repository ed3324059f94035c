/*
 * The payloads of tokens as providers send them, and what is no such token.
 */
#include "base/jwt.h"

#include "base/encode.h"
#include "check.h"

#define HEADER "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9" /* {"alg":"HS256","typ":"JWT"} */

static void reads(const char *token, const char *want, size_t size, int line) {
  bearer_buffer b = { 0 };
  if (check_that(bearer_jwt_payload(&b, token, strlen(token)), __FILE__, line, token))
    check_same(b.data, b.size, want, size, __FILE__, line);
  bearer_buffer_free(&b);
}

static void refuses(const char *token, size_t size, int line) {
  bearer_buffer b = { 0 };
  bearer_buffer_text(&b, "before");
  check_that(!bearer_jwt_payload(&b, token, size), __FILE__, line, token);
  HOLDS(&b, "before");
  bearer_buffer_free(&b);
}

#define READS(token, want) reads(token, want, sizeof(want) - 1, __LINE__)
#define REFUSES(token)     refuses(token, sizeof(token) - 1, __LINE__)

static void as_the_standard_says(void) {
  READS(HEADER ".eyJzdWIiOiJhIn0.c2ln", "{\"sub\":\"a\"}");
  READS(HEADER ".e30.", "{}"); /* alg none: no signature */
  READS("eyJhbGciOiJub25lIn0.eyJuIjoiPz8-Pn5-w7_DviJ9.x",
        "{\"n\":\"\?\?>>~~\xc3\xbf\xc3\xbe\"}");
}

static void padded_standard_base64(void) { /* Oracle Commerce */
  READS(HEADER ".eyJuIjoiPz8+Pn5+w7/DviJ9.aGVs+G8/d29ybGQ=",
        "{\"n\":\"\?\?>>~~\xc3\xbf\xc3\xbe\"}");
  READS(HEADER ".eyJleHAiOjE3MDAwMDA5MzAsInN1YiI6IjQ3MTEiLCJpc3MiOiJzaG9wIiwiaWF0Ijox"
               "NzAwMDAwMDAwfQ==.aGVs+G8/d29ybGQ=",
        "{\"exp\":1700000930,\"sub\":\"4711\",\"iss\":\"shop\",\"iat\":1700000000}");
}

static void claims_that_are_all_strings(void) { /* CRM.COM; unpadded */
  READS("eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9."
        "eyJ1c3IiOiJyb2JvdCIsIm9yZyI6ImRlbW8iLCJvdW4iOiIyIiwiZXhwIjoiMTcwMDAwNzIwMCIsImlh"
        "dCI6IjE3MDAwMDAwMDAifQ.yWRGqFx7aL2H6Rcq",
        "{\"usr\":\"robot\",\"org\":\"demo\",\"oun\":\"2\",\"exp\":\"1700007200\","
        "\"iat\":\"1700000000\"}");
}

static void what_is_no_token(void) {
  REFUSES("");
  REFUSES(".");
  REFUSES("..");
  REFUSES("a.b");
  REFUSES(HEADER "..sig");
  REFUSES(".e30.sig");
  REFUSES(HEADER ".e30.a.b");
  REFUSES("a.b.c.d.e"); /* encrypted */
  REFUSES("0123456789abcdef");
  REFUSES(HEADER ".e30%3D.sig");
  REFUSES(HEADER ".e30==.sig");
  REFUSES(HEADER ".e3=0.sig");
  REFUSES(HEADER ".e\0000.sig");
  REFUSES(HEADER ".e3\n0.sig");
  REFUSES(HEADER ". .sig");
}

static void keeps_to_the_size(void) {
  bearer_buffer b = { 0 };
  CHECK(!bearer_jwt_payload(&b, "a.e30.x", 5)); /* the second dot is outside */
  CHECK(bearer_jwt_payload(&b, "a.e30.x", 6));
  HOLDS(&b, "{}");
  CHECK(!bearer_jwt_payload(&b, NULL, 0));
  bearer_buffer_free(&b);
}

static void large_tokens(void) {
  bearer_buffer claims = { 0 }, token = { 0 }, payload = { 0 };
  int i;
  for (i = 0; i < 100000; i++)
    bearer_buffer_text(&claims, "claim");
  bearer_buffer_text(&token, HEADER ".");
  bearer_encode_base64(&token, claims.data, claims.size);
  bearer_buffer_text(&token, ".c2ln");
  CHECK(bearer_jwt_payload(&payload, token.data, token.size));
  SAME(payload.data, payload.size, claims.data, claims.size);
  bearer_buffer_free(&claims);
  bearer_buffer_free(&token);
  bearer_buffer_free(&payload);
}

static void keeps_a_failure(void) {
  bearer_buffer b = { 0 };
  b.cap = 1;
  CHECK(bearer_jwt_payload(&b, "a.e30.x", 7) && b.failed);
  bearer_buffer_free(&b);
}

int main(void) {
  as_the_standard_says();
  padded_standard_base64();
  claims_that_are_all_strings();
  what_is_no_token();
  keeps_to_the_size();
  large_tokens();
  keeps_a_failure();
  return check_result();
}
