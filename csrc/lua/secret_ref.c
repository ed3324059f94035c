/***
Secret references: where a secret is, read when a login is sent, never kept as a Lua
string.
@module bearer.core
*/
#include "lua/core.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BEARER_FILE_MAX (1024 * 1024)

typedef struct {
  char is_file;
  char name[]; /* of the variable, or the path */
} reference;

/* The size to read, or -1: a pipe or device could keep the host waiting. */
static long regular_size(int fd) {
  struct stat info;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size > BEARER_FILE_MAX)
    return -1;
  return (long)info.st_size;
}

static size_t without_newline(const char *data, size_t size) {
  if (size == 0 || data[size - 1] != '\n')
    return size;
  return size > 1 && data[size - 2] == '\r' ? size - 2 : size - 1;
}

static const char *read_all(int fd, bearer_secret *out) {
  long size = regular_size(fd);
  char *data;
  ssize_t got = 0, more = 1;
  const char *why = NULL;
  if (size < 0)
    return "is no regular file of at most 1 MiB";
  data = malloc((size_t)size + 1);
  if (data == NULL)
    return "not enough memory";
  while (more > 0 && got < size) {
    more = read(fd, data + got, (size_t)(size - got));
    if (more > 0)
      got += more;
    else if (more < 0 && errno == EINTR)
      more = 1;
  }
  if (more < 0)
    why = "cannot be read";
  else if (!bearer_secret_set(out, data, without_newline(data, (size_t)got)))
    why = "not enough memory";
  bearer_wipe(data, (size_t)size);
  free(data);
  return why;
}

static const char *read_file(const char *path, bearer_secret *out) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  const char *why;
  if (fd < 0)
    return errno == ENOENT   ? "does not exist"
           : errno == EACCES ? "may not be read"
                             : "cannot be opened";
  why = read_all(fd, out);
  close(fd);
  return why;
}

const char *bearer_reference_read(lua_State *L, int index, bearer_secret *out) {
  const reference *r = luaL_checkudata(L, index, BEARER_REFERENCE);
  const char *value, *why = NULL;
  if (r->is_file) {
    why = read_file(r->name, out);
  } else {
    value = getenv(r->name);
    if (value == NULL)
      return "is not set";
    if (!bearer_secret_set(out, value, strlen(value)))
      return "not enough memory";
  }
  return why == NULL && out->size == 0 ? "is empty" : why;
}

static int reference_new(lua_State *L, int is_file) {
  size_t size;
  const char *name = luaL_checklstring(L, 1, &size);
  reference *r;
  luaL_argcheck(L, size > 0 && strlen(name) == size, 1, "a name without NUL expected");
  r = bearer_object_new(L, BEARER_REFERENCE, sizeof(*r) + size + 1);
  r->is_file = (char)is_file;
  memcpy(r->name, name, size + 1);
  return 1;
}

/***
A secret in an environment variable.
@function env
@tparam string name of the variable
@treturn bearer.reference
*/
static int reference_env(lua_State *L) {
  return reference_new(L, 0);
}

/***
A secret in a file; its last newline is dropped. The file is read again at each login, so
that a rotated secret is noticed.
@function file
@tparam string path of a regular file of at most 1 MiB
@treturn bearer.reference
*/
static int reference_file(lua_State *L) {
  return reference_new(L, 1);
}

static int reference_tostring(lua_State *L) {
  const reference *r = luaL_checkudata(L, 1, BEARER_REFERENCE);
  lua_pushfstring(L, "%s %s", r->is_file ? "file" : "environment variable", r->name);
  return 1;
}

static const luaL_Reg metamethods[] = {
  { "__tostring", reference_tostring },
  { NULL, NULL },
};

static const luaL_Reg functions[] = {
  { "env", reference_env },
  { "file", reference_file },
  { NULL, NULL },
};

void bearer_reference_open(lua_State *L) {
  bearer_object_type(L, BEARER_REFERENCE, metamethods, NULL);
  lua_pop(L, 1);
  luaL_setfuncs(L, functions, 0);
}
