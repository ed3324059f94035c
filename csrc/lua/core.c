/*
 * The module bearer.core: what bearer's Lua modules are built on. Programs require
 * "bearer".
 */
#include "lua/core.h"

#include <dlfcn.h>

#include "http/fork.h"

BEARER_EXPORT int luaopen_bearer_core(lua_State *L);

/* A resolver thread of libcurl may outlive the state: the code it runs must stay. The
   linker flag -z nodelete says the same where the Makefile builds; LuaRocks has no such
   flag. */
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

int luaopen_bearer_core(lua_State *L) {
  stay_loaded();
  if (!bearer_fork_init())
    return luaL_error(L, "libcurl cannot be used");
  lua_newtable(L);
  bearer_lua_open(L);
  bearer_object_open(L);
  bearer_reference_open(L);
  bearer_scope_open(L);
  bearer_request_open(L);
  bearer_transfer_open(L);
  bearer_token_open(L);
  bearer_login_open(L);
  bearer_primitives_open(L);
  return 1;
}
