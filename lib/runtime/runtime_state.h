// The runtime's own parts of the interpreter and thread state. The process's part is runtime/process.h.
#pragma once

#include <Python.h>
#include <pthread.h>

namespace ks {

// A global interpreter lock: several interpreters may share one.
struct Gil {
  pthread_mutex_t mutex;
  pthread_cond_t released;
  pthread_mutex_t switch_mutex;
  pthread_cond_t switched;
  PyThreadState* holder;          // who has it, or had it last
  unsigned long switch_count;     // grows whenever the lock changes hands
  int locked;
};

inline constexpr int kPendingCapacity = 300;
struct PendingCall {
  int (*function)(void*);
  void* argument;
  bool raw_argument_owned;        // free `argument` with PyMem_RawFree afterwards
};
struct PendingQueue {
  PendingCall calls[kPendingCapacity];
  int first;
  int count;
  int limit_for_one_run;          // 0: all that are there
  bool busy;
};

// A callback of the atexit module (Python) or PyUnstable_AtExit (C).
struct AtexitLowCallback {
  void (*function)(void*);
  void* data;
  AtexitLowCallback* next;
};

// What every interpreter has whatever rooms there are.
struct InterpreterCore {
  PyInterpreterState* next;
  int64_t id;
  int64_t id_references;
  bool id_references_required;
  int whence;
  PyThreadState* threads;         // newest first
  PyThreadState* running_main;    // the thread that runs __main__
  uint64_t next_thread_number;
  PyObject* modules;              // sys.modules
  PyObject* sys_dict;             // owned
  PyObject* sys_dict_copy;        // as it was at start, for a second initialisation of sys
  PyObject* builtins_dict;        // owned
  PyObject* builtins_dict_copy;
  PyObject* import_func;          // builtins.__import__ as it was at start
  PyObject* dict;                 // PyInterpreterState_GetDict()
  PyConfig config;
  bool config_read;
  bool ready;                     // PyInterpreterState fully initialised: sys and builtins work
  bool finalizing;
  PyThreadState* finalizing_thread;

  // PyInterpreterConfig as flags.
  bool allow_fork, allow_exec, allow_threads, allow_daemon_threads, check_multi_interp_extensions, own_allocator;
  int multi_interp_override;      // _imp._override_multi_interp_extensions_check()
  int frozen_modules_override;    // _imp._override_frozen_modules_for_tests()

  Gil* gil;
  bool own_gil;
  unsigned long switch_interval;  // microseconds
  pthread_mutex_t threads_mutex;  // guards `threads` and pending calls
  PendingQueue pending;

  PyObject* atexit_callbacks;     // list of (function, args, kwargs) or None; atexit.cpp
  AtexitLowCallback* atexit_low;

  PyObject* audit_hooks;          // list, sys.addaudithook()
  PyObject* thread_handles;       // reserved
  long thread_count;              // _thread._count()
  int dlopen_flags;
  Py_tracefunc reserved_trace;
  PyObject* frame_evaluator_reserved;
  void* eval_frame;               // _PyInterpreterState_SetEvalFrameFunc
  PyObject* thread_excepthook_args_type;
  PyObject* sys_flags_type;
  PyObject* sys_version_info_type;
  PyObject* sys_hash_info_type;
  PyObject* sys_asyncgen_hooks_type;
  PyObject* sys_unraisable_type;
  PyObject* thread_info_type;
};

// What a thread has beyond the public PyThreadState.
struct ThreadPrivate {
  bool from_gilstate;             // made by PyGILState_Ensure
  bool inside_calls;              // runs pending calls now
  int c_recursion;                // depth of C calls, for who counts them
  uintptr_t stack_limit;          // lowest address of this thread's C stack that may be used
  uintptr_t stack_top;
};

}  // namespace ks
