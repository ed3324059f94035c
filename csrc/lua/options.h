/*
 * The options of logins: their types, their defaults.
 */
#ifndef BEARER_OPTIONS_H
#define BEARER_OPTIONS_H

#include "http/client.h"
#include "lua/provider.h"

#pragma GCC visibility push(hidden)

#define BEARER_VERSION "0.1.0"

/* Certificates, keys and authorities that were given as a text: PEM, or a path. Those
   that were given as secret references are in slots. */
enum {
  BEARER_CA_FILE,
  BEARER_CA_PEM,
  BEARER_CERT,
  BEARER_KEY,
  BEARER_KEY_PASSWORD,
  BEARER_MATERIALS
};

typedef struct {
  double timeout, connect_timeout; /* seconds */
  double leeway;                   /* seconds; < 0 = none is given */
  int retries, allow_http, is_closed;
  unsigned int filled;      /* slots, a bit each: has anything been put there? */
  size_t max_response;      /* bytes */
  char *proxy, *user_agent; /* owned; NULL = none */
  char **hosts;             /* owned, and so is each */
  int host_count;
  bearer_secret materials[BEARER_MATERIALS]; /* owned */
  bearer_pair *last_good;                    /* a share; NULL = there is no certificate */
} bearer_options;

/* The slots: functions of the host's, and secret references. */
enum {
  BEARER_OPTION_TRANSPORT = 1,
  BEARER_OPTION_REFUSED,
  BEARER_OPTION_EVENT,
  BEARER_OPTION_MATERIAL, /* the first of them */
  BEARER_OPTION_SLOTS = BEARER_OPTION_MATERIAL + BEARER_MATERIALS - 1
};

/* Push checked options: those in the table at index, laid over the defaults of all
   logins. nil means: the defaults. Raises on an unknown name or a wrong type; with the
   definition of the login, it knows inputs that are not where they belong. [-0, +1, v] */
void bearer_options_push(lua_State *L, int index, const bearer_definition *def);

int bearer_options_has(const char *name); /* is there an option of this name? */

const bearer_options *bearer_options_at(lua_State *L, int index); /* [-0, +0, -] */

static inline int bearer_options_have(const bearer_options *o, int slot) {
  return o->filled >> slot & 1;
}

/* Secrets that were read for one transfer. */
typedef struct {
  bearer_secret read[BEARER_MATERIALS]; /* owned */
} bearer_option_secrets;

/* How to send, by the options at index, for so many seconds. NULL, or which option cannot
   be read and why, in text. What *out refers to lives as long as the options and
   *secrets.
   [-0, +0, m] */
const char *bearer_options_fill(lua_State *L, int index, double seconds,
                                bearer_send_options *out, bearer_option_secrets *secrets,
                                char *text, size_t room);
void bearer_option_secrets_clear(bearer_option_secrets *secrets);

void bearer_options_open(lua_State *L);

#pragma GCC visibility pop

#endif
