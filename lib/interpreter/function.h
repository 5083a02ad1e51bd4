// Function objects.
#pragma once

#include <Python.h>

#include "object/export.h"
#include "object/ref.h"

// Calls a Python function: result new. Exported; no public header declares it.
extern "C" __attribute__((visibility("default"))) PyObject* _PyFunction_Vectorcall(PyObject* function, PyObject* const* args,
                                                                                   size_t nargsf, PyObject* kwnames);

namespace ks {

// A function for a frame constructor (all borrowed): what module code runs in.
Ref<PyFunctionObject> function_from_code(PyObject* globals, PyObject* builtins, PyObject* code);

// The builtins that code with these globals sees: borrowed from the globals or the interpreter.
PyObject* builtins_of_globals(PyThreadState* thread, PyObject* globals);

// Version 0: no cache may rely on the function. function_version assigns one if it can.
void function_set_version(PyFunctionObject* function, uint32_t version);
uint32_t function_version(PyFunctionObject* function);

}  // namespace ks
