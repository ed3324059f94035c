/*
 * Transfers: one libcurl multi handle, made on first use and remade after fork, and the
 * requests under way on it. A thread moves them (mover.h), so that no caller ever waits
 * for a lookup, a handshake or a disk. Nothing here follows a redirect, or can be talked
 * out of verifying TLS.
 */
#ifndef BEARER_CLIENT_H
#define BEARER_CLIENT_H

#include <curl/curl.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/secret.h"

#pragma GCC visibility push(hidden)

/* What is sent. All owned, all wiped. */
typedef struct {
  bearer_buffer method, url, body;
  struct curl_slist
      *headers; /* its texts and nodes are ours: see bearer_request_header */
  int has_body;
} bearer_request;

/* Append the header "name: value"; its value is copied. NULL keeps libcurl from sending
   one of its own by this name ("name:" to it; "name;" is a header without a value).
   0 when memory ran out. */
int bearer_request_header(bearer_request *m, const char *name, const char *value,
                          size_t size);
/* 1 when a header of this name, in any case, is there. */
int bearer_request_has_header(const bearer_request *m, const char *name);
void bearer_request_clear(bearer_request *m);

/* How it is sent. Texts are borrowed until bearer_client_start returns. */
typedef struct {
  long timeout_ms, connect_timeout_ms;
  size_t max_response; /* bytes, both as sent and as unpacked */
  const char *ca_file, *proxy, *user_agent;
  bearer_secret ca_pem, cert, key; /* .data NULL = not given; PEM text or a file's path */
  int once; /* spends something: never on a kept connection, where libcurl would repeat */
} bearer_options;

struct bearer_client;

/* One request and what came of it. */
typedef struct bearer_transfer {
  struct bearer_client *net; /* borrowed, until the caller was told of its end */
  unsigned long id;          /* told by bearer_client_next_ended */

  /* Under the net's mutex. */
  struct bearer_queue *lane; /* NULL = neither waits nor has a place */
  struct bearer_list *list;  /* the one it is in; NULL = none */
  struct bearer_transfer *next, **link;
  int ended;

  /* The mover's, until it has ended. */
  double deadline;        /* bearer_client_now */
  CURL *easy;             /* owned; NULL when it has ended */
  bearer_request message; /* owned: libcurl reads it while it sends */
  bearer_buffer head;     /* the lines of the last header block */
  bearer_buffer body;
  size_t max_response, head_total;
  long status;
  CURLcode result;
  int sent, too_large, in_body, forked;
  char reason[CURL_ERROR_SIZE];
} bearer_transfer;

/* Borrowed transfers, oldest first. */
typedef struct bearer_list {
  bearer_transfer *first, **end;
  int count;
} bearer_list;

typedef struct bearer_queue bearer_queue; /* lane.h */

typedef struct bearer_client {
  CURLM *multi;  /* owned; NULL before the first transfer. Used by the mover alone */
  CURLSH *share; /* owned: TLS sessions, to be resumed */
  pid_t pid;     /* whose multi it is */
  int bell[2];   /* owned: a pipe that can be read while there are `ended`; -1 = none */
  int most;      /* that may be under way: descriptors are limited */
  int closed;    /* for good */
  unsigned long last_id;

  pthread_mutex_t mutex; /* over the following, and never for long */
  bearer_queue *lanes;   /* of what is queued or under way */
  int in_lanes;
  bearer_list under_way;
  bearer_list given_up; /* under way, but nobody wants them any more: owned */
  bearer_list ended;    /* those nobody was told about yet */
  int stop;             /* the mover is to end */
  enum { BEARER_NO_WORKER, BEARER_WORKS, BEARER_HAS_WORKED } mover;

  /* The mover's own. Instants are those of bearer_client_now. */
  pthread_mutex_t turn;  /* who waits for `step`: a fork does not wait for two */
  pthread_mutex_t step;  /* held whenever it does more than wait */
  int epoll, alarm;      /* owned: what it waits with, and what wakes it; -1 = none */
  double due;            /* when libcurl wants to be called; < 0 = never */
  double worked;         /* when there last was something under way */
  double look;           /* when to look after the deadlines of what is queued */
  long most_connections; /* as libcurl was told last */

  /* process.h */
  pthread_t thread;
  struct bearer_client *next, **link;
  int held; /* by a fork */
} bearer_client;

void bearer_client_init(bearer_client *net);
/* End every transfer, close every connection. Safe to repeat. */
void bearer_client_close(bearer_client *net);

/* Take over *m (it is emptied) and have it sent. The transfer is the caller's, who closes
   it; it may have ended at once: t->result and t->reason say why. NULL when memory ran
   out. */
bearer_transfer *bearer_client_start(bearer_client *net, bearer_request *m,
                                     const bearer_options *o);
int bearer_transfer_has_ended(bearer_transfer *t);
/* Abort if it runs; wipe and free it. */
void bearer_transfer_close(bearer_transfer *t);

/* Wait at most max_ms for one to end. How many are under way or queued. */
int bearer_client_poll(bearer_client *net, long max_ms);
/* The id of a transfer that has ended, each once; 0 when there is none. */
unsigned long bearer_client_next_ended(bearer_client *net);
int bearer_client_has_ended(bearer_client *net); /* is there one? */
/* The descriptor to watch for reading, made if need be; -1 where there is none. */
int bearer_client_fd(bearer_client *net);

/* ---- for the mover ---------------------------------------------------------- */

double bearer_client_now(void); /* seconds, monotonic */
void bearer_list_empty(bearer_list *list);
/* All under the mutex. Into a list, out of the one it was in. */
void bearer_client_enlist(bearer_client *net, bearer_list *list, bearer_transfer *t);
/* Out of all, for good. */
void bearer_client_unlist(bearer_client *net, bearer_transfer *t);
/* Any that is queued, under way or given up; NULL when there is none. */
bearer_transfer *bearer_client_unended(const bearer_client *net);
void bearer_transfer_free(bearer_transfer *t);

#pragma GCC visibility pop

#endif
