/*
 * The codes of errors that are bearer's own.
 */
#include "base/codes.h"

#include <string.h>

static const bearer_code_row rows[BEARER_CODES] = {
  [BEARER_OK] = { "ok", BEARER_TRANSIENT, "nothing went wrong" },
  [BEARER_REFUSED] = { "refused", BEARER_TERMINAL,
                       "a 2xx, but `expect` is not met or the answer is an error; or a "
                       "token just bought is not replaced again" },
  [BEARER_NO_TOKEN] = { "no_token", BEARER_TERMINAL,
                        "a complete 2xx JSON answer without a token, with one that no "
                        "header can carry, or without what the next request needs" },
  [BEARER_BAD_ANSWER] = { "bad_answer", BEARER_TRANSIENT,
                          "empty, cut off, or not JSON; or its token was over when it "
                          "came" },
  [BEARER_TOO_LARGE] = { "too_large", BEARER_TRANSIENT, "longer than `max_response`" },
  [BEARER_TIMEOUT] = { "timeout", BEARER_TRANSIENT,
                       "`timeout` or `connect_timeout` is over" },
  [BEARER_DNS] = { "dns", BEARER_TRANSIENT, "the host's name is not found" },
  [BEARER_CONNECT] = { "connect", BEARER_TRANSIENT, "nobody listens there" },
  [BEARER_TLS] = { "tls", BEARER_TRANSIENT,
                   "no trusted connection: wrong certificate, wrong name, no common "
                   "version, or a certificate of one's own that cannot be used" },
  [BEARER_PROXY] = { "proxy", BEARER_TRANSIENT,
                     "the proxy refused; terminal where it wants another password "
                     "(`status` is 407)" },
  [BEARER_NETWORK] = { "network", BEARER_TRANSIENT,
                       "any other trouble on the way, an answer that was lost among it; "
                       "a `transport` that gave no answer" },
  [BEARER_LOST] = { "lost", BEARER_TRANSIENT,
                    "the coroutine that ran the `transport` is gone" },
  [BEARER_FORKED] = { "forked", BEARER_TRANSIENT,
                      "the process forked while this was under way; the parent has the "
                      "answer" },
  [BEARER_MEMORY] = { "memory", BEARER_TRANSIENT,
                      "the system had no memory, descriptor or thread left" },
  [BEARER_INTERRUPTED] = { "interrupted", BEARER_TRANSIENT,
                           "an error was raised in the midst of it, by a debug hook or "
                           "the option `refused` say" },
  [BEARER_PENDING] = { "pending", BEARER_TRANSIENT,
                       "the answer is under way, and this caller cannot wait for it: ask "
                       "again later" },
  [BEARER_CANNOT_WAIT] = { "cannot_wait", BEARER_TRANSIENT,
                           "the driver cannot wait in this place: there is no token yet, "
                           "or the call or logout was not sent" },
  [BEARER_NO_SECRET] = { "no_secret", BEARER_TERMINAL,
                         "a secret reference or function gave nothing, or not what its "
                         "kind asks" },
  [BEARER_BAD_REQUEST] = { "bad_request", BEARER_TERMINAL,
                           "the definition and these values make no request that can be "
                           "sent" },
  [BEARER_REFRESH_TOKEN_LOST] = { "refresh_token_lost", BEARER_TERMINAL,
                                  "the answer that held the next refresh token was lost, "
                                  "and this login has no other way" },
  [BEARER_CLOSED] = { "closed", BEARER_CLASS_CLOSED, "the login is closed" },
};

const bearer_code_row *bearer_code_of(bearer_code code) {
  return &rows[code];
}

bearer_code bearer_code_named(const char *name) {
  for (int code = BEARER_OK + 1; code < BEARER_CODES; code++)
    if (strcmp(rows[code].name, name) == 0)
      return (bearer_code)code;
  return BEARER_OK;
}

const char *bearer_class_name(bearer_class class) {
  static const char *const names[] = { "transient", "throttled", "terminal", "closed" };
  return names[class];
}
