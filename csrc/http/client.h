/*
 * The caller's side: have a request sent, learn that it has ended. Nothing here but
 * bearer_client_wait waits for a lookup, a handshake or a disk, follows a redirect, or
 * can be talked out of verifying TLS. A client is used by one thread at a time.
 */
#ifndef BEARER_CLIENT_H
#define BEARER_CLIENT_H

#include "http/transfer.h"
#include "http/worker.h"

#pragma GCC visibility push(hidden)

typedef struct bearer_client {
  bearer_worker worker;
  bearer_node transfers; /* all that nobody has closed yet */
  unsigned long last_id;
  double looked; /* when their deadlines were last looked at */
  int closed;    /* for good */
} bearer_client;

/* Costs nothing to speak of: threads and descriptors come with the first transfer. */
void bearer_client_init(bearer_client *client);
/* End every transfer, close every connection. Safe to repeat. */
void bearer_client_close(bearer_client *client);

/* Take over *m (it is emptied) and have it sent. The transfer is the caller's, who closes
   it; it may have ended at once. NULL when memory ran out. */
bearer_transfer *bearer_client_send(bearer_client *client, bearer_request *m,
                                    const bearer_send_options *o, void *user);
/* Also 1 s after its deadline, whatever the thread that moves it is at. */
int bearer_transfer_has_ended(bearer_transfer *t);
/* Abort if it runs; wipe and free it. NULL is fine. */
void bearer_transfer_close(bearer_transfer *t);

/* Is the caller going to wait, by bearer_client_wait, for what it sends from now on? */
void bearer_client_expect_wait(bearer_client *client, int waits);
/* As bearer_client_poll, but the transfers are moved by the caller itself, when there
   were none before: it waits for its own handshake then, and even for that of another. */
int bearer_client_wait(bearer_client *client, long max_ms);
/* Wait at most max_ms for one to end. How many have not. */
int bearer_client_poll(bearer_client *client, long max_ms);
/* One that has ended, each once; NULL when there is none. */
bearer_transfer *bearer_client_next_ended(bearer_client *client);
int bearer_client_has_ended(bearer_client *client); /* is there one? */
/* The descriptor to watch for reading, made if need be; -1 where there is none. In a
   child of fork it is another. */
int bearer_client_fd(bearer_client *client);
/* 0 when the system grants no thread: then transfers move while bearer_client_poll or
   bearer_transfer_has_ended is called, every few milliseconds, and not otherwise. */
int bearer_client_moves_itself(const bearer_client *client);

#pragma GCC visibility pop

#endif
