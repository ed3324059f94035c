/*
 * Who is told of a fork and of the exit, and what a child is left with.
 */
#include "http/fork.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "http/client.h"

#include "check.h"
#include "server.h"

/* ---- who is told ------------------------------------------------------------- */

static char told[100];

static void tell(const char *what, void *user) {
  strcat(told, what);
  strcat(told, user);
}

static void prepare(void *user) {
  tell(" prepare ", user);
}

static void parent(void *user) {
  tell(" parent ", user);
}

static void child(void *user) {
  tell(" child ", user);
}

static void at_exit(void *user) {
  tell(" exit ", user);
}

static int wait_for(pid_t pid) {
  int status = -1;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

static void entries_are_told(void) {
  static char names[] = "a\0b";
  static bearer_fork_entry a = { prepare, parent, child, at_exit, names, NULL, NULL };
  static bearer_fork_entry b = { NULL, NULL, NULL, at_exit, names + 2, NULL, NULL };
  pid_t pid;
  bearer_fork_lock();
  bearer_fork_enter(&a);
  bearer_fork_enter(&b);
  bearer_fork_unlock();
  CHECK(bearer_fork_count() == 0 && !bearer_fork_exits());
  pid = fork();
  if (pid == 0)
    _exit(bearer_fork_count() == 1 && !strcmp(told, " prepare a child a") ? 0 : 1);
  CHECK(wait_for(pid) == 0);
  CHECK(strcmp(told, " prepare a parent a") == 0);
  CHECK(bearer_fork_count() == 0);
  bearer_fork_lock();
  bearer_fork_leave(&a);
  bearer_fork_leave(&a); /* twice is fine */
  bearer_fork_leave(&b);
  bearer_fork_unlock();
  pid = fork();
  if (pid == 0)
    _exit(0);
  CHECK(wait_for(pid) == 0);
  CHECK(strcmp(told, " prepare a parent a") == 0);
}

/* ---- a client ---------------------------------------------------------------- */

static bearer_client client;

static bearer_transfer *send_to(const char *path) {
  bearer_request m = { 0 };
  bearer_send_options o;
  char url[100];
  memset(&o, 0, sizeof(o));
  o.timeout_ms = o.connect_timeout_ms = 100000;
  o.max_response = 10000;
  snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", server_port, path);
  bearer_buffer_text(&m.method, "GET");
  bearer_buffer_text(&m.url, url);
  bearer_request_header(&m, "Authorization", "Bearer secret", 13);
  return bearer_client_send(&client, &m, &o, NULL);
}

static int ends_well(bearer_transfer *t) {
  int ok;
  while (!bearer_transfer_has_ended(t))
    bearer_client_poll(&client, 1000);
  ok = t->code == BEARER_OK && t->response.status == 200;
  bearer_transfer_close(t);
  return ok;
}

static int descriptors(void) {
  int count = 0;
  for (int fd = 0; fd < 256; fd++)
    count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

/* What is under way is the parent's; the child has none of its descriptors, and begins
   anew. Which of its checks failed, or 0. */
static int look_round_in_child(bearer_transfer *slow, bearer_transfer *mute, int fewer) {
  bearer_transfer *t;
  if (!bearer_transfer_has_ended(slow) || slow->code != BEARER_FORKED || !slow->sent)
    return 1;
  if (mute->code != BEARER_FORKED || mute->request.headers != NULL)
    return 2; /* the texts are gone as well */
  if (descriptors() > fewer)
    return 3;
  if (bearer_client_poll(&client, 0) != 0)
    return 4;
  t = bearer_client_next_ended(&client);
  if (t == NULL || bearer_client_next_ended(&client) == NULL)
    return 5;
  if (!ends_well(send_to("/ok")))
    return 6;
  bearer_transfer_close(slow);
  bearer_transfer_close(mute);
  bearer_client_close(&client);
  return 0;
}

static void a_child_begins_anew(void) {
  bearer_transfer *slow, *mute;
  int before, ours;
  pid_t pid;
  bearer_client_init(&client);
  before = descriptors();
  CHECK(ends_well(send_to("/ok")));
  slow = send_to("/slow");
  mute = send_to("/mute");
  bearer_client_poll(&client, 100);
  ours = descriptors() - before; /* with the server's ends of the connections */
  CHECK(ours >= 2 + 2 * 2);
  pid = fork();
  if (pid == 0)
    _exit(look_round_in_child(slow, mute, before + 2));
  CHECK(wait_for(pid) == 0);
  CHECK(ends_well(slow)); /* the parent has lost nothing */
  bearer_transfer_close(mute);
  bearer_client_close(&client);
}

/* As daemons do: close all descriptors, and open files of one's own under their numbers.
 */
static int become_a_daemon(const char *path) {
  struct stat info;
  int fds[64], size = 0;
  for (int fd = 0; fd < 256; fd++)
    close(fd);
  for (int i = 0; i < 64; i++)
    fds[i] = open(path, O_CREAT | O_WRONLY | O_APPEND, 0600);
  for (int i = 0; i < 3; i++)
    if (!ends_well(send_to("/ok")))
      return 1;
  bearer_client_close(&client);
  for (int i = 0; i < 64; i++) {
    if (fstat(fds[i], &info) != 0 || write(fds[i], "x", 1) != 1)
      return 2; /* somebody has closed the host's file */
    size++;
  }
  return fstat(fds[0], &info) == 0 && info.st_size == size ? 0 : 3; /* or written to it */
}

static void a_daemon_keeps_its_log_files(void) {
  char path[] = "/tmp/bearer-unit-XXXXXX";
  int fd = mkstemp(path);
  bearer_transfer *t;
  pid_t pid;
  bearer_client_init(&client);
  CHECK(ends_well(send_to("/ok")));
  t = send_to("/mute");
  bearer_client_poll(&client, 50);
  pid = fork();
  if (pid == 0)
    _exit(become_a_daemon(path));
  CHECK(wait_for(pid) == 0);
  close(fd);
  unlink(path);
  bearer_transfer_close(t);
  bearer_client_close(&client);
}

#ifndef __SANITIZE_ADDRESS__
/* A fork while the thread starts, connects, reads. */
static void forks_in_first_use(void) {
  int well = 0, count = 40;
  for (int i = 0; i < count; i++) {
    bearer_transfer *t;
    pid_t pid;
    bearer_client_init(&client);
    t = send_to("/ok");
    usleep((unsigned)(i % 8) * 100);
    pid = fork();
    if (pid == 0) {
      alarm(300);
      bearer_transfer_close(t);
      _exit(ends_well(send_to("/ok")) ? 0 : 1);
    }
    well += (wait_for(pid) == 0) & ends_well(t);
    bearer_client_close(&client);
  }
  CHECK(well == count);
}
#endif

/* ---- exit -------------------------------------------------------------------- */

static int is_leaving;

/* A handler that was there before ours runs after it: OpenSSL may be gone by then. */
static void late(void) {
  bearer_transfer *t;
  if (!is_leaving)
    return;
  t = send_to("/ok");
  if (!bearer_fork_exits() || !bearer_transfer_has_ended(t) || t->code != BEARER_NETWORK)
    _exit(8);
  bearer_transfer_close(t);
  bearer_client_close(&client);
  _exit(7);
}

static void nothing_is_begun_once_the_process_exits(void) {
  pid_t pid;
  bearer_client_init(&client);
  pid = fork();
  if (pid == 0) {
    alarm(300);
    if (!ends_well(send_to("/ok")))
      _exit(9);
    bearer_client_poll(&client, send_to("/mute") != NULL ? 20 : 0);
    is_leaving = 1;
    exit(0);
  }
  CHECK(wait_for(pid) == 7);
  bearer_client_close(&client);
}

int main(void) {
  alarm(600);
  CHECK(atexit(late) == 0);
  CHECK(bearer_fork_init());
  CHECK(bearer_fork_init()); /* once */
  CHECK(server_start());
  entries_are_told();
  a_child_begins_anew();
  a_daemon_keeps_its_log_files();
#ifndef __SANITIZE_ADDRESS__ /* gcc's leaves its own locks locked in the child */
  forks_in_first_use();
#endif
  nothing_is_begun_once_the_process_exits();
  return check_result();
}
