/*
 * Which URLs, hosts, labels and paths pass, and what joining makes of them.
 */
#include "http/url.h"

#include <stdlib.h>

#include "check.h"

static void faults(bearer_url_fault want, int allow_http, const char *const *urls,
                   int line) {
  for (; *urls != NULL; urls++)
    check_that(bearer_url_check(*urls, allow_http) == want, __FILE__, line, *urls);
}

#define FAULT(want, allow_http, ...)                                                     \
  faults(want, allow_http, (const char *const[]){ __VA_ARGS__, NULL }, __LINE__)

static void answers(int (*is)(const char *), int want, const char *const *texts,
                    int line) {
  for (; *texts != NULL; texts++)
    check_that(is(*texts) == want, __FILE__, line, *texts);
}

#define YES(is, ...) answers(is, 1, (const char *const[]){ __VA_ARGS__, NULL }, __LINE__)
#define NO(is, ...)  answers(is, 0, (const char *const[]){ __VA_ARGS__, NULL }, __LINE__)

static void https_passes(void) {
  FAULT(BEARER_URL_OK, 0, "https://a.example", "https://a.example/",
        "HTTPS://A.Example/p", "https://a.example:8443/p/q?x=1&y=%20",
        "https://a.example?x=a@b", "https://a.example/p?u=https://b.example",
        "https://[2001:db8::1]:8443/p", "https://192.0.2.1/p",
        "https://xn--bcher-kva.example/", "https://a_b.example/");
}

static void http_passes_to_this_machine_only(void) {
  FAULT(BEARER_URL_OK, 0, "http://localhost", "http://LOCALHOST:8080/p",
        "http://127.0.0.1:1/", "http://127.9.8.7/", "http://[::1]/", "http://[::1]:8080/",
        "http://[0:0:0:0:0:0:0:1]/");
  FAULT(BEARER_URL_NOT_HTTPS, 0, "http://a.example/", "HTTP://a.example/",
        "http://127.0.0.1.a.example/", "http://localhost.a.example/", "http://128.0.0.1/",
        "http://notlocalhost/", "http://[::2]/", "http://[::ffff:127.0.0.1]/",
        "http://192.0.2.1/?h=127.0.0.1", "http://0.0.0.0/");
  FAULT(BEARER_URL_OK, 1, "http://a.example/", "http://192.0.2.1:80/", "http://[::2]/");
}

static void what_is_no_url(void) {
  FAULT(BEARER_URL_NO_SCHEME, 1, "", "a.example", "/p", "//a.example/p",
        "https:", "https:/", "https:/a.example", "ftp://a.example/", "file:///p",
        "javascript:1", "httpss://a.example/", " https://a.example/");
  FAULT(BEARER_URL_BAD, 1, "https://", "https:///", "https:///p", "https://?x",
        "https://#", "https://:443/", "https://a.example:x/");
  FAULT(BEARER_URL_BAD, 1, "https://a.example:65536/", "https://a.example:-1/",
        "https://[::1/", "https://[::g]/", "https://[]/", "https://::1/");
}

static void odd_bytes(void) {
  FAULT(BEARER_URL_BYTES, 1, "https://a.example/a b", "https://a.example/\t",
        "https://a.example/\r\nHost: b", "https://a.example/\x7f",
        "https://b\303\274cher.example/", "https://a.example/\xff",
        "https://a.example\\@b.example/", "https://a.example/x\\p",
        "https://a.example%2f@b.example\x01/");
  FAULT(BEARER_URL_BAD, 1, "https://a.example%0a/");
  FAULT(BEARER_URL_DOTS, 1, "https://a.example/..\\p");
}

static void userinfo_and_fragments(void) {
  FAULT(BEARER_URL_USERINFO, 1, "https://u@a.example/", "https://u:p@a.example/",
        "https://:p@a.example/", "https://@a.example/", "https://:@a.example/",
        "http://localhost@a.example/", "http://127.0.0.1:80@a.example",
        "https://a.example@b@c/");
  FAULT(BEARER_URL_FRAGMENT, 1, "https://a.example/#f", "https://a.example#",
        "https://a.example/?x#", "https://a.example#@b.example");
}

