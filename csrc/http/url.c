/*
 * URLs: which ones we talk to, and how a relative one is joined to its base.
 */
#include "http/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <string.h>

#define LONGEST_HOST (253 + 6) /* a DNS name and :65535 */
#define ALPHANUMERIC "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* Visible ASCII, and not the backslash, which is a slash to some parsers only. */
static int only_url_bytes(const char *text) {
  for (; *text != '\0'; text++)
    if (*text <= ' ' || *text >= 0x7f || *text == '\\')
      return 0; /* bytes from 0x80 on are <= ' ' or >= 0x7f, as char has a sign or not */
  return 1;
}

/* What stands after http:// or https://; NULL when the text opens with neither. libcurl
   would take one slash or three as well. */
static const char *after_scheme(const char *url) {
  if (curl_strnequal(url, "https://", 8))
    return url + 8;
  return curl_strnequal(url, "http://", 7) ? url + 7 : NULL;
}

/* paths */

static int hex_value(char c) { /* -1 when it is no digit */
  static const char digits[] = "0123456789abcdefABCDEF";
  const char *found = c != '\0' ? strchr(digits, c) : NULL;
  if (found == NULL)
    return -1;
  return (int)(found - digits) - (found - digits >= 16 ? 6 : 0);
}

static int is_escape(const char *text) { /* %XX */
  return text[0] == '%' && hex_value(text[1]) >= 0 && hex_value(text[2]) >= 0;
}

/* Take one byte, decoded as often as it was encoded: each of several servers in a row may
   decode once. */
static int next_byte(const char **text) {
  const char *p = *text;
  int c = (unsigned char)*p;
  if (is_escape(p)) {
    while (p[1] == '2' && p[2] == '5' && hex_value(p[3]) >= 0 && hex_value(p[4]) >= 0)
      p += 2; /* %25XX is %XX */
    c = hex_value(p[1]) * 16 + hex_value(p[2]);
    p += 2;
  }
  *text = p + 1;
  return c;
}

typedef struct {
  int size;
  int is_dots; /* "." or "..", and what is that to some servers, as "..;x" is */
  int is_odd;  /* a broken escape, or a control character */
} segment;

static int path_ends(const char *path) {
  return *path == '\0' || *path == '?' || *path == '#';
}

/* Step over one segment and the slash that ends it, encoded or not, since what stands
   behind the server's front may decode first. */
static segment next_segment(const char **path) {
  segment s = { 0, 0, 0 };
  int dots = 0, named = 0, parameters = 0, c;
  while (!path_ends(*path)) {
    s.is_odd |= **path == '%' && !is_escape(*path);
    c = next_byte(path);
    if (c == '/' || c == '\\')
      break;
    s.size++;
    s.is_odd |= c < ' ' || c == 0x7f;
    parameters |= c == ';' || c == '\0'; /* which ends the text to some */
    dots += !parameters && c == '.';
    named |= !parameters && c != '.' && c > ' '; /* blanks are left out by some */
  }
  s.is_dots = !named && (dots == 1 || dots == 2);
  return s;
}

static int climbs(const char *path) {
  while (!path_ends(path))
    if (next_segment(&path).is_dots)
      return 1;
  return 0;
}

int bearer_url_is_path(const char *text) {
  if (*text != '/' || !only_url_bytes(text) || strpbrk(text, "?#") != NULL)
    return 0;
  for (text++; *text != '\0';) {
    segment s = next_segment(&text);
    if (s.size == 0 || s.is_dots || s.is_odd)
      return 0;
  }
  return 1;
}

/* which ones */

const char *bearer_url_explain(bearer_url_fault fault) {
  static const char *const faults[] = {
    NULL,
    "is no absolute https URL",
    "holds a character that no URL may hold: in a path or query it is written %XX",
    "does not open with https://",
    "is not https",
    "carries a user or password: secrets have other places",
    "has a fragment",
    "has '.' or '..' as a path segment, also encoded: it would lead elsewhere"
  };
  return faults[fault];
}

int bearer_url_is_absolute(const char *url) {
  return after_scheme(url) != NULL;
}

static CURLUcode parse(CURLU **handle, const char *url) { /* the handle is the caller's */
  *handle = curl_url();
  if (*handle == NULL)
    return CURLUE_OUT_OF_MEMORY;
  return curl_url_set(*handle, CURLUPART_URL, url, CURLU_DISALLOW_USER);
}

