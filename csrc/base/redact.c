/*
 * Texts for people.
 *
 * A server may write a secret as it likes: so the text is read in each way in which it
 * could be meant (as it stands, with JSON's escapes undone, with those of URLs, …), and
 * in each of these readings the secret is looked for as it is, in base64 and in
 * hexadecimal. A search takes one step for each byte, whatever the bytes are: a server
 * that chooses the text, and some of the secrets, gains nothing by it.
 */
#include "base/redact.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/json_writer.h"
#include "base/lifetime.h"

typedef struct {
  const char *text; /* borrowed */
  size_t size;      /* what is looked at, and shown */
  int is_cut;       /* the text goes on: a secret may, too */
  char *hidden;     /* owned: for each byte of the text, is it part of a secret? */
  size_t *table;    /* owned: for search */
  size_t steps;     /* of all searches: comparisons of two bytes */
} veil;

/* ---- escapes ----------------------------------------------------------------- */

/* What is undone in a reading. */
enum { JSON = 1, PERCENT = 2, PLUS = 4, HTML = 8 };

enum { LONGEST_ESCAPE = 12 }; /* bytes: \ud83d\udd11 */

/* How many digits there are; their value. */
static size_t read_digits(const char *text, size_t left, size_t most, unsigned base,
                          unsigned *value) {
  static const char all[] = "0123456789abcdef0123456789ABCDEF";
  size_t i = 0;
  *value = 0;
  for (; i < most && i < left; i++) {
    const char *at = text[i] != '\0' ? strchr(all, text[i]) : NULL;
    unsigned digit = at != NULL ? (unsigned)(at - all) % 16 : base;
    if (digit >= base)
      break;
    *value = *value * base + digit;
  }
  return i;
}

static size_t put_utf8(unsigned c, unsigned char plain[4]) {
  size_t count = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
  for (size_t i = count - 1; i > 0; i--, c >>= 6)
    plain[i] = (unsigned char)(0x80 | (c & 0x3f));
  plain[0] = (unsigned char)(first[count] | c);
  return count;
}

/* Of what stands at text: the size of the escape (0 = it is none), and how many bytes it
   stands for, which go into plain. */
typedef struct {
  size_t size, count;
  unsigned char plain[4];
} escape;

static escape of_byte(size_t size, unsigned value) {
  escape e = { size, 1, { (unsigned char)value } };
  return e;
}

static escape of_character(size_t size, unsigned value) {
  escape e = { size, 0, { 0 } };
  e.count = put_utf8(value, e.plain);
  return e;
}

static const escape no_escape = { 0, 0, { 0 } };

static escape read_percent(const char *text, size_t left) {
  unsigned value;
  return read_digits(text + 1, left - 1, 2, 16, &value) == 2 ? of_byte(3, value)
                                                             : no_escape;
}

static escape read_unicode(const char *text, size_t left) { /* \u00e9, \ud83d\udd11 */
  unsigned value, low;
  if (read_digits(text + 2, left - 2, 4, 16, &value) != 4)
    return no_escape;
  if (value >= 0xd800 && value < 0xdc00 && left >= 12 && text[6] == '\\' &&
      text[7] == 'u' && read_digits(text + 8, left - 8, 4, 16, &low) == 4 &&
      low >= 0xdc00 && low < 0xe000)
    return of_character(12, 0x10000 + ((value - 0xd800) << 10) + (low - 0xdc00));
  return of_character(6, value);
}

static escape read_json(const char *text, size_t left) {
  static const char from[] = "\"\\/'nrtbf", to[] = "\"\\/'\n\r\t\b\f";
  const char *at;
  unsigned value;
  if (left < 2 || text[1] == '\0')
    return no_escape;
  if (text[1] == 'u')
    return read_unicode(text, left);
  if (text[1] == 'x' && read_digits(text + 2, left - 2, 2, 16, &value) == 2)
    return of_byte(4, value); /* logs write it so */
  at = strchr(from, text[1]);
  return at != NULL ? of_byte(2, (unsigned char)to[at - from]) : no_escape;
}

