/*
 * Transfers for Lua: begun here, advanced by core.poll, read when they have ended.
 */
#include "lua/core.h"

#include <string.h>

typedef struct {
  bearer_transfer *transfer; /* owned; NULL when it is closed */
} holder;

static holder *check_holder(lua_State *L) {
  return luaL_checkudata(L, 1, BEARER_TRANSFER);
}

static bearer_transfer *check(lua_State *L) {
  bearer_transfer *t = check_holder(L)->transfer;
  luaL_argcheck(L, t != NULL, 1, "the transfer is closed");
  return t;
}

/* ---- options: the table at 2 ------------------------------------------------- */

static long milliseconds(lua_State *L, const char *name) { /* [-0, +0, e] */
  lua_Number s;
  lua_getfield(L, 2, name);
  s = lua_tonumber(L, -1);
  lua_pop(L, 1);
  if (!(s > 0.001)) /* 0 would mean: for ever */
    return 1;
  return s > 1e6 ? 1000000000L : (long)(s * 1000);
}

static const char *text(lua_State *L, const char *name) { /* [-0, +1, e] */
  lua_getfield(L, 2, name); /* stays on the stack while it is borrowed */
  return lua_tostring(L, -1);
}

/* A text or a secret reference. NULL, or why it cannot be read. [-0, +0, e] */
static const char *secret(lua_State *L, const char *name, bearer_secret *out) {
  const char *why = NULL, *data;
  size_t size;
  lua_getfield(L, 2, name);
  if (lua_type(L, -1) == LUA_TUSERDATA)
    why = bearer_reference_read(L, lua_gettop(L), out);
  else if ((data = lua_tolstring(L, -1, &size)) != NULL &&
           !bearer_secret_set(out, data, size))
    why = "not enough memory";
  lua_pop(L, 1);
  return why;
}

static const char *read_secrets(lua_State *L, bearer_options *o, const char **which) {
  static const char *const names[] = { "ca_pem", "cert", "key" };
  bearer_secret *const places[] = { &o->ca_pem, &o->cert, &o->key };
  for (int i = 0; i < 3; i++) {
    const char *why = secret(L, names[i], places[i]);
    *which = names[i];
    if (why != NULL)
      return why;
  }
  return NULL;
}

static void clear_secrets(bearer_options *o) {
  bearer_secret_clear(&o->ca_pem);
  bearer_secret_clear(&o->cert);
  bearer_secret_clear(&o->key);
}

/* core.send(request, options) -> a transfer; the request is spent. Or nil, the option
   that cannot be read, and why. options: timeout, connect_timeout (seconds), max_response
   (bytes), ca_file, ca_pem, cert, key, proxy, user_agent, once */
static int transfer_send(lua_State *L) {
  bearer_request *m = bearer_request_check(L, 1);
  bearer_options o;
  holder *h;
  const char *why, *which;
  memset(&o, 0, sizeof(o));
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  h = bearer_object_new(L, BEARER_TRANSFER, sizeof(*h));
  o.timeout_ms = milliseconds(L, "timeout");
  o.connect_timeout_ms = milliseconds(L, "connect_timeout");
  lua_getfield(L, 2, "max_response");
  o.max_response = (size_t)lua_tonumber(L, -1);
  lua_getfield(L, 2, "once");
  o.once = lua_toboolean(L, -1);
  o.ca_file = text(L, "ca_file");
  o.proxy = text(L, "proxy");
  o.user_agent = text(L, "user_agent");
  why = read_secrets(L, &o, &which);
  if (why == NULL)
    h->transfer = bearer_client_start(&bearer_lua_state(L)->net, m, &o);
  clear_secrets(&o);
  if (why == NULL && h->transfer == NULL)
    return luaL_error(L, "not enough memory");
  lua_settop(L, 3);
  if (why == NULL)
    return 1;
  lua_pushnil(L);
  lua_pushstring(L, which);
  lua_pushstring(L, why);
  return 3;
}

/* transfer:id() -> what core.next_ended() calls it */
static int transfer_id(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check(L)->id);
  return 1;
}

static int transfer_ended(lua_State *L) {
  holder *h = check_holder(L);
  lua_pushboolean(L, h->transfer == NULL || bearer_transfer_has_ended(h->transfer));
  return 1;
}

/* ---- results ----------------------------------------------------------------- */

static const char *code_of(const bearer_transfer *t) {
  if (t->too_large)
    return "too_large";
  if (t->forked)
    return "forked";
  switch (t->result) {
  case CURLE_OPERATION_TIMEDOUT:
    return "timeout";
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
    return "dns";
  case CURLE_COULDNT_CONNECT:
    return "connect";
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_SHUTDOWN_FAILED:
  case CURLE_SSL_ENGINE_INITFAILED:
  case CURLE_SSL_INVALIDCERTSTATUS:
    return "tls";
  case CURLE_PROXY:
    return "proxy";
  case CURLE_PARTIAL_FILE:
  case CURLE_GOT_NOTHING:
  case CURLE_BAD_CONTENT_ENCODING:
  case CURLE_WEIRD_SERVER_REPLY:
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_WRITE_ERROR:
    return "bad_answer";
  case CURLE_OUT_OF_MEMORY:
    return "memory";
  default:
    return "network";
  }
}

/* transfer:answer() -> {status, head, body}, or nil, {code, reason, sent}: a stable code,
   libcurl's words, and whether anything left for the server */
static int transfer_answer(lua_State *L) {
  bearer_transfer *t = check(L);
  int ok;
  luaL_argcheck(L, bearer_transfer_has_ended(t), 1, "the transfer has not ended");
  ok = t->result == CURLE_OK && t->status != 0 && !t->too_large && !t->forked;
  if (!ok)
    lua_pushnil(L);
  lua_createtable(L, 0, 3);
  if (ok) {
    lua_pushinteger(L, t->status);
    lua_setfield(L, -2, "status");
    lua_pushlstring(L, bearer_buffer_string(&t->head), t->head.size);
    lua_setfield(L, -2, "head");
    lua_pushlstring(L, bearer_buffer_string(&t->body), t->body.size);
    lua_setfield(L, -2, "body");
    return 1;
  }
  lua_pushstring(L, t->result == CURLE_OK && t->status == 0 && !t->forked ? "bad_answer"
                                                                          : code_of(t));
  lua_setfield(L, -2, "code");
  lua_pushstring(L, t->reason);
  lua_setfield(L, -2, "reason");
  lua_pushboolean(L, t->sent || t->forked);
  lua_setfield(L, -2, "sent");
  return 2;
}

/* transfer:close(), also __gc: safe to call twice */
static int transfer_close(lua_State *L) {
  holder *h = check_holder(L);
  bearer_transfer_close(h->transfer);
  h->transfer = NULL;
  return 0;
}

static const luaL_Reg metamethods[] = {
  { "__gc", transfer_close },
  { NULL, NULL },
};

static const luaL_Reg methods[] = {
  { "id", transfer_id },
  { "ended", transfer_ended },
  { "answer", transfer_answer },
  { "close", transfer_close },
  { NULL, NULL },
};

static const luaL_Reg functions[] = {
  { "send", transfer_send },
  { NULL, NULL },
};

void bearer_transfer_open(lua_State *L) {
  bearer_object_type(L, BEARER_TRANSFER, metamethods, methods);
  lua_pop(L, 1);
  luaL_setfuncs(L, functions, 0);
}
