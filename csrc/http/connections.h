/*
 * A libcurl multi handle, the connections that it keeps, and their descriptors: none of
 * these is left to the programs that the host starts, and a child of fork closes them all
 * at once, before their numbers can mean something else to it.
 */
#ifndef BEARER_CONNECTIONS_H
#define BEARER_CONNECTIONS_H

#include <curl/curl.h>

#pragma GCC visibility push(hidden)

/* Used by who moves it alone; only curl_multi_wakeup may be called from elsewhere. */
typedef struct bearer_connections {
  CURLM *multi;  /* owned */
  CURLSH *share; /* owned: TLS sessions, to be resumed; NULL = none */
  int *fds;      /* owned */
  int count, room;
  struct bearer_connections *next; /* of those that were left behind */
} bearer_connections;

/* NULL when there is no memory, or no descriptors; errno says which. */
bearer_connections *bearer_connections_new(void);
/* Close them all. NULL is fine. */
void bearer_connections_free(bearer_connections *c);

/* In a child of fork, or when the process exits, it may be neither used nor closed: that
   would say goodbye on the parent's connections, or ask OpenSSL, which is gone. Keep it
   where a leak checker can see it. close_fds: our copies of the descriptors go. Under
   bearer_fork_lock. NULL is fine. */
void bearer_connections_leave(bearer_connections *c, int close_fds);

/* Have an easy handle's connections be among these. */
CURLcode bearer_connections_adopt(bearer_connections *c, CURL *easy);

/* 0 when somebody has closed a descriptor of these behind libcurl's back. */
int bearer_connections_are_whole(const bearer_connections *c);

#pragma GCC visibility pop

#endif
