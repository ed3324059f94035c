/*
 * Proxies.
 */
#include "http/proxy.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "http/url.h"

static const char *variable(const char *const *names) {
  const char *value = NULL;
  while (value == NULL && *names != NULL)
    value = getenv(*names++);
  return value != NULL ? value : "";
}

/* http_proxy is not asked for: what is not encrypted does not leave by it. A proxy of the
   network knows another "localhost" than this machine. */
const char *bearer_proxy_of_environment(const char *url) {
  static const char *const names[] = { "https_proxy", "HTTPS_PROXY", "all_proxy",
                                       "ALL_PROXY", NULL };
  const char *proxy;
  if (strncasecmp(url, "http://", 7) == 0)
    return "";
  proxy = variable(names);
  return proxy[0] != '\0' && bearer_url_is_loopback(url) ? "" : proxy;
}

const char *bearer_proxy_exceptions(void) {
  static const char *const names[] = { "no_proxy", "NO_PROXY", NULL };
  return variable(names);
}

/* Is it this host, or one below it? */
static int covers(const char *word, size_t size, const char *host) {
  size_t length = strlen(host);
  if (size == 1 && *word == '*')
    return 1;
  if (size > 0 && *word == '.') {
    word++;
    size--;
  }
  return size > 0 && size <= length &&
         strncasecmp(host + length - size, word, size) == 0 &&
         (size == length || host[length - size - 1] == '.');
}

int bearer_proxy_is_exception(const char *exceptions, const char *url) {
  static const char between[] = ", \t";
  CURLU *handle = curl_url();
  char *host = NULL;
  int is = 0;
  if (handle != NULL && curl_url_set(handle, CURLUPART_URL, url, 0) == CURLUE_OK &&
      curl_url_get(handle, CURLUPART_HOST, &host, 0) == CURLUE_OK)
    while (*exceptions != '\0' && !is) {
      size_t size = strcspn(exceptions, between);
      is = covers(exceptions, size, host);
      exceptions += size;
      exceptions += strspn(exceptions, between);
    }
  curl_free(host);
  curl_url_cleanup(handle);
  return is;
}

static void add_part(bearer_buffer *out, CURLU *handle, CURLUPart part,
                     const char *before) {
  char *text = NULL;
  if (curl_url_get(handle, part, &text, 0) != CURLUE_OK)
    return;
  bearer_buffer_text(out, before);
  bearer_buffer_text(out, text);
  curl_free(text);
}

/* A name alone is one of an HTTP proxy, be it "ftp.example". */
static CURLU *parse(const char *proxy) {
  CURLU *handle = curl_url();
  bearer_buffer url = { 0 };
  if (strstr(proxy, "://") == NULL)
    bearer_buffer_text(&url, "http://");
  bearer_buffer_text(&url, proxy);
  if (handle != NULL &&
      (url.failed || curl_url_set(handle, CURLUPART_URL, bearer_buffer_string(&url),
                                  CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)) {
    curl_url_cleanup(handle);
    handle = NULL;
  }
  bearer_buffer_free(&url);
  return handle;
}

int bearer_proxy_is_usable(const char *proxy) {
  static const char *const schemes[] = { "http",    "https",  "socks",  "socks4",
                                         "socks4a", "socks5", "socks5h" };
  CURLU *handle = parse(proxy);
  char *scheme = NULL;
  int is = 0;
  if (handle != NULL && curl_url_get(handle, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK)
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
      is |= strcasecmp(scheme, schemes[i]) == 0;
  curl_free(scheme);
  curl_url_cleanup(handle);
  return is;
}

void bearer_proxy_name(bearer_buffer *out, const char *proxy) {
  CURLU *handle = parse(proxy);
  if (handle != NULL) {
    add_part(out, handle, CURLUPART_HOST, "");
    add_part(out, handle, CURLUPART_PORT, ":");
  }
  curl_url_cleanup(handle);
}

int bearer_proxy_has_user(const char *proxy) {
  return strchr(proxy, '@') != NULL;
}
