/*
 * Files that hold secrets, certificates or authorities: small regular files, read whole.
 */
#ifndef BEARER_FILE_H
#define BEARER_FILE_H

#include "base/secret.h"

#pragma GCC visibility push(hidden)

#define BEARER_FILE_MAX ((size_t)1024 * 1024)

/* Read a regular file of at most so many bytes. NULL, or why not, as words that go on
   after its path: "does not exist", "may not be read", "is no regular file", "is larger
   than 1 MiB" ("is too large" when most is not BEARER_FILE_MAX), "cannot be opened",
   "cannot be read", "not enough memory". Never waits for
   a pipe or a device; a dead mount may hold it up. */
const char *bearer_file_read(const char *path, size_t most, bearer_secret *out);

/* Could it be read, as far as can be seen without reading? NULL, or why not. */
const char *bearer_file_look(const char *path, size_t most);

/* The size without one newline (or CR LF) at its end. */
size_t bearer_file_without_newline(const char *data, size_t size);

#pragma GCC visibility pop

#endif
