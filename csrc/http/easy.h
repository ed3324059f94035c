/*
 * The libcurl easy handle of one transfer.
 */
#ifndef BEARER_EASY_H
#define BEARER_EASY_H

#include "http/connections.h"
#include "http/transfer.h"

#pragma GCC visibility push(hidden)

/* Make t->easy, for these connections. 0 when that fails; then t->outcome says why. */
int bearer_easy_prepare(bearer_transfer *t, bearer_connections *c);

#pragma GCC visibility pop

#endif
