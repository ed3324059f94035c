/*
 * The little that a client may read in a JSON Web Token.
 */
#include "base/jwt.h"

#include <string.h>

#include "base/encode.h"

int bearer_jwt_payload(bearer_buffer *out, const char *token, size_t size) {
  const char *end = token + size;
  const char *first, *second;
  if (size == 0)
    return 0;
  first = memchr(token, '.', size);
  if (first == NULL || first == token)
    return 0;
  first++;
  second = memchr(first, '.', (size_t)(end - first));
  if (second == NULL || second == first)
    return 0;
  if (memchr(second + 1, '.', (size_t)(end - second) - 1) != NULL)
    return 0; /* five segments are an encrypted token, which only its reader can open */
  return bearer_decode_base64(out, first, (size_t)(second - first));
}
