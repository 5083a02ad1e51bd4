// Generic aliases and unions: parameters, substitution, and what typing's C types share with them.
#pragma once

#include <Python.h>

#include "object/result.h"

// types.UnionType, typing.Union: the arguments of a union, a tuple, borrowed.
extern "C" PyObject* _Py_union_args(PyObject* self);
extern "C" __attribute__((visibility("default"))) PyObject* _Py_union_type_or(PyObject* left, PyObject* right);
extern "C" PyTypeObject _PyUnion_Type;
extern "C" PyTypeObject GenericAliasIterator_Type;

namespace ks {

// The type parameters that occur in the arguments, each once: new tuple.
Ref<> make_parameters(PyObject* args);
// The arguments with `item` (one, or a tuple) put in for the parameters: new tuple. `self` is for messages.
Ref<> substitute_parameters(PyObject* self, PyObject* args, PyObject* parameters, PyObject* item);
// How a type is shown inside brackets: new str.
Ref<> type_representation(PyObject* type);
// The iterator of an alias that gives *alias once; typing.Unpack for others.
PyObject* generic_alias_iterator(PyObject* alias);
// left | right whatever they are (for type parameters); a str becomes a ForwardRef. New.
Ref<> make_union(PyObject* left, PyObject* right);
// Union of the tuple's items: new.
Ref<> union_of(PyObject* items);

}  // namespace ks
