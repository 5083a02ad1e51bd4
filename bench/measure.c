// measure REPORT PROGRAM ARGUMENTS...: runs a program and writes "wall user sys peak-kilobytes status" to REPORT.
// A small process of its own, because the kernel counts the memory of whoever forks into the child's peak.
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

int main(int count, char** arguments) {
  if (count < 3) return 2;
  const double start = now();
  const pid_t child = fork();
  if (child == 0) {
    execv(arguments[2], arguments + 2);
    _exit(127);
  }
  int status = 0;
  struct rusage usage;
  if (child < 0 || wait4(child, &status, 0, &usage) < 0) return 2;
  const double wall = now() - start;
  FILE* report = fopen(arguments[1], "w");
  if (!report) return 2;
  fprintf(report, "%.9f %.6f %.6f %ld %d\n", wall, (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec * 1e-6,
          (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec * 1e-6, usage.ru_maxrss, status);
  return fclose(report) ? 2 : 0;
}
