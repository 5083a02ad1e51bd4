// Python functions for the profiler perf: while it is active, each code object runs through a few bytes of machine code of
// its own, whose address and name perf reads from a file (the manual: "Python support for the Linux perf profiler").
#pragma once

#include <Python.h>

#include "object/result.h"

namespace ks {

enum class PerfBackend : uint8_t {
  None,
  Map,  // "perf": /tmp/perf-PID.map
  Jit,  // "perf_jit": /tmp/jit-PID.dump, with unwinding information
};

struct PerfTrampolines {
  PerfBackend backend;
  bool persist_after_fork;
  uint32_t generation;      // of the trampolines; those of an earlier one have no name in this process's file
  unsigned char *next, *end;  // free room of the newest arena
};

// For the current interpreter. Switching the backend is possible; RuntimeError when another tool evaluates frames.
Status perf_trampoline_activate(PerfBackend backend);
void perf_trampoline_deactivate();
bool perf_trampoline_is_active();
// In a child the names go to its own file: code is prepared anew when it runs, or the parent's file is copied.
void perf_trampoline_after_fork();
// Closes the files.
void perf_trampoline_end();

}  // namespace ks
