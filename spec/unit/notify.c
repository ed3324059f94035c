/*
 * The pipe that an event loop watches.
 */
#include "http/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "check.h"

static int is_ready(const int ends[2]) {
  struct pollfd news = { ends[0], POLLIN, 0 };
  return poll(&news, 1, 0) == 1 && (news.revents & POLLIN);
}

static void is_ready_while_raised(void) {
  int ends[2] = { -1, -1 };
  CHECK(bearer_notify_open(ends));
  CHECK(!is_ready(ends));
  bearer_notify_raise(ends);
  CHECK(is_ready(ends) && is_ready(ends));
  bearer_notify_lower(ends);
  CHECK(!is_ready(ends));
  bearer_notify_close(ends);
}

static void is_not_inherited_and_never_blocks(void) {
  int ends[2];
  CHECK(bearer_notify_open(ends));
  for (int i = 0; i < 2; i++) {
    CHECK(fcntl(ends[i], F_GETFD) & FD_CLOEXEC);
    CHECK(fcntl(ends[i], F_GETFL) & O_NONBLOCK);
  }
  bearer_notify_lower(ends); /* nothing is there: returns */
  bearer_notify_close(ends);
  CHECK(ends[0] == -1 && ends[1] == -1);
}

static void without_a_pipe_nothing_happens(void) {
  int ends[2] = { -1, -1 };
  bearer_notify_raise(ends);
  bearer_notify_lower(ends);
  bearer_notify_close(ends);
  bearer_notify_close(ends);
  CHECK(ends[0] == -1);
}

int main(void) {
  is_ready_while_raised();
  is_not_inherited_and_never_blocks();
  without_a_pipe_nothing_happens();
  return check_result();
}