static void dots_that_climb(void) {
  FAULT(BEARER_URL_DOTS, 1, "https://a/..", "https://a/.", "https://a/../y",
        "https://a/x/../y", "https://a/x/./y", "https://a/x/..?q", "https://a/%2e%2e/y",
        "https://a/.%2E/y", "https://a/x/%2e", "https://a/x%2f..%2fy",
        "https://a/x%5c..%5cy", "https://a/..;v=1/y", "https://a/%252e%252e/y",
        "https://a/%25252e./y", "https://a/x%252f../y", "https://a/..%00x/y",
        "https://a/%2e%00%2e", "https://a/x/..%0a", "https://a/..%20/y");
  FAULT(BEARER_URL_DOTS, 0, "http://a/..", "https://a/..");
  FAULT(BEARER_URL_OK, 1, "https://a/...", "https://a/.x/y..", "https://a/a..b/",
        "https://a/x%", "https://a/%zz/%25", "https://a/x%0ay", "https://a//x",
        "https://a/x?u=/../y", "https://a?..", "https://a/%2e%2e%2e/%25/");
}

static void huge_urls(void) {
  size_t size = 9 * 1000 * 1000; /* more than libcurl takes */
  char *url = malloc(size + 1);
  memset(url, 'a', size);
  memcpy(url, "https://a.example/", 18);
  url[size] = '\0';
  CHECK(bearer_url_check(url, 0) == BEARER_URL_BAD);
  url[100000] = '\0';
  CHECK(bearer_url_check(url, 0) == BEARER_URL_OK);
  CHECK(!bearer_url_is_host(url + 18));
  CHECK(bearer_url_is_path(url + 17));
  free(url);
}

static void hosts(void) {
  YES(bearer_url_is_host, "a", "a.example", "a.example.", "A-1.example:443",
      "localhost:1", "192.0.2.1", "192.0.2.1:8080", "[::1]", "[2001:db8::1]:8443",
      "a_b.example", "a.example:65535");
  NO(bearer_url_is_host, "", ".", "..", ".a", "a..b", ":", ":80", "a:", "a:x", "a:1x",
     "a:65536", "a:1:2", "a:-1", "[", "]", "[]", "[::1", "::1", "[::1]:", "[::1]x",
     "[::1]80", "x[::1]", "[::1%25lo]");
  NO(bearer_url_is_host, "u@a", "u:p@a", "@a", "a/", "/a", "a/b", "a?", "a?x", "a#",
     "a#f", "a%2fb", "%61", "a\\b", "a b", " a", "a ", "a\t", "a\n", "a\r\nb", "a\x7f",
     "b\303\274cher", "https://a", "a&b", "a;b", "a,b", "a|b", "a'b", "${a}");
}

static void labels(void) {
  char longest[65];
  memset(longest, 'a', 64);
  longest[64] = '\0';
  NO(bearer_url_is_label, longest);
  longest[63] = '\0';
  YES(bearer_url_is_label, longest, "a", "0", "A1", "my-shop-2", "a--b");
  NO(bearer_url_is_label, "", "-", "-a", "a-", "a.b", ".", "a_b", "a/b", "a b", "a@b",
     "a:1", "%61", "a\n", "\xc3\xbc", "a#", "a?");
}

static void paths(void) {
  YES(bearer_url_is_path, "/", "/a", "/a/", "/a/b.c", "/...", "/.a", "/a.", "/a..b",
      "/~u", "/a%20b", "/a%2Fb", "/a:b@c", "/a;v=1", "/%2e%2e%2e", "/a+b,c=d&e$f!");
  NO(bearer_url_is_path, "", "a", "a/b", ".", "//", "//a", "/a//b", "/a//", "/.", "/..",
     "/./a", "/../a", "/a/.", "/a/..", "/a/../b", "?", "/?", "/a?b", "/#", "/a#", "/a\\b",
     "/\\");
  NO(bearer_url_is_path, "/%2e", "/%2E%2e/a", "/.%2e/a", "/%2e./a", "/..%2fa", "/a%2f..",
     "/a%5c..%5cb", "/%2f", "/a/%2fb", "/..;a/b", "/..%3ba/b", "/.;/b", "/%252e",
     "/%25252e./a");
  NO(bearer_url_is_path, "/%", "/%2", "/%zz", "/%2g", "/a%", "/%00", "/a%0ab", "/%7f",
     "/a b", "/a\t", "/a\n", "/\x01", "/\x7f", "/\xc3\xbc");
}

static void joins(const char *base, const char *relative, const char *want, int line) {
  bearer_buffer b = { 0 };
  check_that(bearer_url_join(&b, base, relative), __FILE__, line, relative);
  check_same(b.data, b.size, want, strlen(want), __FILE__, line);
  bearer_buffer_free(&b);
}

#define JOINS(base, relative, want) joins(base, relative, want, __LINE__)

