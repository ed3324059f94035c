/*
 * One transfer's easy handle: what libcurl is told, and what it tells while it runs.
 */
#ifndef BEARER_TRANSFER_H
#define BEARER_TRANSFER_H

#include "http/client.h"

#pragma GCC visibility push(hidden)

/* Set t->easy up from t->message and the options. 0 when libcurl refused something. */
int bearer_transfer_prepare(bearer_transfer *t, const bearer_options *o);

/* Note the result of a transfer that libcurl has ended. */
void bearer_transfer_finish(bearer_transfer *t, CURLcode result);

/* What libcurl frees was part of a request or an answer: allocators that wipe. */
CURLcode bearer_transfer_global_init(void);

#pragma GCC visibility pop

#endif
