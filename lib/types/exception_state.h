// What the exception types keep for each interpreter; a member of PyInterpreterState (runtime/state.h). Zero-initialised.
#pragma once

#include <Python.h>

namespace ks {

struct ExceptionTypesState {
  PyObject* errno_map = nullptr;        // dict: errno -> subclass of OSError
  PyObject* exception_group = nullptr;  // ExceptionGroup: inherits from BaseExceptionGroup and Exception, so a heap type
  PyObject* memory_error = nullptr;     // kept for the moment when no other can be made
  bool making_memory_error = false;     // its own allocation may fail and come back to PyErr_NoMemory

  // The warnings filters' state (lib/object/warnings.cpp); all owned.
  PyObject* warning_filters = nullptr;
  PyObject* warning_once_registry = nullptr;
  PyObject* warning_default_action = nullptr;
  PyObject* warning_context = nullptr;  // the context variable of context-aware warnings
  PyObject* warning_lock = nullptr;     // unused with the GIL; the module's _acquire_lock needs an owner
  long warning_lock_depth = 0;
  long warning_filters_version = 0;
};

}  // namespace ks
