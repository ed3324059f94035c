/*
 * What is said of an answer that holds no token: where it was looked for, and which keys
 * were there. Whoever writes a definition sees what it should say.
 */
#include "lua/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/value.h"

enum {
  MOST_NAMES = 24,   /* that are collected */
  LONGEST_NAME = 48, /* bytes of one: a longer key is no name, but perhaps a token */
  MOST_SHOWN = 160   /* bytes of all */
};

/* The first MOST_NAMES of the keys, by the alphabet. */
typedef struct {
  char list[MOST_NAMES][2 * LONGEST_NAME + 2];
  int count, left_out;
} names;

/* ---- collecting ---------------------------------------------------------------- */

/* A session's id, say: long, and with digits in it. */
static int may_be_token(const char *text, size_t size) {
  int digits = 0;
  for (size_t i = 0; i < size; i++)
    digits += text[i] >= '0' && text[i] <= '9';
  return size >= 20 && digits > 1;
}

static int is_name(const char *text, size_t size) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_-.:@$";
  return size > 0 && size < LONGEST_NAME && strspn(text, allowed) == size &&
         !may_be_token(text, size);
}

static void insert(names *n, const char *name) {
  int at = n->count;
  if (n->count == MOST_NAMES) {
    n->left_out++;
    if (strcmp(name, n->list[MOST_NAMES - 1]) >= 0)
      return;
    at = --n->count;
  }
  for (; at > 0 && strcmp(name, n->list[at - 1]) < 0; at--)
    memcpy(n->list[at], n->list[at - 1], sizeof(n->list[0]));
  snprintf(n->list[at], sizeof(n->list[0]), "%s", name);
  n->count++;
}

/* The keys of the table at index, behind `parent`; of its tables with keys these. */
static void collect(lua_State *L, int index, const char *parent, names *n) {
  char name[sizeof(n->list[0])];
  int top = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    size_t size;
    const char *key =
        lua_type(L, top + 1) == LUA_TSTRING ? lua_tolstring(L, top + 1, &size) : NULL;
    if (key == NULL || !is_name(key, size)) {
      n->left_out++;
    } else {
      snprintf(name, sizeof(name), "%s%s%s", parent, parent[0] != '\0' ? "." : "", key);
      if (parent[0] == '\0' && strcmp(bearer_value_kind(L, top + 2), "a table") == 0) {
        int before = n->count + n->left_out;
        collect(L, top + 2, key, n);
        if (n->count + n->left_out == before)
          insert(n, name);
      } else {
        insert(n, name);
      }
    }
    lua_settop(L, top + 1);
  }
}

/* ---- telling ------------------------------------------------------------------- */

typedef struct {
  char *text;
  size_t size, room;
} writer;

static void add(writer *w, const char *text) {
  size_t size = strlen(text);
  size = size < w->room - w->size ? size : w->room - w->size - 1;
  memcpy(w->text + w->size, text, size);
  w->size += size;
  w->text[w->size] = '\0';
}

static void add_paths(writer *w, const bearer_paths *paths) {
  for (int i = 0; i < paths->count; i++) {
    if (i > 0)
      add(w, i == paths->count - 1 ? " or " : ", ");
    add(w, paths->list[i].text);
  }
}

static void add_names(writer *w, names *n) {
  char more[32];
  size_t from = w->size;
  int i;
  for (i = 0; i < n->count && w->size - from + strlen(n->list[i]) < MOST_SHOWN; i++) {
    if (i > 0)
      add(w, ", ");
    add(w, n->list[i]);
  }
  n->left_out += n->count - i;
  if (n->left_out == 0)
    return;
  snprintf(more, sizeof(more), i > 0 ? " and %d more" : "%d keys that are no names",
           n->left_out);
  add(w, more);
}

static void add_keys(writer *w, lua_State *L, int index) {
  names n;
  n.count = n.left_out = 0;
  collect(L, index, "", &n);
  add_names(w, &n);
}

static void add_list(writer *w, lua_State *L, int index) {
  lua_rawgeti(L, index, 1);
  add(w, "; it is a list");
  if (strcmp(bearer_value_kind(L, lua_gettop(L)), "a table") == 0) {
    add(w, ", of {");
    add_keys(w, L, lua_gettop(L));
    add(w, "}");
  }
  lua_pop(L, 1);
}

static int is_empty(lua_State *L, int index) {
  int empty;
  lua_pushnil(L);
  empty = lua_next(L, index) == 0;
  if (!empty)
    lua_pop(L, 2);
  return empty;
}

static void add_root(writer *w, lua_State *L, int root) {
  const char *kind = bearer_value_kind(L, root);
  if (lua_type(L, root) == LUA_TSTRING) {
    add(w, "; it is a bare text ($ reads one)");
  } else if (!lua_istable(L, root)) {
    add(w, "; it is ");
    add(w, kind);
  } else if (is_empty(L, root)) {
    add(w, "; it is empty");
  } else if (strcmp(kind, "a list") == 0) {
    add_list(w, L, root);
  } else {
    add(w, "; it has: ");
    add_keys(w, L, root);
  }
}

void bearer_missing_token(bearer_answer *a, int found, char *text, size_t room) {
  lua_State *L = a->c->L;
  writer w = { text, 0, room };
  text[0] = '\0';
  luaL_checkstack(L, 20, NULL);
  add(&w, "the answer holds no token at ");
  add_paths(&w, &a->c->def->value);
  if (found == 0) {
    add_root(&w, L, a->root);
    return;
  }
  add(&w, "; ");
  add(&w,
      lua_type(L, found) == LUA_TSTRING ? "an empty text" : bearer_value_kind(L, found));
  add(&w, " stands there");
}
