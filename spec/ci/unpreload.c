/* Loaded after the sanitizers: what this process starts shall run without them. */
#include <stdlib.h>

__attribute__((constructor)) static void unpreload(void) {
  unsetenv("LD_PRELOAD");
}
