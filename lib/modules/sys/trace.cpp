// sys: frames and tracing. The trace functions of Python are called by two C trace functions, which is what
// PyEval_SetTrace and PyEval_SetProfile take.
#include <cstring>

#include "modules/sys/sys.h"
#include "object/export.h"

namespace ks {

namespace {

PyObject* event_name(int what) {
  switch (what) {
    case PyTrace_CALL: return "call"_id;
    case PyTrace_EXCEPTION: return "exception"_id;
    case PyTrace_LINE: return "line"_id;
    case PyTrace_RETURN: return "return"_id;
    case PyTrace_C_CALL: return "c_call"_id;
    case PyTrace_C_EXCEPTION: return "c_exception"_id;
    case PyTrace_C_RETURN: return "c_return"_id;
    default: return "opcode"_id;
  }
}

Ref<> call_back(PyObject* callback, PyFrameObject* frame, int what, PyObject* argument) {
  PyObject* arguments[] = {object(frame), event_name(what), argument ? argument : Py_None};
  return steal(PyObject_Vectorcall(callback, arguments, 3, nullptr));
}

int profile_bridge(PyObject* self, PyFrameObject* frame, int what, PyObject* argument) {
  Ref<> result = call_back(self, frame, what, argument);
  if (result) return 0;
  PyEval_SetProfile(nullptr, nullptr);
  return -1;
}

// A call asks the global function; what it returns is the frame's own trace function.
int trace_bridge(PyObject* self, PyFrameObject* frame, int what, PyObject* argument) {
  Ref<> callback;
  if (what == PyTrace_CALL) {
    callback = borrow(self);
  } else {
    callback = steal(PyObject_GetAttr(object(frame), "f_trace"_id));
    if (!callback) return -1;
    if (callback.get() == Py_None) return 0;
  }
  Ref<> result = call_back(callback, frame, what, argument);
  if (!result) {
    PyEval_SetTrace(nullptr, nullptr);
    Ref<> exception = steal(PyErr_GetRaisedException());
    if (PyObject_SetAttr(object(frame), "f_trace"_id, Py_None) < 0) PyErr_Clear();
    PyErr_SetRaisedException(exception.release());
    return -1;
  }
  if (result.get() != Py_None) return PyObject_SetAttr(object(frame), "f_trace"_id, result);
  return 0;
}

Status sys_settrace(PyObject*, PyObject* function) {
  if (function == Py_None) PyEval_SetTrace(nullptr, nullptr);
  else PyEval_SetTrace(trace_bridge, function);
  return PyErr_Occurred() ? Status::Error : Status::Ok;
}
PyObject* sys_gettrace(PyObject*) {
  PyObject* function = thread()->c_traceobj;
  return Py_NewRef(function ? function : Py_None);
}
Status sys_setprofile(PyObject*, PyObject* function) {
  if (function == Py_None) PyEval_SetProfile(nullptr, nullptr);
  else PyEval_SetProfile(profile_bridge, function);
  return PyErr_Occurred() ? Status::Error : Status::Ok;
}
PyObject* sys_getprofile(PyObject*) {
  PyObject* function = thread()->c_profileobj;
  return Py_NewRef(function ? function : Py_None);
}
Status sys_settraceallthreads(PyObject*, PyObject* function) {
  if (function == Py_None) PyEval_SetTraceAllThreads(nullptr, nullptr);
  else PyEval_SetTraceAllThreads(trace_bridge, function);
  return PyErr_Occurred() ? Status::Error : Status::Ok;
}
Status sys_setprofileallthreads(PyObject*, PyObject* function) {
  if (function == Py_None) PyEval_SetProfileAllThreads(nullptr, nullptr);
  else PyEval_SetProfileAllThreads(profile_bridge, function);
  return PyErr_Occurred() ? Status::Error : Status::Ok;
}
PyObject* sys_call_tracing(PyObject*, PyObject* function, PyObject* arguments) {
  if (!PyTuple_Check(arguments))
    return raise(PyExc_TypeError, "call_tracing() argument 2 must be tuple, not %.50s",
                 arguments == Py_None ? "None" : Py_TYPE(arguments)->tp_name);
  // As if no trace function was running.
  PyThreadState* state = thread();
  const int tracing = state->tracing;
  state->tracing = 0;
  PyObject* result = PyObject_Call(function, arguments, nullptr);
  state->tracing = tracing;
  return result;
}

// ---- frames ---------------------------------------------------------------------------------------------------------------------

Ref<> frame_at(int depth) {
  Ref<> frame = steal(object(PyThreadState_GetFrame(thread())));
  while (frame && depth-- > 0) frame = steal(object(PyFrame_GetBack(as<PyFrameObject>(frame.get()))));
  return frame;
}

PyObject* sys_getframe(PyObject*, int depth) {
  Ref<> frame = frame_at(depth);
  if (!frame) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "call stack is not deep enough");
    return nullptr;
  }
  if (PySys_Audit("sys._getframe", "(O)", frame.get()) < 0) return nullptr;
  return frame.release();
}
PyObject* sys_getframemodulename(PyObject*, int depth) {
  if (PySys_Audit("sys._getframemodulename", "i", depth) < 0) return nullptr;
  Ref<> frame = frame_at(depth);
  if (!frame) {
    if (PyErr_Occurred()) return nullptr;
    return Py_NewRef(Py_None);
  }
  Ref<> globals = steal(PyFrame_GetGlobals(as<PyFrameObject>(frame.get())));
  Ref<> name;
  if (globals && PyDict_GetItemRef(globals, "__name__"_id, name.out()) < 0) return nullptr;
  return name ? name.release() : Py_NewRef(Py_None);
}

