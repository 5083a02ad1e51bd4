// What interpreter/ keeps for each interpreter; a member of PyInterpreterState (runtime/state.h). Zero-initialised.
#pragma once

#include <Python.h>

namespace ks {

inline constexpr int kWatchers = 8;
inline constexpr int kMonitoringTools = 8;    // six that users may claim, and one each for settrace and setprofile
inline constexpr int kMonitoringEvents = 19;
inline constexpr int kLocalEvents = 11;       // the first so many can be set for one code object

struct MonitoringState {
  uint8_t global_tools[kMonitoringEvents];  // for each event, the tools that want it everywhere
  PyObject* callables[kMonitoringTools][kMonitoringEvents];
  PyObject* tool_names[kMonitoringTools];
  uint32_t tool_versions[kMonitoringTools];
  Py_ssize_t tracing_threads;    // threads with a trace function
  Py_ssize_t profiling_threads;
  bool legacy_trace_ready, legacy_profile_ready;
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
};

}  // namespace ks
