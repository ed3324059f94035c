/*
 * What one Lua state owns: its clocks, its transfers, its jobs. States in other threads
 * share nothing.
 */
#ifndef BEARER_STATE_H
#define BEARER_STATE_H

#include "base/clock.h"
#include "base/vars.h"
#include "http/client.h"
#include "lua/compat.h"

#pragma GCC visibility push(hidden)

typedef struct bearer_job bearer_job; /* job.h */

/* Jobs, oldest first. All borrowed: the registry keeps them. */
typedef struct {
  bearer_job *first, **end;
} bearer_job_list;

typedef struct {
  bearer_clock clock; /* first: LuaJIT's face of login:header() reads `frozen` there */
  unsigned int
      served; /* counts changes to what logins hand out by themselves: likewise */
  bearer_client client;
  bearer_buffer *handed;       /* borrowed: what bearer_push_buffer is pushing */
  bearer_job_list ready;       /* to be stepped now */
  bearer_job_list waiting;     /* for a transfer, an instant, a function of the host's */
  bearer_job_list ended;       /* those whose waiters have yet to be told */
  int job_count;               /* in these lists */
  int first_event, next_event; /* of those that are to be told: event.c */
  double soonest;              /* none of those that wait is due before */
  double till;                 /* core.next() steps until then */
  int has_stepped;             /* it has stepped one at least */
  unsigned long long random;   /* the generator of what need not be secret */
  unsigned int seeded;   /* in the process after so many forks, plus one; 0 = not yet */
  double pinned_random;  /* for specs; < 0 = none */
  unsigned char key[32]; /* of fingerprints */
  /* bearer_login_hide, for those below it */
  void (*hide_login)(lua_State *L, int login, bearer_vars *vars);
} bearer_lua_state;

bearer_lua_state *bearer_state_of(lua_State *L); /* [-0, +0, -] */

/* Likewise, in a function that bearer_state_functions has put into a table. */
static inline bearer_lua_state *bearer_state_here(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(1));
}
/* Put functions into the table on top, with the state as their upvalue. [-0, +0, m] */
void bearer_state_functions(lua_State *L, const luaL_Reg *functions);

/* Values that all share, kept in the registry. */
typedef enum {
  BEARER_THE_STATE,
  BEARER_PUSH_HANDED, /* class.c */
  BEARER_JOBS,        /* job.c: by address */
  BEARER_STEP,        /* job.c */
  BEARER_EVENTS,      /* event.c: a list */
  BEARER_JSON_DECODE, /* value.c: lua-cjson's, with settings of our own */
  BEARER_JSON_MARKS,  /* value.c */
  BEARER_OPTIONS,     /* options.c: those of logins that name none */
  BEARER_PRIMITIVES,  /* primitives.c */
  BEARER_NOTEBOOKS,   /* tables of our Lua modules, by name: they outlive a reload */
  BEARER_KEPT
} bearer_kept;

void bearer_state_push(lua_State *L, bearer_kept what); /* [-0, +1, -] */
void bearer_state_keep(lua_State *L, bearer_kept what); /* [-1, +0, m] */

/* A number in [0, 1), for pauses and spreads; no two processes share a sequence. */
double bearer_state_random(bearer_lua_state *state);
/* Random bytes, fit for keys. 0 when there are none. */
int bearer_random(unsigned char *out, size_t size);

static inline double bearer_now(const bearer_lua_state *state) {
  return bearer_clock_monotonic(&state->clock);
}

/* Puts its functions into the table on top. [-0, +0, m] */
void bearer_state_open(lua_State *L);

#pragma GCC visibility pop

#endif
