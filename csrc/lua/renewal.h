/*
 * A renewal: one acquisition of a token, step by step: the inputs, the requests of a
 * refresh or a login one after the other, until there is a token or an error. It knows
 * nothing of the login but what it was given; what comes of it, the login hears.
 *
 *   INPUTS → SEND → (TRANSFER | HOST → GIVEN) → READ → (SEND, the next request | ENDED)
 *     ↑↓ HOST                            ↓
 *     └──────── PAUSE ← after a failure ─┘ (or ENDED)
 */
#ifndef BEARER_RENEWAL_H
#define BEARER_RENEWAL_H

#include "lua/input.h"
#include "lua/send.h"
#include "lua/token.h"

#pragma GCC visibility push(hidden)

typedef struct bearer_renewal bearer_renewal;

/* The newest refresh token of a login that has nothing else to log in with. */
typedef struct {
  bearer_secret refresh_token; /* owned */
  unsigned char given[32];     /* the fingerprint of the one that was given as an input,
                                  when that was last read for a token that came */
  long generation;             /* of the token that it came with */
  int is_rotated;              /* the server gave it, in place of the one that was sent */
} bearer_successor;

/* A refresh token that was sent, and that may be spent by it. */
typedef struct {
  long generation; /* of the token that it belongs to; 0 = none */
  int is_lost;     /* the answer with the next one did not come */
  int is_given;    /* it was not that token's, but a newer one, given as an input */
  unsigned char given[32];
} bearer_spent;

/* Who hears what comes of it. */
typedef struct {
  /* The token at `token` was bought. [-0, +0, m] */
  void (*succeeded)(lua_State *L, bearer_renewal *r, int token);
  /* It failed, see `failure`. No Lua. */
  void (*failed)(bearer_renewal *r);
  /* It has just been sent, and ends the token in the slot OLD with it; or, with 0, it
     never left after all. [-0, +0, -] */
  void (*revokes)(lua_State *L, bearer_renewal *r, int is_sent);
  /* Its error is at `error`. [-0, +0, m] */
  void (*told)(lua_State *L, bearer_renewal *r, int error);
} bearer_renewal_listener;

typedef enum {
  BEARER_RENEWAL_INPUTS,   /* the values of inputs are gathered */
  BEARER_RENEWAL_SEND,     /* a request is to be built and sent */
  BEARER_RENEWAL_TRANSFER, /* libcurl has it */
  BEARER_RENEWAL_HOST,  /* a function of the host's has it: an input's, or a transport */
  BEARER_RENEWAL_GIVEN, /* what a transport gave is in the slots */
  BEARER_RENEWAL_READ,  /* its answer is here */
  BEARER_RENEWAL_PAUSE, /* before it is sent again */
  BEARER_RENEWAL_ENDED
} bearer_renewal_step;

struct bearer_renewal {
  bearer_job job; /* first */
  const bearer_renewal_listener *listener;
  const bearer_definition *def; /* a reference */
  struct bearer_login *login;   /* borrowed: the slot LOGIN keeps it */
  const bearer_vars *inputs;    /* borrowed, the login's: those that are known already */
  bearer_successor **successor; /* borrowed, the login's */
  bearer_spent spent;           /* what is known of it; the login takes it over */
  bearer_renewal_step step;
  bearer_vars vars;       /* owned: what the names stand for in this attempt */
  bearer_sending sending; /* owned */
  double began, sent_at;
  double paused_until;
  double leeway;           /* of the token, as the option says it */
  unsigned int checked[2]; /* URLs that were checked before, a bit each: login, refresh */
  int retries;
  int attempts;        /* that were begun, a login after a refresh among them */
  long old_generation; /* of the token in the slot OLD; 0 = none */
  int tries;           /* of the login, that failed */
  int asked;           /* inputs that were gathered: twice as many, see gather */
  int index;           /* of the request */
  int has_code;        /* one that may be good for one login is sent */
  int rereads;         /* of an answer for which there was no memory */
  int revoked_by;      /* which request of it ended the old token, from 1; 0 = none did */
  int is_refresh; /* of the token in the slot OLD; it becomes a login when that fails */
  int began_as_refresh;
  int has_dynamic;       /* are there inputs that are asked for anew each time? */
  int has_vars;          /* an attempt has begun */
  int has_encoded_basic; /* form-encoding has changed what Basic carries */
  int sent;              /* something left for the server in this attempt, or may have */
  int is_considered;
  int is_unwanted; /* nobody wants the token that it brings */
  int is_probe;    /* begun under a hold: it goes on if the secrets have changed */
  int is_held;     /* they have not: the hold's error is its error */
  int was_left;    /* its time was over before anybody looked: nobody has polled */
  unsigned char held_fingerprint[32];
  unsigned char fingerprint[32];
  int has_fingerprint;
  bearer_secret given; /* owned: the refresh token that is an input, as it was read */
  unsigned char given_fingerprint[32];
  int has_given;        /* it was looked at */
  int uses_given;       /* it is what is sent, in place of the successor */
  int is_rotated;       /* another refresh token came than the one that was sent */
  int asked_at_the_end; /* once more, of a token that was over when it came */
  unsigned int odd;     /* what of the answer was not read, as in bearer_found */
  unsigned char odd_kind[BEARER_ODD_FACTS];
  int succeeded;
  bearer_failure failure; /* why it did not */
};

enum {
  BEARER_RENEWAL_LOGIN = BEARER_SLOT_LOGIN,
  BEARER_RENEWAL_PROVIDER,
  BEARER_RENEWAL_OPTIONS,
  BEARER_RENEWAL_DYNAMIC,
  BEARER_RENEWAL_OLD,
  BEARER_RENEWAL_ERROR,
  BEARER_RENEWAL_ANSWER, /* what a transport gave: BEARER_JOB_VALUES of them */
  BEARER_RENEWAL_SLOTS = BEARER_RENEWAL_ANSWER + BEARER_JOB_VALUES - 1
};

/* Make one, for the caller to fill in, to give its slots, and to begin. [-0, +1, m] */
bearer_renewal *bearer_renewal_new(lua_State *L, bearer_lua_state *state,
                                   const bearer_definition *def);
bearer_renewal *bearer_renewal_test(lua_State *L, int index); /* NULL: it is none */

/* Would a refresh of this token have what it needs? */
int bearer_renewal_can_refresh(const bearer_token *old);

/* Put the values for requests about a token (a refresh, a logout) into vars: the inputs
   that are known, and what the token has. 0 when memory ran out. */
int bearer_renewal_carry(const bearer_vars *inputs, const bearer_token *old,
                         bearer_vars *vars);
/* The built-in names that any text of the definition uses. [-0, +0, m] */
void bearer_renewal_builtins(bearer_context *c, bearer_lua_state *state);
/* Is this input to be asked for, for these requests? A one-time code must not be spent on
   a refresh that does not name it. */
int bearer_renewal_wants(const bearer_exchanges *requests, int name);

/* Push its error as it is kept, or made anew. [-0, +1, m] */
void bearer_renewal_push_error(lua_State *L, int index);

/* ---- between its files ------------------------------------------------------------ */

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