static void one_slash_between(void) {
  JOINS("https://h", "/v1", "https://h/v1");
  JOINS("https://h/", "/v1", "https://h/v1");
  JOINS("https://h", "v1", "https://h/v1");
  JOINS("https://h/p", "/v1", "https://h/p/v1");
  JOINS("https://h/p/", "v1/", "https://h/p/v1/");
  JOINS("https://h/p//", "//v1", "https://h/p/v1");
  JOINS("https://h", "/v1?x=/1#f", "https://h/v1?x=/1#f");
  JOINS("https://h/p", "/", "https://h/p/");
}

static void nothing_or_a_query_to_join(void) {
  JOINS("https://h/p", "", "https://h/p");
  JOINS("https://h/p/", "", "https://h/p/");
  JOINS("https://h/p/", "?x=1", "https://h/p/?x=1");
  JOINS("https://h", "?x=1", "https://h?x=1");
  JOINS("https://h/p?old=1", "?x=1", "https://h/p?x=1");
  JOINS("https://h/p?old=/1#f", "v1", "https://h/p/v1");
}

static void absolute_replaces(void) {
  JOINS("https://h/p", "https://other/x", "https://other/x");
  JOINS("https://h/p", "HTTP://other", "HTTP://other");
  JOINS(NULL, "https://other", "https://other");
}

static void never_to_another_host(void) {
  JOINS("https://h", "//evil.example/x", "https://h/evil.example/x");
  JOINS("https://h", "@evil.example/", "https://h/@evil.example/");
  JOINS("https://h", ".evil.example", "https://h/.evil.example");
  JOINS("https://h", ":80@evil.example", "https://h/:80@evil.example");
  JOINS("https://h", "ftp://evil.example", "https://h/ftp://evil.example");
}

static void no_base(void) {
  bearer_buffer b = { 0 };
  bearer_buffer_text(&b, "before");
  CHECK(!bearer_url_join(&b, NULL, "/v1"));
  CHECK(!bearer_url_join(&b, NULL, ""));
  CHECK(!bearer_url_join(&b, NULL, "//h/v1"));
  HOLDS(&b, "before");
  b.cap = 8;
  CHECK(bearer_url_join(&b, "https://h", "v1") && b.failed);
  bearer_buffer_free(&b);
}

static void origin(const char *url, const char *want, int line) {
  bearer_buffer b = { 0 };
  bearer_buffer_text(&b, ">");
  bearer_url_origin(&b, url);
  check_same(b.data + 1, b.size - 1, want, strlen(want), __FILE__, line);
  bearer_buffer_free(&b);
}

#define ORIGIN(url, want) origin(url, want, __LINE__)

static void origins(void) {
  ORIGIN("https://a.example/p?token=secret", "https://a.example");
  ORIGIN("HTTPS://a.example:8443?x", "https://a.example:8443");
  ORIGIN("https://user:secret@a.example/#f", "https://a.example");
  ORIGIN("http://[::1]:80/", "http://[::1]");
  ORIGIN("http://[::1]:443/", "http://[::1]:443");
  ORIGIN("https://a.example:443/", "https://a.example");
  ORIGIN("", "");
  ORIGIN("/secret", "");
  ORIGIN("ftp://a.example/", "");
  ORIGIN("https://secret value/", "");
}

static void address(const char *url, const char *want, int line) {
  char out[BEARER_URL_ADDRESS_MAX] = "";
  int is = bearer_url_address(url, out);
  check_that(is == (want != NULL), __FILE__, line, url);
  if (want != NULL)
    check_same(out, strlen(out), want, strlen(want), __FILE__, line);
}

#define ADDRESS(url, want) address(url, want, __LINE__)

static void addresses(void) {
  ADDRESS("https://127.0.0.1:8443/x", "127.0.0.1");
  ADDRESS("https://[::1]/", "::1");
  ADDRESS("https://[2001:db8::7]:8443/", "2001:db8::7");
  ADDRESS("https://127.0.0.1.example/", NULL);
  ADDRESS("https://a.example/127.0.0.1", NULL);
  ADDRESS("https://localhost/", NULL);
  ADDRESS("nonsense", NULL);
}

int main(void) {
  https_passes();
  http_passes_to_this_machine_only();
  what_is_no_url();
  odd_bytes();
  userinfo_and_fragments();
  dots_that_climb();
  huge_urls();
  hosts();
  labels();
  paths();
  one_slash_between();
  nothing_or_a_query_to_join();
  absolute_replaces();
  never_to_another_host();
  no_base();
  origins();
  addresses();
  return check_result();
}
