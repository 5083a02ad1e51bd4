// Format specifications: [[fill]align][sign][z][#][0][width][grouping][.precision[grouping]][type].
#pragma once

#include <Python.h>

#include "object/result.h"

namespace ks {

// New str: the value formatted as the specification (a str) says, which is not empty; ValueError, OverflowError.
PyObject* format_str(PyObject* value, PyObject* spec);
PyObject* format_int(PyObject* value, PyObject* spec);      // int and its subclasses
PyObject* format_float(PyObject* value, PyObject* spec);    // float and its subclasses
PyObject* format_complex(PyObject* value, PyObject* spec);

}  // namespace ks
