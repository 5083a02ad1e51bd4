// The C types of typing and what the interpreter's intrinsics for PEP 695 need. Results are new references.
#pragma once

#include <Python.h>

#include "object/result.h"

namespace ks {

bool is_type_alias(PyObject* value);

// INTRINSIC_TYPEVAR and its kin; the functions are called lazily, with annotationlib's format as argument.
PyObject* make_type_variable(PyObject* name);
PyObject* make_type_variable_with_bound(PyObject* name, PyObject* evaluate_bound);
PyObject* make_type_variable_with_constraints(PyObject* name, PyObject* evaluate_constraints);
PyObject* make_parameter_specification(PyObject* name);
PyObject* make_type_variable_tuple(PyObject* name);
// INTRINSIC_SET_TYPEPARAM_DEFAULT: returns the parameter (new).
PyObject* set_type_parameter_default(PyObject* parameter, PyObject* evaluate_default);
// INTRINSIC_TYPEALIAS: a tuple (name, type parameters or None, function that computes the value).
PyObject* make_type_alias(PyObject* arguments);
// INTRINSIC_SUBSCRIPT_GENERIC: Generic[parameters].
PyObject* subscript_generic(PyObject* parameters);

}  // namespace ks
