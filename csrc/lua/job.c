/*
 * Jobs: the lists they are in, and how they are stepped.
 */
#include "lua/job.h"

#include <math.h>
#include <string.h>

#include "lua/error.h"

static const char mark; /* its address marks a job */

/* ---- lists --------------------------------------------------------------------- */

static void empty(bearer_job_list *list) {
  list->first = NULL;
  list->end = &list->first;
}

static void init(bearer_lua_state *state) {
  empty(&state->ready);
  empty(&state->waiting);
  empty(&state->ended);
  state->soonest = INFINITY;
}

static void take_out(bearer_job *job) {
  if (job->list == NULL)
    return;
  *job->link = job->next;
  if (job->next != NULL)
    job->next->link = job->link;
  else
    job->list->end = job->link;
  job->list = NULL;
  job->state->job_count--;
}

static void put(bearer_job *job, bearer_job_list *list) {
  take_out(job);
  job->list = list;
  job->next = NULL;
  job->link = list->end;
  *list->end = job;
  list->end = &job->next;
  job->state->job_count++;
}

void bearer_job_wait(bearer_job *job, double wake) {
  job->wake = wake;
  put(job, &job->state->waiting);
  if (wake < job->state->soonest)
    job->state->soonest = wake;
}

static void close_transfer(bearer_job *job) {
  bearer_transfer_close(job->transfer);
  job->transfer = NULL;
}

void bearer_job_end(bearer_job *job) {
  close_transfer(job);
  job->is_calling = 0;
  job->turn++;
  job->has_ended = 1;
  put(job, &job->state->ended);
}

void bearer_job_cancel(bearer_job *job) {
  if (job->is_stepping)
    job->is_cancelled = 1;
  else if (!job->has_ended)
    job->class->fail(job, BEARER_CLOSED, NULL);
}

/* ---- the objects --------------------------------------------------------------- */

bearer_job *bearer_job_new(lua_State *L, bearer_lua_state *state,
                           const bearer_job_class *class, size_t size, int slots) {
  bearer_job *job = bearer_new(L, BEARER_JOB, size, slots);
  job->state = state;
  bearer_state_push(L, BEARER_JOBS); /* job, jobs */
  lua_pushvalue(L, -2);
  job->anchor = luaL_ref(L, -2); /* places are used again: the table does not grow */
  lua_pop(L, 1);                 /* job */
  job->class = class; /* last: until then it is none, whoever gets hold of it */
  job->mark = &mark;
  return job;
}

void bearer_job_begin(bearer_job *job) {
  put(job, &job->state->ready);
}

void bearer_job_drop(lua_State *L, bearer_job *job) {
  bearer_state_push(L, BEARER_JOBS);
  luaL_unref(L, -1, job->anchor);
  job->anchor = 0;
  lua_pop(L, 1);
}

bearer_job *bearer_job_test(lua_State *L, int index, const bearer_job_class *class) {
  bearer_job *job = bearer_test(L, index, &mark);
  return job != NULL && (class == NULL || job->class == class) ? job : NULL;
}

static bearer_job *check(lua_State *L, int index) {
  bearer_job *job = bearer_job_test(L, index, NULL);
  if (job == NULL || job->class == NULL) {
    luaL_argerror(L, index, "a job expected");
    __builtin_unreachable(); /* the header does not say that it raises */
  }
  return job;
}

void bearer_job_push(lua_State *L, const bearer_job *job) {
  bearer_state_push(L, BEARER_JOBS); /* jobs */
  lua_rawgeti(L, -1, job->anchor);
  lua_remove(L, -2);
}

static int job_gc(lua_State *L) {
  bearer_job *job = bearer_test(L, 1, &mark);
  if (job == NULL || job->class == NULL || job->is_stepping)
    return 0;
  take_out(job);
  close_transfer(job);
  job->class->clear(job);
  job->class = NULL; /* at the end of a state, a finalizer may still find it */
  job->has_ended = 1;
  return 0;
}

/* ---- stepping ------------------------------------------------------------------ */

/* Below lua_pcall: the job and what a function of the host's gave; or, of one that fails,
   the job and what was raised, of which the words are given, if there are any. */
static int run(lua_State *L) {
  bearer_job *job = lua_touserdata(L, 1);
  if (job->is_failing) {
    job->class->hide(L, job);
    return bearer_push_raised(L, 2);
  }
  return job->class->step(L, job) == BEARER_NEEDS ? job->needed : 0;
}

/* End the job at `index`; what was raised, or nil, is on top. Where the secrets cannot be
   found that its words may hold, there are none. [-0, +1, -] */
