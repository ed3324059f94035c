/*
 * Logins: a provider, the inputs it asked for, and the token they last bought. The struct
 * is written by login.c, login_renew.c and login_hold.c alone.
 */
#ifndef BEARER_LUA_LOGIN_H
#define BEARER_LUA_LOGIN_H

#include "base/policy.h"
#include "lua/options.h"
#include "lua/renewal.h"

#pragma GCC visibility push(hidden)

/* Seconds in which nothing is asked, after a failure. */
typedef struct {
  double till; /* monotonic */
  bearer_class class;
  bearer_code code;
  int is_on;
  int is_told;                   /* its error is in the slot */
  unsigned char fingerprint[32]; /* of the secrets that failed */
} bearer_hold;

/* Tokens just bought that were refused as well: something else is wrong then. */
typedef struct {
  double till;     /* until then a refused token is not replaced */
  long generation; /* the last token that counted for it */
  long counted;    /* the last token that was counted at all: one may be refused often */
  int count;
} bearer_refusals;

/* What a refused token comes to. */
typedef enum {
  BEARER_REFUSAL_STANDS, /* it is not replaced for a while */
  BEARER_REFUSAL_WAITS,  /* nor is it dropped; but a renewal is on, whose token may do */
  BEARER_REFUSAL_REPLACES, /* there is another, or there will be */
} bearer_refusal_outcome;

typedef struct bearer_login {
  const char *mark;        /* borrowed: its address marks a login */
  bearer_lua_state *state; /* borrowed: lives as long as the Lua state */
  double fresh_until; /* monotonic; until then the header in the slots is handed out */
  bearer_tick tick;   /* when that was last looked at */

  const bearer_definition *def; /* a reference */
  bearer_vars inputs;           /* owned: those that are known from now on */
  bearer_successor *successor;  /* owned; NULL = none */
  bearer_spent spent;
  bearer_hold hold;
  bearer_refusals refusals;
  unsigned int
      checked[2]; /* URLs that need no second look: of the login, of the refresh */
  unsigned char held_times[3]; /* by class: each is counted by itself */
  unsigned char fingerprint[32];
  unsigned char is_closed, has_dynamic, asks_again; /* a secret may have changed */
  unsigned char
      was_accepted;       /* an API has taken a token since `replacement` was bought */
  unsigned char odd_told; /* of what could not be read: bits as in bearer_found */
  unsigned int logins, refreshes, failures, refused;
  long generation;  /* of the newest token */
  long replacement; /* the token that was bought for one that was refused; 0 = none */
  double bought_at; /* when that was */
  double lifted_at; /* when a secret that had changed last lifted a hold */
} bearer_login;

enum {
  BEARER_LOGIN_NAME = 1, /* the header that is handed out */
  BEARER_LOGIN_VALUE,
  BEARER_LOGIN_PROVIDER,
  BEARER_LOGIN_OPTIONS,
  BEARER_LOGIN_DYNAMIC,
  BEARER_LOGIN_TOKEN,
  BEARER_LOGIN_RENEWAL,
  BEARER_LOGIN_ERROR,      /* the last */
  BEARER_LOGIN_HOLD_ERROR, /* that caused the hold */
  BEARER_LOGIN_SLOTS = BEARER_LOGIN_HOLD_ERROR
};

bearer_login *bearer_login_check(lua_State *L, int index, const char *method);

/* Push nil, message, err. [-0, +3, m] */
int bearer_login_fail(lua_State *L, const bearer_login *l, bearer_step_name step,
                      bearer_code code, const char *description);
/* Likewise: the login is closed. [-0, +3, m] */
int bearer_login_closed(lua_State *L, const bearer_login *l, bearer_step_name step);

/* Push the token that is handed out, whatever its age; nil when there is none. [-0, +1,
 * -] */
bearer_token *bearer_login_push_token(lua_State *L, int index);
/* Push the renewal that is on, or nil. [-0, +1, -] */
bearer_renewal *bearer_login_push_renewal(lua_State *L, int index);

bearer_state bearer_login_state(lua_State *L, int index); /* [-0, +0, -] */

/* Push the token for a caller to keep: it lives on when the login is closed. [-0, +1, -]
 */
void bearer_login_share(lua_State *L, int index);

/* Hand out no token any more, nor what a refresh of it brings. [-0, +0, -] */
void bearer_login_forget(lua_State *L, int index);

/* Hand out this token no more, if it is the one that is. [-0, +0, -] */
void bearer_login_drop(lua_State *L, int index, int token);

/* Hand out the token at `token` from now on; 0 = none. What a refresh would spend is the
   newest one's alone. [-0, +0, -] */
void bearer_login_adopt(lua_State *L, int index, int token);

/* ---- its renewals (login_renew.c) ------------------------------------------------ */

/* What keeps a renewal from being begun. [-0, +0, -] */
bearer_obstacle bearer_login_obstacle(lua_State *L, int index);
/* Begin the renewal on top, which has just been made: from then on nothing may have been
   allocated, as what is collected may do anything to the login. [-0, +0, -] */
void bearer_login_begin(lua_State *L, int index);

/* ---- when it asks for nothing (login_hold.c) -------------------------------------- */

double bearer_login_hold_left(bearer_login *l); /* seconds; 0 = it is not held */
/* Hold it, as policy has it after such a failure at that instant (monotonic). No Lua. */
void bearer_login_hold(bearer_login *l, const bearer_failure *f, double since);
/* Push nil, message, err: it is held. An event says so. [-0, +3, m] */
int bearer_login_fail_held(lua_State *L, int index);

/* The token at `token` was refused by an API. What is brought to a halt is the buying of
   tokens, where one had just been bought for one that was refused, or that happened a
   moment ago; not what costs none. is_repeat: the one before it was refused to the same
   call, which whatever other calls are answered says nothing about. [-0, +0, -] */
bearer_refusal_outcome bearer_login_refuse(lua_State *L, int index, int token,
                                           int is_repeat);
/* An API call was accepted. */
void bearer_login_accepted(bearer_login *l);

/* Push an event with the counts; the options with the listener are below it. 0: nobody
   listens, and nothing is pushed. [-0, +2 or 0, m] */
int bearer_login_event(lua_State *L, int index, const char *name);
void bearer_login_note(lua_State *L, int index); /* and have it told. [-2, +0, m] */

/* ---- its secrets (secrets.c) ---------------------------------------------------- */

/* Put into vars what no error may show: inputs (those of references as they are now),
   the token that is handed out and what came with it, the pair of each Basic. For errors
   alone: what a name stands for already is left as it is. [-0, +0, m] */
void bearer_login_hide(lua_State *L, int login, bearer_vars *vars);

void bearer_login_open(lua_State *L);
void bearer_acquire_open(lua_State *L);
void bearer_secrets_open(lua_State *L);

#pragma GCC visibility pop

#endif
