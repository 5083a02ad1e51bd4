// Weak references: what other files need.
#pragma once

#include <Python.h>

#include "object/result.h"

namespace ks {

// The object if it is alive: new; empty without an exception when it is dead.
Ref<> weakref_target(PyObject* reference);
// How many references obj's list holds.
Py_ssize_t weakref_count(PyObject* obj);

// Shared by references and proxies (weakref.cpp).
void weakref_dealloc(PyObject* self);
int weakref_traverse(PyObject* self, visitproc visit, void* arg);
int weakref_clear(PyObject* self);

}  // namespace ks
