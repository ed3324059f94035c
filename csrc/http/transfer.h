/*
 * One request on its way, and what came of it.
 */
#ifndef BEARER_TRANSFER_H
#define BEARER_TRANSFER_H

#include <curl/curl.h>

#include "base/codes.h"
#include "base/secret.h"
#include "http/material.h"
#include "http/request.h"
#include "http/response.h"

#pragma GCC visibility push(hidden)

/* How a request is sent. Texts are borrowed until bearer_client_send returns. */
typedef struct {
  long timeout_ms, connect_timeout_ms;
  size_t max_response; /* bytes, both as sent and as unpacked */
  const char *proxy, *user_agent;
  bearer_material ca_file, ca_pem, cert, key, key_password;
  bearer_pair *last_good; /* NULL = is not kept */
} bearer_send_options;

typedef struct bearer_transfer bearer_transfer;

/* A place in a list of transfers: a ring, with the list itself as one of its nodes. */
typedef struct bearer_node {
  struct bearer_node *next, *previous;
  bearer_transfer *transfer; /* whose node it is; NULL = the list itself */
} bearer_node;

struct bearer_transfer {
  /* For the caller, when it has ended. */
  void *user;
  bearer_response response; /* owned; may be taken over */
  bearer_code code;
  int sent;          /* did anything leave for the server? */
  int is_own_fault;  /* of a certificate, key or authorities that are ours: it stays */
  long proxy_status; /* what a proxy answered to CONNECT; 0 = nothing */
  char reason[CURL_ERROR_SIZE]; /* words for people */

  unsigned long id;             /* in the order in which they came, from 1 */
  struct bearer_client *client; /* borrowed; NULL when it is closed */
  bearer_node owned;            /* in the client's list, until the caller closes it */

  /* Under the mutex of its multi. */
  int ended;                    /* for the caller */
  int closed;                   /* by the caller: whoever moves it frees it */
  int begun;                    /* by who moves it, who has not let go of it yet */
  bearer_node place;            /* in the queue, or in one of the multi's lists */
  bearer_node news;             /* in the list of those that nobody was told about yet */
  struct bearer_origin *origin; /* queue.h; NULL = neither waits nor has a place */
  double deadline;              /* of bearer_transfer_now; never changed */

  /* Of who moves it alone, once it has begun. */
  CURL *easy;                                /* owned; NULL when it does not run */
  bearer_request request;                    /* owned: libcurl reads it while it sends */
  bearer_reading *reading;                   /* owned; NULL = nothing is given */
  bearer_secret proxy, no_proxy, user_agent; /* owned; .data NULL = libcurl's own */
  long connect_timeout_ms;
  size_t max_response, head_total;
  bearer_response received; /* owned, until it is the caller's */
  bearer_code outcome;
  int in_body, too_large, has_sent, uses_system_trust;
  /* each time that libcurl is about to send it: */
  int watches_sendings;   /* are we told? */
  int sendings;           /* how often */
  int is_kept_from_again; /* from being sent once more, its answer lost */
  size_t head_before;     /* head_total, then */
  const void *ssl;        /* by which it is sent, for comparison; NULL = none, unknown */
  long bytes_before;      /* of requests that had left, then; a proxy's too */
  char error[CURL_ERROR_SIZE];
};

double bearer_transfer_now(void); /* seconds, monotonic */

/* ---- lists ---- */

void bearer_list_init(bearer_node *list);
/* At the end of this one, out of the one it was in. */
void bearer_list_append(bearer_node *list, bearer_node *node);
void bearer_list_remove(bearer_node *node);                  /* safe to repeat */
bearer_transfer *bearer_list_first(const bearer_node *list); /* NULL when it is empty */

/* ---- a transfer ---- */

/* Take over *m (it is emptied), and copy what the options say. On the caller's thread,
   since the environment is read. NULL when memory ran out. */
bearer_transfer *bearer_transfer_new(bearer_request *m, const bearer_send_options *o);

/* May it be sent once more by libcurl, when its connection turns out to be dead? */
int bearer_transfer_may_repeat(const bearer_transfer *t);
/* libcurl is about to send it, perhaps not for the first time. 0: it must not. */
int bearer_transfer_before_sending(bearer_transfer *t);
/* Bytes of requests that left, those to a proxy among them. */
long bearer_transfer_bytes_sent(const bearer_transfer *t);

/* Note the result of a transfer that libcurl has ended. */
void bearer_transfer_finish(bearer_transfer *t, CURLcode result);
/* Note that it came to nothing before libcurl had it, or in spite of libcurl. */
void bearer_transfer_fail(bearer_transfer *t, bearer_code code, const char *reason);

/* Wipe and free what was needed to send it; the easy handle is gone or nobody's. */
void bearer_transfer_clear_sent(bearer_transfer *t);
/* Hand the outcome to the caller. Under the mutex. */
void bearer_transfer_publish(bearer_transfer *t);
/* Wipe and free it all. */
void bearer_transfer_free(bearer_transfer *t);

#pragma GCC visibility pop

#endif
