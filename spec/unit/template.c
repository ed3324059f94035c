/*
 * Texts with names in them: how they are parsed, and what they become.
 */
#include "base/template.h"

#include <limits.h>

#include "check.h"

/* ---- names ------------------------------------------------------------------- */

static void names_are_numbers(void) {
  bearer_names n = { 0 };
  char name[8];
  CHECK(bearer_names_find(&n, "a", 1) == -1);
  for (int i = 0; i < 50; i++) { /* grows */
    snprintf(name, sizeof(name), "n%d", i);
    CHECK(bearer_names_add(&n, name, strlen(name)) == i);
  }
  CHECK(bearer_names_add(&n, "n7", 2) == 7 && n.count == 50);
  CHECK(bearer_names_find(&n, "n49xyz", 3) == 49); /* not to its NUL */
  CHECK(bearer_names_find(&n, "n", 1) == -1);
  CHECK(bearer_names_find(&n, "n7\0", 3) == -1);
  CHECK(bearer_names_add(&n, "", 0) == 50 && bearer_names_find(&n, "", 0) == 50);
  CHECK(strcmp(n.list[49], "n49") == 0);
  bearer_names_clear(&n);
  bearer_names_clear(&n);
  CHECK(n.count == 0 && n.list == NULL);
}

static void names_are_not_without_end(void) { /* a variable keeps them in a short */
  bearer_names n = { 0 };
  char name[8];
  int id = 0;
  for (int i = 0; i <= SHRT_MAX && id == i; i++) {
    int size = snprintf(name, sizeof(name), "%d", i);
    id = bearer_names_add(&n, name, (size_t)size) + 1;
  }
  CHECK(id == SHRT_MAX + 1);
  CHECK(bearer_names_add(&n, "more", 4) == -1);
  CHECK(bearer_names_add(&n, "17", 2) == 17);
  bearer_names_clear(&n);
}

/* ---- parsing ----------------------------------------------------------------- */

/* The template as text: literals in <>, names as their number. */
static void parses(const char *text, size_t size, const char *want, int line) {
  bearer_names names = { 0 };
  bearer_template t;
  bearer_buffer got = { 0 };
  char number[16];
  bearer_names_add(&names, "a", 1);
  bearer_names_add(&names, "b", 1);
  CHECK(bearer_template_parse(&t, &names, text, size));
  for (int i = 0; i < t.count; i++) {
    if (t.pieces[i].name < 0) {
      bearer_buffer_text(&got, "<");
      bearer_buffer_add(&got, t.text + t.pieces[i].offset, t.pieces[i].size);
      bearer_buffer_text(&got, ">");
    } else {
      snprintf(number, sizeof(number), "%d", t.pieces[i].name);
      bearer_buffer_text(&got, number);
    }
  }
  check_same(bearer_buffer_string(&got), got.size, want, strlen(want), __FILE__, line);
  bearer_buffer_free(&got);
  bearer_template_clear(&t);
  bearer_template_clear(&t);
  bearer_names_clear(&names);
}

#define PARSES(text, want) parses(text, sizeof(text) - 1, want, __LINE__)

static void finds_names(void) {
  PARSES("", "");
  PARSES("plain", "<plain>");
  PARSES("${a}", "0");
  PARSES("${a}${b}${a}", "010");
  PARSES("x${b}y", "<x>1<y>");
  PARSES("${new}${a}${new}", "202");
  PARSES("${}", "2");
  PARSES("${a b}", "2");
  PARSES("${${a}", "2"); /* a name of `${a`: nothing nests */
  PARSES("$${a}}", "<$>0<}>");
  PARSES("{${a}}", "<{>0<}>");
}

static void leaves_the_rest_as_it_is(void) {
  PARSES("$", "<$>");
  PARSES("${", "<${>");
  PARSES("${a", "<${a>");
  PARSES("$a $ {a} ${a", "<$a $ {a} ${a>");
  PARSES("${a} ${b", "0< ${b>");
  PARSES("$}${", "<$}${>");
}

static void knows_no_name_with_a_nul(void) { /* it would be taken for a shorter one */
  bearer_names names = { 0 };
  bearer_template t;
  CHECK(bearer_template_parse(&t, &names, "${a\0b}${c}", 10));
  CHECK(t.count == 2 && t.pieces[0].name < 0 && t.pieces[0].size == 6);
  CHECK(t.pieces[1].name == 0 && strcmp(names.list[0], "c") == 0);
  bearer_template_clear(&t);
  bearer_names_clear(&names);
}

static void answers_questions(void) {
  bearer_names names = { 0 };
  bearer_template t = { 0 };
  CHECK(bearer_template_alone(&t) == -1 && !bearer_template_mentions(&t, 0));
  CHECK(bearer_template_parse(&t, &names, "${a}", 4));
  CHECK(bearer_template_alone(&t) == 0);
  bearer_template_clear(&t);
  CHECK(bearer_template_parse(&t, &names, "x", 1));
  CHECK(bearer_template_alone(&t) == -1 && !bearer_template_mentions(&t, -1));
  bearer_template_clear(&t);
  CHECK(bearer_template_parse(&t, &names, "x${b}", 5));
  CHECK(bearer_template_alone(&t) == -1);
  CHECK(bearer_template_mentions(&t, 1) && !bearer_template_mentions(&t, 0));
  bearer_template_clear(&t);
  bearer_names_clear(&names);
}

