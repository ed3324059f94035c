/*
 * Certificates and keys of one transfer.
 */
#include "http/material.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "http/certificate.h"
#include "http/fork.h"

#define FILE_MAX    (1024 * 1024)
#define READERS_MAX 256 /* at a time: some of them may hang for ever */

enum { CA_FILE, CA_PEM, CERT, KEY, PLACES };

static const char *const names[PLACES] = { "ca_file", "ca_pem", "cert", "key" };

struct bearer_reading {
  atomic_int holders, done;
  int started;           /* of who moves the transfer */
  unsigned forks;        /* bearer_fork_count when it began to be read */
  _Atomic(CURLM *) wake; /* borrowed; NULL = nobody is to be woken */
  char *paths[PLACES];   /* owned; NULL = none, or given as text */
  char given[PLACES];    /* 1 = given, in either way */
  bearer_secret texts[PLACES];
  bearer_secret password;
  /* made of the texts: what libcurl is told */
  bearer_secret authorities, certificate;
  int fault_place;        /* whose it is */
  char fault[512];        /* "" = none */
  bearer_pair *last_good; /* a share of it; NULL = none is kept */
  int is_settled;
};

/* ---- as given ---------------------------------------------------------------- */

static void free_reading(bearer_reading *r) {
  for (int i = 0; i < PLACES; i++) {
    free(r->paths[i]);
    bearer_secret_clear(&r->texts[i]);
  }
  bearer_secret_clear(&r->password);
  bearer_secret_clear(&r->authorities);
  bearer_secret_clear(&r->certificate);
  bearer_pair_release(r->last_good);
  free(r);
}

/* In a child of fork the thread that read is gone, and its share with it. */
void bearer_reading_release(bearer_reading *r) {
  int is_last;
  if (r == NULL)
    return;
  is_last = r->forks != bearer_fork_count(); /* before another may free it */
  atomic_store(&r->wake, NULL);
  if (atomic_fetch_sub(&r->holders, 1) == 1 || is_last)
    free_reading(r);
}

static int copy(bearer_reading *r, int place, const bearer_material *m) {
  if (m->kind == BEARER_NOT_GIVEN)
    return 1;
  r->given[place] = 1;
  if (m->kind == BEARER_CONTENT)
    return bearer_secret_set(&r->texts[place], m->data, m->size);
  r->paths[place] = m->size > 0 ? strndup(m->data, m->size) : strdup(m->data);
  return r->paths[place] != NULL;
}

bearer_reading *bearer_reading_new(const bearer_materials *given, int *failed) {
  bearer_reading *r;
  int ok;
  *failed = 0;
  if (given->ca_file.kind == BEARER_NOT_GIVEN && given->ca_pem.kind == BEARER_NOT_GIVEN &&
      given->cert.kind == BEARER_NOT_GIVEN && given->key.kind == BEARER_NOT_GIVEN)
    return NULL;
  r = calloc(1, sizeof(*r));
  *failed = r == NULL;
  if (r == NULL)
    return NULL;
  atomic_store(&r->holders, 1);
  r->forks = bearer_fork_count();
  r->last_good = bearer_pair_hold(given->last_good);
  ok = copy(r, CA_FILE, &given->ca_file) && copy(r, CA_PEM, &given->ca_pem) &&
       copy(r, CERT, &given->cert) && copy(r, KEY, &given->key);
  if (ok && given->key_password.kind == BEARER_CONTENT)
    ok = bearer_secret_set(&r->password, given->key_password.data,
                           given->key_password.size);
  if (ok)
    return r;
  *failed = 1;
  bearer_reading_release(r);
  return NULL;
}

/* ---- made of it -------------------------------------------------------------- */

/* a, b and c, a line each. */
static int join(bearer_secret *out, const bearer_secret *a, const bearer_secret *b,
                const bearer_secret *c) {
  const bearer_secret *parts[] = { a, b, c };
  size_t size = a->size + b->size + c->size + 3, at = 0;
  out->data = malloc(size + 1);
  if (out->data == NULL)
    return 0;
  for (int i = 0; i < 3; i++) {
    if (parts[i]->size > 0)
      memcpy(out->data + at, parts[i]->data, parts[i]->size);
    at += parts[i]->size;
    out->data[at++] = '\n';
  }
  out->data[size] = '\0';
  out->size = size;
  return 1;
}

