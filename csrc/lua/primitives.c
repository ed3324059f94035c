/***
The primitives that a function in a definition gets as its second argument. Each takes and
gives byte strings.
@module bearer.primitives
*/
#include "lua/core.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "base/encode.h"
#include "base/jwt.h"
#include "http/url.h"

static int encoded(lua_State *L, void (*encode)(bearer_buffer *, const void *, size_t)) {
  size_t size;
  const char *data = luaL_checklstring(L, 1, &size);
  bearer_buffer out = { 0 };
  encode(&out, data, size);
  bearer_buffer_push(L, &out);
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
  if (!EVP_Digest(data, size, out, &out_size, md, NULL))
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
  luaL_argcheck(L, key_size <= 0x7fffffff, 2, "too long");
  if (HMAC(md, key, (int)key_size, (const unsigned char *)data, size, out, &out_size) ==
      NULL)
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
  if (RAND_bytes(out, (int)count) != 1)
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
  if (RAND_bytes(b, sizeof(b)) != 1)
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
  lua_pushinteger(L, (lua_Integer)bearer_clock_wall(&bearer_lua_state(L)->clock));
  return 1;
}

/* core.jitter() -> a number in [0, 1), from a generator that no two processes share */
static int p_jitter(lua_State *L) {
  unsigned char b[4];
  if (RAND_bytes(b, sizeof(b)) != 1)
    return luaL_error(L, "no random bytes are to be had");
  lua_pushnumber(L, ((((b[0] * 256.0) + b[1]) * 256.0 + b[2]) * 256.0 + b[3]) /
                        4294967296.0);
  return 1;
}

/* core.can_yield() -> may the caller yield? Not below a C function such as string.gsub */
static int p_can_yield(lua_State *L) {
#if defined(BEARER_PLAIN_51) || LUA_VERSION_NUM == 502
  lua_pushboolean(L, !lua_pushthread(L)); /* nothing better is known there */
#else
  lua_pushboolean(L, lua_isyieldable(L));
#endif
  return 1;
}

/* core.date(text) -> Unix time, or nil: the date formats of curl_getdate */
static int p_date(lua_State *L) {
  time_t t = curl_getdate(luaL_checkstring(L, 1), NULL);
  if (t == -1)
    lua_pushnil(L);
  else
    lua_pushnumber(L, (lua_Number)t);
  return 1;
}

/* core.jwt_payload(token) -> the JSON of its claims, or nil */
static int p_jwt_payload(lua_State *L) {
  size_t size;
  const char *data = luaL_checklstring(L, 1, &size);
  bearer_buffer out = { 0 };
  if (!bearer_jwt_payload(&out, data, size)) {
    bearer_buffer_free(&out);
    lua_pushnil(L);
    return 1;
  }
  bearer_buffer_push(L, &out);
  return 1;
}

/* core.is(kind, text) -> may this text go into a URL as a "host", "label", "path", "url"
 */
static int p_is(lua_State *L) {
  static const char *const kinds[] = { "host", "label", "path", "url", NULL };
  int kind = luaL_checkoption(L, 1, NULL, kinds);
  size_t size;
  const char *value = luaL_checklstring(L, 2, &size);
  int ok = strlen(value) == size &&
           (kind == 0   ? bearer_url_is_host(value)
            : kind == 1 ? bearer_url_is_label(value)
            : kind == 2 ? bearer_url_is_path(value)
                        : bearer_url_check(value, 1) == BEARER_URL_OK);
  lua_pushboolean(L, ok);
  return 1;
}

/* core.join(base or nil, url) -> the absolute URL, or nil */
static int p_join(lua_State *L) {
  const char *base = luaL_optstring(L, 1, NULL), *url = luaL_checkstring(L, 2);
  bearer_buffer out = { 0 };
  if (!bearer_url_join(&out, base, url)) {
    bearer_buffer_free(&out);
    lua_pushnil(L);
    return 1;
  }
  bearer_buffer_push(L, &out);
  return 1;
}

static const luaL_Reg primitives[] = {
  { "base64", p_base64 }, { "base64url", p_base64url }, { "hex", p_hex },
  { "sha1", p_sha1 },     { "sha256", p_sha256 },       { "hmac", p_hmac },
  { "random", p_random }, { "uuid", p_uuid },           { "now", p_now },
  { NULL, NULL },
};

static const luaL_Reg functions[] = {
  { "can_yield", p_can_yield },
  { "date", p_date },
  { "is", p_is },
  { "jitter", p_jitter },
  { "join", p_join },
  { "jwt_payload", p_jwt_payload },
  { NULL, NULL },
};

void bearer_primitives_open(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
  luaL_newlib(L, primitives);
  lua_setfield(L, -2, "primitives");
}
