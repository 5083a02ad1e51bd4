// frame.f_lineno = N in a trace function: continuing at another line.
#pragma once

#include <Python.h>

namespace ks {

int frame_set_line(PyFrameObject* frame, PyObject* value);

}  // namespace ks
