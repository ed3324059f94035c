/*
 * What the benchmarks measure by.
 */
#include "../../csrc/lua/compat.h"

#include <malloc.h>
#include <time.h>

BEARER_EXPORT int luaopen_gauge(lua_State *L);

static int seconds(lua_State *L, clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  lua_pushnumber(L, (double)t.tv_sec + (double)t.tv_nsec / 1e9);
  return 1;
}

static int wall(lua_State *L) {
  return seconds(L, CLOCK_MONOTONIC);
}

/* Of the calling thread alone: what other threads do at the same time does not count. */
static int thread_cpu(lua_State *L) {
  return seconds(L, CLOCK_THREAD_CPUTIME_ID);
}

/* Bytes that malloc has given out. */
static int heap(lua_State *L) {
  struct mallinfo2 info = mallinfo2();
  lua_pushnumber(L, (double)(info.uordblks + info.hblkhd));
  return 1;
}

static const luaL_Reg functions[] = {
  { "wall", wall },
  { "thread_cpu", thread_cpu },
  { "heap", heap },
  { NULL, NULL },
};

int luaopen_gauge(lua_State *L) {
  const luaL_Reg *f;
  lua_newtable(L);
  for (f = functions; f->name != NULL; f++) {
    lua_pushcfunction(L, f->func);
    lua_setfield(L, -2, f->name);
  }
  return 1;
}
