// sys.settrace and sys.setprofile: the two tools of monitoring that call C trace functions of the thread.
#include "interpreter/executable.h"
#include "interpreter/frame_object.h"
#include "interpreter/handler.h"
#include "interpreter/monitoring.h"
#include "object/export.h"
#include "object/identifier.h"
#include "object/result.h"

namespace ks {

namespace {

// Calls a trace function with a frame: 0 or -1. The exception that is set, if any, is kept out of its way by the caller.
int call_trace(PyThreadState* thread, Py_tracefunc function, PyObject* object, Frame* frame, int what, PyObject* argument, int event) {
  if (thread->tracing) return 0;
  PyFrameObject* f = frame_object(frame);
  if (!f) return -1;
  Ref<> held = borrow(reinterpret_cast<PyObject*>(f)), held_object = borrow(object);
  const int old_event = std::exchange(thread->what_event, event);
  ++thread->tracing;
  const int result = function(object, f, what, argument);
  --thread->tracing;
  thread->what_event = old_event;
  return result < 0 ? -1 : 0;
}

// (type, value, traceback) for the event "exception".
Ref<> exception_triple(PyObject* exception) {
  Ref<> traceback = steal(PyException_GetTraceback(exception));
  return steal(PyTuple_Pack(3, reinterpret_cast<PyObject*>(Py_TYPE(exception)), exception, traceback ? traceback.get() : Py_None));
}

bool is_c_callable(PyObject* callable) {
  return PyCFunction_Check(callable) || Py_IS_TYPE(callable, &PyMethodDescr_Type);
}

// What c_call shows: a method of a builtin type is bound to its self first.
Ref<> c_callable(PyObject* callable, PyObject* argument) {
  if (!Py_IS_TYPE(callable, &PyMethodDescr_Type) || !argument || argument == monitoring_missing()) return borrow(callable);
  return steal(Py_TYPE(callable)->tp_descr_get(callable, argument, reinterpret_cast<PyObject*>(Py_TYPE(argument))));
}

int profile_event(PyThreadState* thread, Frame* frame, int event, PyObject* a, PyObject* b) {
  Py_tracefunc function = thread->c_profilefunc;
  if (!function) return 0;
  PyObject* object = thread->c_profileobj;
  switch (event) {
    case kEventStart: case kEventResume: return call_trace(thread, function, object, frame, PyTrace_CALL, Py_None, event);
    case kEventThrow: return call_trace(thread, function, object, frame, PyTrace_CALL, Py_None, event);
    case kEventReturn: case kEventYield: return call_trace(thread, function, object, frame, PyTrace_RETURN, a, event);
    case kEventUnwind: return call_trace(thread, function, object, frame, PyTrace_RETURN, nullptr, event);
    case kEventCall: case kEventCReturn: case kEventCRaise: {
      if (!is_c_callable(a)) return 0;
      Ref<> callable = c_callable(a, b);
      if (!callable) return -1;
      const int what = event == kEventCall ? PyTrace_C_CALL : event == kEventCReturn ? PyTrace_C_RETURN : PyTrace_C_EXCEPTION;
      return call_trace(thread, function, object, frame, what, callable, event);
    }
    default: return 0;
  }
}

int trace_event(PyThreadState* thread, Frame* frame, int event, PyObject* a) {
  Py_tracefunc function = thread->c_tracefunc;
  if (!function) return 0;
  PyObject* object = thread->c_traceobj;
  switch (event) {
    case kEventStart: case kEventResume: case kEventThrow:
      return call_trace(thread, function, object, frame, PyTrace_CALL, Py_None, event);
    case kEventReturn: case kEventYield: return call_trace(thread, function, object, frame, PyTrace_RETURN, a, event);
    case kEventUnwind: return call_trace(thread, function, object, frame, PyTrace_RETURN, nullptr, event);
    case kEventRaise: case kEventStopIteration: {
      Ref<> triple = exception_triple(a);
      return triple ? call_trace(thread, function, object, frame, PyTrace_EXCEPTION, triple, event) : -1;
    }
    case kEventInstruction: {
      PyFrameObject* f = frame->frame_obj;
      if (!f || !f->f_trace_opcodes || !f->f_trace) return 0;
      return call_trace(thread, function, object, frame, PyTrace_OPCODE, Py_None, event);
    }
    case kEventJump: case kEventBranchLeft: case kEventBranchRight: {
      // A backward jump within a line starts that line again.
      const long target = PyLong_AsLong(a) / 2;
      if (target > frame_instruction_index(frame)) return 0;
      PyFrameObject* f = frame->frame_obj;
      if (!f || !f->f_trace || !f->f_trace_lines) return 0;
      const int here = frame_line(frame);
      const int there = PyCode_Addr2Line(frame_code(frame), static_cast<int>(2 * target));
      if (here != there) return 0;
      return legacy_line(thread, frame, there);
    }
    default: return 0;
  }
}

constexpr uint32_t bit(int event) { return 1u << event; }
constexpr uint32_t kTraceEvents = bit(kEventStart) | bit(kEventResume) | bit(kEventReturn) | bit(kEventYield) | bit(kEventRaise) |
                                  bit(kEventLine) | bit(kEventJump) | bit(kEventUnwind) | bit(kEventThrow) |
                                  bit(kEventStopIteration);
constexpr uint32_t kProfileEvents = bit(kEventStart) | bit(kEventResume) | bit(kEventReturn) | bit(kEventYield) | bit(kEventCall) |
                                    bit(kEventUnwind) | bit(kEventThrow) | bit(kEventCReturn) | bit(kEventCRaise);

Status set_trace(PyThreadState* thread, Py_tracefunc function, PyObject* object) {
  MonitoringState& state = thread->interp->interpreter.monitoring;
  state.tracing_threads += (function != nullptr) - (thread->c_tracefunc != nullptr);
  PyObject* old = thread->c_traceobj;
  thread->c_tracefunc = function;
  thread->c_traceobj = Py_XNewRef(object);
  Py_XDECREF(old);
  return status(monitoring_set_events(kTraceTool, state.tracing_threads ? kTraceEvents : 0));
}
Status set_profile(PyThreadState* thread, Py_tracefunc function, PyObject* object) {
  MonitoringState& state = thread->interp->interpreter.monitoring;
  state.profiling_threads += (function != nullptr) - (thread->c_profilefunc != nullptr);
  PyObject* old = thread->c_profileobj;
  thread->c_profilefunc = function;
  thread->c_profileobj = Py_XNewRef(object);
  Py_XDECREF(old);
  return status(monitoring_set_events(kProfileTool, state.profiling_threads ? kProfileEvents : 0));
}

}  // namespace

int legacy_event(PyThreadState* thread, Frame* frame, int tool, int event, PyObject* a, PyObject* b) {
  return tool == kProfileTool ? profile_event(thread, frame, event, a, b) : trace_event(thread, frame, event, a);
}

int legacy_line(PyThreadState* thread, Frame* frame, int line) {
  Py_tracefunc function = thread->c_tracefunc;
  if (!function || line < 0 || thread->tracing) return 0;
  PyFrameObject* f = frame_object(frame);
  if (!f) return -1;
  if (!f->f_trace_lines) return 0;
  f->f_lineno = line;
  const int result = call_trace(thread, function, thread->c_traceobj, frame, PyTrace_LINE, Py_None, kEventLine);
  f->f_lineno = 0;
  return result;
}

int frame_trace_opcodes(Frame* frame) {
  PyCodeObject* code = frame_code(frame);
  return monitoring_set_local_events(code, kTraceTool, monitoring_local_events(code, kTraceTool) | bit(kEventInstruction));
}

}  // namespace ks