static void end_badly(lua_State *L, int index, bearer_code code) {
  bearer_job *job = lua_touserdata(L, index);
  int status;
  if (job->has_ended)
    return;
  bearer_state_push(L, BEARER_STEP);
  lua_pushvalue(L, index);
  lua_pushvalue(L, -3);
  job->is_failing = job->is_stepping = 1;
  status = lua_pcall(L, 2, 1, 0);
  job->is_failing = job->is_stepping = 0;
  if (!job->has_ended)
    job->class->fail(job, code, status == 0 ? lua_tostring(L, -1) : NULL);
}

static void fail(lua_State *L, int index, int status) { /* the error is on top */
  bearer_job *job = lua_touserdata(L, index);
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
  /* ours, and what was passed on, has another status */
  if (status != LUA_ERRMEM && (text == NULL || strcmp(text, "not enough memory") != 0))
    end_badly(L, index, BEARER_INTERRUPTED);
  else if (!job->has_ended)
    job->class->fail(job, BEARER_MEMORY, NULL);
}

/* Step the job at `index`, with the values above it, of which there is room for a few
   more. What it needs is left in their place. Gives how many values that is. */
static int step(lua_State *L, int index) {
  bearer_job *job = lua_touserdata(L, index);
  int status;
  if (job->has_ended || job->is_stepping || job->is_calling) {
    lua_settop(L, index);
    return 0;
  }
  bearer_job_wait(job, job->deadline); /* unless the step says otherwise */
  bearer_state_push(L, BEARER_STEP);
  lua_insert(L, index + 1);
  lua_pushvalue(L, index);
  lua_insert(L, index + 2); /* job, run, job, values… */
  job->is_stepping = 1;
  status = lua_pcall(L, lua_gettop(L) - index - 1, LUA_MULTRET, 0);
  job->is_stepping = 0;
  if (status != 0)
    fail(L, index, status);
  if (job->is_cancelled && !job->has_ended)
    job->class->fail(job, BEARER_CLOSED, NULL);
  if (status != 0 || job->has_ended)
    lua_settop(L, index);
  return lua_gettop(L) - index;
}

/* core.step(job[, waits]), waits: core.wait comes next -> nothing, or what it needs:
     "call", turn, function                      call it, and tell core.answer
     "call", turn, transport, request, options   likewise, with a `send` for the options
     "token", turn, login                        acquire one, and tell core.answer
     "job", turn, job                            wait for that one, and tell core.answer
 */
static int job_step(lua_State *L) {
  bearer_client *client = &check(L, 1)->state->client;
  int count;
  bearer_client_expect_wait(client, lua_toboolean(L, 2));
  lua_settop(L, 1);
  count = step(L, 1);
  bearer_client_expect_wait(client, 0);
  return count;
}

/* core.answer(job, turn, …): what the call gave, as pcall says it. Gives what core.step
   does. Nothing happens when somebody else has taken over. */
static int job_answer(lua_State *L) {
  bearer_job *job = check(L, 1);
  lua_Number turn = luaL_checknumber(L, 2);
  if (!job->is_calling || turn < job->turn || turn > job->turn || job->is_stepping)
    return 0;
  job->is_calling = 0;
  lua_remove(L, 2);
  lua_settop(L, 1 + BEARER_JOB_VALUES);
  if (job->class->keep != NULL)
    job->class->keep(L, job);
  return step(L, 1);
}

/* core.abandon(job): the coroutine that ran the function of the host's is gone */
static int job_abandon(lua_State *L) {
  bearer_job *job = check(L, 1);
  if (job->is_calling) {
    job->is_calling = 0;
    job->turn++;
    job->wake = bearer_now(job->state);
    put(job, &job->state->ready);
  }
  return 0;
}

/* ---- which one ----------------------------------------------------------------- */

static void make_due_ready(bearer_lua_state *state, double now) {
  bearer_job *next;
  double soonest = INFINITY;
  for (bearer_job *job = state->waiting.first; job != NULL; job = next) {
    next = job->next;
    if (job->wake <= now)
      put(job, &state->ready);
    else if (job->wake < soonest)
      soonest = job->wake;
  }
  state->soonest = soonest;
}

/* A job whose transfer has ended has one that is ready; so the order is that of answers,
   then of instants. */
static bearer_job *next_ready(bearer_lua_state *state) {
  bearer_transfer *transfer;
  double now;
  if (!bearer_client_moves_itself(&state->client))
    bearer_client_poll(&state->client, 0); /* the system grants no thread: we do it */
  transfer = bearer_client_next_ended(&state->client);
  if (transfer != NULL && transfer->user != NULL)
    put(transfer->user, &state->ready);
  if (state->ready.first != NULL)
    return state->ready.first;
  now = bearer_now(state);
  if (now >= state->soonest)
    make_due_ready(state, now);
  return state->ready.first;
}

/* A function of the host's did not come back in time. */
static void give_up_call(bearer_job *job) {
  if (job->is_calling) {
    job->is_calling = 0;
    job->turn++;
  }
}

