/*
 * Transfers for Lua: begun here, advanced by core.poll, read when they have ended.
 */
#include "lua/core.h"

#include <string.h>

#include "base/codes.h"

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

/* What the materials of one sending borrow from. */
typedef struct {
  bearer_secret ca_pem, cert, key;
} secrets;

static void clear_secrets(secrets *s) {
  bearer_secret_clear(&s->ca_pem);
  bearer_secret_clear(&s->cert);
  bearer_secret_clear(&s->key);
}

/* Text that opens like PEM or PKCS#12, or what a reference gave, is content. */
static int is_content(const bearer_secret *s, int is_reference) {
  return is_reference || (s->size > 0 && s->data[0] == 0x30) ||
         (s->size > 10 && memcmp(s->data, "-----BEGIN", 10) == 0);
}

/* A text or a secret reference. NULL, or why it cannot be read. [-0, +0, e] */
static const char *secret(lua_State *L, const char *name, bearer_secret *out,
                          bearer_material *m) {
  const char *why = NULL, *data;
  size_t size;
  int is_reference;
  lua_getfield(L, 2, name);
  is_reference = lua_type(L, -1) == LUA_TUSERDATA;
  if (is_reference)
    why = bearer_reference_read(L, lua_gettop(L), out);
  else if ((data = lua_tolstring(L, -1, &size)) != NULL &&
           !bearer_secret_set(out, data, size))
    why = "not enough memory";
  lua_pop(L, 1);
  if (why != NULL || out->data == NULL)
    return why;
  m->kind = is_content(out, is_reference) ? BEARER_CONTENT : BEARER_PATH;
  m->data = out->data;
  m->size = out->size;
  return NULL;
}

static const char *read_secrets(lua_State *L, bearer_send_options *o, secrets *s,
                                const char **which) {
  static const char *const names[] = { "ca_pem", "cert", "key" };
  bearer_secret *const places[] = { &s->ca_pem, &s->cert, &s->key };
  bearer_material *const materials[] = { &o->ca_pem, &o->cert, &o->key };
  for (int i = 0; i < 3; i++) {
    const char *why = secret(L, names[i], places[i], materials[i]);
    *which = names[i];
    if (why != NULL)
      return why;
  }
  if (o->ca_pem.kind == BEARER_PATH)
    o->ca_pem.kind = BEARER_CONTENT;
  return NULL;
}

/* core.send(request, options) -> a transfer; the request is spent. Or nil, the option
   that cannot be read, and why. options: timeout, connect_timeout (seconds), max_response
   (bytes), ca_file, ca_pem, cert, key, proxy, user_agent, once */
static int transfer_send(lua_State *L) {
  bearer_request *m = bearer_request_check(L, 1);
  bearer_send_options o;
  secrets texts;
  holder *h;
  const char *why, *which;
  memset(&o, 0, sizeof(o));
  memset(&texts, 0, sizeof(texts));
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  h = bearer_object_new(L, BEARER_TRANSFER, sizeof(*h));
  o.timeout_ms = milliseconds(L, "timeout");
  o.connect_timeout_ms = milliseconds(L, "connect_timeout");
  lua_getfield(L, 2, "max_response");
  o.max_response = (size_t)lua_tonumber(L, -1);
  lua_getfield(L, 2, "once");
  o.once = lua_toboolean(L, -1);
  o.ca_file.data = text(L, "ca_file");
  o.ca_file.kind = o.ca_file.data != NULL ? BEARER_PATH : BEARER_NOT_GIVEN;
  o.proxy = text(L, "proxy");
  o.user_agent = text(L, "user_agent");
  why = read_secrets(L, &o, &texts, &which);
  if (why == NULL)
    h->transfer = bearer_client_send(&bearer_lua_state(L)->net, m, &o, NULL);
  clear_secrets(&texts);
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

/* transfer:answer() -> {status, head, body}, or nil, {code, reason, sent}: a stable code,
   libcurl's words, and whether anything left for the server */
static int transfer_answer(lua_State *L) {
  bearer_transfer *t = check(L);
  int ok;
  luaL_argcheck(L, bearer_transfer_has_ended(t), 1, "the transfer has not ended");
  ok = t->code == BEARER_OK;
  if (!ok)
    lua_pushnil(L);
  lua_createtable(L, 0, 3);
  if (ok) {
    lua_pushinteger(L, t->response.status);
    lua_setfield(L, -2, "status");
    lua_pushlstring(L, bearer_buffer_string(&t->response.head), t->response.head.size);
    lua_setfield(L, -2, "head");
    lua_pushlstring(L, bearer_buffer_string(&t->response.body), t->response.body.size);
    lua_setfield(L, -2, "body");
    return 1;
  }
  lua_pushstring(L, bearer_code_of(t->code)->name);
  lua_setfield(L, -2, "code");
  lua_pushstring(L, t->reason);
  lua_setfield(L, -2, "reason");
  lua_pushboolean(L, t->sent);
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
