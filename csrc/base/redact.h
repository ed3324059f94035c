/*
 * Texts for people: whatever leaves towards an error, an event or a log passes here.
 */
#ifndef BEARER_REDACT_H
#define BEARER_REDACT_H

#include "base/buffer.h"
#include "base/vars.h"

#pragma GCC visibility push(hidden)

/* Append the text with every secret of vars in it, however it is encoded, as ***. Fails
   (out->failed) rather than let one through. */
void bearer_redact(const bearer_vars *vars, const char *text, size_t size,
                   bearer_buffer *out);

#define BEARER_SHOWN_MAX 300 /* bytes of a stranger's sentence */

/* Append a stranger's text made fit to be shown: masked, runs of white space and control
   characters as one space (none at its ends), cut to BEARER_SHOWN_MAX bytes with "…" and
   never inside a UTF-8 character. Takes linear time, whatever its length: what is far
   beyond what can be shown is not looked at. vars may be NULL. */
void bearer_redact_sentence(const bearer_vars *vars, const char *text, size_t size,
                            bearer_buffer *out);

#pragma GCC visibility pop

#endif
