/*
 * Names and what they stand for.
 */
#include "base/vars.h"

#include <stdlib.h>
#include <string.h>

#include "base/encode.h"

/* ---- the list ---------------------------------------------------------------- */

static bearer_var *find(const bearer_vars *n, const char *name, size_t size) {
  for (size_t i = 0; i < n->count; i++)
    if (strlen(n->list[i].name) == size && memcmp(n->list[i].name, name, size) == 0)
      return &n->list[i];
  return NULL;
}

static bearer_var *append(bearer_vars *n, const char *name) {
  bearer_var *entry;
  if (n->count == n->room) {
    size_t room = n->room ? n->room * 2 : 16;
    bearer_var *list = realloc(n->list, room * sizeof(*list)); /* holds no secret bytes */
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

int bearer_vars_set(bearer_vars *n, const char *name, const void *data, size_t size,
                    bearer_var_use use, int secret) {
  bearer_var *entry = name[0] != '\0' ? find(n, name, strlen(name)) : NULL;
  if (entry == NULL && (entry = append(n, name)) == NULL)
    return 0;
  entry->use = use;
  entry->secret = secret;
  return bearer_secret_set(&entry->value, data, size);
}

int bearer_vars_hide(bearer_vars *n, const void *data, size_t size) {
  return bearer_vars_set(n, "", data, size, BEARER_VAR_TEXT, 1);
}

int bearer_vars_copy(bearer_vars *to, const bearer_vars *from) {
  for (size_t i = 0; i < from->count; i++) {
    const bearer_var *e = &from->list[i];
    if (!bearer_vars_set(to, e->name, e->value.data, e->value.size, e->use, e->secret))
      return 0;
  }
  return 1;
}

const bearer_var *bearer_vars_get(const bearer_vars *n, const char *name, size_t size) {
  return size > 0 ? find(n, name, size) : NULL;
}

void bearer_vars_remove(bearer_vars *n, const char *name) {
  bearer_var *entry = find(n, name, strlen(name));
  if (entry == NULL)
    return;
  bearer_secret_clear(&entry->value);
  free(entry->name);
  *entry = n->list[--n->count];
}

void bearer_vars_clear(bearer_vars *n) {
  for (size_t i = 0; i < n->count; i++) {
    bearer_secret_clear(&n->list[i].value);
    free(n->list[i].name);
  }
  free(n->list);
  memset(n, 0, sizeof(*n));
}

/* ---- texts ------------------------------------------------------------------- */

int bearer_vars_next(const char *text, size_t size, size_t *at, size_t *from,
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

static void add_value(const bearer_var *e, int for_url, int opens, char next,
                      bearer_buffer *out) {
  size_t size = e->value.size;
  if (for_url && e->use == BEARER_VAR_URL && next == '/' && size > 0 &&
      e->value.data[size - 1] == '/')
    size--; /* "https://h/" before "/v1" */
  if (!for_url || e->use == BEARER_VAR_URL || (e->use == BEARER_VAR_OPENER && opens))
    bearer_buffer_add(out, e->value.data, size);
  else
    bearer_encode_percent(out, e->value.data, e->value.size);
}

const char *bearer_vars_expand(const bearer_vars *n, const char *text, size_t size,
                               int for_url, bearer_buffer *out, size_t *missing_size) {
  size_t done = 0, at = 0, from, name_size;
  while (bearer_vars_next(text, size, &at, &from, &name_size)) {
    const bearer_var *e = bearer_vars_get(n, text + from + 2, name_size);
    if (e == NULL || e->value.data == NULL) {
      *missing_size = name_size;
      return text + from + 2;
    }
    bearer_buffer_add(out, text + done, from - done);
    add_value(e, for_url, from == 0, at < size ? text[at] : '\0', out);
    done = at;
  }
  bearer_buffer_add(out, text + done, size - done);
  return NULL;
}

/* ---- for people -------------------------------------------------------------- */

/* A longer secret is looked for as it is and as the encodings of encode.c write it, which
   takes linear time; a shorter one in any mixture of escapes as well. */
#define LOOSE_MAX 256

typedef struct {
  const char *text; /* borrowed */
  size_t size;
  char *hidden; /* owned: for each byte of the text, is it part of a secret? */
} veil;

static void hide_exactly(veil *v, const bearer_buffer *needle) {
  const char *from = v->text, *hit;
  size_t left = v->size;
  while ((hit = memmem(from, left, needle->data, needle->size)) != NULL) {
    memset(v->hidden + (hit - v->text), 1, needle->size);
    left -= (size_t)(hit - from) + needle->size;
    from = hit + needle->size;
  }
}

/* So many hexadecimal digits; 0 when there are other characters. */
static size_t read_hex(const char *text, size_t left, size_t digits, unsigned *value) {
  static const char all[] = "0123456789abcdef0123456789ABCDEF";
  *value = 0;
  for (size_t i = 0; i < digits; i++) {
    const char *at = i < left && text[i] != '\0' ? strchr(all, text[i]) : NULL;
    if (at == NULL)
      return 0;
    *value = *value * 16 + (unsigned)(at - all) % 16;
  }
  return digits;
}

static size_t put_utf8(unsigned c, unsigned char *plain) {
  if (c < 0x80) {
    plain[0] = (unsigned char)c;
    return 1;
  }
  if (c < 0x800) {
    plain[0] = (unsigned char)(0xc0 | c >> 6);
    plain[1] = (unsigned char)(0x80 | (c & 0x3f));
    return 2;
  }
  plain[0] = (unsigned char)(0xe0 | c >> 12);
  plain[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
  plain[2] = (unsigned char)(0x80 | (c & 0x3f));
  return 3;
}

/* The escape at text: %2F, +, \/, \u002f, &amp;. Its size, or 0 when there is none; what
   it stands for goes into plain. */
static size_t unescape(const char *text, size_t left, unsigned char plain[3],
                       size_t *count) {
  static const struct {
    const char *escape, *plain;
  } known[] = {
    { "+", " " },       { "\\\"", "\"" },  { "\\\\", "\\" },  { "\\/", "/" },
    { "\\n", "\n" },    { "\\r", "\r" },   { "\\t", "\t" },   { "\\b", "\b" },
    { "\\f", "\f" },    { "&amp;", "&" },  { "&lt;", "<" },   { "&gt;", ">" },
    { "&quot;", "\"" }, { "&#34;", "\"" }, { "&apos;", "'" }, { "&#39;", "'" },
    { "&#039;", "'" },  { "&#x27;", "'" }, { "&#x2F;", "/" }, { "&#x2B;", "+" },
  };
  unsigned value;
  *count = 1;
  if (left >= 3 && text[0] == '%' && read_hex(text + 1, left - 1, 2, &value)) {
    plain[0] = (unsigned char)value;
    return 3;
  }
  if (left >= 6 && memcmp(text, "\\u", 2) == 0 &&
      read_hex(text + 2, left - 2, 4, &value)) {
    *count = put_utf8(value, plain);
    return 6;
  }
  for (size_t i = 0;
       strchr("+\\&", text[0]) != NULL && i < sizeof(known) / sizeof(known[0]); i++) {
    size_t size = strlen(known[i].escape);
    if (size <= left && memcmp(text, known[i].escape, size) == 0) {
      plain[0] = (unsigned char)known[i].plain[0];
      return size;
    }
  }
  return 0;
}

/* How much of the text from here on spells the secret, whatever of it is escaped; or 0.
 */
static size_t spelt(const char *text, size_t left, const bearer_secret *s) {
  size_t at = 0, done = 0, count = 0;
  unsigned char plain[3];
  while (done < s->size && at < left) {
    size_t used = unescape(text + at, left - at, plain, &count);
    if (used > 0 && count <= s->size - done && !memcmp(plain, s->data + done, count)) {
      at += used;
      done += count;
    } else if (text[at] == s->data[done]) {
      at++;
      done++;
    } else {
      return 0;
    }
  }
  return done == s->size ? at : 0;
}

static void hide_loosely(veil *v, const bearer_secret *s) {
  for (size_t at = 0; at < v->size;) {
    size_t size = spelt(v->text + at, v->size - at, s);
    memset(v->hidden + at, 1, size);
    at += size > 0 ? size : 1;
  }
}

static void encode_json_inside(bearer_buffer *out, const void *data, size_t size) {
  bearer_buffer quoted = { 0 };
  bearer_encode_json(&quoted, data, size);
  if (quoted.size > 2)
    bearer_buffer_add(out, quoted.data + 1, quoted.size - 2);
  out->failed |= quoted.failed;
  bearer_buffer_free(&quoted);
}

static void encode_upper_hex(bearer_buffer *out, const void *data, size_t size) {
  bearer_encode_hex(out, data, size);
  for (size_t i = 0; i < out->size; i++)
    if (out->data[i] >= 'a')
      out->data[i] = (char)(out->data[i] - 'a' + 'A');
}

static void encode_unpadded(bearer_buffer *out, const void *data, size_t size) {
  bearer_encode_base64(out, data, size);
  while (out->size > 0 && out->data[out->size - 1] == '=')
    out->size--;
}

/* 0 when memory ran out. */
static int hide(veil *v, const bearer_secret *s) {
  static void (*const forms[])(bearer_buffer *, const void *, size_t) = {
    bearer_buffer_add,       encode_json_inside,   bearer_encode_percent,
    bearer_encode_form,      bearer_encode_base64, encode_unpadded,
    bearer_encode_base64url, bearer_encode_hex,    encode_upper_hex,
  };
  bearer_buffer needle = { 0 };
  int ok = 1;
  if (s->size < 2) /* nothing would be left of the text */
    return 1;
  if (s->size <= LOOSE_MAX)
    hide_loosely(v, s);
  for (size_t f = 0; ok && f < sizeof(forms) / sizeof(forms[0]); f++) {
    bearer_buffer_reset(&needle);
    forms[f](&needle, s->data, s->size);
    ok = !needle.failed;
    if (ok)
      hide_exactly(v, &needle);
  }
  bearer_buffer_free(&needle);
  return ok;
}

void bearer_vars_redact(const bearer_vars *n, const char *text, size_t size,
                        bearer_buffer *out) {
  veil v = { text, size, calloc(size + 1, 1) };
  int ok = v.hidden != NULL;
  for (size_t i = 0; ok && i < n->count; i++)
    if (n->list[i].secret)
      ok = hide(&v, &n->list[i].value);
  if (!ok) /* rather no text than one with a secret in it */
    out->failed = 1;
  for (size_t from = 0, to; ok && from < size; from = to) {
    for (to = from + 1; to < size && v.hidden[to] == v.hidden[from]; to++)
      ;
    if (v.hidden[from])
      bearer_buffer_text(out, "***");
    else
      bearer_buffer_add(out, text + from, to - from);
  }
  free(v.hidden);
}
