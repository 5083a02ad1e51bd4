// The door upwards: what the object model and the types ask of the interpreter. Everything else they need from it is
// C API (PyEval_*, PyFrame_*, _PyFunction_Vectorcall, Py_EnterRecursiveCall). Defined in lib/interpreter/.
#pragma once

#include <Python.h>

#include "object/result.h"

namespace ks {

// For super() without arguments: the class in the cell __class__ and the first argument of the innermost Python frame,
// both borrowed. RuntimeError, as the reference words it, when there is none.
Status frame_super_arguments(PyTypeObject** type, PyObject** self);

// The name under which the innermost Python frame runs: __name__ of its globals (borrowed), or nullptr without error.
PyObject* frame_module_name();

}  // namespace ks
