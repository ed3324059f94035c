/*
 * Sending a request of a job's: by libcurl, or by the transport of the host's.
 */
#ifndef BEARER_LUA_SEND_H
#define BEARER_LUA_SEND_H

#include "lua/error.h"
#include "lua/job.h"
#include "lua/options.h"

#pragma GCC visibility push(hidden)

/* What a job that sends has. All owned, all wiped. */
typedef struct {
  bearer_request request;
  bearer_response response;
  bearer_option_secrets secrets; /* read for one transfer */
  bearer_buffer about; /* method and URL without query, of the last request: for errors */
  int is_built_in;     /* by libcurl, whatever transport the options name */
} bearer_sending;

void bearer_sending_clear(bearer_sending *s);

/* Have the request sent, by the options at `options`, for so many seconds. WAITS: libcurl
   has it. NEEDS: the transport is to be called, and what it is called with is pushed.
   HAS_ENDED: *f says why it cannot be sent; sent by nobody. The job's step has to say
   where it waits. [-0, +n, m] */
bearer_progress bearer_send(lua_State *L, bearer_job *job, bearer_sending *s, int options,
                            double seconds, bearer_failure *f);

/* What the words of others must not show: asked for where there are some. */
typedef struct {
  const bearer_vars *(*of)(void *user); /* [-0, +0, m] */
  void *user;
} bearer_secrets;

/* What came of it, into s->response: of a transfer that has ended, or of what the
   transport gave, which stands at 2 (did it return?) and 3 to 5. 0: *f says why there is
   no answer, and *sent whether the request may have arrived. [-0, +0, m] */
int bearer_send_result(lua_State *L, bearer_job *job, bearer_sending *s, int options,
                       const bearer_secrets *secrets, bearer_failure *f, int *sent);

/* What is asked, or would have been: for errors. bearer_send notes it, too. */
void bearer_send_note(bearer_sending *s, const char *method, const char *url);
/* Likewise, of the request as far as it was built. */
void bearer_send_note_built(bearer_sending *s);
/* Say in a failure what was asked. */
void bearer_send_about(const bearer_sending *s, const bearer_vars *vars,
                       bearer_failure *f);

#pragma GCC visibility pop

#endif
