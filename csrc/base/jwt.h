/*
 * The little that a client may read in a JSON Web Token: its claims, unverified.
 */
#ifndef BEARER_JWT_H
#define BEARER_JWT_H

#include <stddef.h>

#include "base/buffer.h"

#pragma GCC visibility push(hidden)

/* Append the decoded second of three segments: JSON text, if the token is honest. Padded
   and standard base64 are tolerated, as Oracle sends them. 0 when it is no such token;
   out is then left as it was. */
int bearer_jwt_payload(bearer_buffer *out, const char *token, size_t size);

#pragma GCC visibility pop

#endif
