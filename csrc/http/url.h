/*
 * URLs: which ones we talk to, and how a relative one is joined to its base. libcurl does
 * the parsing, so that what is checked here is what is connected to later.
 */
#ifndef BEARER_URL_H
#define BEARER_URL_H

#include "base/buffer.h"

#pragma GCC visibility push(hidden)

typedef enum {
  BEARER_URL_OK,
  BEARER_URL_BAD,       /* no host */
  BEARER_URL_BYTES,     /* blanks, control characters, beyond ASCII, a backslash */
  BEARER_URL_NO_SCHEME, /* neither https:// nor http:// */
  BEARER_URL_NOT_HTTPS, /* http to somewhere else than this machine */
  BEARER_URL_USERINFO,  /* user:password@ : secrets have other places */
  BEARER_URL_FRAGMENT,
  BEARER_URL_DOTS /* a path segment that is "." or "..", once it is decoded */
} bearer_url_fault;

/* Is this absolute URL fit to be asked? http passes with allow_http, or when the host is
   localhost, 127.0.0.0/8 or [::1]. */
bearer_url_fault bearer_url_check(const char *url, int allow_http);
/* What is wrong with it, after "its URL": NULL of BEARER_URL_OK. */
const char *bearer_url_explain(bearer_url_fault fault);

/* Does it open with http:// or https://? */
int bearer_url_is_absolute(const char *url);

/* Is its host localhost, of 127.0.0.0/8 or [::1]? */
int bearer_url_is_loopback(const char *url);

#define BEARER_URL_ADDRESS_MAX 46

/* Is its host an IP address? Then that, without brackets, into out. */
int bearer_url_address(const char *url, char out[BEARER_URL_ADDRESS_MAX]);

/* host or host:port and nothing else; IPv6 in brackets. */
int bearer_url_is_host(const char *text);

/* One DNS label: letters, digits and inner hyphens, 1 to 63 of them. */
int bearer_url_is_label(const char *text);

/* An absolute path that stays what it is: no ? # \ or control character, no "//", no "."
   or ".." segment, percent-encoded ones included. */
int bearer_url_is_path(const char *text);

/* Append base and relative with one slash between them; base keeps its own path, so that
   https://h/p and /v1 give https://h/p/v1. A relative that is http(s):// itself replaces
   base. 0 when there is no base (NULL) to join to; out is then left as it was. */
int bearer_url_join(bearer_buffer *out, const char *base, const char *relative);

/* Append scheme://host[:port], without the port that the scheme has anyway: all of a URL
   that an error text may show, and what two URLs of one server share. Nothing for what
   is no URL. */
void bearer_url_origin(bearer_buffer *out, const char *url);

#pragma GCC visibility pop

#endif
