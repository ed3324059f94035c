/*
 * The codes of errors that are bearer's own, each with its class and a sentence for
 * people. This table is the only one: errors are made of it, and what the README says of
 * codes is compared with it.
 */
#ifndef BEARER_CODES_H
#define BEARER_CODES_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

/* What to expect of another attempt. */
typedef enum {
  BEARER_TRANSIENT,
  BEARER_THROTTLED,
  BEARER_TERMINAL,
  BEARER_CLASS_CLOSED
} bearer_class;

typedef enum {
  BEARER_OK, /* no error */
  BEARER_REFUSED,
  BEARER_NO_TOKEN,
  BEARER_BAD_ANSWER,
  BEARER_TOO_LARGE,
  BEARER_TIMEOUT,
  BEARER_DNS,
  BEARER_CONNECT,
  BEARER_TLS,
  BEARER_PROXY,
  BEARER_NETWORK,
  BEARER_LOST,
  BEARER_FORKED,
  BEARER_MEMORY,
  BEARER_INTERRUPTED,
  BEARER_PENDING,
  BEARER_CANNOT_WAIT,
  BEARER_NO_SECRET,
  BEARER_BAD_REQUEST,
  BEARER_REFRESH_TOKEN_LOST,
  BEARER_CLOSED,
  BEARER_CODES /* how many there are */
} bearer_code;

typedef struct {
  const char *name; /* as err.code has it: "timeout" */
  bearer_class class;
  const char *sentence; /* what happened, in general */
} bearer_code_row;

const bearer_code_row *bearer_code_of(bearer_code code);
/* The one of that name; BEARER_OK: there is none, it is a provider's own. */
bearer_code bearer_code_named(const char *name);
const char *bearer_class_name(bearer_class class);

#pragma GCC visibility pop

#endif
