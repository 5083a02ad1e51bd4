// The thread's exception for the interpreter and the runtime, where the exported functions would be a detour.
#pragma once

#include <Python.h>

#include "object/ref.h"
#include "object/result.h"

namespace ks {

// The innermost entry of the handled-exceptions stack that holds an exception, or the outermost entry.
_PyErr_StackItem* topmost_handled(PyThreadState* tstate);

// Replaces the current exception (nullptr clears it) without touching __context__.
void set_raised(PyThreadState* tstate, Ref<> exception);
// Takes the current exception away.
Ref<> take_raised(PyThreadState* tstate);
// PyErr_SetObject in a given thread: instance made, context chained.
void set_object(PyThreadState* tstate, PyObject* type, PyObject* value);

// Gives the raised exception, which should be a SyntaxError, its place: see PyErr_RangedSyntaxLocationObject.
void set_syntax_location(PyObject* filename, int line, int offset, int end_line, int end_offset);

}  // namespace ks
