// Importing: the parts that other rooms call beyond the C API.
#pragma once

#include <Python.h>

#include "object/result.h"

namespace ks {

// The module `name` of sys.modules: borrowed, nullptr without error when missing (or with an error).
PyObject* loaded_module(PyObject* name);

// Creates importlib from the installation (importlib/_bootstrap.py) and installs it; then the external part.
Status importlib_start(PyInterpreterState* state, PyObject* sys_module);
Status importlib_start_external(PyInterpreterState* state);

// Remembers builtin modules that exist without init function: sys and builtins.
Status fix_up_builtin(PyObject* module, const char* name, PyObject* modules);

void import_end_modules(PyInterpreterState* state);

// The lock of _imp.acquire_lock() around fork().
void import_lock_before_fork();
void import_lock_after_fork(bool in_child);

}  // namespace ks
