// The C types of typing and what the interpreter's intrinsics for PEP 695 need. Results are new references.
#pragma once

#include <Python.h>

#include "object/result.h"

extern "C" {
extern PyTypeObject TypeVar_Type, ParamSpec_Type, ParamSpecArgs_Type, ParamSpecKwargs_Type, TypeVarTuple_Type, TypeAliasType_Type,
    NoDefault_Type, ConstEvaluator_Type;
}

namespace ks {

bool is_type_alias(PyObject* value);
PyObject* generic_type();  // typing.Generic, borrowed; it is a heap type, as copyreg looks for the first base that is none
PyObject* no_default();  // typing.NoDefault, borrowed

// INTRINSIC_TYPEVAR and its kin. The functions are called when the value is asked for, with annotationlib's format.
PyObject* typevar_new(PyObject* name, PyObject* evaluate_bound, PyObject* evaluate_constraints);
PyObject* paramspec_new(PyObject* name);
PyObject* typevartuple_new(PyObject* name);
// INTRINSIC_SET_TYPEPARAM_DEFAULT: the parameter.
PyObject* set_typeparam_default(PyObject* parameter, PyObject* evaluate_default);
// INTRINSIC_TYPEALIAS: a tuple (name, type parameters or None, function that computes the value).
PyObject* typealias_new(PyObject* arguments);
// INTRINSIC_SUBSCRIPT_GENERIC: Generic[parameters].
PyObject* subscript_generic(PyObject* parameters);

}  // namespace ks
