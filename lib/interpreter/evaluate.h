// Running frames from C.
#pragma once

#include <Python.h>

#include "interpreter/frame.h"

namespace ks {

// Runs a frame until it returns or yields (new reference) or fails (nullptr). Takes the frame over unless it belongs to
// a generator. With `throwing`, the frame resumes by raising the exception that is set.
PyObject* evaluate(PyThreadState* thread, Frame* frame, bool throwing = false);

// The same through the interpreter's frame evaluation function, when an extension has set one.
PyObject* evaluate_hooked(PyThreadState* thread, Frame* frame, bool throwing = false);

// Counts a Python-to-Python call; -1 with RecursionError.
int enter_python_call_slow(PyThreadState* thread);
inline int enter_python_call(PyThreadState* thread) {
  return thread->py_recursion_remaining-- > 0 ? 0 : enter_python_call_slow(thread);
}

}  // namespace ks