using namespace ks;

extern "C" {

KS_EXPORT int _PyEval_SetProfile(PyThreadState* thread, Py_tracefunc function, PyObject* object) {
  if (PySys_Audit("sys.setprofile", nullptr) < 0) return -1;
  return to_c(set_profile(thread, function, object));
}
// A C trace or profile function for the current thread; NULL turns it off. Errors are reported as unraisable.
void PyEval_SetProfile(Py_tracefunc function, PyObject* object) {
  if (_PyEval_SetProfile(thread(), function, object) < 0) PyErr_FormatUnraisable("Exception ignored in PyEval_SetProfile");
}
void PyEval_SetTrace(Py_tracefunc function, PyObject* object) {
  if (PySys_Audit("sys.settrace", nullptr) < 0 || is_failure(set_trace(thread(), function, object)))
    PyErr_FormatUnraisable("Exception ignored in PyEval_SetTrace");
}
void PyEval_SetProfileAllThreads(Py_tracefunc function, PyObject* object) {
  if (PySys_Audit("sys.setprofile", nullptr) < 0) return PyErr_FormatUnraisable("Exception ignored in PyEval_SetProfileAllThreads");
  for (PyThreadState* each = interpreter()->core.threads; each; each = each->next)
    if (is_failure(set_profile(each, function, object))) PyErr_FormatUnraisable("Exception ignored in PyEval_SetProfileAllThreads");
}
void PyEval_SetTraceAllThreads(Py_tracefunc function, PyObject* object) {
  if (PySys_Audit("sys.settrace", nullptr) < 0) return PyErr_FormatUnraisable("Exception ignored in PyEval_SetTraceAllThreads");
  for (PyThreadState* each = interpreter()->core.threads; each; each = each->next)
    if (is_failure(set_trace(each, function, object))) PyErr_FormatUnraisable("Exception ignored in PyEval_SetTraceAllThreads");
}
void PyThreadState_EnterTracing(PyThreadState* thread) { ++thread->tracing; }
void PyThreadState_LeaveTracing(PyThreadState* thread) { --thread->tracing; }

}  // extern "C"
