/*
 * Errors: the world's refusals.
 */
#ifndef BEARER_LUA_ERROR_H
#define BEARER_LUA_ERROR_H

#include "base/codes.h"
#include "base/redact.h"
#include "lua/class.h"

#pragma GCC visibility push(hidden)

#define BEARER_CODE_MAX  64  /* bytes of a provider's own code */
#define BEARER_ASIDE_MAX 240 /* bytes of what we say besides a provider's words */

/* What an error is made of. It owns nothing, so that it can be kept and copied without
   memory, and nothing in it is secret. */
typedef struct {
  bearer_code code;                   /* BEARER_OK when own_code says it */
  char own_code[BEARER_CODE_MAX + 1]; /* the provider's, or http_503 */
  bearer_class class;
  int is_own_fault; /* a certificate or key of ours cannot be used: again changes nothing
                     */
  long status;      /* 0 = there was no answer */
  double retry_after;                     /* seconds; < 0 = none */
  char description[BEARER_SHOWN_MAX + 8]; /* "" = the code's own sentence */
  char request[BEARER_SHOWN_MAX + 8];     /* method and URL without query; "" = none */
  char aside[BEARER_ASIDE_MAX]; /* what is to be seen besides: the end of the sentence */
  const char *hint; /* what may help, at the end of the sentence; static, NULL = none */
} bearer_failure;

void bearer_failure_set(bearer_failure *f, bearer_code code, const char *description);
/* A stranger's words, masked and cut. vars may be NULL. */
void bearer_failure_describe(bearer_failure *f, const bearer_vars *vars, const char *text,
                             size_t size);
/* Words of which a part may be secret, whole when they are masked and cut only then. */
void bearer_show(char *to, size_t room, const bearer_vars *vars, const char *text,
                 size_t size);
/* Push what was raised as the text that it is, or says of itself. 0: it has none, and
   nothing is pushed. [-0, +1 or 0, m] */
int bearer_push_raised(lua_State *L, int index);
/* What a function raised, which is at index: its text, or what kind of thing it is.
   [-0, +0, m] */
void bearer_explain_raised(lua_State *L, int index, const bearer_vars *vars, char *to,
                           size_t room);
/* Note what was asked: method and URL without query. */
void bearer_failure_about(bearer_failure *f, const bearer_vars *vars, const char *text,
                          size_t size);

typedef enum {
  BEARER_STEP_LOGIN,
  BEARER_STEP_REFRESH,
  BEARER_STEP_REQUEST,
  BEARER_STEP_LOGOUT
} bearer_step_name;

/* Push a bearer.error. details: stack index of a table, or 0. [-0, +1, m] */
void bearer_error_push(lua_State *L, const bearer_failure *f, const char *provider,
                       bearer_step_name step, int details);

/* Push a copy of the error at index for a call that was held: what it does to the details
   is not seen by others. [-0, +1, m] */
void bearer_error_push_held(lua_State *L, int index, double retry_after);

int bearer_error_is(lua_State *L, int index); /* [-0, +0, -] */
/* What an error says, for one that is made of it. [-0, +0, m] */
void bearer_error_read(lua_State *L, int index, const bearer_vars *vars,
                       bearer_failure *f);

/* Push nil, message, err. [-0, +3, m] */
int bearer_fail(lua_State *L, const bearer_failure *f, const char *provider,
                bearer_step_name step);

void bearer_error_open(lua_State *L);

#pragma GCC visibility pop

#endif
