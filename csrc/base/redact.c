/*
 * Texts for people.
 */
#include "base/redact.h"

#include <stdlib.h>
#include <string.h>

#include "base/encode.h"

/* A longer secret is looked for as it is and as the encodings of encode.c write it; a
   shorter one in any mixture of escapes as well. */
#define LOOSE_MAX 256

#define FORM_MOST 6 /* bytes that one byte can become: \u0000, &quot; */

typedef struct {
  const char *text; /* borrowed */
  size_t size;      /* what is looked at */
  size_t shown;     /* what is shown, at most: a secret that opens there ends in size */
  char *hidden;     /* owned: for each byte of the text, is it part of a secret? */
} veil;

/* ---- exact forms ------------------------------------------------------------- */

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

static void hide_exactly(veil *v, const bearer_buffer *needle) {
  const char *from = v->text, *hit;
  size_t left = v->size;
  while ((hit = memmem(from, left, needle->data, needle->size)) != NULL) {
    memset(v->hidden + (hit - v->text), 1, needle->size);
    left -= (size_t)(hit - from) + needle->size;
    from = hit + needle->size;
  }
}

static int hide_forms(veil *v, const bearer_secret *s) { /* 0: no memory */
  static void (*const forms[])(bearer_buffer *, const void *, size_t) = {
    bearer_buffer_add,       encode_json_inside,   bearer_encode_percent,
    bearer_encode_form,      bearer_encode_base64, encode_unpadded,
    bearer_encode_base64url, bearer_encode_hex,    encode_upper_hex,
  };
  bearer_buffer needle = { 0 };
  int ok = 1;
  if (s->size > v->size) /* no form is shorter: a huge one costs nothing here */
    return 1;
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

/* ---- mixtures of escapes ----------------------------------------------------- */

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

static size_t unescape_known(const char *text, size_t left, unsigned char *plain) {
  static const struct {
    const char *escape, *plain;
  } known[] = {
    { "+", " " },       { "\\\"", "\"" },  { "\\\\", "\\" },  { "\\/", "/" },
    { "\\n", "\n" },    { "\\r", "\r" },   { "\\t", "\t" },   { "\\b", "\b" },
    { "\\f", "\f" },    { "&amp;", "&" },  { "&lt;", "<" },   { "&gt;", ">" },
    { "&quot;", "\"" }, { "&#34;", "\"" }, { "&apos;", "'" }, { "&#39;", "'" },
    { "&#039;", "'" },  { "&#x27;", "'" }, { "&#x2F;", "/" }, { "&#x2B;", "+" },
  };
  for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
    size_t size = strlen(known[i].escape);
    if (size <= left && memcmp(text, known[i].escape, size) == 0) {
      plain[0] = (unsigned char)known[i].plain[0];
      return size;
    }
  }
  return 0;
}

/* The escape at text: %2F, +, \/, \u002f, &amp;. Its size, or 0 when there is none; what
   it stands for goes into plain. */