/* core.next([seconds]) -> a job that has been stepped, since something has happened to
   it, and what it needs, as core.step says it; nothing when there is none, or when the
   time is over, though one is stepped at least. The first call of a turn says how long
   that is. */
static int job_next(lua_State *L) {
  bearer_lua_state *state = bearer_state_here(L);
  bearer_job *job;
  if (lua_type(L, 1) == LUA_TNUMBER) {
    state->till = bearer_now(state) + lua_tonumber(L, 1);
    state->has_stepped = 0;
  }
  if (state->has_stepped && bearer_now(state) > state->till)
    return 0;
  job = next_ready(state);
  lua_settop(L, 0);
  if (job == NULL)
    return 0;
  state->has_stepped = 1;
  bearer_job_push(L, job);
  if (job->is_stepping) /* this is asked from within its step: the others get their turn
                         */
    bearer_job_wait(job, bearer_now(job->state) + 0.01);
  give_up_call(job);
  step(L, 1);
  return lua_gettop(L);
}

/* core.till() -> the instant at which the turn is over */
static int job_till(lua_State *L) {
  lua_pushnumber(L, bearer_state_here(L)->till);
  return 1;
}

/* core.due() -> seconds until core.next() will find one without news from outside, or nil
 */
static int job_due(lua_State *L) {
  bearer_lua_state *state = bearer_state_here(L);
  double left;
  if (state->waiting.first == NULL)
    state->soonest = INFINITY;
  left = state->soonest - bearer_now(state);
  if (state->ready.first != NULL || state->ended.first != NULL ||
      bearer_client_has_ended(&state->client))
    left = 0;
  if (state->waiting.first != NULL && !bearer_client_moves_itself(&state->client) &&
      left > 0.005)
    left = 0.005;
  if (left == INFINITY)
    lua_pushnil(L);
  else
    lua_pushnumber(L, left > 0 ? left : 0);
  return 1;
}

/* core.count() -> how many jobs are under way, or have ended with nobody told */
static int job_count(lua_State *L) {
  lua_pushinteger(L, bearer_state_here(L)->job_count);
  return 1;
}

/* core.give_up(job): nobody will wait for it */
static int job_give_up(lua_State *L) {
  bearer_job *job = check(L, 1);
  if (job->is_stepping) {
    job->is_cancelled = 1;
  } else if (!job->has_ended) {
    lua_pushliteral(L, "it cannot be waited for here");
    end_badly(L, 1, BEARER_CANNOT_WAIT);
  }
  return 0;
}

/* It should have ended: nobody polls, or a function of the host's does not come back. */
static int is_overdue(const bearer_job *job) {
  double end =
      job->is_calling ? job->wake : job->deadline + 1; /* for libcurl to say so */
  return bearer_now(job->state) > end;
}

/* core.state(job) -> "ended", "stepping" (this is called from within its step), "calling"
   (a function of the host's is at work for it), or "waiting"; and whether it should have
   ended long ago */
static int job_state(lua_State *L) {
  const bearer_job *job = check(L, 1);
  lua_pushstring(L, job->has_ended     ? "ended"
                    : job->is_stepping ? "stepping"
                    : job->is_calling  ? "calling"
                                       : "waiting");
  lua_pushboolean(L, !job->has_ended && !job->is_stepping && is_overdue(job));
  return 2;
}

/* core.ended() -> the first job that has ended and whose waiters have not been told */
static int job_ended(lua_State *L) {
  const bearer_job *job = bearer_state_here(L)->ended.first;
  if (job == NULL)
    return 0;
  bearer_job_push(L, job);
  return 1;
}

/* core.told(job): they have. Gives the next one, as core.ended */
static int job_told(lua_State *L) {
  bearer_job *job = check(L, 1);
  if (job->list == &job->state->ended) {
    take_out(job);
    bearer_job_drop(L, job);
  }
  lua_settop(L, 0);
  return job_ended(L);
}

static const luaL_Reg functions[] = {
  { "step", job_step },       { "answer", job_answer }, { "abandon", job_abandon },
  { "give_up", job_give_up }, { "till", job_till },     { "next", job_next },
  { "due", job_due },         { "count", job_count },   { "ended", job_ended },
  { "state", job_state },     { "told", job_told },     { NULL, NULL },
};

static const luaL_Reg metamethods[] = {
  { "__gc", job_gc },
  { NULL, NULL },
};

void bearer_job_open(lua_State *L) {
  bearer_class_make(L, BEARER_JOB, metamethods, NULL);
  bearer_state_push(L, BEARER_JOBS);
  if (lua_isnil(L, -1)) {
    init(bearer_state_of(L));
    lua_newtable(L);
    bearer_state_keep(L, BEARER_JOBS);
    lua_pushcfunction(L, run);
    bearer_state_keep(L, BEARER_STEP);
  }
  lua_pop(L, 1);
  bearer_state_functions(L, functions);
}
