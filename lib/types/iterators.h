// The small iterators' constructors that no public header declares.
#pragma once

#include <Python.h>

namespace ks {

// anext(iterator, default): awaits, and gives the default where StopAsyncIteration is raised. New reference.
PyObject* anext_awaitable_new(PyObject* awaitable, PyObject* fallback);

}  // namespace ks
