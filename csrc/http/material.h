/*
 * Certificates and keys of one transfer: given as text, or as files that are read when
 * the transfer is sent. A read may hang, on a file system whose server is gone: so each
 * is done in a thread of its own, which nobody waits for.
 */
#ifndef BEARER_MATERIAL_H
#define BEARER_MATERIAL_H

#include <stddef.h>

#include <curl/curl.h>

#include "http/pair.h"

#pragma GCC visibility push(hidden)

typedef struct {
  enum { BEARER_NOT_GIVEN, BEARER_PATH, BEARER_CONTENT } kind;
  const char *data; /* borrowed; a path ends with NUL */
  size_t size;
} bearer_material;

/* What is given for one transfer. Borrowed. */
typedef struct {
  bearer_material ca_file, ca_pem, cert, key, key_password;
  bearer_pair *last_good; /* NULL = is not kept */
} bearer_materials;

/* A copy of it, and what is read in its place. Shared with the thread that reads. */
typedef struct bearer_reading bearer_reading;

/* Why no client certificate can be used, or NULL. */
const char *bearer_material_obstacle(void);

/* NULL when nothing is given, with *failed 0, or when memory ran out. */
bearer_reading *bearer_reading_new(const bearer_materials *given, int *failed);
/* The transfer wants it no more: wiped and freed as soon as nobody reads it. */
void bearer_reading_release(bearer_reading *r);

/* Read the files, if there are any, and wake this multi handle then. 0 when it is to be
   tried again later: too many are being read. */
int bearer_reading_start(bearer_reading *r, CURLM *multi);
int bearer_reading_has_started(const bearer_reading *r);
/* Has all been read, or was there nothing to read? */
int bearer_reading_is_done(const bearer_reading *r);

/* ---- once it is done, for who moves the transfer ---- */

/* Look whether the certificate and its key can be used, and take the last good ones in
   their place if not. Once. */
void bearer_reading_settle(bearer_reading *r);

/* NULL, or what is wrong with it: "ca_file /x: does not exist". */
const char *bearer_reading_fault(const bearer_reading *r);
int bearer_reading_has_certificate(const bearer_reading *r);
/* All authorities that may be trusted, in PEM. 0 when it is the system that says so. */
int bearer_reading_has_authorities(const bearer_reading *r, const char **data,
                                   size_t *size);
/* Tell an easy handle. What it is told is borrowed until the handle is gone. */
CURLcode bearer_reading_apply(const bearer_reading *r, CURL *easy);
/* libcurl cannot use the authorities. What is wrong with them, as bearer_reading_fault
   says it; NULL when we do not know. */
const char *bearer_reading_blame_authorities(bearer_reading *r);

#pragma GCC visibility pop

#endif
