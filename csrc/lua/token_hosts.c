/*
 * Where a token may go: to its provider, and to hosts that have been named.
 */
#include "lua/token.h"

#include <stdio.h>
#include <strings.h>

#include "http/url.h"

static int is_listed(char **hosts, int count, const char *origin) {
  for (int i = 0; i < count; i++) {
    bearer_buffer url = { 0 }, other = { 0 };
    int is;
    bearer_buffer_text(&url, "https://");
    bearer_buffer_text(&url, hosts[i]);
    bearer_url_origin(&other, bearer_buffer_string(&url));
    is = other.size > 0 && strcasecmp(bearer_buffer_string(&other), origin) == 0;
    bearer_buffer_free(&url);
    bearer_buffer_free(&other);
    if (is)
      return 1;
  }
  return 0;
}

int bearer_token_may_reach(const bearer_definition *def, const bearer_options *o,
                           const char *base, const char *url, char *text, size_t room) {
  bearer_buffer ours = { 0 }, theirs = { 0 };
  bearer_url_fault fault;
  int may;
  if (def->base_url.kind == BEARER_PART_ABSENT) { /* anywhere, but as a secret */
    fault = bearer_url_check(url, o->allow_http);
    may = fault == BEARER_URL_OK || fault == BEARER_URL_FRAGMENT;
    if (!may)
      snprintf(text, room, "its URL %s", bearer_url_explain(fault));
    return may;
  }
  fault = bearer_url_check(url, 1);
  bearer_url_origin(&ours, base);
  if (fault != BEARER_URL_BAD && fault != BEARER_URL_BYTES &&
      fault != BEARER_URL_USERINFO) /* who reads those how? */
    bearer_url_origin(&theirs, url);
  may = theirs.size > 0 &&
        (strcasecmp(bearer_buffer_string(&ours), bearer_buffer_string(&theirs)) == 0 ||
         is_listed(def->hosts, def->host_count, bearer_buffer_string(&theirs)) ||
         is_listed(o->hosts, o->host_count, bearer_buffer_string(&theirs)));
  if (!may)
    snprintf(text, room,
             "%s is not the provider's: the token goes there only when the definition's "
             "'hosts' or the option 'allow_hosts' names it",
             theirs.size > 0 ? bearer_buffer_string(&theirs) : "that URL");
  bearer_buffer_free(&ours);
  bearer_buffer_free(&theirs);
  return may;
}

int bearer_token_may_go_to(lua_State *L, int index, const char *url, char *text,
                           size_t room) {
  const bearer_token *t = lua_touserdata(L, index);
  bearer_buffer base = { 0 };
  const bearer_options *o;
  int may;
  if (!bearer_url_is_absolute(url))
    return 1;
  bearer_get_slot(L, index, BEARER_TOKEN_OPTIONS);
  o = bearer_options_at(L, lua_gettop(L));
  lua_pop(L, 1);
  if (t->def->base_url.kind != BEARER_PART_ABSENT &&
      !bearer_token_base_url(L, index, &base))
    bearer_buffer_free(&base);
  may = bearer_token_may_reach(t->def, o, bearer_buffer_string(&base), url, text, room);
  bearer_buffer_free(&base);
  return may;
}

/* Does a URL, relative ones too, climb out of what it opens with? */
static int climbs(const char *url) {
  bearer_buffer joined = { 0 };
  int does;
  bearer_url_join(&joined, "https://h", url);
  does = bearer_url_check(bearer_buffer_string(&joined), 1) == BEARER_URL_DOTS;
  bearer_buffer_free(&joined);
  return does;
}

void bearer_token_check_host(lua_State *L, int index, int request) {
  char text[512];
  lua_getfield(L, request, "url");
  if (lua_type(L, -1) == LUA_TSTRING &&
      !bearer_token_may_go_to(L, index, lua_tostring(L, -1), text, sizeof(text)))
    bearer_raise(L, "authorize: %s", text);
  if (lua_type(L, -1) == LUA_TSTRING && climbs(lua_tostring(L, -1)))
    bearer_raise(L, "authorize: its URL %s", bearer_url_explain(BEARER_URL_DOTS));
  lua_pop(L, 1);
}
