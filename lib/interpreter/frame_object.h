// Frame objects: what Python code sees of a frame.
#pragma once

#include <Python.h>

#include "interpreter/frame.h"
#include "object/ref.h"

namespace ks {

// The line that runs; -1 if the instruction has none.
int frame_line(Frame* frame);

// Names and values of a frame that runs optimised code; used by f_locals and its proxy (frame_locals.cpp).
// Whether a comprehension that was inlined into a module or class body has variables of its own now.
bool frame_has_hidden_locals(Frame* frame);
// The value of the variable, cells opened: borrowed, nullptr when unbound.
PyObject* frame_local_value(Frame* frame, int index);
inline bool frame_has_fast_locals(Frame* frame) { return frame_code(frame)->co_flags & CO_OPTIMIZED; }
// A mapping of the frame's variables as locals() returns it: new. A fresh dict for optimised code, else the namespace.
PyObject* frame_locals_snapshot(Frame* frame);
PyObject* frame_locals_proxy(PyFrameObject* frame);

}  // namespace ks
