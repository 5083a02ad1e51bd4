// From the arguments of a call to the locals of a new frame.
#pragma once

#include <Python.h>

#include "interpreter/frame.h"

namespace ks {

// A frame on the data stack, ready to run, for a call of `function`. The function, `locals` and the arguments are taken
// over (also on failure). Keyword arguments follow the positional ones. nullptr with TypeError or MemoryError.
Frame* push_call_frame(PyThreadState* thread, Value function, PyObject* locals, Value* arguments, Py_ssize_t positional,
                       PyObject* keyword_names);
// The same for arguments that the caller keeps; the function is borrowed.
Frame* push_call_frame_borrowed(PyThreadState* thread, PyFunctionObject* function, PyObject* locals,
                                PyObject* const* arguments, Py_ssize_t positional, PyObject* keyword_names);
// For f(*args, **kwargs): the function is taken over; args is a tuple, kwargs a dict or nullptr, both borrowed.
Frame* push_call_frame_spread(PyThreadState* thread, Value function, PyObject* locals, PyObject* args, PyObject* kwargs);

}  // namespace ks
