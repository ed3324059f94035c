/*
 * Variables: what the names of a definition stand for.
 */
#include "base/vars.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#define GROWTH 4 /* entries at once */

/* ---- the list ---------------------------------------------------------------- */

static bearer_var *find(const bearer_vars *v, int name) {
  for (int i = 0; i < v->count; i++)
    if (v->list[i].name == name)
      return &v->list[i];
  return NULL;
}

static bearer_var *append(bearer_vars *v, int name) { /* NULL: no memory */
  bearer_var *entry;
  if (v->count == v->room) {
    size_t room = (size_t)v->room + GROWTH;
    bearer_var *list = realloc(v->list, room * sizeof(*list)); /* holds no secret bytes */
    if (list == NULL)
      return NULL;
    v->list = list;
    v->room = (int)room;
  }
  entry = &v->list[v->count++];
  memset(entry, 0, sizeof(*entry));
  entry->name = (short)name;
  return entry;
}

static void drop(bearer_vars *v, bearer_var *entry) { /* the last one takes its place */
  bearer_secret_clear(&entry->value);
  *entry = v->list[--v->count];
}

static int put(bearer_vars *v, bearer_var *entry, const void *data, size_t size) {
  if (entry == NULL)
    return 0;
  if (bearer_secret_set(&entry->value, data, size))
    return 1;
  drop(v, entry); /* a name without a value would only be in the way */
  return 0;
}

int bearer_vars_set(bearer_vars *v, int name, bearer_var_type type, bearer_var_use use,
                    int secret, const void *data, size_t size) {
  bearer_var *entry;
  if (name < 0)
    return bearer_vars_hide(v, data, size);
  if (name > SHRT_MAX)
    return 0;
  entry = find(v, name);
  if (entry == NULL)
    entry = append(v, name);
  if (!put(v, entry, data, size))
    return 0;
  entry->type = (unsigned char)type;
  entry->use = (unsigned char)use;
  entry->secret = secret != 0;
  return 1;
}

static int is_hidden(const bearer_vars *v, const void *data, size_t size) {
  for (int i = 0; i < v->count; i++) {
    const bearer_var *e = &v->list[i];
    if (e->name == BEARER_VAR_HIDDEN && e->value.size == size &&
        memcmp(e->value.data, data, size) == 0)
      return 1;
  }
  return 0;
}

int bearer_vars_hide(bearer_vars *v, const void *data, size_t size) {
  bearer_var *entry;
  if (is_hidden(v, data, size))
    return 1;
  entry = append(v, BEARER_VAR_HIDDEN);
  if (!put(v, entry, data, size))
    return 0;
  entry->secret = 1;
  return 1;
}

/* ---- copies ------------------------------------------------------------------ */

static int copy_entry(bearer_vars *to, const bearer_var *e) {
  return bearer_vars_set(to, e->name, (bearer_var_type)e->type, (bearer_var_use)e->use,
                         e->secret, e->value.data, e->value.size);
}

int bearer_vars_copy(bearer_vars *to, const bearer_vars *from) {
  for (int i = 0; i < from->count; i++)
    if (!copy_entry(to, &from->list[i]))
      return 0;
  return 1;
}

static int has_value(const bearer_var *e, const bearer_secret *value) {
  return e->value.size == value->size &&
         memcmp(e->value.data, value->data, value->size) == 0;
}

int bearer_vars_learn(bearer_vars *to, const bearer_vars *from) {
  int ok = 1;
  for (int i = 0; ok && i < from->count; i++) {
    const bearer_var *e = &from->list[i], *known = bearer_vars_get(to, e->name);
    if (known == NULL && e->name >= 0)
      ok = copy_entry(to, e);
    else if (e->secret && (known == NULL || !has_value(known, &e->value)))
      ok = bearer_vars_hide(to, e->value.data, e->value.size);
  }
  return ok;
}

int bearer_vars_copy_one(bearer_vars *to, const bearer_vars *from, int name) {
  const bearer_var *e = bearer_vars_get(from, name);
  return e == NULL || copy_entry(to, e);
}

const bearer_var *bearer_vars_get(const bearer_vars *v, int name) {
  return name >= 0 ? find(v, name) : NULL;
}

/* ---- ends -------------------------------------------------------------------- */

void bearer_vars_remove(bearer_vars *v, int name) {
  bearer_var *entry = name >= 0 ? find(v, name) : NULL;
  if (entry != NULL)
    drop(v, entry);
}

void bearer_vars_unhide(bearer_vars *v) {
  for (int i = v->count - 1; i >= 0; i--) /* what takes its place was looked at before */
    if (v->list[i].name == BEARER_VAR_HIDDEN)
      drop(v, &v->list[i]);
}

void bearer_vars_trim(bearer_vars *v) {
  bearer_var *list;
  if (v->count == 0) {
    free(v->list);
    v->list = NULL;
    v->room = 0;
  } else if (v->count < v->room) {
    list = realloc(v->list, (size_t)v->count * sizeof(*list));
    if (list != NULL) { /* else it stays as large as it is */
      v->list = list;
      v->room = v->count;
    }
  }
}

void bearer_vars_clear(bearer_vars *v) {
  for (int i = 0; i < v->count; i++)
    bearer_secret_clear(&v->list[i].value);
  free(v->list);
  memset(v, 0, sizeof(*v));
}

/* ---- the fingerprint --------------------------------------------------------- */

/* The named secret with the smallest name above this one. There are few: no sorting. */
static const bearer_var *next_secret(const bearer_vars *v, int name) {
  const bearer_var *next = NULL;
  for (int i = 0; i < v->count; i++) {
    const bearer_var *e = &v->list[i];
    if (e->secret && e->name > name && (next == NULL || e->name < next->name))
      next = e;
  }
  return next;
}

static void add_number(bearer_buffer *b, size_t n) { /* the same on every machine */
  unsigned char bytes[8];
  for (int i = 0; i < 8; i++)
    bytes[i] = (unsigned char)((unsigned long long)n >> (56 - 8 * i));
  bearer_buffer_add(b, bytes, sizeof(bytes));
}

int bearer_vars_fingerprint(const bearer_vars *v, const unsigned char key[32],
                            unsigned char digest[32]) {
  bearer_buffer all = { 0 };
  const bearer_var *e = NULL;
  unsigned int size = 0;
  int ok;
  bearer_buffer_add(&all, "", 0);
  while ((e = next_secret(v, e != NULL ? e->name : -1)) != NULL) {
    add_number(&all, (size_t)e->name);
    add_number(&all, e->value.size); /* so that no value can pass for two */
    bearer_buffer_add(&all, e->value.data, e->value.size);
  }
  ok = !all.failed && HMAC(EVP_sha256(), key, 32, (const unsigned char *)all.data,
                           all.size, digest, &size) != NULL;
  bearer_buffer_free(&all);
  return ok && size == 32;
}
