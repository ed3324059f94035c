/*
 * Names and what they stand for.
 */
#include "names.h"

#include <stdlib.h>
#include <string.h>

#include "encode.h"

/* ---- the list ---------------------------------------------------------------- */

static bearer_name *find(const bearer_names *n, const char *name, size_t size) {
  for (size_t i = 0; i < n->count; i++)
    if (strlen(n->list[i].name) == size && memcmp(n->list[i].name, name, size) == 0)
      return &n->list[i];
  return NULL;
}

static bearer_name *append(bearer_names *n, const char *name) {
  bearer_name *entry;
  if (n->count == n->room) {
    size_t room = n->room ? n->room * 2 : 16;
    bearer_name *list = realloc(n->list, room * sizeof(*list)); /* holds no secret bytes */
    if (list == NULL)
      return NULL;
    n->list = list;
    n->room = room;
  }
  entry = &n->list[n->count];
  memset(entry, 0, sizeof(*entry));
  entry->name = strdup(name);
  if (entry->name == NULL)
    return NULL;
  n->count++;
  return entry;
}

int bearer_names_set(bearer_names *n, const char *name, const void *data, size_t size,
                     bearer_name_use use, int secret) {
  bearer_name *entry = name[0] != '\0' ? find(n, name, strlen(name)) : NULL;
  if (entry == NULL && (entry = append(n, name)) == NULL)
    return 0;
  entry->use = use;
  entry->secret = secret;
  return bearer_secret_set(&entry->value, data, size);
}

int bearer_names_hide(bearer_names *n, const void *data, size_t size) {
  return bearer_names_set(n, "", data, size, BEARER_NAME_TEXT, 1);
}

int bearer_names_copy(bearer_names *to, const bearer_names *from) {
  for (size_t i = 0; i < from->count; i++) {
    const bearer_name *e = &from->list[i];
    if (!bearer_names_set(to, e->name, e->value.data, e->value.size, e->use, e->secret))
      return 0;
  }
  return 1;
}

const bearer_name *bearer_names_get(const bearer_names *n, const char *name, size_t size) {
  return size > 0 ? find(n, name, size) : NULL;
}

void bearer_names_remove(bearer_names *n, const char *name) {
  bearer_name *entry = find(n, name, strlen(name));
  if (entry == NULL)
    return;
  bearer_secret_clear(&entry->value);
  free(entry->name);
  *entry = n->list[--n->count];
}

void bearer_names_clear(bearer_names *n) {
  for (size_t i = 0; i < n->count; i++) {
    bearer_secret_clear(&n->list[i].value);
    free(n->list[i].name);
  }
  free(n->list);
  memset(n, 0, sizeof(*n));
}

/* ---- texts ------------------------------------------------------------------- */

int bearer_names_next(const char *text, size_t size, size_t *at, size_t *from,
                      size_t *name_size) {
  for (size_t i = *at; i + 2 < size; i++) {
    const char *end;
    if (text[i] != '$' || text[i + 1] != '{')
      continue;
    end = memchr(text + i + 2, '}', size - i - 2);
    if (end == NULL)
      return 0;
    *from = i;
    *name_size = (size_t)(end - text) - i - 2;
    *at = (size_t)(end - text) + 1;
    return 1;
  }
  return 0;
}

static void add_value(const bearer_name *e, int for_url, int opens, bearer_buffer *out) {
  if (!for_url || e->use == BEARER_NAME_URL || (e->use == BEARER_NAME_OPENER && opens))
    bearer_buffer_add(out, e->value.data, e->value.size);
  else
    bearer_encode_percent(out, e->value.data, e->value.size);
}

const char *bearer_names_expand(const bearer_names *n, const char *text, size_t size,
                                int for_url, bearer_buffer *out, size_t *missing_size) {
  size_t done = 0, at = 0, from, name_size;
  while (bearer_names_next(text, size, &at, &from, &name_size)) {
    const bearer_name *e = bearer_names_get(n, text + from + 2, name_size);
    if (e == NULL || e->value.data == NULL) {
      *missing_size = name_size;
      return text + from + 2;
    }
    bearer_buffer_add(out, text + done, from - done);
    add_value(e, for_url, from == 0, out);
    done = at;
  }
  bearer_buffer_add(out, text + done, size - done);
  return NULL;
}

/* ---- for people -------------------------------------------------------------- */

static void mask(const bearer_buffer *needle, bearer_buffer *text) {
  const char *from = text->data, *hit;
  size_t left = text->size;
  bearer_buffer out = { 0 };
  if (needle->size < 2 || left < needle->size ||
      memmem(from, left, needle->data, needle->size) == NULL)
    return;
  while ((hit = memmem(from, left, needle->data, needle->size)) != NULL) {
    bearer_buffer_add(&out, from, (size_t)(hit - from));
    bearer_buffer_text(&out, "***");
    left -= (size_t)(hit - from) + needle->size;
    from = hit + needle->size;
  }
  bearer_buffer_add(&out, from, left);
  bearer_buffer_reset(text);
  bearer_buffer_add(text, bearer_buffer_string(&out), out.size);
  text->failed |= out.failed;
  bearer_buffer_free(&out);
}

static void add_json_inside(bearer_buffer *out, const void *data, size_t size) {
  bearer_buffer quoted = { 0 };
  bearer_encode_json(&quoted, data, size);
  if (quoted.size > 2)
    bearer_buffer_add(out, quoted.data + 1, quoted.size - 2);
  bearer_buffer_free(&quoted);
}

void bearer_names_redact(const bearer_names *n, const char *text, size_t size,
                         bearer_buffer *out) {
  static void (*const forms[])(bearer_buffer *, const void *, size_t) = {
    bearer_buffer_add,    add_json_inside,         bearer_encode_percent, bearer_encode_form,
    bearer_encode_base64, bearer_encode_base64url, bearer_encode_hex
  };
  bearer_buffer all = { 0 }, needle = { 0 };
  bearer_buffer_add(&all, text, size);
  for (size_t i = 0; i < n->count; i++) {
    const bearer_name *e = &n->list[i];
    for (size_t f = 0; e->secret && f < sizeof(forms) / sizeof(forms[0]); f++) {
      bearer_buffer_reset(&needle);
      forms[f](&needle, e->value.data, e->value.size);
      mask(&needle, &all);
      all.failed |= needle.failed; /* rather no text than one with a secret in it */
    }
  }
  if (all.failed)
    out->failed = 1;
  bearer_buffer_add(out, bearer_buffer_string(&all), all.size);
  bearer_buffer_free(&all);
  bearer_buffer_free(&needle);
}
