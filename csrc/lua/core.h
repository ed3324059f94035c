/*
 * What the files that bind the core to Lua share: the state of one lua_State, and the
 * userdata types.
 */
#ifndef BEARER_LUA_CORE_H
#define BEARER_LUA_CORE_H

#include "base/clock.h"
#include "base/vars.h"
#include "http/client.h"
#include "lua/compat.h"

#define BEARER_ERROR     "bearer.error"
#define BEARER_LOGIN     "bearer.login"
#define BEARER_PROVIDER  "bearer.provider"
#define BEARER_REFERENCE "bearer.reference"
#define BEARER_REQUEST   "bearer.request"
#define BEARER_SCOPE     "bearer.scope"
#define BEARER_TOKEN     "bearer.token"
#define BEARER_TRANSFER  "bearer.transfer"

#pragma GCC visibility push(hidden)

/* One per Lua state, so that states in other threads share nothing. */
typedef struct {
  bearer_clock clock;
  bearer_client net;
  bearer_buffer
      handed; /* what Lua is copying: wiped later, should that run out of memory */
} bearer_lua;

bearer_lua *bearer_lua_state(lua_State *L); /* [-0, +0, -] */

/* A userdata of this type, zeroed, with a fresh table as its uservalue, or with the one
   on top of the stack. [-0, +1, m] [-1, +1, m] */
void *bearer_object_new(lua_State *L, const char *type, size_t size);
void *bearer_object_wrap(lua_State *L, const char *type, size_t size);

/* Make the metatable of a type and push it. methods become __index. [-0, +1, m] */
void bearer_object_type(lua_State *L, const char *type, const luaL_Reg *metamethods,
                        const luaL_Reg *methods);

/* Push the buffer's bytes, free it, raise when it had failed. [-0, +1, v] */
void bearer_buffer_push(lua_State *L, bearer_buffer *b);

bearer_vars *bearer_scope_check(lua_State *L, int index);      /* [-0, +0, v] */
bearer_vars *bearer_scope_optional(lua_State *L, int index);   /* NULL for nil */
bearer_request *bearer_request_check(lua_State *L, int index); /* [-0, +0, v] */

/* Read what a secret reference names into *out. NULL, or why not. [-0, +0, -] */
const char *bearer_reference_read(lua_State *L, int index, bearer_secret *out);

/* Each puts its functions into the table on top and makes its types. [-0, +0, m] */
void bearer_lua_open(lua_State *L);
void bearer_login_open(lua_State *L);
void bearer_object_open(lua_State *L);
void bearer_primitives_open(lua_State *L);
void bearer_reference_open(lua_State *L);
void bearer_request_open(lua_State *L);
void bearer_scope_open(lua_State *L);
void bearer_token_open(lua_State *L);
void bearer_transfer_open(lua_State *L);

#pragma GCC visibility pop

#endif
