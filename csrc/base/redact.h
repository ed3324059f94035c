/*
 * Texts for people: whatever leaves towards an error, an event or a log passes here.
 */
#ifndef BEARER_REDACT_H
#define BEARER_REDACT_H

#include "base/buffer.h"
#include "base/vars.h"

#pragma GCC visibility push(hidden)

/* Append the text with every secret of vars in it as ***: as it is, in base64 of either
   alphabet, padded or not, in hexadecimal; and any of that with escapes of JSON, of URLs,
   of HTML, whichever of its bytes are escaped. Fails (out->failed) rather than let one
   through. Takes linear time: in the text, and in each secret that is no longer. */
void bearer_redact(const bearer_vars *vars, const char *text, size_t size,
                   bearer_buffer *out);

/* Is a secret in it? 1 also when there is no memory to find out. */
int bearer_redact_finds(const bearer_vars *vars, const char *text, size_t size);

/* Does a number show one, whole or broken, though it is written in another way: 42 for
   the PIN 0042? */
int bearer_redact_finds_number(const bearer_vars *vars, double number);

#define BEARER_SHOWN_MAX     300  /* bytes of a stranger's sentence */
#define BEARER_LOOKED_AT_MAX 4096 /* of what it stands in: a token may come before it */

/* Append a stranger's text made fit to be shown: masked, runs of white space and control
   characters as one space (none at its ends), cut to BEARER_SHOWN_MAX bytes with "…" and
   never inside a UTF-8 character. What is behind the first BEARER_LOOKED_AT_MAX bytes is
   not looked at; a secret that begins before that end is masked as far as it goes. vars
   may be NULL. Gives what the search cost, in comparisons of two bytes. */
size_t bearer_redact_sentence(const bearer_vars *vars, const char *text, size_t size,
                              bearer_buffer *out);

#pragma GCC visibility pop

#endif
