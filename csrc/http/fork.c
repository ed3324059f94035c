/*
 * A fork waits until nobody is in the midst of a step, where a lock of OpenSSL's may be
 * held that the child would find locked for ever. An exit stops whoever uses what OpenSSL
 * tears down then. Both wait for one step, at most.
 */
#include "http/fork.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#if defined(__linux__)
#include <malloc.h>
#endif

#include "base/secret.h"
#include "http/trust.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bearer_fork_entry *entries; /* borrowed */
static atomic_uint forks;
static atomic_int exits;
static pthread_t exiting; /* the thread that exits, once `exits` */

static void wait_for_the_end(void) {
  static _Thread_local int waited;
  struct timespec second = { 1, 0 };
  if (!waited && !pthread_equal(exiting, pthread_self()))
    nanosleep(&second, NULL);
  waited = 1;
}

void bearer_fork_lock(void) {
  if (atomic_load(&exits))
    wait_for_the_end();
  pthread_mutex_lock(&lock);
}

void bearer_fork_unlock(void) {
  pthread_mutex_unlock(&lock);
}

unsigned bearer_fork_count(void) {
  return atomic_load(&forks);
}

int bearer_fork_exits(void) {
  return atomic_load(&exits);
}

void bearer_fork_enter(bearer_fork_entry *entry) {
  entry->next = entries;
  entry->link = &entries;
  if (entries != NULL)
    entries->link = &entry->next;
  entries = entry;
}

void bearer_fork_leave(bearer_fork_entry *entry) {
  if (entry->link == NULL)
    return;
  *entry->link = entry->next;
  if (entry->next != NULL)
    entry->next->link = entry->link;
  entry->link = NULL;
}

/* ---- handlers ---------------------------------------------------------------- */

static void before_fork(void) {
  pthread_mutex_lock(&lock);
  for (bearer_fork_entry *e = entries; e != NULL; e = e->next)
    if (e->prepare != NULL)
      e->prepare(e->user);
}

static void after_fork_in_parent(void) {
  for (bearer_fork_entry *e = entries; e != NULL; e = e->next)
    if (e->parent != NULL)
      e->parent(e->user);
  pthread_mutex_unlock(&lock);
}

static void after_fork_in_child(void) {
  atomic_fetch_add(&forks, 1);
  for (bearer_fork_entry *e = entries; e != NULL; e = e->next)
    if (e->child != NULL)
      e->child(e->user);
  pthread_mutex_unlock(&lock);
}

static void at_exit(void) {
  pthread_mutex_lock(&lock);
  exiting = pthread_self();
  atomic_store(&exits, 1);
  for (bearer_fork_entry *e = entries; e != NULL; e = e->next)
    e->exit(e->user);
  pthread_mutex_unlock(&lock);
}

/* ---- memory ------------------------------------------------------------------ */

/* What libcurl frees was part of a request or an answer. In pieces: memset of more than
   that is slower, where it has hardly anything to do. */
#if defined(__linux__)
static void wipe_block(void *p) {
  size_t size = malloc_usable_size(p), piece = 1024, word = sizeof(size_t);
  if (size <= 64 && size % word == 0) { /* most are: a call would cost more */
    volatile size_t *words = p;
    for (size_t i = 0; i < size / word; i++)
      words[i] = 0;
    return;
  }
  for (size_t at = 0; at < size; at += piece)
    bearer_wipe((char *)p + at, size - at < piece ? size - at : piece);
}

static void wiping_free(void *p) {
  if (p == NULL) /* two calls of three */
    return;
  wipe_block(p);
  free(p);
}

static void *wiping_realloc(void *p, size_t size) {
  size_t old = p != NULL ? malloc_usable_size(p) : 0;
  void *new_p = malloc(size > 0 ? size : 1);
  if (new_p != NULL && p != NULL) {
    memcpy(new_p, p, old < size ? old : size);
    wiping_free(p);
  }
  return new_p;
}

static CURLcode start_libcurl(void) {
  return curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc,
                              strdup, calloc);
}
#else
static CURLcode start_libcurl(void) {
  return curl_global_init(CURL_GLOBAL_DEFAULT);
}
#endif

/* ---- once -------------------------------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int usable;

/* What its first use would pay for: algorithms are looked up, the generator is seeded. */
static void warm_openssl(void) {
  unsigned char byte;
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  SSL_free(ctx != NULL ? SSL_new(ctx) : NULL);
  SSL_CTX_free(ctx);
  if (RAND_bytes(&byte, 1) != 1)
    bearer_wipe(&byte, 1); /* whoever needs random bytes is told then */
}

/* The handlers of fork first: none comes in between. That of exit last: the last one runs
   first, so before that of OpenSSL, if somebody has been there before us. NO_ATEXIT: if
   not, OpenSSL takes nothing away from states in other threads. */
static void init(void) {
  if (pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) != 0)
    return;
  pthread_mutex_lock(&lock);
#ifdef OPENSSL_INIT_NO_ATEXIT
  OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL);
#endif
  usable = start_libcurl() == CURLE_OK;
  if (usable) {
    bearer_trust_init();
    warm_openssl();
  }
  pthread_mutex_unlock(&lock);
  usable &= atexit(at_exit) == 0;
}

int bearer_fork_init(void) {
  pthread_once(&once, init);
  return usable;
}
