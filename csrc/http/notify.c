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

int bearer_notify_open(int ends[2]) {
  if (open_pipe(ends) == 0)
    return 1;
  ends[0] = ends[1] = -1;
  return 0;
}

void bearer_notify_close(int ends[2]) {
  for (int i = 0; i < 2; i++)
    if (ends[i] >= 0)
      close(ends[i]);
  ends[0] = ends[1] = -1;
}

void bearer_notify_raise(const int ends[2]) {
  if (ends[1] >= 0 && write(ends[1], "", 1) < 0)
    return; /* it can be read already */
}

void bearer_notify_lower(const int ends[2]) {
  char byte;
  if (ends[0] >= 0 && read(ends[0], &byte, 1) < 0)
    return;
}
