/*
 * What the fuzz targets share. Built with -DLIBFUZZER -fsanitize=fuzzer, libFuzzer calls
 * them; built plainly, they replay the files named as arguments.
 */
#ifndef BEARER_FUZZ_H
#define BEARER_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that no input may break: abort is what libFuzzer takes for a finding. */
#define HOLD(condition) hold((condition) != 0, __FILE__, __LINE__, #condition)

static inline void hold(int holds, const char *file, int line, const char *what) {
  if (holds)
    return;
  fprintf(stderr, "%s:%d: %s\n", file, line, what);
  abort();
}

#ifndef LIBFUZZER

static int replay(const char *name) {
  static uint8_t data[1 << 20];
  uint8_t *exact; /* so that a sanitizer sees a read behind the end */
  size_t size;
  FILE *f = fopen(name, "rb");
  if (f == NULL) {
    perror(name);
    return 1;
  }
  size = fread(data, 1, sizeof(data), f);
  fclose(f);
  exact = malloc(size > 0 ? size : 1);
  if (exact == NULL)
    return 1;
  memcpy(exact, data, size);
  LLVMFuzzerTestOneInput(exact, size);
  free(exact);
  return 0;
}

int main(int argc, char **argv) {
  int i, failed = 0;
  for (i = 1; i < argc; i++)
    failed |= replay(argv[i]);
  printf("%d replayed\n", argc - 1);
  return failed;
}

#endif
#endif
