// sys.monitoring (PEP 669), and sys.settrace and sys.setprofile on top of it.
#pragma once

#include <Python.h>

#include "interpreter/eval_breaker.h"
#include "interpreter/frame.h"

namespace ks {

// Whether any tool watches anything in the thread's interpreter: the version in the upper bits of the breaker.
inline bool monitoring_active(PyThreadState* thread) { return thread->eval_breaker > kEvalBreakerEvents; }

// Brings the code's executable in line with the tools that are active now.
int instrument(PyThreadState* thread, PyCodeObject* code);

// Events that have no instruction of their own; the exception is set. A callback's exception replaces it.
void monitor_raise(PyThreadState* thread, Frame* frame);
void monitor_reraise(PyThreadState* thread, Frame* frame);
void monitor_unwind(PyThreadState* thread, Frame* frame);
void monitor_throw(PyThreadState* thread, Frame* frame);
int monitor_handled(PyThreadState* thread, Frame* frame);

}  // namespace ks