static int is_loopback(CURLU *handle) {
  struct in_addr v4;
  struct in6_addr v6;
  char *host = NULL;
  size_t size;
  int is = 0;
  if (curl_url_get(handle, CURLUPART_HOST, &host, 0) != CURLUE_OK)
    return 0;
  size = strlen(host);
  if (curl_strequal(host, "localhost")) {
    is = 1;
  } else if (host[0] == '[' && host[size - 1] == ']') {
    host[size - 1] = '\0';
    is = inet_pton(AF_INET6, host + 1, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
  } else if (inet_pton(AF_INET, host, &v4) == 1) { /* not by prefix: 127.0.0.1.evil.org */
    is = ntohl(v4.s_addr) >> 24 == 127;
  }
  curl_free(host);
  return is;
}

int bearer_url_address(const char *url, char out[BEARER_URL_ADDRESS_MAX]) {
  CURLU *handle = NULL;
  unsigned char bytes[sizeof(struct in6_addr)];
  char *host = NULL;
  int family = AF_INET, is = 0;
  size_t size;
  if (parse(&handle, url) == CURLUE_OK &&
      curl_url_get(handle, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
      (size = strlen(host)) < BEARER_URL_ADDRESS_MAX) {
    const char *from = host;
    if (host[0] == '[' && host[size - 1] == ']') {
      host[size - 1] = '\0';
      from++;
      family = AF_INET6;
    }
    is = inet_pton(family, from, bytes) == 1;
    if (is)
      memcpy(out, from, strlen(from) + 1);
  }
  curl_free(host);
  curl_url_cleanup(handle);
  return is;
}

int bearer_url_is_loopback(const char *url) {
  CURLU *handle = NULL;
  int is = parse(&handle, url) == CURLUE_OK && is_loopback(handle);
  curl_url_cleanup(handle);
  return is;
}

bearer_url_fault bearer_url_check(const char *url, int allow_http) {
  CURLU *handle = NULL;
  CURLUcode code;
  bearer_url_fault fault = BEARER_URL_OK;
  const char *authority = after_scheme(url);
  size_t size;
  if (authority == NULL)
    return BEARER_URL_NO_SCHEME;
  size = strcspn(authority, "/?#");
  if (!only_url_bytes(url))
    return climbs(authority + size) ? BEARER_URL_DOTS : BEARER_URL_BYTES;
  if (memchr(authority, '@', size) != NULL) /* libcurl lets an empty user pass */
    return BEARER_URL_USERINFO;
  code = size > 0 ? parse(&handle, url) : CURLUE_BAD_HANDLE;
  if (code != CURLUE_OK)
    fault = code == CURLUE_USER_NOT_ALLOWED ? BEARER_URL_USERINFO : BEARER_URL_BAD;
  else if (strchr(url, '#') != NULL) /* an empty one too, which libcurl does not report */
    fault = BEARER_URL_FRAGMENT;
  else if (climbs(authority + size))
    fault = BEARER_URL_DOTS;
  else if (curl_strnequal(url, "http:", 5) && !allow_http && !is_loopback(handle))
    fault = BEARER_URL_NOT_HTTPS;
  curl_url_cleanup(handle);
  return fault;
}

int bearer_url_is_host(const char *text) {
  bearer_buffer url = { 0 };
  size_t size = strlen(text);
  int is;
  if (size == 0 || size > LONGEST_HOST || strspn(text, ALPHANUMERIC "-._:[]") != size)
    return 0;
  if (text[0] == '.' || strstr(text, "..") != NULL || text[size - 1] == ':')
    return 0;
  bearer_buffer_text(&url, "https://");
  bearer_buffer_text(&url, text);
  is = !url.failed && bearer_url_check(url.data, 0) == BEARER_URL_OK;
  bearer_buffer_free(&url);
  return is;
}

int bearer_url_is_label(const char *text) {
  size_t size = strlen(text);
  return size >= 1 && size <= 63 && strspn(text, ALPHANUMERIC "-") == size &&
         text[0] != '-' && text[size - 1] != '-';
}

/* joining and showing */

int bearer_url_join(bearer_buffer *out, const char *base, const char *relative) {
  size_t size;
  if (after_scheme(relative) != NULL) {
    bearer_buffer_text(out, relative);
    return 1;
  }
  if (base == NULL)
    return 0;
  size = strcspn(base, "?#"); /* a query of the base's own is not the request's */
  if (*relative == '\0' || *relative == '?') {
    bearer_buffer_add(out, base, size);
  } else {
    while (size > 0 && base[size - 1] == '/')
      size--;
    bearer_buffer_add(out, base, size);
    bearer_buffer_add(out, "/", 1);
    relative += strspn(relative, "/"); /* "//elsewhere" stays below the base too */
  }
  bearer_buffer_text(out, relative);
  return 1;
}

static void add_part(bearer_buffer *out, CURLU *handle, CURLUPart part,
                     const char *before) {
  char *text = NULL;
  if (curl_url_get(handle, part, &text, CURLU_NO_DEFAULT_PORT) != CURLUE_OK)
    return; /* no port, say */
  bearer_buffer_text(out, before);
  bearer_buffer_text(out, text);
  curl_free(text);
}

void bearer_url_origin(bearer_buffer *out, const char *url) {
  CURLU *handle = curl_url();
  if (handle != NULL && after_scheme(url) != NULL &&
      curl_url_set(handle, CURLUPART_URL, url, 0) == CURLUE_OK) {
    add_part(out, handle, CURLUPART_SCHEME, "");
    add_part(out, handle, CURLUPART_HOST, "://");
    add_part(out, handle, CURLUPART_PORT, ":");
  }
  curl_url_cleanup(handle);
}
