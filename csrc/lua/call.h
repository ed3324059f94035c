/*
 * Calls: what a caller asks for and waits for itself: a request to the API with the
 * token, a logout, a plain transfer. They are jobs, as renewals are.
 */
#ifndef BEARER_CALL_H
#define BEARER_CALL_H

#include "lua/login.h"

#pragma GCC visibility push(hidden)

typedef enum {
  BEARER_CALL_REQUEST, /* login:request */
  BEARER_CALL_LOGOUT,  /* login:logout */
  BEARER_CALL_TRANSFER /* bearer.transport, and the `send` of a transport */
} bearer_call_kind;

typedef enum {
  BEARER_CALL_TOKEN,  /* a token is wanted */
  BEARER_CALL_SETTLE, /* a renewal that is on comes to its end first */
  BEARER_CALL_INPUTS, /* the inputs that a logout names */
  BEARER_CALL_ASKED,  /* the function of one of them has been asked */
  BEARER_CALL_SEND,
  BEARER_CALL_SENT,    /* libcurl has it */
  BEARER_CALL_HOST,    /* a function of the host's has it */
  BEARER_CALL_JUDGE,   /* the answer is here */
  BEARER_CALL_RENEWAL, /* it is a refusal; a renewal that is on may bring another token */
  BEARER_CALL_ENDED
} bearer_call_step;

typedef struct {
  bearer_job job; /* first */
  bearer_call_kind kind;
  bearer_call_step step;
  const bearer_definition *def; /* a reference; NULL of TRANSFER */
  bearer_login *login;          /* borrowed: the slot LOGIN keeps it */
  bearer_vars vars;             /* owned: of a logout; else what errors may not show */
  bearer_sending sending;       /* owned */
  double timeout;               /* seconds */
  int asked, index;             /* inputs that were gathered; which request */
  int has_asked;                /* loop.lua, for a token or a job */
  int is_repeat;                /* the token was refused once */
  int cannot_wait;              /* the code of why not; BEARER_OK = it can */
  int succeeded;
  bearer_failure failure; /* why it did not, unless an error is in its slot */
  char mistake[512];      /* of the caller's: to be raised */
} bearer_call;

enum {
  BEARER_CALL_SLOT_LOGIN = BEARER_SLOT_LOGIN,
  BEARER_CALL_SLOT_PROVIDER,
  BEARER_CALL_SLOT_OPTIONS,
  BEARER_CALL_SLOT_REQUEST,
  BEARER_CALL_SLOT_BEARER, /* the token */
  BEARER_CALL_SLOT_ERROR,
  BEARER_CALL_SLOT_SENDER, /* the job whose transport sends this */
  BEARER_CALL_SLOTS = BEARER_CALL_SLOT_SENDER
};

/* What is wrong with a caller's request is raised. [-0, +0, v] */
void bearer_call_check(lua_State *L, int request);
/* So is what is wrong with its URL, as far as that can be told before there is a token.
   [-0, +0, v] */
void bearer_call_check_url(lua_State *L, const bearer_login *l, int request, int options);

/* Build the caller's request at `request`, with the token at `token` (0 = without). 0:
   see `mistake`, which is "" when it is no mistake, and `failure`. [-0, +n, m] */
int bearer_call_build(lua_State *L, bearer_call *call, int request, int token,
                      int allow_http);

void bearer_call_open(lua_State *L);

#pragma GCC visibility pop

#endif
