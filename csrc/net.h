/*
 * Transfers: one libcurl multi handle, made on first use and remade after fork, and the
 * requests under way on it. Nothing here waits unless it is told to, follows a redirect,
 * or can be talked out of verifying TLS.
 */
#ifndef BEARER_NET_H
#define BEARER_NET_H

#include <curl/curl.h>
#include <stddef.h>
#include <sys/types.h>

#include "buffer.h"
#include "secret.h"

#pragma GCC visibility push(hidden)

/* What is sent. All owned, all wiped. */
typedef struct {
  bearer_buffer method, url, body;
  struct curl_slist
      *headers; /* its texts and nodes are ours: see bearer_message_header */
  int has_body;
} bearer_message;

/* Append the header "name: value"; its value is copied. NULL keeps libcurl from sending
   one of its own by this name ("name:" to it; "name;" is a header without a value).
   0 when memory ran out. */
int bearer_message_header(bearer_message *m, const char *name, const char *value,
                          size_t size);
/* 1 when a header of this name, in any case, is there. */
int bearer_message_has_header(const bearer_message *m, const char *name);
void bearer_message_clear(bearer_message *m);

/* How it is sent. Texts are borrowed until bearer_net_start returns. */
typedef struct {
  long timeout_ms, connect_timeout_ms;
  size_t max_response; /* bytes, both as sent and as unpacked */
  const char *ca_file, *proxy, *user_agent;
  bearer_secret ca_pem, cert, key; /* .data NULL = not given; PEM text or a file's path */
  int once; /* spends something: never on a kept connection, where libcurl would repeat */
} bearer_options;

struct bearer_net;

/* One request and what came of it. */
typedef struct bearer_transfer {
  struct bearer_net *net;   /* borrowed, while it is in one of its lists: */
  struct bearer_list *list; /* this one */
  struct bearer_transfer *next, **link;
  unsigned long id;       /* told by bearer_net_next_ended */
  double deadline;        /* by the clock of libcurl's timers */
  CURL *easy;             /* owned; NULL unless it is queued or under way */
  bearer_message message; /* owned: libcurl reads it while it sends */
  bearer_buffer head;     /* the lines of the last header block */
  bearer_buffer body;
  size_t max_response, head_total;
  long status;
  CURLcode result;
  int ended, sent, too_large, in_body, forked;
  char reason[CURL_ERROR_SIZE];
} bearer_transfer;

/* Borrowed transfers, oldest first. */
typedef struct bearer_list {
  bearer_transfer *first, **end;
} bearer_list;

typedef struct bearer_net {
  CURLM *multi;  /* owned; NULL before the first transfer */
  CURLSH *share; /* owned: TLS sessions, to be resumed */
  pid_t pid;     /* whose multi it is */
  int poll_fd;   /* owned: an epoll descriptor over libcurl's sockets; -1 = none */
  double due;    /* when libcurl wants to be called, monotonic seconds; < 0 = never */
  bearer_list queued; /* not begun: each poll begins as many as it has time for */
  bearer_list under_way;
  bearer_list ended;     /* those nobody was told about yet */
  int running, waiting;  /* how many are under way, and queued */
  int most;              /* that may be under way: descriptors are limited */
  long most_connections; /* as libcurl was told last */
  double begun;          /* when the last one was begun, monotonic seconds */
  int timers_first;      /* at the next step */
  unsigned long last_id;
} bearer_net;

void bearer_net_init(bearer_net *net);
/* End every transfer, close every connection. Safe to repeat. */
void bearer_net_close(bearer_net *net);

/* Take over *m (it is emptied) and have it begun by the next poll. 0: it has ended, and
   t->result and t->reason say why. */
int bearer_net_start(bearer_net *net, bearer_transfer *t, bearer_message *m,
                     const bearer_options *o);
/* Abort if it runs; wipe and free what it holds. Safe to repeat. */
void bearer_transfer_close(bearer_transfer *t);

/* Wait at most max_ms for news, advance what there is to advance, and begin nothing more
   after `work` seconds of that: a frame or an event loop is waiting. What cannot be cut,
   one step of a TLS handshake above all, takes most of a millisecond, and may come last.
   How many transfers are under way or queued. */
int bearer_net_poll(bearer_net *net, long max_ms, double work);
/* The id of a transfer that has ended, each once; 0 when there is none. */
unsigned long bearer_net_next_ended(bearer_net *net);
/* Milliseconds until poll wants to be called although poll_fd is silent; -1 = never. */
long bearer_net_timeout(const bearer_net *net);
/* The descriptor to watch for reading, made if need be; -1 where there is none. */
int bearer_net_fd(bearer_net *net);

#pragma GCC visibility pop

#endif
