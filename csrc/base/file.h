/*
 * Small files, read whole: certificates, keys, secrets.
 */
#ifndef BEARER_FILE_H
#define BEARER_FILE_H

#include "base/secret.h"

#pragma GCC visibility push(hidden)

/* Read a regular file of at most so many bytes; pipes and devices, which could keep the
   reader waiting, are refused. NULL, or why not: "does not exist". */
const char *bearer_file_read(const char *path, size_t most, bearer_secret *out);

#pragma GCC visibility pop

#endif
