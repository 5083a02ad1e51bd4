// The runtime's own parts of the process, interpreter and thread state.
#pragma once

#include <Python.h>

namespace ks {

// What every interpreter has whatever rooms there are.
struct InterpreterCore {
  PyInterpreterState* next = nullptr;
  int64_t id = 0;
  PyThreadState* threads = nullptr;      // newest first
  PyObject* modules = nullptr;           // sys.modules
  PyObject* sys_dict = nullptr;          // owned
  PyObject* builtins_dict = nullptr;     // owned
  PyObject* builtins_dict_copy = nullptr;
  PyObject* import_func = nullptr;       // builtins.__import__ as it was at start
  PyConfig config;
  bool config_read = false;
  bool finalizing = false;
};

// What a thread has beyond the public PyThreadState.
struct ThreadPrivate {};

}  // namespace ks
