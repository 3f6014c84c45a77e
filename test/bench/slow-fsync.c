// LD_PRELOAD shim: adds SLOW_FSYNC_US microseconds to every fsync, to stand in for the disk of a laptop.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static void pause_after_sync(void) {
  static long microseconds = -1;
  if (microseconds < 0) {
    const char *text = getenv("SLOW_FSYNC_US");
    microseconds = text ? atol(text) : 0;
  }
  struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};
  if (microseconds > 0) nanosleep(&time, NULL);
}

int fsync(int descriptor) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  int result = real(descriptor);
  pause_after_sync();
  return result;
}

int fdatasync(int descriptor) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  int result = real(descriptor);
  pause_after_sync();
  return result;
}
