/*
 * Files that hold secrets, certificates or authorities.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *why_not_opened(void) {
  switch (errno) {
  case ENOENT:
  case ENOTDIR: /* a folder of its path is none */
    return "does not exist";
  case EACCES:
    return "may not be read";
  case ENXIO: /* a socket, or a device without a driver */
    return "is no regular file";
  default:
    return "cannot be opened";
  }
}

static const char *too_large(size_t most) {
  return most == BEARER_FILE_MAX ? "is larger than 1 MiB" : "is too large";
}

static const char *why_unfit(int fd, size_t most, size_t *size) {
  struct stat info;
  if (fstat(fd, &info) != 0)
    return "cannot be read";
  if (!S_ISREG(info.st_mode))
    return "is no regular file";
  if (info.st_size < 0 || (unsigned long long)info.st_size > most)
    return too_large(most);
  *size = (size_t)info.st_size;
  return NULL;
}

/* Open a file that is fit to be read. NULL, or why not: nothing is open then. */
static const char *open_file(const char *path, size_t most, int *fd, size_t *size) {
  const char *why;
  *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a pipe would wait */
  if (*fd < 0)
    return why_not_opened();
  why = why_unfit(*fd, most, size);
  if (why != NULL)
    close(*fd);
  return why;
}

/* So many bytes, fewer when the file was cut meanwhile; -1 when that failed. */
static ssize_t read_bytes(int fd, char *data, size_t size) {
  size_t got = 0;
  while (got < size) {
    ssize_t more = read(fd, data + got, size - got);
    if (more == 0)
      break;
    if (more > 0)
      got += (size_t)more;
    else if (errno != EINTR)
      return -1;
  }
  return (ssize_t)got;
}

static const char *read_all(int fd, size_t size, bearer_secret *out) {
  char *data = malloc(size + 1);
  const char *why = NULL;
  ssize_t got;
  if (data == NULL)
    return "not enough memory";
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
  size_t size = 0;
  int fd;
  const char *why = open_file(path, most, &fd, &size);
  if (why == NULL) {
    why = read_all(fd, size, out);
    close(fd);
  }
  return why;
}

/* Without opening it: whether a descriptor is to be had now says nothing about then. */
const char *bearer_file_look(const char *path, size_t most) {
  struct stat info;
  if (stat(path, &info) != 0)
    return why_not_opened();
  if (!S_ISREG(info.st_mode))
    return "is no regular file";
  if (info.st_size < 0 || (unsigned long long)info.st_size > most)
    return too_large(most);
  return access(path, R_OK) == 0 ? NULL : why_not_opened();
}

size_t bearer_file_without_newline(const char *data, size_t size) {
  if (size == 0 || data[size - 1] != '\n')
    return size;
  return size > 1 && data[size - 2] == '\r' ? size - 2 : size - 1;
}