/* Behind what PEM and PKCS#12 read to: in hexadecimal, so that it can open no block. */
static int spell(bearer_secret *out, const bearer_secret *password) {
  static const char digits[] = "0123456789abcdef";
  out->data = calloc(1, password->size * 2 + 1);
  if (out->data == NULL)
    return 0;
  for (size_t i = 0; i < password->size; i++) {
    unsigned char c = (unsigned char)password->data[i];
    out->data[out->size++] = digits[c >> 4];
    out->data[out->size++] = digits[c & 15];
  }
  return 1;
}

/* libcurl compares the certificate of a connection with that of who wants to use it, but
   neither key nor pass phrase: so these go along in the same blob. */
static int join_certificate(bearer_reading *r) {
  bearer_secret password = { NULL, 0 };
  int ok = spell(&password, &r->password) &&
           join(&r->certificate, &r->texts[CERT], &r->texts[KEY], &password);
  bearer_secret_clear(&password);
  return ok;
}

static void set_fault(bearer_reading *r, int place, const char *why) {
  const char *path = r->paths[place];
  r->fault_place = place;
  snprintf(r->fault, sizeof(r->fault), "%s%s%.400s: %s", names[place],
           path != NULL ? " " : "", path != NULL ? path : "", why);
}

static void fail_for_memory(bearer_reading *r) {
  r->fault_place = PLACES;
  snprintf(r->fault, sizeof(r->fault), "not enough memory");
}

static void assemble(bearer_reading *r) {
  static const bearer_secret none = { NULL, 0 };
  int ok = 1;
  for (int i = 0; i < PLACES; i++)
    if (r->given[i] && r->texts[i].size == 0) {
      set_fault(r, i, "is empty");
      return;
    }
  if (r->given[CA_FILE] || r->given[CA_PEM])
    ok = join(&r->authorities, &r->texts[CA_FILE], &r->texts[CA_PEM], &none);
  if (ok && (r->given[CERT] || r->given[KEY]))
    ok = join_certificate(r);
  if (!ok)
    fail_for_memory(r);
}

static void read_files(bearer_reading *r) {
  for (int i = 0; i < PLACES; i++) {
    const char *why = NULL;
    if (r->paths[i] != NULL)
      why = bearer_file_read(r->paths[i], FILE_MAX, &r->texts[i]);
    if (why != NULL) {
      set_fault(r, i, why);
      return;
    }
  }
  assemble(r);
}

/* ---- reading ----------------------------------------------------------------- */

static atomic_int readers;
static atomic_uint readers_forks; /* in which process they were counted */

/* Under the lock that a fork takes, which is held as well where a multi handle goes. */
static void hand_over(bearer_reading *r) {
  CURLM *multi;
  bearer_fork_lock();
  atomic_store(&r->done, 1);
  multi = atomic_load(&r->wake);
  if (multi != NULL)
    curl_multi_wakeup(multi);
  bearer_fork_unlock();
  bearer_reading_release(r);
}

static void *read_in_thread(void *user) {
  read_files(user);
  hand_over(user);
  atomic_fetch_sub(&readers, 1);
  return NULL;
}

static int spawn(bearer_reading *r) {
  pthread_attr_t attributes;
  sigset_t all, before;
  pthread_t thread;
  int error;
  if (pthread_attr_init(&attributes) != 0)
    return 0;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 256 * 1024);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  error = pthread_create(&thread, &attributes, read_in_thread, r);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return error == 0;
}

/* One more reader, unless there are too many. */
static int count_reader(void) {
  unsigned forks = bearer_fork_count();
  if (atomic_exchange(&readers_forks, forks) != forks)
    atomic_store(&readers, 0);
  if (atomic_fetch_add(&readers, 1) < READERS_MAX)
    return 1;
  atomic_fetch_sub(&readers, 1);
  return 0;
}

static int has_files(const bearer_reading *r) {
  for (int i = 0; i < PLACES; i++)
    if (r->paths[i] != NULL)
      return 1;
  return 0;
}

int bearer_reading_start(bearer_reading *r, CURLM *multi) {
  if (has_files(r)) {
    if (!count_reader())
      return 0;
    r->forks = bearer_fork_count();
    atomic_store(&r->wake, multi);
    atomic_fetch_add(&r->holders, 1);
    r->started = 1;
    if (spawn(r))
      return 1;
    atomic_fetch_sub(&r->holders, 1); /* no thread is granted: read here */
    atomic_fetch_sub(&readers, 1);
    read_files(r);
  } else {
    assemble(r);
  }
  r->started = 1;
  atomic_store(&r->done, 1);
  return 1;
}

