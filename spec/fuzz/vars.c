/*
 * Texts with names in them, and texts that a server says a secret back in. The input is
 * two texts with a NUL between them: a secret, and what it is looked for in.
 */
#include "base/redact.h"
#include "base/template.h"

#include "base/encode.h"
#include "fuzz.h"

static int holds(const bearer_buffer *b, const void *data, size_t size) {
  return b->size >= size && memmem(b->data, b->size, data, size) != NULL;
}

/* What is expanded is as long as its parts; a text without names stays as it is. */
static void expand(const char *value, size_t value_size, const char *text, size_t size) {
  bearer_names names = { 0 };
  bearer_vars vars = { 0 };
  bearer_template t;
  bearer_buffer out = { 0 };
  size_t all = 0;
  HOLD(bearer_template_parse(&t, &names, text, size));
  HOLD((bearer_template_missing(&t, &vars) >= 0) == (names.count > 0));
  for (int i = 0; i < names.count; i++)
    HOLD(bearer_vars_set(&vars, i, BEARER_VAR_TEXT, BEARER_VAR_ENCODED, 0, value,
                         value_size));
  HOLD(bearer_template_missing(&t, &vars) == -1);
  for (int i = 0; i < t.count; i++)
    all += t.pieces[i].name < 0 ? t.pieces[i].size : value_size;
  bearer_template_expand(&t, &vars, 0, &out);
  HOLD(!out.failed && out.size == all);
  if (names.count == 0)
    HOLD(out.size == size && (size == 0 || !memcmp(out.data, text, size)));
  bearer_buffer_reset(&out);
  bearer_template_expand(&t, &vars, 1, &out);
  HOLD(!out.failed && out.size >= all);
  bearer_buffer_free(&out);
  bearer_template_clear(&t);
  bearer_vars_clear(&vars);
  bearer_names_clear(&names);
}

typedef void encoder(bearer_buffer *out, const void *data, size_t size);

/* "x" and the encoded secret and "x" shows nothing of it. */
static void hides(const bearer_vars *n, encoder *encode, const char *secret,
                  size_t size) {
  bearer_buffer text = { 0 }, out = { 0 };
  bearer_buffer_text(&text, "\1");
  encode(&text, secret, size);
  bearer_buffer_text(&text, "\1");
  bearer_redact(n, text.data, text.size, &out);
  HOLD(!out.failed && out.size == 5 && !memcmp(out.data, "\1***\1", 5));
  bearer_buffer_free(&text);
  bearer_buffer_free(&out);
}

/* Of one that the cut goes through nothing shows: blanks, some of it, more of it. */
static void hides_at_the_cut(const bearer_vars *n, encoder *encode, const char *secret,
                             size_t size, size_t seen) {
  bearer_buffer said = { 0 }, text = { 0 }, out = { 0 };
  char blanks[BEARER_LOOKED_AT_MAX];
  memset(blanks, ' ', sizeof(blanks));
  encode(&said, secret, size);
  seen %= said.size + 1;
  bearer_buffer_add(&text, blanks, seen < sizeof(blanks) ? sizeof(blanks) - seen : 0);
  bearer_buffer_add(&text, said.data, said.size);
  bearer_buffer_text(&text, " ");
  bearer_redact_sentence(n, text.data, text.size, &out);
  HOLD(!out.failed);
  HOLD((out.size == 3 && !memcmp(out.data, "\xe2\x80\xa6", 3)) ||
       (out.size == 6 && !memcmp(out.data, "***\xe2\x80\xa6", 6)));
  bearer_buffer_free(&said);
  bearer_buffer_free(&text);
  bearer_buffer_free(&out);
}

static void redact(const char *secret, size_t size, const char *text, size_t text_size) {
  static encoder *const encoders[] = { bearer_buffer_add, bearer_encode_percent,
                                       bearer_encode_form, bearer_encode_base64,
                                       bearer_encode_base64url };
  bearer_vars n = { 0 };
  bearer_buffer out = { 0 };
  HOLD(bearer_vars_set(&n, 0, BEARER_VAR_TEXT, BEARER_VAR_ENCODED, 1, secret, size));
  bearer_redact(&n, text, text_size, &out);
  HOLD(!out.failed && out.size <= 3 * text_size);
  if (size >= 2 && memchr(secret, '*', size) == NULL)
    HOLD(!holds(&out, secret, size));
  for (size_t i = 0; size >= 2 && memchr(secret, 1, size) == NULL && i < 5; i++)
    hides(&n, encoders[i], secret, size);
  for (size_t i = 0; size >= 2 && i < 5; i++)
    hides_at_the_cut(&n, encoders[i], secret, size, text_size);
  expand(secret, size, text, text_size);
  bearer_buffer_free(&out);
  bearer_vars_clear(&n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *text = (const char *)data, *nul = memchr(text, '\0', size);
  size_t first = nul != NULL ? (size_t)(nul - text) : size / 2;
  size_t second = nul != NULL ? first + 1 : first;
  redact(text, first, text + second, size - second);
  return 0;
}
