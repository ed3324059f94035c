/*
 * Lua states in threads of one process, and what plain Lua lacks to test with:
 *   states COUNT SECONDS SCRIPT ARGS...
 * runs the script in COUNT states at once, closes them, and lives on for SECONDS, in
 * which a thread that a state left behind may end. Prints how long each closing took at
 * most, in milliseconds, and how many descriptors are left over. The script has fork(),
 * wait(pid), leave(status), close_all(), out_of_threads(boolean), slow_steps(boolean),
 * stall(), and leaks(), after which nobody looks for leaks. Looking up a host that opens
 * with "stuck" takes two seconds and fails; so does opening a file in a folder hangs.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <netdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int argument_count;
static char **arguments;

typedef struct {
  pthread_t thread;
  int failed;
  double closing; /* seconds */
} state;

static unsigned stuck = 2; /* seconds that a stuck lookup or file takes: STUCK_SECONDS */

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Stands before libc's, so that libcurl calls this one. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result) {
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
  if (node != NULL && strncmp(node, "stuck", 5) == 0) {
    sleep(stuck);
    return EAI_AGAIN;
  }
  *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
  return real(node, service, hints, result);
}

/* As on a file system whose server is gone. */
int open(const char *path, int flags, ...) {
  int (*real)(const char *, int, ...);
  mode_t mode = 0;
  if (flags & O_CREAT) {
    va_list list;
    va_start(list, flags);
    mode = va_arg(list, mode_t);
    va_end(list);
  }
  if (strstr(path, "/hangs/") != NULL)
    sleep(stuck);
  *(void **)&real = dlsym(RTLD_NEXT, "open");
  return real(path, flags, mode);
}

/* The environment is the host's main thread's: it may be changing it. */
char *getenv(const char *name) {
  char *(*real)(const char *), thread[16] = "";
  pthread_getname_np(pthread_self(), thread, sizeof(thread));
  if (strcmp(thread, "bearer") == 0) {
    fprintf(stderr, "%s is asked for in a thread of its own\n", name);
    abort();
  }
  *(void **)&real = dlsym(RTLD_NEXT, "getenv");
  return real(name);
}

static int steps_are_slow;

/* Makes room for what happens while the worker is in the midst of a step. */
int curl_multi_perform(void *multi, int *running);
int curl_multi_perform(void *multi, int *running) {
  int (*real)(void *, int *);
  if (__atomic_load_n(&steps_are_slow, __ATOMIC_RELAXED))
    usleep(20000);
  *(void **)&real = dlsym(dlopen("libcurl.so.4", RTLD_LAZY), "curl_multi_perform");
  return real(multi, running);
}

static int l_slow_steps(lua_State *L) {
  __atomic_store_n(&steps_are_slow, lua_toboolean(L, 1), __ATOMIC_RELAXED);
  return 0;
}

static int threads_are_out;

/* As does libc's, when there are too many. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                   void *(*f)(void *), void *user) {
  int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  if (threads_are_out)
    return EAGAIN;
  *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
  return real(thread, attributes, f, user);
}

static int l_out_of_threads(lua_State *L) {
  threads_are_out = lua_toboolean(L, 1);
  return 0;
}

static double stalls; /* seconds */

static void *watch(void *user) {
  (void)user;
  for (double before = now(), sum = 0;; before = now()) {
    usleep(1000);
    if (now() - before < 0.01)
      continue;
    sum += now() - before;
    __atomic_store(&stalls, &sum, __ATOMIC_RELAXED);
  }
}

/* Seconds that the machine stood still, since this was first asked. */
static int l_stall(lua_State *L) {
  static pthread_t thread;
  double seconds;
  if (thread == 0 && pthread_create(&thread, NULL, watch, NULL) != 0)
    return luaL_error(L, "no thread");
  __atomic_load(&stalls, &seconds, __ATOMIC_RELAXED);
  lua_pushnumber(L, seconds);
  return 1;
}

static int leaks; /* as they must */

int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) {
  return leaks;
}

static int l_leaks(lua_State *L) {
  (void)L;
  leaks = 1;
  return 0;
}

static int l_fork(lua_State *L) {
  pid_t pid;
  fflush(NULL);
  pid = fork();
  leaks |= pid == 0; /* a child loses what only a thread of its parent's knew */
  lua_pushinteger(L, pid);
  return 1;
}

static int l_wait(lua_State *L) {
  int status = 0;
  waitpid((pid_t)luaL_checkinteger(L, 1), &status, 0);
  lua_pushinteger(L, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  return 1;
}

static int l_leave(lua_State *L) {
  fflush(NULL);
  _exit((int)luaL_checkinteger(L, 1));
}

/* As daemons do: but for the standard ones, of which the host's output is two. */
static int l_close_all(lua_State *L) {
  (void)L;
  for (int fd = 3; fd < 1024; fd++)
    close(fd);
  return 0;
}

static void prepare(lua_State *L) {
  luaL_openlibs(L);
  lua_register(L, "fork", l_fork);
  lua_register(L, "wait", l_wait);
  lua_register(L, "leave", l_leave);
  lua_register(L, "close_all", l_close_all);
  lua_register(L, "leaks", l_leaks);
  lua_register(L, "slow_steps", l_slow_steps);
  lua_register(L, "stall", l_stall);
  lua_register(L, "out_of_threads", l_out_of_threads);
  lua_newtable(L);
  for (int i = 3; i < argument_count; i++) {
    lua_pushstring(L, arguments[i]);
    lua_rawseti(L, -2, i - 3);
  }
  lua_setglobal(L, "arg");
}

static void *run(void *user) {
  state *s = user;
  lua_State *L = luaL_newstate();
  prepare(L);
  if (luaL_loadfile(L, arguments[3]) != 0 || lua_pcall(L, 0, 0, 0) != 0) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    s->failed = 1;
  }
  s->closing = now();
  lua_close(L);
  s->closing = now() - s->closing;
  return NULL;
}

static int descriptors(void) {
  int count = 0;
  DIR *dir = opendir("/proc/self/fd");
  while (dir != NULL && readdir(dir) != NULL)
    count++;
  if (dir != NULL)
    closedir(dir);
  return count;
}

int main(int argc, char **argv) {
  static state states[16];
  int count, before = descriptors(), failed = 0;
  double longest = 0;
  if (argc < 4 || (count = atoi(argv[1])) < 1 || count > 16)
    return 2;
  argument_count = argc;
  arguments = argv;
  if (getenv("STUCK_SECONDS") != NULL)
    stuck = (unsigned)atoi(getenv("STUCK_SECONDS"));
  for (int i = 0; i < count; i++)
    if (pthread_create(&states[i].thread, NULL, run, &states[i]) != 0)
      return 2;
  for (int i = 0; i < count; i++) {
    pthread_join(states[i].thread, NULL);
    failed |= states[i].failed;
    longest = states[i].closing > longest ? states[i].closing : longest;
  }
  sleep((unsigned)atoi(argv[2]));
  printf("closed in %.0f ms\n%d descriptors left\n", longest * 1000,
         descriptors() - before);
  return failed;
}
