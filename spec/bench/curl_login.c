/*
 * What a login is measured against: the same request by the plainest use of libcurl, one
 * multi handle for all of them and a new easy handle each. The answer is decoded by the
 * given function, and its token is returned.
 */
#include "../../csrc/lua/compat.h"

#include <curl/curl.h>
#include <string.h>

BEARER_EXPORT int luaopen_curl_login(lua_State *L);

typedef struct {
  size_t size;
  char data[4096];
} answer;

static size_t on_body(char *data, size_t one, size_t size, void *user) {
  answer *a = user;
  (void)one; /* always 1 */
  if (size > sizeof(a->data) - a->size)
    return 0;
  memcpy(a->data + a->size, data, size);
  a->size += size;
  return size;
}

static struct curl_slist *headers(void) {
  struct curl_slist *list =
      curl_slist_append(NULL, "Content-Type: application/x-www-form-urlencoded");
  list = curl_slist_append(list, "Accept: application/json");
  return curl_slist_append(list, "Expect:");
}

static void prepare(CURL *easy, struct curl_slist *list, answer *a, const char *url,
                    const char *form, const char *agent) {
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  curl_easy_setopt(easy, CURLOPT_USERAGENT, agent);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, form);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30000L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, a);
}

static CURLcode perform(CURLM *multi, CURL *easy) {
  int running = 1, left;
  CURLMsg *message;
  curl_multi_add_handle(multi, easy);
  while (curl_multi_perform(multi, &running) == CURLM_OK && running > 0)
    curl_multi_poll(multi, NULL, 0, 1000, NULL);
  message = curl_multi_info_read(multi, &left);
  return message != NULL ? message->data.result : CURLE_FAILED_INIT;
}

/* login(): the token. Upvalues: the multi handle, URL, form, user agent, decode. */
static int login(lua_State *L) {
  CURLM *multi = lua_touserdata(L, lua_upvalueindex(1));
  CURL *easy = curl_easy_init();
  struct curl_slist *list = headers();
  answer a;
  CURLcode result;
  long status = 0;
  a.size = 0;
  prepare(easy, list, &a, lua_tostring(L, lua_upvalueindex(2)),
          lua_tostring(L, lua_upvalueindex(3)), lua_tostring(L, lua_upvalueindex(4)));
  result = perform(multi, easy);
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl_multi_remove_handle(multi, easy);
  curl_easy_cleanup(easy);
  curl_slist_free_all(list);
  if (result != CURLE_OK || status != 200)
    return luaL_error(L, "%s, status %d", curl_easy_strerror(result), (int)status);
  lua_pushvalue(L, lua_upvalueindex(5));
  lua_pushlstring(L, a.data, a.size);
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "access_token");
  return 1;
}

/* new(url, form, user_agent, decode): the function that logs in. */
static int new (lua_State *L) {
  luaL_checkstring(L, 1);
  luaL_checkstring(L, 2);
  luaL_checkstring(L, 3);
  luaL_checktype(L, 4, LUA_TFUNCTION);
  lua_settop(L, 4);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  lua_pushlightuserdata(L, curl_multi_init()); /* until the process ends */
  lua_insert(L, 1);
  lua_pushcclosure(L, login, 5);
  return 1;
}

int luaopen_curl_login(lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, new);
  lua_setfield(L, -2, "new");
  return 1;
}
