// Traceback objects.
#pragma once

#include <Python.h>

namespace ks {

// A traceback entry for where the frame is now, in front of `next` (borrowed, may be nullptr): new.
PyObject* traceback_from_frame(PyObject* next, PyFrameObject* frame);

}  // namespace ks