Ref<> for_each_thread(Ref<> (*value)(PyThreadState*)) {
  Ref<> result = TRY(steal(PyDict_New()));
  for (PyInterpreterState* interp = PyInterpreterState_Head(); interp; interp = PyInterpreterState_Next(interp)) {
    if (interp != interpreter()) continue;
    for (PyThreadState* state = PyInterpreterState_ThreadHead(interp); state; state = PyThreadState_Next(state)) {
      if (!state->thread_id) continue;
      Ref<> item = value(state);
      if (!item) {
        if (PyErr_Occurred()) return failed;
        continue;
      }
      Ref<> key = TRY(steal(PyLong_FromUnsignedLong(state->thread_id)));
      TRY(PyDict_SetItem(result, key, item));
    }
  }
  return result;
}
Ref<> sys_current_exceptions(PyObject*) {
  if (PySys_Audit("sys._current_exceptions", nullptr) < 0) return failed;
  return for_each_thread([](PyThreadState* state) -> Ref<> {
    PyObject* handled = nullptr;
    for (_PyErr_StackItem* item = state->exc_info; item; item = item->previous_item)
      if (item->exc_value && item->exc_value != Py_None) {
        handled = item->exc_value;
        break;
      }
    return borrow(handled ? handled : Py_None);
  });
}
PyObject* sys_current_frames(PyObject*) { return _PyThread_CurrentFrames(); }

METHOD_AS(sys_settrace, "settrace", 0, "($module, function, /)", "Set the global debug tracing function.");
METHOD_AS(sys_gettrace, "gettrace", 0, "($module, /)", "Return the global debug tracing function set with sys.settrace.");
METHOD_AS(sys_setprofile, "setprofile", 0, "($module, function, /)", "Set the profiling function.");
METHOD_AS(sys_getprofile, "getprofile", 0, "($module, /)", "Return the profiling function set with sys.setprofile.");
METHOD_AS(sys_settraceallthreads, "_settraceallthreads", 0, "($module, function, /)", "Set the trace function in all threads.");
METHOD_AS(sys_setprofileallthreads, "_setprofileallthreads", 0, "($module, function, /)", "Set the profile function in all threads.");
METHOD_AS(sys_call_tracing, "call_tracing", 0, "($module, func, args, /)", "Call func(*args), while tracing is enabled.");
METHOD_AS(sys_getframe, "_getframe", 0, "($module, depth=0, /)", "Return a frame object from the call stack.");
METHOD_AS(sys_getframemodulename, "_getframemodulename", 0, "($module, /, depth=0)",
          "Return the name of the module for a calling frame.");
METHOD_AS(sys_current_frames, "_current_frames", 0, "($module, /)", "Return a dict mapping each thread's id to its current frame.");
METHOD_AS(sys_current_exceptions, "_current_exceptions", 0, "($module, /)",
          "Return a dict mapping each thread's id to the exception it handles.");

}  // namespace

const PyMethodDef* const kSysTraceMethods[] = {
    &sys_settrace_method, &sys_gettrace_method, &sys_setprofile_method, &sys_getprofile_method, &sys_settraceallthreads_method,
    &sys_setprofileallthreads_method, &sys_call_tracing_method, &sys_getframe_method, &sys_getframemodulename_method,
    &sys_current_frames_method, &sys_current_exceptions_method, nullptr};

Ref<> current_frames() {
  return for_each_thread([](PyThreadState* state) -> Ref<> { return steal(object(PyThreadState_GetFrame(state))); });
}

}  // namespace ks

extern "C" {

// New dict: thread identity to frame.
PyObject* _PyThread_CurrentFrames(void) {
  if (PySys_Audit("sys._current_frames", nullptr) < 0) return nullptr;
  return ks::current_frames().release();
}

}  // extern "C"
