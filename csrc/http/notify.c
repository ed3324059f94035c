/*
 * One byte in a pipe, or none.
 */
#include "http/notify.h"

#include <fcntl.h>
#include <unistd.h>

static int open_pipe(int ends[2]) {
#ifdef __linux__
  return pipe2(ends, O_CLOEXEC | O_NONBLOCK);
#else
  if (pipe(ends) != 0)
    return -1;
  for (int i = 0; i < 2; i++) {
    fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    fcntl(ends[i], F_SETFL, O_NONBLOCK);
  }
  return 0;
#endif
}

int bearer_notify_open(int bell[2]) {
  if (open_pipe(bell) == 0)
    return 1;
  bell[0] = bell[1] = -1;
  return 0;
}

void bearer_notify_close(int bell[2]) {
  for (int i = 0; i < 2; i++)
    if (bell[i] >= 0)
      close(bell[i]);
  bell[0] = bell[1] = -1;
}

void bearer_notify_raise(const int bell[2]) {
  ssize_t ignored = write(bell[1], "", 1);
  (void)ignored;
}

void bearer_notify_lower(const int bell[2]) {
  char byte;
  ssize_t ignored = read(bell[0], &byte, 1);
  (void)ignored;
}
