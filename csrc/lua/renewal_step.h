/*
 * What the files of a renewal share: the step that is being made, and how it goes on.
 */
#ifndef BEARER_RENEWAL_STEP_H
#define BEARER_RENEWAL_STEP_H

#include "lua/renewal.h"

#pragma GCC visibility push(hidden)

/* What a step works with. Stack: 1 the renewal, 2 to 5 what a function of the host's
   gave, then these. */
typedef struct {
  bearer_renewal *r;
  bearer_context c;
  int login, options;
  int details; /* stack index of the provider's error fields; 0 = none */
} bearer_renewal_frame;

/* The requests that it makes, of the definition. */
const bearer_exchanges *bearer_renewal_requests(const bearer_renewal *r);
bearer_step_name bearer_renewal_step_name(const bearer_renewal *r);
/* Is a refresh token among the inputs of the login? */
int bearer_renewal_starts_from_refresh_token(const bearer_definition *def);
/* Does it send something that may rotate? */
int bearer_renewal_spends(const bearer_renewal *r);

/* Forget what was sent, and with what. No Lua. */
void bearer_renewal_forget(bearer_renewal *r);
/* It has ended. No Lua: no memory may be wanting for it. */
void bearer_renewal_conclude(bearer_renewal *r);
/* r->failure says what went wrong; policy says how it goes on. is_considered: the server
   has thought about it. */
bearer_progress bearer_renewal_fail(bearer_renewal_frame *f, int is_considered);
/* No secret: nothing else is tried, as nothing was sent. */
bearer_progress bearer_renewal_end_with(bearer_renewal_frame *f, bearer_code code,
                                        const char *description);
/* From the inputs on, at that instant (monotonic). */
bearer_progress bearer_renewal_try_again(bearer_renewal *r, double wake);

/* ---- inputs (renewal_inputs.c) ---------------------------------------------------- */

bearer_progress bearer_renewal_gather(bearer_renewal_frame *f);
/* What the function of an input gave: at 2 did it return?, at 3 the value, at 4 why not.
 */
bearer_progress bearer_renewal_take_input(bearer_renewal_frame *f);

/* ---- answers (renewal_answer.c) --------------------------------------------------- */

bearer_progress bearer_renewal_read(bearer_renewal_frame *f);
/* a->failure says why not. */
bearer_progress bearer_renewal_not_usable(bearer_renewal_frame *f, bearer_answer *a);

#pragma GCC visibility pop

#endif
