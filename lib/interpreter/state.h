// What interpreter/ keeps for each interpreter; a member of PyInterpreterState (runtime/state.h). Zero-initialised.
#pragma once

#include <Python.h>

#include "interpreter/perf_trampoline.h"

namespace ks {

inline constexpr int kWatchers = 8;
inline constexpr int kMonitoringTools = 8;    // six that users may claim, one each for setprofile and settrace
inline constexpr int kMonitoringEvents = 18;
inline constexpr int kLocalEvents = 11;       // the first so many can be set for one code object

struct MonitoringState {
  bool active;                                // some tool wants some event
  uint8_t global_tools[kMonitoringEvents];    // for each event, the tools that want it everywhere
  uint64_t version;                           // changes with every change of the sets; a multiple of 256
  uint64_t restarts;                          // changes with restart_events()
  PyObject* callables[kMonitoringTools][kMonitoringEvents];
  PyObject* tool_names[kMonitoringTools];
  uint8_t both_branches;                      // tools whose callback was registered for BRANCH: one DISABLE is for both sides
  Py_ssize_t tracing_threads;                 // threads with a trace function
  Py_ssize_t profiling_threads;
  bool any_opcode_tracing;                    // some frame has f_trace_opcodes set
};

struct InterpreterState {
  _PyFrameEvalFunction eval_frame;  // nullptr: our own
  uint32_t next_function_version;
  PyFunction_WatchCallback function_watchers[kWatchers];
  uint8_t active_function_watchers;
  PyContext_WatchCallback context_watchers[kWatchers];
  uint8_t active_context_watchers;
  PyObject* builtin_all;
  PyObject* builtin_any;
  MonitoringState monitoring;
  PerfTrampolines perf;
};

}  // namespace ks
