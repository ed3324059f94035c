/*
 * What one Lua state owns.
 */
#include "lua/state.h"

#include <math.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/secret.h"
#include "http/fork.h"

static char keys[BEARER_KEPT]; /* their addresses name what is kept in the registry */

void bearer_state_push(lua_State *L, bearer_kept what) {
  lua_pushlightuserdata(L, &keys[what]);
  lua_rawget(L, LUA_REGISTRYINDEX);
}

void bearer_state_keep(lua_State *L, bearer_kept what) {
  lua_pushlightuserdata(L, &keys[what]);
  lua_insert(L, -2);
  lua_rawset(L, LUA_REGISTRYINDEX);
}

bearer_lua_state *bearer_state_of(lua_State *L) {
  bearer_lua_state *state;
  bearer_state_push(L, BEARER_THE_STATE);
  state = lua_touserdata(L, -1);
  lua_pop(L, 1); /* the registry keeps it */
  return state;
}

void bearer_state_functions(lua_State *L, const luaL_Reg *functions) {
  bearer_state_push(L, BEARER_THE_STATE);
  luaL_setfuncs(L, functions, 1);
}

int bearer_random(unsigned char *out, size_t size) {
  int ok;
  bearer_fork_lock();
  ok = RAND_bytes(out, (int)size) == 1;
  bearer_fork_unlock();
  return ok;
}

/* A child of fork starts from another seed than its parent goes on with. */
static void seed(bearer_lua_state *state) {
  if (!bearer_random((unsigned char *)&state->random, sizeof(state->random)))
    state->random = (unsigned long long)(bearer_clock_monotonic(&state->clock) * 1e9);
  state->random |= 1;
  state->seeded = bearer_fork_count() + 1;
}

/* xorshift64* (Vigna, 2016): what spreads a fleet out need not be a secret. */
double bearer_state_random(bearer_lua_state *state) {
  if (state->pinned_random >= 0)
    return state->pinned_random;
  if (state->seeded != bearer_fork_count() + 1)
    seed(state);
  state->random ^= state->random >> 12;
  state->random ^= state->random << 25;
  state->random ^= state->random >> 27;
  return (double)((state->random * 2685821657736338717ULL) >> 11) / 9007199254740992.0;
}

/* ---- functions for Lua --------------------------------------------------------- */

/* core.now() -> seconds on the monotonic clock, Unix time */
static int state_now(lua_State *L) {
  const bearer_lua_state *state = bearer_state_here(L);
  lua_pushnumber(L, bearer_clock_monotonic(&state->clock));
  lua_pushnumber(L, bearer_clock_wall(&state->clock));
  return 2;
}

/* core.clock([monotonic, wall]): stop the clocks at these instants; run on without */
static int state_clock(lua_State *L) {
  bearer_clock *clock = &bearer_state_here(L)->clock;
  lua_Number monotonic = luaL_optnumber(L, 1, 0), wall = luaL_optnumber(L, 2, 0);
  clock->frozen = !lua_isnoneornil(L, 1);
  clock->monotonic = monotonic;
  clock->wall = wall;
  return 0;
}

/* core.jitter([number]): what decides pauses and spreads from now on; chance without */
static int state_jitter(lua_State *L) {
  bearer_state_here(L)->pinned_random = luaL_optnumber(L, 1, -1);
  return 0;
}

/* core.addresses() -> of the clock and of the count of changes, for LuaJIT's FFI */
static int state_addresses(lua_State *L) {
  bearer_lua_state *state = bearer_state_here(L);
  lua_pushlightuserdata(L, &state->clock);
  lua_pushlightuserdata(L, &state->served);
  return 2;
}

/* core.can_yield() -> may the caller yield? Not below a C function such as string.gsub */
static int state_can_yield(lua_State *L) {
  lua_pushboolean(L, bearer_can_yield(L));
  return 1;
}

static long milliseconds(lua_Number ms) {
  if (!(ms >= 0)) /* negative or NaN */
    return 0;
  return ms > 60000 ? 60000 : (long)ceil(ms);
}

