// Exit codes and hooks of exceptions that reach the top.
#pragma once

#include <Python.h>

#include "object/result.h"

namespace ks {

// Is the current exception a SystemExit that ends the process? Then it is cleared, and *code is the exit status.
bool system_exit_code(int* code);

// PyErr_Display for a file; the traceback module, which usually writes, takes sys.stderr or sys.__stderr__ all the same.
void display_exception(PyObject* exception, PyObject* traceback, PyObject* file);

// sys.unraisablehook as it is at start.
Status default_unraisable_hook(PyObject* arguments);

}  // namespace ks