int bearer_reading_has_started(const bearer_reading *r) {
  return r->started;
}

int bearer_reading_is_done(const bearer_reading *r) {
  return atomic_load(&r->done);
}

/* ---- a pair that fits -------------------------------------------------------- */

/* They are copied, and what was made of the others goes. */
static int restore_pair(bearer_reading *r) {
  if (!bearer_pair_has_any(r->last_good))
    return 0;
  r->fault[0] = '\0';
  bearer_secret_clear(&r->authorities);
  bearer_secret_clear(&r->certificate);
  if (bearer_pair_restore(r->last_good, &r->texts[CERT], &r->texts[KEY], &r->password))
    assemble(r);
  else
    fail_for_memory(r);
  return 1;
}

void bearer_reading_settle(bearer_reading *r) {
  const char *why = NULL;
  int is_of_key = 0;
  if (r->is_settled || !(r->given[CERT] || r->given[KEY]))
    return;
  r->is_settled = 1;
  if (r->fault[0] != '\0') {
    if (r->fault_place == CERT || r->fault_place == KEY)
      restore_pair(r);
    return;
  }
  if (bearer_pair_is(r->last_good, &r->texts[CERT], &r->texts[KEY], &r->password))
    return;
  why = bearer_certificate_pair_fault(&r->texts[CERT], &r->texts[KEY], &r->password,
                                      &is_of_key);
  if (why == NULL)
    bearer_pair_keep(r->last_good, &r->texts[CERT], &r->texts[KEY], &r->password);
  else if (!restore_pair(r))
    set_fault(r, is_of_key || !r->given[CERT] ? KEY : CERT, why);
}

/* ---- once it is done --------------------------------------------------------- */

const char *bearer_material_obstacle(void) {
#if LIBCURL_VERSION_NUM >= 0x074700
  return NULL;
#else
  return "client certificates need libcurl 7.71, and this is built for an older one";
#endif
}

const char *bearer_reading_fault(const bearer_reading *r) {
  if (r->fault[0] != '\0')
    return r->fault;
  return r->certificate.data != NULL ? bearer_material_obstacle() : NULL;
}

int bearer_reading_has_certificate(const bearer_reading *r) {
  return r->given[CERT];
}

int bearer_reading_has_authorities(const bearer_reading *r, const char **data,
                                   size_t *size) {
  *data = r->authorities.data;
  *size = r->authorities.size;
  return r->authorities.data != NULL;
}

#if LIBCURL_VERSION_NUM >= 0x074700
static CURLcode set_blob(CURL *easy, CURLoption option, const bearer_secret *s) {
  struct curl_blob blob = { s->data, s->size, CURL_BLOB_NOCOPY };
  return curl_easy_setopt(easy, option, &blob);
}
#endif

CURLcode bearer_reading_apply(const bearer_reading *r, CURL *easy) {
  CURLcode code = CURLE_OK;
#if LIBCURL_VERSION_NUM >= 0x074d00
  if (r->authorities.data != NULL)
    code = set_blob(easy, CURLOPT_CAINFO_BLOB, &r->authorities);
#endif
#if LIBCURL_VERSION_NUM >= 0x074700
  if (code != CURLE_OK || r->certificate.data == NULL)
    return code;
  code = set_blob(easy, CURLOPT_SSLCERT_BLOB, &r->certificate);
  if (code == CURLE_OK &&
      bearer_certificate_is_pkcs12(r->certificate.data, r->certificate.size))
    code = curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, "P12");
  else if (code == CURLE_OK)
    code = set_blob(easy, CURLOPT_SSLKEY_BLOB,
                    r->given[KEY] ? &r->texts[KEY] : &r->certificate);
  if (code == CURLE_OK) /* without one, OpenSSL would ask on the terminal */
    code = curl_easy_setopt(easy, CURLOPT_KEYPASSWD,
                            r->password.data != NULL ? r->password.data : "");
#else
  (void)r;
  (void)easy; /* there is no certificate: see bearer_material_obstacle */
#endif
  return code;
}

const char *bearer_reading_blame_authorities(bearer_reading *r) {
  for (int i = CA_FILE; i <= CA_PEM; i++) {
    const char *why = NULL;
    if (r->given[i])
      why = bearer_certificate_authorities_fault(r->texts[i].data, r->texts[i].size);
    if (why != NULL) {
      set_fault(r, i, why);
      return r->fault;
    }
  }
  return NULL;
}
