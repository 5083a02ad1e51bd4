// Cores of the abstract protocols that other rooms use.
#pragma once

#include <Python.h>

#include "object/result.h"

namespace ks {

// isinstance and issubclass as type.__instancecheck__ and type.__subclasscheck__ define them: without asking the class.
Found real_is_instance(PyObject* instance, PyObject* cls);
Found real_is_subclass(PyObject* derived, PyObject* cls);

// An int (perhaps of a subclass) from an object with __index__; new.
Ref<> number_index(PyObject* o);
// The slots of one binary operation on both operands, by the rules; NotImplemented when neither knows. New.
PyObject* binary_operation(PyObject* v, PyObject* w, binaryfunc PyNumberMethods::*slot);

// After tp_iternext gave nullptr: 1 when the iterator is exhausted, without exception then; 0 when an exception is set.
bool iteration_ended();
// The value of a StopIteration that is set, or None when no exception is set: 0 and *value new; -1 on another exception.
int stop_iteration_value(PyObject** value);

}  // namespace ks
