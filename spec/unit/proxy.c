/*
 * Which proxy the environment names, for whom, and what people call it.
 */
#include "http/proxy.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

#define URL "https://a.example/x"

static void clear_environment(void) {
  static const char *const names[] = { "https_proxy", "HTTPS_PROXY", "all_proxy",
                                       "ALL_PROXY",   "http_proxy",  "no_proxy",
                                       "NO_PROXY" };
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    unsetenv(names[i]);
}

static int is_for(const char *url, const char *proxy) {
  return strcmp(bearer_proxy_of_environment(url), proxy) == 0;
}

static void the_environment_names_one(void) {
  clear_environment();
  CHECK(is_for(URL, ""));
  setenv("http_proxy", "plain", 1);
  CHECK(is_for(URL, "") && is_for("http://a.example/", ""));
  setenv("ALL_PROXY", "all", 1);
  CHECK(is_for(URL, "all"));
  setenv("HTTPS_PROXY", "upper", 1);
  CHECK(is_for(URL, "upper"));
  setenv("https_proxy", "lower", 1);
  CHECK(is_for(URL, "lower") && is_for("http://a.example/", ""));
  setenv("https_proxy", "", 1); /* that is: none */
  CHECK(is_for(URL, ""));
}

static void never_for_loopback(void) {
  clear_environment();
  setenv("https_proxy", "p", 1);
  CHECK(is_for("https://127.0.0.1/", "") && is_for("https://127.9.9.9:8443/x", ""));
  CHECK(is_for("https://localhost/", "") && is_for("HTTPS://LOCALHOST:1/", ""));
  CHECK(is_for("https://[::1]/", ""));
  CHECK(is_for("https://127.0.0.1.example/", "p") && is_for("https://128.0.0.1/", "p"));
  CHECK(is_for("https://localhost.example/", "p") && is_for("https://[::2]/", "p"));
  clear_environment();
}

static void exceptions(void) {
  CHECK(bearer_proxy_is_exception("*", URL));
  CHECK(bearer_proxy_is_exception("a.example", URL));
  CHECK(bearer_proxy_is_exception("b.example, .EXAMPLE", URL));
  CHECK(bearer_proxy_is_exception("b.example\texample", URL));
  CHECK(bearer_proxy_is_exception("10.0.0.1", "https://10.0.0.1:8443/"));
  CHECK(!bearer_proxy_is_exception("", URL));
  CHECK(!bearer_proxy_is_exception(".", URL));
  CHECK(!bearer_proxy_is_exception("xample,b.example,,aa.example", URL));
  CHECK(!bearer_proxy_is_exception("*.example", URL));
  CHECK(!bearer_proxy_is_exception("*", "no URL at all"));
}

static void named(const char *proxy, const char *want, int line) {
  bearer_buffer b = { 0 };
  bearer_buffer_text(&b, ">");
  bearer_proxy_name(&b, proxy);
  check_same(b.data + 1, b.size - 1, want, strlen(want), __FILE__, line);
  bearer_buffer_free(&b);
}

#define NAMED(proxy, want) named(proxy, want, __LINE__)

static void names(void) {
  NAMED("p.example:3128", "p.example:3128");
  NAMED("http://p.example:3128/", "p.example:3128");
  NAMED("http://user:secret@p.example:3128", "p.example:3128");
  NAMED("user:secret@p.example:3128", "p.example:3128");
  NAMED("socks5h://user:secret@[::1]:1080", "[::1]:1080");
  NAMED("p.example", "p.example");
  NAMED("", "");
  NAMED("ftp.example:3128", "ftp.example:3128");
  CHECK(bearer_proxy_has_user("http://user:secret@p.example"));
  CHECK(!bearer_proxy_has_user("http://p.example"));
}

static void usable_ones(void) {
  CHECK(bearer_proxy_is_usable("p.example:3128") && bearer_proxy_is_usable("p"));
  CHECK(bearer_proxy_is_usable("http://user:pass%20word@p.example"));
  CHECK(bearer_proxy_is_usable("socks5h://127.0.0.1:1080"));
  CHECK(bearer_proxy_is_usable("HTTPS://p.example"));
  CHECK(!bearer_proxy_is_usable("") && !bearer_proxy_is_usable("http://"));
  CHECK(!bearer_proxy_is_usable("ftp://user:secret@p.example"));
  CHECK(!bearer_proxy_is_usable("http://user:pass word@p.example"));
  CHECK(!bearer_proxy_is_usable("p.example:port"));
}

int main(void) {
  the_environment_names_one();
  never_for_loopback();
  exceptions();
  names();
  usable_ones();
  return check_result();
}
