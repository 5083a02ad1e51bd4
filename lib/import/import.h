// Importing: the parts that other rooms call beyond the C API.
#pragma once

#include <Python.h>

#include "object/result.h"

namespace ks {

// The module `name` of sys.modules: borrowed, nullptr without error when missing (or with an error).
PyObject* loaded_module(PyObject* name);

// IMPORT_NAME: calls builtins.__import__, or imports at once where nobody replaced it. New reference.
Ref<> import_name(PyObject* builtins, PyObject* globals, PyObject* locals, PyObject* name, PyObject* fromlist, PyObject* level);

// IMPORT_FROM: `name` of module, with the fall-back to sys.modules["package.name"] and the reference's messages.
Ref<> import_from(PyObject* module, PyObject* name);

// Creates importlib from the installation (importlib/_bootstrap.py) and installs it; then the external part.
Status importlib_start(PyInterpreterState* state, PyObject* sys_module);
Status importlib_start_external(PyInterpreterState* state);

// Remembers builtin modules that exist without init function: sys and builtins.
Status fix_up_builtin(PyObject* module, const char* name, PyObject* modules);

void import_end_modules(PyInterpreterState* state);

}  // namespace ks