/* ---- expansion --------------------------------------------------------------- */

typedef struct {
  bearer_names names;
  bearer_vars vars;
} world;

static void set(world *w, const char *name, const char *value, bearer_var_use use) {
  int id = bearer_names_add(&w->names, name, strlen(name));
  CHECK(bearer_vars_set(&w->vars, id, BEARER_VAR_TEXT, use, 0, value, strlen(value)));
}

static void open_world(world *w) {
  memset(w, 0, sizeof(*w));
  set(w, "a", "one", BEARER_VAR_ENCODED);
  set(w, "b", "t o/", BEARER_VAR_ENCODED);
  set(w, "u", "https://h/", BEARER_VAR_CHECKED);
  set(w, "o", "https://o/", BEARER_VAR_OPENER);
  set(w, "d", "${a}", BEARER_VAR_ENCODED);
  set(w, "e", "", BEARER_VAR_CHECKED);
  set(w, "p", "/p/", BEARER_VAR_CHECKED);
  set(w, "s", "https://h//", BEARER_VAR_CHECKED);
}

static void close_world(world *w) {
  bearer_names_clear(&w->names);
  bearer_vars_clear(&w->vars);
}

static void expands(const char *text, int for_url, const char *want, int line) {
  world w;
  bearer_template t;
  bearer_buffer out = { 0 };
  open_world(&w);
  CHECK(bearer_template_parse(&t, &w.names, text, strlen(text)));
  bearer_template_expand(&t, &w.vars, for_url, &out);
  check_same(out.data, out.size, want, strlen(want), __FILE__, line);
  CHECK(!out.failed && out.data != NULL);
  bearer_buffer_free(&out);
  bearer_template_clear(&t);
  close_world(&w);
}

#define EXPANDS(text, want)     expands(text, 0, want, __LINE__)
#define URL_EXPANDS(text, want) expands(text, 1, want, __LINE__)

static void puts_values_in(void) {
  EXPANDS("", "");
  EXPANDS("no name", "no name");
  EXPANDS("${a}", "one");
  EXPANDS("-${a}${a}-${b}-", "-oneone-t o/-");
  EXPANDS("${d}", "${a}"); /* once, not again */
  EXPANDS("[${e}]", "[]");
  EXPANDS("$a $ {a} ${a", "$a $ {a} ${a");
  EXPANDS("$${a}}", "$one}");
  EXPANDS("${u}/x", "https://h//x"); /* no URL: as it is */
  EXPANDS("[${unknown}]", "[]");
}

static void puts_values_into_urls(void) {
  URL_EXPANDS("x/${b}", "x/t%20o%2F");
  URL_EXPANDS("${u}x?${u}", "https://h/x?https://h/");
  URL_EXPANDS("${u}/x", "https://h/x"); /* one slash, not two */
  URL_EXPANDS("${u}//x", "https://h//x");
  URL_EXPANDS("${u}", "https://h/");
  URL_EXPANDS("${u}${a}", "https://h/one");
  URL_EXPANDS("${u}${e}/", "https://h//");
  URL_EXPANDS("${e}/x", "/x");
  URL_EXPANDS("${o}x", "https://o/x");
  URL_EXPANDS("${o}/x", "https://o/x");
  URL_EXPANDS("${u}${p}", "https://h/p/");
  URL_EXPANDS("${o}${p}/x", "https://o/p/x");
  URL_EXPANDS("${s}/x", "https://h/x");
  URL_EXPANDS("${s}${a}", "https://h//one");
  URL_EXPANDS("x?${o}", "x?https%3A%2F%2Fo%2F");
  URL_EXPANDS("${e}${o}", "https%3A%2F%2Fo%2F"); /* it does not open the text */
}

static void tells_what_is_missing(void) {
  world w;
  bearer_template t;
  open_world(&w);
  CHECK(bearer_template_parse(&t, &w.names, "${a}${bcd}${e}${x}", 18));
  CHECK(bearer_template_missing(&t, &w.vars) == bearer_names_find(&w.names, "bcd", 3));
  set(&w, "bcd", "1", BEARER_VAR_ENCODED);
  CHECK(bearer_template_missing(&t, &w.vars) == bearer_names_find(&w.names, "x", 1));
  set(&w, "x", "", BEARER_VAR_ENCODED);
  CHECK(bearer_template_missing(&t, &w.vars) == -1);
  bearer_template_clear(&t);
  close_world(&w);
}

static void a_full_buffer_tells_itself(void) {
  world w;
  bearer_template t;
  bearer_buffer out = { 0 };
  open_world(&w);
  CHECK(bearer_template_parse(&t, &w.names, "x${a}${a}", 9));
  out.cap = 5;
  bearer_template_expand(&t, &w.vars, 0, &out);
  CHECK(out.failed && out.size <= 5);
  bearer_buffer_free(&out);
  bearer_template_clear(&t);
  close_world(&w);
}

int main(void) {
  names_are_numbers();
  names_are_not_without_end();
  finds_names();
  leaves_the_rest_as_it_is();
  knows_no_name_with_a_nul();
  answers_questions();
  puts_values_in();
  puts_values_into_urls();
  tells_what_is_missing();
  a_full_buffer_tells_itself();
  return check_result();
}
