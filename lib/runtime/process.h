// What the process has once, whatever interpreters come and go: the only mutable static data of the library.
#pragma once

#include <Python.h>
#include <pthread.h>
#include <signal.h>

#include "runtime/runtime_state.h"

namespace ks {

struct SignalSlot {
  PyObject* handler;        // owned; the Python level handler, None where there is none of ours
  volatile sig_atomic_t tripped;
};

struct AuditHook {
  Py_AuditHookFunction function;
  void* data;
  AuditHook* next;
};

struct Runtime {
  bool preinitializing, preinitialized;
  bool core_initialized, initialized;
  bool global_scope;                    // our library's names have been made global
  PyThreadState* finalizing;            // the thread that finalises the main interpreter
  unsigned long finalizing_id;
  unsigned long main_thread;            // identity of the thread that initialised
  PyInterpreterState* first;            // newest first
  PyInterpreterState* main;
  int64_t next_interpreter_id;
  uint64_t next_thread_id;
  pthread_mutex_t mutex;                // guards the lists of interpreters and of thread handles
  struct ThreadHandle* thread_handles;  // of all interpreters (modules/_thread.cpp)
  Gil main_gil;

  PyPreConfig preconfig;
  PyWideStringList orig_argv;
  char* original_locale;

  void (*exit_functions[32])(void);
  int exit_count;

  struct _inittab* inittab;             // copy of PyImport_Inittab as it was, for PyImport_ExtendInittab
  void* extensions;                     // ks::import: single-phase modules by (file, name)
  pthread_mutex_t extensions_mutex;
  pthread_mutex_t late_types_mutex;     // recursive: held while a module readies its static types (static_types_ready_late)

  SignalSlot signals[NSIG];
  volatile sig_atomic_t any_signal;
  int wakeup_fd;                        // plus one: 0 is "none"
  bool wakeup_warn_on_full;
  PyObject* default_int_handler;
  PyObject* signal_default;             // SIG_DFL and SIG_IGN as enum-less ints
  PyObject* signal_ignore;

  AuditHook* audit_hooks;
  Py_OpenCodeHookFunction open_code_hook;
  void* open_code_data;

  // Py_SetProgramName and friends, before initialisation; what Py_GetPath and friends answer afterwards.
  wchar_t *program_name, *home, *module_search_path, *calculated_path, *prefix, *exec_prefix, *stdlib_dir, *program_full_path;

  pthread_key_t gilstate_key;           // this thread's first thread state
  bool gilstate_key_made;
  PyInterpreterState* gilstate_interpreter;
  size_t thread_stack_size;
  bool threads_started;
  pthread_mutex_t readline_mutex;
  bool readline_mutex_made;
  int fatal_error_depth;
  int fork_unsafe;
};

extern constinit Runtime process;

inline bool is_main_interpreter(PyInterpreterState* state) { return state == process.main; }
inline bool is_main_thread() { return process.main_thread == static_cast<unsigned long>(pthread_self()); }

}  // namespace ks
