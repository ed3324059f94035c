/*
 * A text with ${name} in it, parsed once.
 */
#include "base/template.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"

/* ---- names ------------------------------------------------------------------- */

int bearer_names_find(const bearer_names *n, const char *name, size_t size) {
  for (int i = 0; i < n->count; i++)
    if (strlen(n->list[i]) == size && memcmp(n->list[i], name, size) == 0)
      return i;
  return -1;
}

static int names_grow(bearer_names *n) {
  size_t room = n->room > 0 ? (size_t)n->room * 2 : 16;
  char **list = realloc(n->list, room * sizeof(*list));
  if (list == NULL)
    return 0;
  n->list = list;
  n->room = (int)room;
  return 1;
}

int bearer_names_add(bearer_names *n, const char *name, size_t size) {
  int id = bearer_names_find(n, name, size);
  char *copy;
  if (id >= 0)
    return id;
  if (n->count > SHRT_MAX || (n->count == n->room && !names_grow(n)))
    return -1;                /* a variable keeps its name in a short */
  copy = strndup(name, size); /* without a NUL: see find_mention */
  if (copy == NULL)
    return -1;
  n->list[n->count] = copy;
  return n->count++;
}

void bearer_names_clear(bearer_names *n) {
  for (int i = 0; i < n->count; i++)
    free(n->list[i]);
  free(n->list);
  memset(n, 0, sizeof(*n));
}

/* ---- parsing ----------------------------------------------------------------- */

/* A ${name} in a text. */
typedef struct {
  size_t from, to; /* its $, and what follows its } */
  const char *name;
  size_t size;
} mention;

/* The next one that begins at or after a place; 0 when there is none. */
static int find_mention(const char *text, size_t size, size_t at, mention *m) {
  for (; at + 2 < size; at++) {
    const char *end;
    if (text[at] != '$' || text[at + 1] != '{')
      continue;
    end = memchr(text + at + 2, '}', size - at - 2);
    if (end == NULL)
      return 0;
    m->from = at;
    m->to = (size_t)(end - text) + 1;
    m->name = text + at + 2;
    m->size = m->to - at - 3;
    if (memchr(m->name, '\0', m->size) == NULL) /* no name has a NUL in it */
      return 1;
    at = m->to - 1;
  }
  return 0;
}

static size_t count_mentions(const char *text, size_t size) {
  size_t count = 0;
  mention m = { 0 };
  while (find_mention(text, size, m.to, &m))
    count++;
  return count;
}

static void add_piece(bearer_template *t, int name, size_t offset, size_t size) {
  bearer_piece *p = &t->pieces[t->count++];
  p->name = name;
  p->offset = offset;
  p->size = size;
}

static int add_pieces(bearer_template *t, bearer_names *names, size_t size) {
  size_t done = 0;
  mention m = { 0 };
  while (find_mention(t->text, size, done, &m)) {
    int name = bearer_names_add(names, m.name, m.size);
    if (name < 0)
      return 0;
    if (m.from > done)
      add_piece(t, -1, done, m.from - done);
    add_piece(t, name, 0, 0);
    done = m.to;
  }
  if (size > done)
    add_piece(t, -1, done, size - done);
  return 1;
}

int bearer_template_parse(bearer_template *t, bearer_names *names, const char *text,
                          size_t size) {
  size_t most = 2 * count_mentions(text, size) + 1; /* a literal around each name */
  memset(t, 0, sizeof(*t));
  t->text = malloc(size + 1);
  t->pieces = calloc(most, sizeof(*t->pieces));
  if (most <= INT_MAX && t->text != NULL && t->pieces != NULL) {
    memcpy(t->text, text, size);
    t->text[size] = '\0';
    if (add_pieces(t, names, size))
      return 1;
  }
  bearer_template_clear(t);
  return 0;
}

void bearer_template_clear(bearer_template *t) {
  free(t->text);
  free(t->pieces);
  memset(t, 0, sizeof(*t));
}

/* ---- questions --------------------------------------------------------------- */

int bearer_template_alone(const bearer_template *t) {
  return t->count == 1 ? t->pieces[0].name : -1;
}

int bearer_template_mentions(const bearer_template *t, int name) {
  for (int i = 0; i < t->count; i++)
    if (name >= 0 && t->pieces[i].name == name)
      return 1;
  return 0;
}

int bearer_template_missing(const bearer_template *t, const bearer_vars *vars) {
  for (int i = 0; i < t->count; i++)
    if (t->pieces[i].name >= 0 && bearer_vars_get(vars, t->pieces[i].name) == NULL)
      return t->pieces[i].name;
  return -1;
}

/* ---- expansion --------------------------------------------------------------- */

/* Is what comes at this place as it is, without an encoding? */
static int is_plain(const bearer_var *e, int at) {
  return e->use == BEARER_VAR_CHECKED || (e->use == BEARER_VAR_OPENER && at == 0);
}

/* Does a slash come at this place: one of the text, or of a path that is put there? */
static int slash_follows(const bearer_template *t, const bearer_vars *vars, int at) {
  const bearer_var *e;
  if (at >= t->count)
    return 0;
  if (t->pieces[at].name < 0)
    return t->text[t->pieces[at].offset] == '/';
  e = bearer_vars_get(vars, t->pieces[at].name);
  return e != NULL && is_plain(e, at) && e->value.size > 0 && e->value.data[0] == '/';
}

static void add_for_url(const bearer_template *t, const bearer_vars *vars, int at,
                        const bearer_var *e, bearer_buffer *out) {
  size_t size = e->value.size;
  if (!is_plain(e, at)) {
    bearer_encode_percent(out, e->value.data, size);
    return;
  }
  if (size > 0 && e->value.data[size - 1] == '/' && slash_follows(t, vars, at + 1))
    while (size > 0 && e->value.data[size - 1] == '/')
      size--; /* "https://h/" before "/v1" */
  bearer_buffer_add(out, e->value.data, size);
}

void bearer_template_expand(const bearer_template *t, const bearer_vars *vars,
                            int for_url, bearer_buffer *out) {
  bearer_buffer_add(out, "", 0); /* a C text even when nothing comes */
  for (int i = 0; i < t->count; i++) {
    const bearer_piece *p = &t->pieces[i];
    const bearer_var *e = p->name >= 0 ? bearer_vars_get(vars, p->name) : NULL;
    if (p->name < 0)
      bearer_buffer_add(out, t->text + p->offset, p->size);
    else if (e != NULL && for_url)
      add_for_url(t, vars, i, e, out);
    else if (e != NULL)
      bearer_buffer_add(out, e->value.data, e->value.size);
  }
}