static size_t unescape(const char *text, size_t left, unsigned char plain[3],
                       size_t *count) {
  unsigned value;
  *count = 1;
  switch (text[0]) {
  case '%':
    if (!read_hex(text + 1, left - 1, 2, &value))
      return 0;
    plain[0] = (unsigned char)value;
    return 3;
  case '\\':
    if (left >= 6 && text[1] == 'u' && read_hex(text + 2, left - 2, 4, &value)) {
      *count = put_utf8(value, plain);
      return 6;
    }
    return unescape_known(text, left, plain);
  case '+':
  case '&':
    return unescape_known(text, left, plain);
  default:
    return 0;
  }
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

/* The dear part: the size of the secret times what is shown. */
static void hide_loosely(veil *v, const bearer_secret *s) {
  for (size_t at = 0; at < v->shown;) {
    size_t size = spelt(v->text + at, v->size - at, s);
    memset(v->hidden + at, 1, size);
    at += size > 0 ? size : 1;
  }
}

/* ---- the whole --------------------------------------------------------------- */

/* Of one byte, nothing would be left of the text. */
static int is_masked(const bearer_var *e) {
  return e->secret && e->value.size >= 2;
}

/* The end of the run of hidden, or of shown, bytes that opens here. */
static size_t run_end(const veil *v, size_t from) {
  size_t to = from + 1;
  while (to < v->shown && v->hidden[to] == v->hidden[from])
    to++;
  return to;
}

/* Show no more than what makes so many bytes, a masked run being three. */
static void show_at_most(veil *v, size_t most) {
  size_t made = 0, from = 0, to;
  for (; from < v->shown && made < most; from = to) {
    to = run_end(v, from);
    if (!v->hidden[from] && to - from > most - made)
      to = from + (most - made);
    made += v->hidden[from] ? 3 : to - from;
  }
  v->shown = from;
}

static void show(const veil *v, bearer_buffer *out) {
  for (size_t from = 0, to; from < v->shown; from = to) {
    to = run_end(v, from);
    if (v->hidden[from])
      bearer_buffer_text(out, "***");
    else
      bearer_buffer_add(out, v->text + from, to - from);
  }
}

/* First what takes linear time, so that the rest need not look far. most: bytes that are
   to be made of it; 0 = all. */
static void redact(const bearer_vars *vars, veil *v, size_t most, bearer_buffer *out) {
  int count = vars != NULL ? vars->count : 0, ok;
  v->hidden = calloc(v->size + 1, 1);
  ok = v->hidden != NULL;
  for (int i = 0; ok && i < count; i++)
    if (is_masked(&vars->list[i]))
      ok = hide_forms(v, &vars->list[i].value);
  if (!ok) { /* rather no text than one with a secret in it */
    out->failed = 1;
    free(v->hidden);
    return;
  }
  if (most > 0)
    show_at_most(v, most);
  for (int i = 0; i < count; i++)
    if (is_masked(&vars->list[i]) && vars->list[i].value.size <= LOOSE_MAX)
      hide_loosely(v, &vars->list[i].value);
  show(v, out);
  free(v->hidden);
}

void bearer_redact(const bearer_vars *vars, const char *text, size_t size,
                   bearer_buffer *out) {
  veil v = { text, size, size, NULL };
  redact(vars, &v, 0, out);
}

/* ---- sentences --------------------------------------------------------------- */

#define LOOKED_AT (4 * (size_t)BEARER_SHOWN_MAX) /* white space may be most of it */

/* The most bytes that a secret can become, however it is encoded. */
static size_t longest_form(const bearer_vars *vars) {
  size_t longest = 0;
  for (int i = 0; vars != NULL && i < vars->count; i++)
    if (is_masked(&vars->list[i]) && vars->list[i].value.size > longest)
      longest = vars->list[i].value.size;
  return FORM_MOST * longest;
}

static int is_blank(char c) { /* white space and control characters */
  return (unsigned char)c <= ' ' || c == 0x7f;
}

/* In place: each run of blanks as one space, none at the ends. The new size. */
static size_t squeeze(char *text, size_t size) {
  size_t made = 0;
  for (size_t i = 0; i < size; i++) {
    if (!is_blank(text[i]))
      text[made++] = text[i];
    else if (made > 0 && text[made - 1] != ' ')
      text[made++] = ' ';
  }
  return made > 0 && text[made - 1] == ' ' ? made - 1 : made;
}

/* The size without a last character of several bytes, which may be a part of one. */
static size_t whole_characters(const char *text, size_t size) {
  size_t from = size;
  while (from > 0 && ((unsigned char)text[from - 1] & 0xc0) == 0x80)
    from--;
  return from > 0 && (unsigned char)text[from - 1] >= 0xc0 ? from - 1 : size;
}

void bearer_redact_sentence(const bearer_vars *vars, const char *text, size_t size,
                            bearer_buffer *out) {
  size_t longest = longest_form(vars), shown;
  veil v = { text, size, size, NULL };
  bearer_buffer masked = { 0 };
  if (size > LOOKED_AT + 2 * longest) { /* what the cut may go through is not shown */
    v.size = LOOKED_AT + 2 * longest;
    v.shown = v.size - longest;
  }
  redact(vars, &v, LOOKED_AT, &masked);
  shown = masked.size > 0 ? squeeze(masked.data, masked.size) : 0;
  if (masked.failed)
    out->failed = 1;
  else if (shown <= BEARER_SHOWN_MAX)
    bearer_buffer_add(out, bearer_buffer_string(&masked), shown);
  else {
    bearer_buffer_add(out, masked.data, whole_characters(masked.data, BEARER_SHOWN_MAX));
    bearer_buffer_text(out, "\xe2\x80\xa6");
  }
  bearer_buffer_free(&masked);
}