static escape read_html(const char *text, size_t left) {
  static const struct {
    const char *name;
    char plain;
  } known[] = {
    { "&amp;", '&' },  { "&lt;", '<' },    { "&gt;", '>' },
    { "&quot;", '"' }, { "&apos;", '\'' },
  };
  unsigned value, base = left > 2 && (text[2] | 32) == 'x' ? 16 : 10;
  size_t from = base == 16 ? 3 : 2, digits;
  for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
    size_t size = strlen(known[i].name);
    if (size <= left && memcmp(text, known[i].name, size) == 0)
      return of_byte(size, (unsigned char)known[i].plain);
  }
  if (left <= from || text[1] != '#')
    return no_escape;
  digits = read_digits(text + from, left - from, 6, base, &value);
  if (digits == 0 || from + digits >= left || text[from + digits] != ';' ||
      value > 0x10ffff)
    return no_escape;
  return of_character(from + digits + 1, value);
}

static int family_of(char c) {
  return c == '\\' ? JSON : c == '%' ? PERCENT : c == '+' ? PLUS : c == '&' ? HTML : 0;
}

static escape unescape(const char *text, size_t left, int families) {
  switch (family_of(*text) & families) {
  case JSON:
    return read_json(text, left);
  case PERCENT:
    return read_percent(text, left);
  case PLUS:
    return of_byte(1, ' ');
  case HTML:
    return read_html(text, left);
  default:
    return no_escape;
  }
}

/* ---- readings ---------------------------------------------------------------- */

/* The text with escapes undone. It is never longer for that. */
typedef struct {
  char *text;   /* owned, wiped: there may be secrets in it */
  size_t *from; /* owned: where in the text each byte comes from; and its end */
  size_t size;
} reading;

static void close_reading(reading *r, const veil *v) {
  if (r->text != NULL)
    bearer_wipe(r->text, v->size + 1);
  free(r->text);
  free(r->from);
}

static int read_as(reading *r, const veil *v, int families) { /* 0: no memory */
  r->text = malloc(v->size + 1);
  r->from = malloc((v->size + 1) * sizeof(*r->from));
  r->size = 0;
  if (r->text == NULL || r->from == NULL)
    return 0;
  for (size_t at = 0; at < v->size;) {
    escape e = unescape(v->text + at, v->size - at, families);
    if (e.size == 0)
      e = of_byte(1, (unsigned char)v->text[at]);
    for (size_t i = 0; i < e.count; i++) {
      r->text[r->size] = (char)e.plain[i];
      r->from[r->size++] = at;
    }
    at += e.size;
  }
  r->from[r->size] = v->size;
  return 1;
}

/* Hide what these bytes of the reading come from; of an escape, the whole. */
static void hide(veil *v, const reading *r, size_t from, size_t to) {
  size_t first = r->from[from], last = r->from[to - 1];
  while (to < r->size && r->from[to] == last)
    to++;
  memset(v->hidden + first, 1, r->from[to] - first);
}

/* ---- searching --------------------------------------------------------------- */

/* Something to look for; of what is longer than the text, as much as could be at its end.
 */
typedef struct {
  const char *data; /* borrowed */
  size_t size;
  int is_whole;
  size_t padding; /* so many '=' may follow */
} needle;

/* For each size of a beginning of the needle: the longest one that it ends in, too
   (Knuth, Morris, Pratt). */
static size_t next_state(veil *v, const needle *n, size_t state, char c) {
  while (state > 0 && n->data[state] != c) {
    v->steps++;
    state = v->table[state];
  }
  v->steps++;
  return state + (n->data[state] == c);
}

static void fill_table(veil *v, const needle *n) {
  size_t state = 0;
  v->table[0] = v->table[1] = 0;
  for (size_t i = 1; i < n->size; i++) {
    state = next_state(v, n, state, n->data[i]);
    v->table[i + 1] = state;
  }
}

