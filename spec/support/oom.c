/*
 * Memory that runs out:
 *   oom FIRST STRIDE PRELUDE BODY
 * runs the chunk PRELUDE in a fresh state, then BODY with an allocator that gives nothing
 * from its FIRST call on; then again from FIRST + STRIDE on, until BODY gets through. (A
 * single failure would be hidden by an emergency collection.) BODY may fail only by a Lua
 * error, and must work once there is memory again, when PRELUDE ended in "true".
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* lua-cjson loses its buffers when an error passes through it, LuaJIT a table now and
   then. What this program is to find is what C code allocated itself. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
  return "leak:cjson.so\nleak:lua_memory\n";
}

typedef struct {
  long calls, failing; /* from this call on; 0 = never */
  long failed;
} memory;

static void *lua_memory(void *user, void *block, size_t old_size, size_t new_size) {
  memory *m = user;
  int grows = block == NULL || new_size > old_size; /* shrinking must not fail */
  if (new_size == 0) {
    free(block);
    return NULL;
  }
  if (grows && ++m->calls >= m->failing && m->failing > 0) {
    m->failed++;
    return NULL;
  }
  return realloc(block, new_size);
}

/* Compiled before memory gets short. */
static void load(lua_State *L, const char *text) {
  if (luaL_loadstring(L, text) != 0) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    exit(1);
  }
}

static int works_again(lua_State *L, int body) {
  lua_pushvalue(L, body);
  if (lua_pcall(L, 0, 0, 0) == 0)
    return 1;
  fprintf(stderr, "afterwards: %s\n", lua_tostring(L, -1));
  return 0;
}

/* 1 = a failure was met and survived, 0 = there was none, -1 = something is wrong. */
static int attempt(long failing, const char *prelude, const char *body) {
  memory m = { 0, 0, 0 };
  lua_State *L = lua_newstate(lua_memory, &m);
  int status, lasting, result;
  luaL_openlibs(L);
  load(L, body); /* body */
  load(L, prelude);
  lua_call(L, 0, 1); /* body, lasting */
  lasting = lua_toboolean(L, -1);
  lua_pushvalue(L, 1);
  m.calls = 0;
  m.failing = failing;
  status = lua_pcall(L, 0, 0, 0);
  m.failing = 0;
  result = m.failed > 0;
  if (status != 0 && m.failed == 0) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    result = -1;
  }
  lua_settop(L, 1);
  if (result > 0 && lasting && !works_again(L, 1))
    result = -1;
  lua_close(L);
  return result;
}

int main(int argc, char **argv) {
  static lua_State *open; /* so that lua-cjson stays where a leak checker can name it */
  long failing, stride, count = 0;
  int result = 1;
  if (argc != 5 || (stride = atol(argv[2])) < 1)
    return 2;
  open = luaL_newstate();
  luaL_openlibs(open);
  load(open, "require 'cjson'");
  lua_call(open, 0, 0);
  for (failing = atol(argv[1]); result > 0; failing += stride) {
    result = attempt(failing, argv[3], argv[4]);
    count += result > 0;
    if (result < 0)
      fprintf(stderr, "memory gone from call %ld on\n", failing);
  }
  printf("%ld failures survived\n", count);
  return result < 0;
}
