/*
 * Tokens: one answer of a token endpoint each.
 */
#ifndef BEARER_LUA_TOKEN_H
#define BEARER_LUA_TOKEN_H

#include "base/freshness.h"
#include "lua/options.h"
#include "lua/read.h"
#include "lua/state.h"

#pragma GCC visibility push(hidden)

typedef struct bearer_token {
  const char *mark;             /* borrowed: its address marks a token */
  bearer_lua_state *state;      /* borrowed: lives as long as the Lua state */
  const bearer_definition *def; /* a reference */
  bearer_vars vars; /* owned: the token, its refresh token, what was kept, and those
                       inputs that its headers and base_url need */
  bearer_freshness freshness;
  double life;        /* seconds, as they were told; 0 = unknown */
  char *type, *scope; /* owned; a type of NULL = Bearer */
  long generation;
  unsigned char is_shared; /* a caller has it: it outlives its login */
  unsigned char is_closed;
  unsigned char was_zero; /* the answer said 0 seconds */
  unsigned char was_dead; /* an end was named that was over when it came */
} bearer_token;

enum {
  BEARER_TOKEN_LOGIN = BEARER_SLOT_LOGIN,
  BEARER_TOKEN_PROVIDER,
  BEARER_TOKEN_OPTIONS,
  BEARER_TOKEN_NAME, /* its header, once somebody has asked for it */
  BEARER_TOKEN_VALUE,
  BEARER_TOKEN_SLOTS = BEARER_TOKEN_VALUE
};

/* Push an empty token of the login at index. [-0, +1, m] */
bearer_token *bearer_token_new(lua_State *L, bearer_lua_state *state, int login,
                               int provider, int options, const bearer_definition *def);
bearer_token *bearer_token_test(lua_State *L, int index); /* NULL: it is none */
/* Fill it in: it takes over vars (they are emptied). found: on the stack. 0 when memory
   ran out; vars are whole then. [-0, +0, -] */
int bearer_token_fill(lua_State *L, bearer_token *t, bearer_vars *vars,
                      const bearer_found *found, double sent_at, double leeway,
                      double jitter);
/* Why the headers of calls could not be made of these variables; 0 = they can. */
int bearer_token_fault(const bearer_definition *def, const bearer_vars *vars, char *why,
                       size_t room);

bearer_state bearer_token_state(const bearer_token *t);
/* Has it a refresh token whose own life is not over? */
int bearer_token_has_refresh(const bearer_token *t);
/* Forget what a refresh would spend: somebody else has it, or nobody is to have it. */
void bearer_token_forget_refresh(bearer_token *t);
void bearer_token_wipe(bearer_token *t);

/* Put what a refresh or logout may use of it into vars. 0 when memory ran out. */
int bearer_token_carry(const bearer_token *t, bearer_vars *vars);

/* ---- as what it is sent (token_render.c) ---------------------------------------- */

/* Push its header, name and value; or nil, message, err. Gives how many. [-0, +2 or 3, m]
 */
int bearer_token_push_header(lua_State *L, int index);
/* Put it into the request table at `request`. 0: nil, message, err are pushed. [-0, +0 or
 * 3, e] */
int bearer_token_authorize(lua_State *L, int index, int request);
/* Put all headers into the table at `to`. 0: nil, message, err are pushed. [-0, +0 or 3,
 * e] */
int bearer_token_put_headers(lua_State *L, int index, int to);
/* The provider's base_url, expanded. 0 when no answer gave what it is made of. [-0, +0,
 * m] */
int bearer_token_base_url(lua_State *L, int index, bearer_buffer *out);
/* Is this text the token, or the value of its header? [-0, +0, m] */
int bearer_token_is(lua_State *L, int index, const char *text, size_t size);

/* ---- where it may go (token_hosts.c) -------------------------------------------- */

/* May the token of such a definition go to this absolute URL, with this base_url ("" when
   no answer gave it)? 0: `text` says why not. */
int bearer_token_may_reach(const bearer_definition *def, const bearer_options *o,
                           const char *base, const char *url, char *text, size_t room);
/* May the token be sent to this URL? A relative one stays with the provider; an absolute
   one of another host has to be named. 0: text says why not. [-0, +0, m] */
int bearer_token_may_go_to(lua_State *L, int index, const char *url, char *text,
                           size_t room);
/* The URL of a request that is authorized; the caller's mistake is raised. [-0, +0, v] */
void bearer_token_check_host(lua_State *L, int index, int request);

void bearer_token_open(lua_State *L);

#pragma GCC visibility pop

#endif
