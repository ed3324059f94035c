/*
 * The text forms that requests are made of. All of them append to a buffer and keep its
 * sticky failure; temporaries are wiped, since most of what is encoded here is secret.
 * Any byte may come in, NUL as well, only not from the buffer that is appended to.
 */
#ifndef BEARER_ENCODE_H
#define BEARER_ENCODE_H

#include <stddef.h>

#include "base/buffer.h"

#pragma GCC visibility push(hidden)

/* RFC 4648 section 4, padded. */
void bearer_encode_base64(bearer_buffer *out, const void *data, size_t size);

/* RFC 4648 section 5, without padding. */
void bearer_encode_base64url(bearer_buffer *out, const void *data, size_t size);

/* Either alphabet (or both at once), padded or not. 0 when the text is neither; out is
   then left as it was. An out that has failed, or fails here, tells by itself. */
int bearer_decode_base64(bearer_buffer *out, const char *text, size_t size);

/* Lower case. */
void bearer_encode_hex(bearer_buffer *out, const void *data, size_t size);

/* All but the unreserved characters of RFC 3986 as %XX. */
void bearer_encode_percent(bearer_buffer *out, const void *data, size_t size);

/* A name or value of application/x-www-form-urlencoded, as URLs' living standard has it:
   letters, digits and * - . _ stay, a space is +. */
void bearer_encode_form(bearer_buffer *out, const void *data, size_t size);

/* A JSON string with its quotes. Control characters, DEL, " and \ are escaped; all other
   bytes pass, and whether they are UTF-8 is the caller's business. */
void bearer_encode_json(bearer_buffer *out, const void *data, size_t size);

#pragma GCC visibility pop

#endif
