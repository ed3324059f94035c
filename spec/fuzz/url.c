/*
 * URLs, hosts, labels and paths from a caller's customer. The input is two C texts with a
 * NUL between them: a URL or a part of one, and something relative.
 */
#include "http/url.h"

#include <curl/curl.h>

#include "fuzz.h"

static char *part(const char *url, CURLUPart which) { /* curl_free it */
  CURLU *handle = curl_url();
  char *text = NULL;
  HOLD(handle != NULL && curl_url_set(handle, CURLUPART_URL, url, 0) == CURLUE_OK);
  HOLD(curl_url_get(handle, which, &text, 0) == CURLUE_OK);
  curl_url_cleanup(handle);
  return text;
}

static char *with(const char *before, const char *text, const char *behind) {
  size_t size = strlen(before) + strlen(text) + strlen(behind) + 1;
  char *all = malloc(size);
  HOLD(all != NULL);
  snprintf(all, size, "%s%s%s", before, text, behind);
  return all;
}

/* What passes can be parsed, has a host, and nothing that would go elsewhere. */
static void check(const char *url) {
  bearer_url_fault strict = bearer_url_check(url, 0);
  bearer_url_fault loose = bearer_url_check(url, 1);
  bearer_buffer origin = { 0 };
  char *host;
  HOLD(strict == loose || (strict == BEARER_URL_NOT_HTTPS && loose == BEARER_URL_OK));
  bearer_url_origin(&origin, url);
  HOLD(strcspn(bearer_buffer_string(&origin), " \r\n\t@?#") == origin.size);
  if (loose == BEARER_URL_OK) {
    host = part(url, CURLUPART_HOST);
    HOLD(*host != '\0' && origin.size > 0 && strpbrk(url, "# \\\r\n") == NULL);
    curl_free(host);
    HOLD(strstr(url, "/../") == NULL || strchr(url, '?') != NULL); /* it climbs nowhere */
  }
  bearer_buffer_free(&origin);
}

static void host(const char *text) {
  char *url, *found;
  if (bearer_url_is_label(text))
    HOLD(bearer_url_is_host(text));
  if (!bearer_url_is_host(text))
    return;
  url = with("https://", text, "/p?q");
  HOLD(bearer_url_check(url, 0) == BEARER_URL_OK);
  found = part(url, CURLUPART_PATH);
  HOLD(!strcmp(found, "/p"));
  curl_free(found);
  free(url);
}

static void path(const char *text) {
  char *url, *found;
  if (!bearer_url_is_path(text))
    return;
  url = with("https://a.example", text, "");
  HOLD(bearer_url_check(url, 0) == BEARER_URL_OK);
  found = part(url, CURLUPART_PATH);
  HOLD(!strcmp(found, text)); /* normalising it changes nothing */
  curl_free(found);
  found = part(url, CURLUPART_HOST);
  HOLD(!strcmp(found, "a.example"));
  curl_free(found);
  free(url);
}

/* Whatever is joined to a good base: it stays at the base's origin, or is absolute. */
static void join(const char *base, const char *relative) {
  bearer_buffer url = { 0 }, before = { 0 }, after = { 0 };
  int absolute = bearer_url_join(&url, NULL, relative);
  bearer_buffer_reset(&url);
  HOLD(bearer_url_join(&url, base, relative));
  if (!absolute && bearer_url_check(base, 1) == BEARER_URL_OK) {
    bearer_url_origin(&before, base);
    bearer_url_origin(&after, bearer_buffer_string(&url));
    if (bearer_url_check(bearer_buffer_string(&url), 1) == BEARER_URL_OK)
      HOLD(!strcmp(bearer_buffer_string(&before), bearer_buffer_string(&after)));
  }
  bearer_buffer_free(&url);
  bearer_buffer_free(&before);
  bearer_buffer_free(&after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = malloc(size + 2);
  const char *relative;
  HOLD(text != NULL);
  if (size > 0)
    memcpy(text, data, size);
  text[size] = text[size + 1] = '\0';
  relative = text + strlen(text) + (strlen(text) < size);
  check(text);
  check(relative);
  host(text);
  path(text);
  join(text, relative);
  free(text);
  return 0;
}