/* core.poll([max_ms]) -> how many transfers are under way, as soon as one has ended */
static int state_poll(lua_State *L) {
  long ms = milliseconds(luaL_optnumber(L, 1, 0));
  lua_pushinteger(L, bearer_client_poll(&bearer_state_here(L)->client, ms));
  return 1;
}

/* core.wait(seconds): likewise, moving what core.step has begun in this thread */
static int state_wait(lua_State *L) {
  long ms = milliseconds(luaL_checknumber(L, 1) * 1000);
  lua_pushinteger(L, bearer_client_wait(&bearer_state_here(L)->client, ms));
  return 1;
}

/* core.fd() -> a descriptor to watch for reading, or nil */
static int state_fd(lua_State *L) {
  int fd = bearer_client_fd(&bearer_state_here(L)->client);
  if (fd < 0)
    lua_pushnil(L);
  else
    lua_pushinteger(L, fd);
  return 1;
}

/* core.notebook(name) -> a table of this Lua state's, the same each time: what a module
   knows of things that are under way, and must still know when it is loaded anew */
static int state_notebook(lua_State *L) {
  luaL_checkstring(L, 1);
  lua_settop(L, 1);
  bearer_state_push(L, BEARER_NOTEBOOKS); /* name, all */
  lua_pushvalue(L, 1);
  lua_rawget(L, 2);
  if (lua_istable(L, -1))
    return 1;
  lua_newtable(L); /* name, all, nil, notebook */
  lua_pushvalue(L, 1);
  lua_pushvalue(L, -2);
  lua_rawset(L, 2);
  return 1;
}

/* core.thread() -> the coroutine that runs, also where it is the main one */
static int state_thread(lua_State *L) {
  lua_pushthread(L);
  return 1;
}

/* core.runs(functions, argument[, coroutine]) -> is one of these functions (a set),
   called with this first argument, on the stack of that coroutine, or of the caller's? So
   it is known whether something goes on, however it may have been left. */
static int state_runs(lua_State *L) {
  lua_State *co = L;
  lua_Debug at;
  int is = 0;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 3);
  if (!lua_isnil(L, 3)) {
    luaL_checktype(L, 3, LUA_TTHREAD);
    co = lua_tothread(L, 3);
  }
  for (int level = 0; !is && lua_getstack(co, level, &at); level++) {
    lua_settop(L, 3);
    lua_getinfo(co, "f", &at);
    if (co != L)
      lua_xmove(co, L, 1);
    lua_rawget(L, 1);
    if (!lua_toboolean(L, -1))
      continue;
    if (lua_getlocal(co, &at, 1) == NULL)
      lua_pushnil(L);
    else if (co != L)
      lua_xmove(co, L, 1);
    is = lua_isnil(L, 2) || lua_rawequal(L, -1, 2);
  }
  lua_pushboolean(L, is);
  return 1;
}

static const luaL_Reg functions[] = {
  { "notebook", state_notebook },
  { "thread", state_thread },
  { "runs", state_runs },
  { "now", state_now },
  { "clock", state_clock },
  { "jitter", state_jitter },
  { "addresses", state_addresses },
  { "can_yield", state_can_yield },
  { "poll", state_poll },
  { "wait", state_wait },
  { "fd", state_fd },
  { NULL, NULL },
};

static int state_gc(lua_State *L) {
  bearer_lua_state *state = lua_touserdata(L, 1);
  bearer_client_close(&state->client);
  bearer_wipe(state->key, sizeof(state->key));
  return 0;
}

static void make(lua_State *L) { /* [-0, +0, m] */
  bearer_lua_state *state = lua_newuserdata(L, sizeof(*state));
  memset(state, 0, sizeof(*state));
  bearer_client_init(&state->client);
  state->pinned_random = -1;
  lua_newtable(L); /* state, mt */
  lua_pushcfunction(L, state_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2); /* state */
  if (!bearer_random(state->key, sizeof(state->key)))
    luaL_error(L, "no random bytes are to be had");
  bearer_state_keep(L, BEARER_THE_STATE);
}

void bearer_state_open(lua_State *L) {
  if (bearer_state_of(L) == NULL) {
    lua_newtable(L);
    bearer_state_keep(L, BEARER_NOTEBOOKS);
    make(L);
  }
  bearer_state_functions(L, functions);
}
