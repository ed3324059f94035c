/*
 * The module bearer.core: the engine that bearer's Lua modules stand on. Programs require
 * "bearer".
 */
#include <dlfcn.h>

#include "http/fork.h"
#include "lua/call.h"
#include "lua/event.h"
#include "lua/primitives.h"
#include "lua/secret_ref.h"
#include "lua/value.h"

BEARER_EXPORT int luaopen_bearer_core(lua_State *L);

/* A thread of ours or of libcurl's may outlive the state, and so do handlers of fork and
   exit: the code they run must stay. The linker flag -z nodelete says the same where the
   Makefile builds; LuaRocks has no such flag. */
static void stay_loaded(void) {
#if defined(RTLD_NODELETE) && defined(RTLD_NOLOAD)
  Dl_info here;
  union {
    int (*function)(lua_State *);
    void *address;
  } self = { luaopen_bearer_core };
  if (dladdr(self.address, &here) != 0 && here.dli_fname != NULL)
    dlopen(here.dli_fname, RTLD_NOW | RTLD_NODELETE | RTLD_NOLOAD);
#endif
}

/* core.type(value) -> "bearer.login" and its like, or nil */
static int core_type(lua_State *L) {
  static const char *const types[] = { BEARER_LOGIN, BEARER_TOKEN,  BEARER_PROVIDER,
                                       BEARER_ERROR, BEARER_SECRET, NULL };
  for (int i = 0; types[i] != NULL; i++)
    if (luaL_testudata(L, 1, types[i]) != NULL) {
      lua_pushstring(L, types[i]);
      return 1;
    }
  lua_pushnil(L);
  return 1;
}

/* core.method(type, name, function): put a method on a type, for loop.lua */
static int core_method(lua_State *L) {
  luaL_checkstring(L, 2);
  luaL_checktype(L, 3, LUA_TFUNCTION);
  luaL_getmetatable(L, luaL_checkstring(L, 1));
  luaL_checktype(L, -1, LUA_TTABLE);
  lua_getfield(L, -1, "__index");
  luaL_checktype(L, -1, LUA_TTABLE);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, 3);
  lua_rawset(L, -3);
  return 0;
}

static const luaL_Reg functions[] = {
  { "type", core_type },
  { "method", core_method },
  { NULL, NULL },
};

int luaopen_bearer_core(lua_State *L) {
  stay_loaded();
  if (!bearer_fork_init())
    return luaL_error(L, "libcurl cannot be used");
  lua_newtable(L);
  bearer_state_open(L);
  bearer_class_open(L);
  bearer_value_open(L);
  bearer_error_open(L);
  bearer_secret_ref_open(L);
  bearer_options_open(L);
  bearer_provider_open(L);
  bearer_primitives_open(L);
  bearer_function_open(L);
  bearer_read_open(L);
  bearer_job_open(L);
  bearer_token_open(L);
  bearer_login_open(L);
  bearer_acquire_open(L);
  bearer_secrets_open(L);
  bearer_event_open(L);
  bearer_call_open(L);
  luaL_setfuncs(L, functions, 0);
  lua_pushliteral(L, BEARER_VERSION);
  lua_setfield(L, -2, "version");
  return 1;
}
