/*
 * Files of secrets: what is read, and the words for what is not.
 */
#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"

static char folder[] = "/tmp/bearer-file-XXXXXX";

static const char *path_of(const char *name) { /* until the next call */
  static char path[sizeof(folder) + 32];
  snprintf(path, sizeof(path), "%s/%s", folder, name);
  return path;
}

static void write_file(const char *name, const void *data, size_t size) {
  FILE *f = fopen(path_of(name), "wb");
  if (CHECK(f != NULL)) {
    CHECK(fwrite(data, 1, size, f) == size);
    fclose(f);
  }
}

static void reads(const char *name, const char *want, size_t size) {
  bearer_secret s = { 0 };
  CHECK(bearer_file_look(path_of(name), BEARER_FILE_MAX) == NULL);
  CHECK(bearer_file_read(path_of(name), BEARER_FILE_MAX, &s) == NULL);
  SAME(s.data, s.size, want, size);
  bearer_secret_clear(&s);
}

static void refuses(const char *path, size_t most, const char *want, int line) {
  bearer_secret s = { 0 };
  const char *read = bearer_file_read(path, most, &s);
  const char *look = bearer_file_look(path, most);
  if (read == NULL || look == NULL)
    read = look = "nothing is wrong";
  check_same(read, strlen(read), want, strlen(want), __FILE__, line);
  check_same(look, strlen(look), want, strlen(want), __FILE__, line);
  CHECK(s.data == NULL);
  bearer_secret_clear(&s);
}

#define REFUSES(path, most, want) refuses(path, most, want, __LINE__)

static void reads_all_of_it(void) {
  bearer_secret s = { 0 };
  write_file("empty", "", 0);
  reads("empty", "", 0);
  write_file("bytes", "s3\0cret\r\n", 9);
  reads("bytes", "s3\0cret\r\n", 9);
  CHECK(symlink("bytes", path_of("link")) == 0); /* as containers mount secrets */
  reads("link", "s3\0cret\r\n", 9);
  CHECK(bearer_secret_set(&s, "old", 3)); /* is replaced */
  CHECK(bearer_file_read(path_of("bytes"), 9, &s) == NULL);
  SAME(s.data, s.size, "s3\0cret\r\n", 9);
  bearer_secret_clear(&s);
}

static void reads_up_to_so_many_bytes(void) {
  char *data = calloc(1, BEARER_FILE_MAX + 1);
  memset(data, 'x', BEARER_FILE_MAX + 1);
  write_file("large", data, BEARER_FILE_MAX);
  reads("large", data, BEARER_FILE_MAX);
  write_file("large", data, BEARER_FILE_MAX + 1);
  REFUSES(path_of("large"), BEARER_FILE_MAX, "is larger than 1 MiB");
  REFUSES(path_of("large"), 1000, "is too large");
  REFUSES(path_of("bytes"), 8, "is too large");
  CHECK(bearer_file_look(path_of("large"), 2 * BEARER_FILE_MAX) == NULL);
  free(data);
}

static void tells_why_not(void) {
  REFUSES(path_of("nothing"), BEARER_FILE_MAX, "does not exist");
  REFUSES("", BEARER_FILE_MAX, "does not exist");
  REFUSES(path_of("bytes/x"), BEARER_FILE_MAX, "does not exist"); /* no folder */
  if (geteuid() != 0) {                                           /* root may read all */
    CHECK(chmod(path_of("bytes"), 0) == 0);
    REFUSES(path_of("bytes"), BEARER_FILE_MAX, "may not be read");
    CHECK(chmod(path_of("bytes"), 0600) == 0);
  }
}

static void open_socket(const char *name) {
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  snprintf(address.sun_path, sizeof(address.sun_path), "%s", path_of(name));
  CHECK(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
  close(fd);
}

static void waits_for_no_pipe_or_device(void) {
  CHECK(mkfifo(path_of("pipe"), 0600) == 0);
  open_socket("socket");
  REFUSES(folder, BEARER_FILE_MAX, "is no regular file");
  REFUSES(path_of("pipe"), BEARER_FILE_MAX, "is no regular file");
  REFUSES(path_of("socket"), BEARER_FILE_MAX, "is no regular file");
  REFUSES("/dev/null", BEARER_FILE_MAX, "is no regular file");
  REFUSES("/dev/zero", BEARER_FILE_MAX, "is no regular file");
}

static int open_files(void) {
  int fd = open("/dev/null", O_RDONLY);
  close(fd);
  return fd;
}

static void leaves_no_file_open(void) {
  int before = open_files();
  reads("bytes", "s3\0cret\r\n", 9);
  REFUSES(folder, BEARER_FILE_MAX, "is no regular file");
  REFUSES(path_of("large"), BEARER_FILE_MAX, "is larger than 1 MiB");
  CHECK(open_files() == before);
}

static void drops_one_newline(void) {
  CHECK(bearer_file_without_newline("", 0) == 0);
  CHECK(bearer_file_without_newline("a", 1) == 1);
  CHECK(bearer_file_without_newline("a\n", 2) == 1);
  CHECK(bearer_file_without_newline("a\r\n", 3) == 1);
  CHECK(bearer_file_without_newline("a\n\n", 3) == 2);
  CHECK(bearer_file_without_newline("a\r", 2) == 2);
  CHECK(bearer_file_without_newline("\n", 1) == 0);
  CHECK(bearer_file_without_newline("\r\n", 2) == 0);
  CHECK(bearer_file_without_newline("a \n", 3) == 2); /* a space may be meant */
}

static void clean_up(void) {
  static const char *const names[] = {
    "empty", "bytes", "link", "large", "pipe", "socket"
  };
  for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
    unlink(path_of(names[i]));
  CHECK(rmdir(folder) == 0);
}

int main(void) {
  if (!CHECK(mkdtemp(folder) != NULL))
    return check_result();
  reads_all_of_it();
  reads_up_to_so_many_bytes();
  tells_why_not();
  waits_for_no_pipe_or_device();
  leaves_no_file_open();
  drops_one_newline();
  clean_up();
  return check_result();
}