static size_t behind_padding(const reading *r, size_t at, size_t padding) {
  while (padding-- > 0 && at < r->size && r->text[at] == '=')
    at++;
  return at;
}

static void search(veil *v, const reading *r, const needle *n) {
  size_t state = 0;
  const char *next = memchr(r->text, n->data[0], r->size);
  if (next == NULL) /* most often */
    return;
  fill_table(v, n);
  for (size_t i = (size_t)(next - r->text); i < r->size; i++) {
    state = next_state(v, n, state, r->text[i]);
    if (state < n->size)
      continue;
    if (n->is_whole)
      hide(v, r, i + 1 - n->size, behind_padding(r, i + 1, n->padding));
    else if (i + 1 == r->size) /* as far as one can see */
      break;
    state = v->table[state];
  }
  if (v->is_cut && state > 0)
    hide(v, r, r->size - state, r->size);
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

/* Look for a secret in the forms that are no escapes. 0: no memory */
static int search_forms(veil *v, const reading *r, const bearer_secret *s) {
  static void (*const forms[])(bearer_buffer *, const void *, size_t) = {
    bearer_buffer_add, encode_unpadded,  bearer_encode_base64url,
    bearer_encode_hex, encode_upper_hex,
  };
  bearer_buffer text = { 0 };
  size_t size = s->size;
  int ok = 1;
  if (size > r->size) {           /* no form is shorter: a huge one costs nothing here */
    size = (r->size / 3 + 1) * 3; /* of which base64 has whole groups */
    size = size < s->size ? size : s->size;
  }
  if (r->size == 0 || (s->size > r->size && !v->is_cut))
    return 1;
  for (size_t f = 0; ok && f < sizeof(forms) / sizeof(forms[0]); f++) {
    needle n = { NULL, 0, 0, 0 };
    bearer_buffer_reset(&text);
    forms[f](&text, s->data, size);
    ok = !text.failed;
    n.data = text.data;
    n.is_whole = size == s->size && text.size <= r->size;
    n.size = text.size <= r->size ? text.size : r->size;
    n.padding = forms[f] == encode_unpadded ? (3 - s->size % 3) % 3 : 0;
    if (ok && (n.is_whole || v->is_cut))
      search(v, r, &n);
  }
  bearer_buffer_free(&text);
  return ok;
}

/* ---- the whole --------------------------------------------------------------- */

/* Of one byte, nothing would be left of the text. */
static int is_masked(const bearer_var *e) {
  return e->secret && e->value.size >= 2;
}

static int search_reading(veil *v, const bearer_vars *vars, int families) {
  reading r = { 0 };
  int ok = read_as(&r, v, families);
  for (int i = 0; ok && i < vars->count; i++)
    if (is_masked(&vars->list[i]))
      ok = search_forms(v, &r, &vars->list[i].value);
  close_reading(&r, v);
  return ok;
}

/* The last: an escape within another one's text, as far as that can be undone at once. */
static int search_readings(veil *v, const bearer_vars *vars) {
  static const int readings[] = {
    0,
    JSON,
    PERCENT,
    PERCENT | PLUS,
    HTML,
    JSON | PERCENT | HTML,
    JSON | PERCENT | PLUS | HTML,
  };
  enum { COUNT = sizeof(readings) / sizeof(readings[0]) };
  int there = 0, done[COUNT], is_new, ok = 1;
  for (size_t i = 0; i < v->size; i++)
    there |= family_of(v->text[i]);
  for (int i = 0; ok && i < COUNT; i++) {
    done[i] = readings[i] & there;
    is_new = 1;
    for (int before = 0; before < i; before++)
      is_new = is_new && done[before] != done[i];
    if (is_new)
      ok = search_reading(v, vars, done[i]);
  }
  return ok;
}

static void show(const veil *v, bearer_buffer *out) {
  bearer_buffer_text(out, "");
  for (size_t from = 0, to; from < v->size; from = to) {
    for (to = from + 1; to < v->size && v->hidden[to] == v->hidden[from];)
      to++;
    if (v->hidden[from])
      bearer_buffer_text(out, "***");
    else
      bearer_buffer_add(out, v->text + from, to - from);
  }
}

static int has_secrets(const bearer_vars *vars) {
  for (int i = 0; vars != NULL && i < vars->count; i++)
    if (is_masked(&vars->list[i]))
      return 1;
  return 0;
}

static void redact(const bearer_vars *vars, veil *v, bearer_buffer *out) {
  int ok = v->size < SIZE_MAX / sizeof(size_t) - 2;
  if (!has_secrets(vars)) {
    bearer_buffer_add(out, v->text, v->size);
    return;
  }
  v->hidden = ok ? calloc(v->size + 1, 1) : NULL;
  v->table = ok ? malloc((v->size + 2) * sizeof(*v->table)) : NULL;
  ok = v->hidden != NULL && v->table != NULL && search_readings(v, vars);
  if (ok)
    show(v, out);
  else /* rather no text than one with a secret in it */
    out->failed = 1;
  free(v->hidden);
  free(v->table);
}

void bearer_redact(const bearer_vars *vars, const char *text, size_t size,
                   bearer_buffer *out) {
  veil v = { text, size, 0, NULL, NULL, 0 };
  redact(vars, &v, out);
}

int bearer_redact_finds(const bearer_vars *vars, const char *text, size_t size) {
  bearer_buffer out = { 0 };
  int finds;
  bearer_redact(vars, text, size, &out);
  finds = out.failed || out.size != size || memcmp(out.data, text, size) != 0;
  bearer_buffer_free(&out);
  return finds;
}

int bearer_redact_finds_number(const bearer_vars *vars, double number) {
  char text[BEARER_NUMBER_MAX];
  int finds = bearer_redact_finds(vars, text, (size_t)bearer_number_text(number, text));
  for (int i = 0; !finds && i < vars->count; i++) {
    const bearer_secret *s = &vars->list[i].value;
    bearer_fact f = { BEARER_FACT_TEXT, 0, s->data, s->size };
    double secret;
    finds = is_masked(&vars->list[i]) && bearer_fact_number(&f, &secret) &&
            secret >= number && secret <= number;
  }
  return finds;
}

/* ---- sentences --------------------------------------------------------------- */

/* Look at no more than that. An escape that the cut goes through is left out: a secret
   that opens before it is seen as far as it goes. */
static void cut(veil *v) {
  size_t at;
  if (v->size <= BEARER_LOOKED_AT_MAX)
    return;
  v->is_cut = 1;
  v->size = BEARER_LOOKED_AT_MAX;
  for (at = v->size - LONGEST_ESCAPE; at < v->size; at++)
    if (family_of(v->text[at]) != 0)
      v->size = at;
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

size_t bearer_redact_sentence(const bearer_vars *vars, const char *text, size_t size,
                              bearer_buffer *out) {
  veil v = { text, size, 0, NULL, NULL, 0 };
  bearer_buffer masked = { 0 };
  size_t shown;
  cut(&v);
  redact(vars, &v, &masked);
  shown = masked.size > 0 ? squeeze(masked.data, masked.size) : 0;
  if (masked.failed) {
    out->failed = 1;
  } else if (shown <= BEARER_SHOWN_MAX && !v.is_cut) {
    bearer_buffer_add(out, bearer_buffer_string(&masked), shown);
  } else {
    shown = shown < BEARER_SHOWN_MAX ? shown : BEARER_SHOWN_MAX;
    bearer_buffer_add(out, bearer_buffer_string(&masked),
                      whole_characters(bearer_buffer_string(&masked), shown));
    bearer_buffer_text(out, "\xe2\x80\xa6");
  }
  bearer_buffer_free(&masked);
  return v.steps;
}
