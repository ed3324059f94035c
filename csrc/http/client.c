/*
 * The caller's side: sending, asking, waiting, closing.
 */
#include "http/client.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

#include "http/fork.h"

#define GRACE                                                                            \
  1.0 /* seconds after its deadline that a transfer is given to end by itself */
#define LOOK 0.1 /* seconds between two looks at all deadlines */

static void lock(bearer_client *client) {
  pthread_mutex_lock(&client->worker.multi.mutex);
}

static void unlock(bearer_client *client) {
  pthread_mutex_unlock(&client->worker.multi.mutex);
}

/* ---- opening, closing -------------------------------------------------------- */

/* A quarter of the descriptors that the process may have, within reason. */
static int most_transfers(void) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur > 1024)
    return 256;
  return files.rlim_cur < 32 ? 8 : (int)(files.rlim_cur / 4);
}

void bearer_client_init(bearer_client *client) {
  memset(client, 0, sizeof(*client));
  bearer_worker_init(&client->worker, most_transfers());
  bearer_list_init(&client->transfers);
}

/* What nobody has closed yet lives on without the client. */
void bearer_client_close(bearer_client *client) {
  bearer_transfer *t;
  client->closed = 1;
  bearer_worker_close(&client->worker);
  while ((t = bearer_list_first(&client->transfers)) != NULL) {
    bearer_list_remove(&t->owned);
    bearer_list_remove(&t->news);
    t->client = NULL;
  }
}

/* ---- sending ----------------------------------------------------------------- */

/* A finalizer may ask for it when the client has been closed: Lua decides which runs
   first. */
static const char *why_not(bearer_client *client) {
  if (client->closed)
    return "the Lua state is closing";
  if (!bearer_fork_init())
    return "libcurl cannot be used";
  bearer_worker_open(&client->worker);
  return NULL;
}

/* It ends without having been begun. */
static void fail(bearer_client *client, bearer_transfer *t, const char *why) {
  lock(client);
  client->worker.multi.open++;
  bearer_multi_fail(&client->worker.multi, t, BEARER_MEMORY, why);
  unlock(client);
}

bearer_transfer *bearer_client_send(bearer_client *client, bearer_request *m,
                                    const bearer_send_options *o, void *user) {
  bearer_transfer *t = bearer_transfer_new(m, o);
  const char *why;
  if (t == NULL)
    return NULL;
  t->client = client;
  t->user = user;
  t->id = ++client->last_id;
  bearer_list_append(&client->transfers, &t->owned);
  why = why_not(client);
  if (why != NULL)
    fail(client, t, why);
  else
    bearer_worker_add(&client->worker, t);
  return t;
}

/* ---- its end ----------------------------------------------------------------- */

static int is_overdue(const bearer_transfer *t, double instant) {
  return !t->ended && instant > t->deadline + GRACE;
}

int bearer_transfer_has_ended(bearer_transfer *t) {
  bearer_client *client = t->client;
  int ended, overdue;
  if (client == NULL)
    return 1;
  bearer_worker_move(&client->worker, 0);
  lock(client);
  overdue = !t->ended && is_overdue(t, bearer_transfer_now());
  if (overdue)
    bearer_multi_time_out(&client->worker.multi, t);
  ended = t->ended;
  unlock(client);
  if (overdue) /* should it not be stuck, but have missed it */
    bearer_multi_wake(&client->worker.multi);
  return ended;
}

void bearer_transfer_close(bearer_transfer *t) {
  bearer_client *client = t != NULL ? t->client : NULL;
  int is_free = 1;
  if (t == NULL)
    return;
  if (client != NULL) {
    bearer_list_remove(&t->owned);
    lock(client);
    is_free = bearer_multi_drop(&client->worker.multi, t);
    unlock(client);
  }
  if (is_free)
    bearer_transfer_free(t);
  else
    bearer_multi_wake(&client->worker.multi);
}

/* ---- polling ----------------------------------------------------------------- */

/* End what should have ended long ago: the thread may be stuck. Now and then. */
static void look_at_deadlines(bearer_client *client) {
  double instant = bearer_transfer_now();
  if (instant < client->looked + LOOK)
    return;
  client->looked = instant;
  lock(client);
  for (bearer_node *n = client->transfers.next; n != &client->transfers; n = n->next)
    if (is_overdue(n->transfer, instant))
      bearer_multi_time_out(&client->worker.multi, n->transfer);
  unlock(client);
}

static int count(bearer_client *client, int *ended) {
  int open;
  lock(client);
  open = client->worker.multi.open;
  *ended = bearer_list_first(&client->worker.multi.ended) != NULL;
  unlock(client);
  if (open > 0)
    look_at_deadlines(client);
  return open;
}

/* In pieces, since no signal ends a wait: the host's handlers get their turn. */
static void wait_for_news(bearer_client *client, long ms) {
  const long piece = 100;
  int ended = 0;
  for (; ms > 0 && !ended; ms -= piece) {
    bearer_multi_wait_for_news(&client->worker.multi, ms < piece ? ms : piece);
    count(client, &ended);
  }
}

void bearer_client_expect_wait(bearer_client *client, int waits) {
  client->worker.caller_waits = waits;
}

int bearer_client_wait(bearer_client *client, long max_ms) {
  int ended;
  if (max_ms > 0 && bearer_worker_lead(&client->worker, max_ms))
    return count(client, &ended);
  return bearer_client_poll(client, max_ms);
}

int bearer_client_poll(bearer_client *client, long max_ms) {
  int ended, open;
  bearer_worker_release(&client->worker);
  bearer_worker_move(&client->worker, max_ms);
  open = count(client, &ended);
  if (max_ms <= 0 || ended || !bearer_client_moves_itself(client))
    return open;
  wait_for_news(client, max_ms);
  return count(client, &ended);
}

bearer_transfer *bearer_client_next_ended(bearer_client *client) {
  bearer_transfer *t;
  bearer_worker_release(&client->worker);
  lock(client);
  t = bearer_list_first(&client->worker.multi.ended);
  if (t != NULL)
    bearer_multi_told(&client->worker.multi, t);
  unlock(client);
  return t;
}

int bearer_client_has_ended(bearer_client *client) {
  int ended;
  count(client, &ended);
  return ended;
}

int bearer_client_fd(bearer_client *client) {
  bearer_multi *m = &client->worker.multi;
  if (client->closed || !bearer_fork_init())
    return -1;
  bearer_worker_open(&client->worker);
  lock(client);
  if (m->notify[0] >= 0 && fcntl(m->notify[0], F_GETFD) < 0) /* the host has closed it */
    m->notify[0] = m->notify[1] = -1;
  bearer_multi_open_pipe(m);
  unlock(client);
  return m->notify[0];
}

int bearer_client_moves_itself(const bearer_client *client) {
  return !client->worker.refused;
}
