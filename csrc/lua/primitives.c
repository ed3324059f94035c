/***
The primitives that a function in a definition gets as its second argument. Each takes and
gives byte strings.
@module bearer.primitives
*/
#include "lua/primitives.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/encode.h"
#include "base/nearest.h"
#include "http/fork.h"
#include "http/url.h"
#include "lua/state.h"
#include "lua/value.h"

static int encoded(lua_State *L, void (*encode)(bearer_buffer *, const void *, size_t)) {
  size_t size;
  const char *data = luaL_checklstring(L, 1, &size);
  bearer_buffer out = { 0 };
  encode(&out, data, size);
  bearer_push_buffer(L, &out);
  return 1;
}

/***
RFC 4648 section 4, padded.
@function base64
@tparam string bytes
@treturn string
*/
static int p_base64(lua_State *L) {
  return encoded(L, bearer_encode_base64);
}

/***
RFC 4648 section 5, without padding.
@function base64url
@tparam string bytes
@treturn string
*/
static int p_base64url(lua_State *L) {
  return encoded(L, bearer_encode_base64url);
}

/***
Lower-case hexadecimal.
@function hex
@tparam string bytes
@treturn string
*/
static int p_hex(lua_State *L) {
  return encoded(L, bearer_encode_hex);
}

static int digest(lua_State *L, const EVP_MD *md) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int out_size = 0;
  size_t size;
  const char *data = luaL_checklstring(L, 1, &size);
  int ok;
  bearer_fork_lock();
  ok = EVP_Digest(data, size, out, &out_size, md, NULL);
  bearer_fork_unlock();
  if (!ok)
    return luaL_error(L, "the digest failed");
  lua_pushlstring(L, (const char *)out, out_size);
  bearer_wipe(out, sizeof(out));
  return 1;
}

/***
SHA-1 (20 bytes): for endpoints that still want it.
@function sha1
@tparam string bytes
@treturn string the digest, not encoded
*/
static int p_sha1(lua_State *L) {
  return digest(L, EVP_sha1());
}

/***
SHA-256 (32 bytes).
@function sha256
@tparam string bytes
@treturn string the digest, not encoded
*/
static int p_sha256(lua_State *L) {
  return digest(L, EVP_sha256());
}

/***
HMAC (RFC 2104).
@function hmac
@tparam string hash `"sha1"`, `"sha256"` or `"sha512"`
@tparam string key
@tparam string bytes
@treturn string the code, not encoded
*/
static int p_hmac(lua_State *L) {
  static const char *const names[] = { "sha1", "sha256", "sha512", NULL };
  int which = luaL_checkoption(L, 1, NULL, names);
  const EVP_MD *md = which == 0 ? EVP_sha1() : which == 1 ? EVP_sha256() : EVP_sha512();
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int out_size = 0;
  size_t key_size, size;
  const char *key = luaL_checklstring(L, 2, &key_size);
  const char *data = luaL_checklstring(L, 3, &size);
  int ok;
  luaL_argcheck(L, key_size <= 0x7fffffff, 2, "too long");
  bearer_fork_lock();
  ok = HMAC(md, key, (int)key_size, (const unsigned char *)data, size, out, &out_size) !=
       NULL;
  bearer_fork_unlock();
  if (!ok)
    return luaL_error(L, "the HMAC failed");
  lua_pushlstring(L, (const char *)out, out_size);
  bearer_wipe(out, sizeof(out));
  return 1;
}

/***
Random bytes, fit for keys.
@function random
@tparam integer count 1 to 1024
@treturn string
*/
static int p_random(lua_State *L) {
  unsigned char out[1024];
  lua_Integer count = luaL_checkinteger(L, 1);
  luaL_argcheck(L, count >= 1 && count <= (lua_Integer)sizeof(out), 1,
                "1 to 1024 expected");
  if (!bearer_random(out, (size_t)count))
    return luaL_error(L, "no random bytes are to be had");
  lua_pushlstring(L, (const char *)out, (size_t)count);
  bearer_wipe(out, sizeof(out));
  return 1;
}

/***
A random UUID (RFC 9562 version 4).
@function uuid
@treturn string
*/
static int p_uuid(lua_State *L) {
  unsigned char b[16];
  char text[37];
  char *at = text;
  if (!bearer_random(b, sizeof(b)))
    return luaL_error(L, "no random bytes are to be had");
  b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
  b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
  for (int i = 0; i < 16; i++)
    at += snprintf(at, 4, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", b[i]);
  lua_pushlstring(L, text, 36);
  return 1;
}

/***
Unix time.
@function now
@treturn integer seconds
*/
static int p_now(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)bearer_clock_wall(&bearer_state_of(L)->clock));
  return 1;
}

/***
A value as JSON.
@function json
@param value a text, number, boolean, table or JSON's null
@treturn string
@raise on what JSON cannot say
*/
static int p_json(lua_State *L) {
  bearer_buffer out = { 0 };
  bearer_json json;
  const char *why;
  luaL_checkany(L, 1);
  bearer_json_begin(&json, &out);
  why = bearer_json_value(L, 1, &json);
  if (why == NULL && json.too_deep)
    why = "it is nested too deep";
  if (why == NULL) {
    bearer_push_buffer(L, &out);
    return 1;
  }
  bearer_buffer_free(&out);
  return luaL_error(L, "json: %s", why);
}

static const luaL_Reg primitives[] = {
  { "base64", p_base64 }, { "base64url", p_base64url },
  { "hex", p_hex },       { "sha1", p_sha1 },
  { "sha256", p_sha256 }, { "hmac", p_hmac },
  { "random", p_random }, { "uuid", p_uuid },
  { "now", p_now },       { "json", p_json },
  { NULL, NULL },
};

/* core.is(kind, text) -> may this text go into a URL as a "host", "label", "path", "url"?
   Or is it a "zone"? */
static int p_is(lua_State *L) {
  static const char *const kinds[] = { "host", "label", "path", "url", "zone", NULL };
  int kind = luaL_checkoption(L, 1, NULL, kinds);
  size_t size;
  const char *value = luaL_checklstring(L, 2, &size);
  double east;
  int ok = strlen(value) == size &&
           (kind == 0   ? bearer_url_is_host(value)
            : kind == 1 ? bearer_url_is_label(value)
            : kind == 2 ? bearer_url_is_path(value)
            : kind == 4 ? bearer_date_zone(value, size, &east)
                        : bearer_url_check(value, 1) == BEARER_URL_OK);
  lua_pushboolean(L, ok);
  return 1;
}

/* core.nearest(word, list) -> the one that looks most like it, or nil */
static int p_nearest(lua_State *L) {
  const char *word = luaL_checkstring(L, 1), *list[100];
  int count = 0, found;
  luaL_checktype(L, 2, LUA_TTABLE);
  for (int i = 1; i <= 100; i++) {
    lua_rawgeti(L, 2, i);
    if (lua_type(L, -1) == LUA_TSTRING)
      list[count++] = lua_tostring(L, -1); /* the list keeps it */
    lua_pop(L, 1);
  }
  found = bearer_nearest(word, list, count);
  lua_pushstring(L, found >= 0 ? list[found] : NULL);
  return 1;
}

static const luaL_Reg functions[] = {
  { "is", p_is },
  { "nearest", p_nearest },
  { NULL, NULL },
};

void bearer_primitives_open(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
  bearer_state_push(L, BEARER_PRIMITIVES);
  if (lua_isnil(L, -1)) {
    luaL_newlib(L, primitives);
    bearer_state_keep(L, BEARER_PRIMITIVES);
  }
  lua_pop(L, 1);
}
