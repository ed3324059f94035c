/*
 * Small files, read whole.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* NULL when it may be read. */
static const char *regular_size(int fd, size_t most, size_t *size) {
  struct stat info;
  if (fstat(fd, &info) != 0)
    return "cannot be read";
  if (!S_ISREG(info.st_mode))
    return "is no regular file";
  if ((unsigned long long)info.st_size > most)
    return "is too large";
  *size = (size_t)info.st_size;
  return NULL;
}

/* How many bytes came; -1 when reading failed. */
static ssize_t read_bytes(int fd, char *data, size_t size) {
  size_t got = 0;
  while (got < size) {
    ssize_t more = read(fd, data + got, size - got);
    if (more < 0 && errno == EINTR)
      continue;
    if (more < 0)
      return -1;
    if (more == 0)
      break;
    got += (size_t)more;
  }
  return (ssize_t)got;
}

static const char *read_all(int fd, size_t most, bearer_secret *out) {
  size_t size = 0;
  const char *why = regular_size(fd, most, &size);
  char *data = why == NULL ? malloc(size + 1) : NULL;
  ssize_t got;
  if (data == NULL)
    return why != NULL ? why : "not enough memory";
  got = read_bytes(fd, data, size);
  if (got < 0)
    why = "cannot be read";
  else if (!bearer_secret_set(out, data, (size_t)got))
    why = "not enough memory";
  bearer_wipe(data, size);
  free(data);
  return why;
}

const char *bearer_file_read(const char *path, size_t most, bearer_secret *out) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  const char *why;
  if (fd < 0)
    return errno == ENOENT   ? "does not exist"
           : errno == EACCES ? "may not be read"
                             : "cannot be opened";
  why = read_all(fd, most, out);
  close(fd);
  return why;
}
