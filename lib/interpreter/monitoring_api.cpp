// The Monitoring C API: events fired by code that other compilers made.
#include "interpreter/monitoring.h"
#include "object/result.h"

using namespace ks;

namespace {

int fire(PyMonitoringState* state, int event, PyObject* codelike, int32_t offset, PyObject* third = nullptr, PyObject* fourth = nullptr) {
  return monitoring_fire_codelike(event, &state->active, codelike, offset, third, fourth);
}
// The event shows the exception that is set, which stays set unless a callback raises its own.
int fire_exception(PyMonitoringState* state, int event, PyObject* codelike, int32_t offset) {
  PyObject* exception = PyErr_GetRaisedException();
  if (!exception) {
    PyErr_Format(PyExc_ValueError, "Firing event %d with no exception set", event);
    return -1;
  }
  const int result = fire(state, event, codelike, offset, exception);
  if (result == 0) PyErr_SetRaisedException(exception);
  else Py_DECREF(exception);
  return result;
}

}  // namespace

extern "C" {

// Tells which of the events are watched; cheap when nothing has changed since *version.
int PyMonitoring_EnterScope(PyMonitoringState* states, uint64_t* version, const uint8_t* events, Py_ssize_t count) {
  const MonitoringState& own = interpreter()->interpreter.monitoring;
  const uint64_t now = own.version + own.restarts + 1;
  if (*version == now) return 0;
  for (Py_ssize_t i = 0; i < count; ++i) states[i].active = events[i] < kMonitoringEvents ? own.global_tools[events[i]] : 0;
  *version = now;
  return 0;
}
int PyMonitoring_ExitScope() { return 0; }

int _PyMonitoring_FirePyStartEvent(PyMonitoringState* s, PyObject* c, int32_t o) { return fire(s, kEventStart, c, o); }
int _PyMonitoring_FirePyResumeEvent(PyMonitoringState* s, PyObject* c, int32_t o) { return fire(s, kEventResume, c, o); }
int _PyMonitoring_FirePyReturnEvent(PyMonitoringState* s, PyObject* c, int32_t o, PyObject* v) { return fire(s, kEventReturn, c, o, v); }
int _PyMonitoring_FirePyYieldEvent(PyMonitoringState* s, PyObject* c, int32_t o, PyObject* v) { return fire(s, kEventYield, c, o, v); }
int _PyMonitoring_FireCallEvent(PyMonitoringState* s, PyObject* c, int32_t o, PyObject* callable, PyObject* argument) {
  return fire(s, kEventCall, c, o, callable, argument);
}
int _PyMonitoring_FireLineEvent(PyMonitoringState* s, PyObject* c, int32_t o, int line) {
  Ref<> number = steal(PyLong_FromLong(line));
  return number ? fire(s, kEventLine, c, o, number) : -1;
}
int _PyMonitoring_FireJumpEvent(PyMonitoringState* s, PyObject* c, int32_t o, PyObject* to) { return fire(s, kEventJump, c, o, to); }
int _PyMonitoring_FireBranchEvent(PyMonitoringState* s, PyObject* c, int32_t o, PyObject* to) { return fire(s, kEventBranchRight, c, o, to); }
int _PyMonitoring_FireBranchRightEvent(PyMonitoringState* s, PyObject* c, int32_t o, PyObject* to) {
  return fire(s, kEventBranchRight, c, o, to);
}
int _PyMonitoring_FireBranchLeftEvent(PyMonitoringState* s, PyObject* c, int32_t o, PyObject* to) {
  return fire(s, kEventBranchLeft, c, o, to);
}
int _PyMonitoring_FireCReturnEvent(PyMonitoringState* s, PyObject* c, int32_t o, PyObject* v) { return fire(s, kEventCReturn, c, o, v); }
int _PyMonitoring_FirePyThrowEvent(PyMonitoringState* s, PyObject* c, int32_t o) { return fire_exception(s, kEventThrow, c, o); }
int _PyMonitoring_FireRaiseEvent(PyMonitoringState* s, PyObject* c, int32_t o) { return fire_exception(s, kEventRaise, c, o); }
int _PyMonitoring_FireReraiseEvent(PyMonitoringState* s, PyObject* c, int32_t o) { return fire_exception(s, kEventReraise, c, o); }
int _PyMonitoring_FireExceptionHandledEvent(PyMonitoringState* s, PyObject* c, int32_t o) { return fire_exception(s, kEventHandled, c, o); }
int _PyMonitoring_FireCRaiseEvent(PyMonitoringState* s, PyObject* c, int32_t o) { return fire_exception(s, kEventCRaise, c, o); }
int _PyMonitoring_FirePyUnwindEvent(PyMonitoringState* s, PyObject* c, int32_t o) { return fire_exception(s, kEventUnwind, c, o); }
// `value` is the StopIteration's; nothing is raised.
int _PyMonitoring_FireStopIterationEvent(PyMonitoringState* s, PyObject* c, int32_t o, PyObject* value) {
  Ref<> exception = steal(value ? PyObject_CallOneArg(PyExc_StopIteration, value) : PyObject_CallNoArgs(PyExc_StopIteration));
  return exception ? fire(s, kEventStopIteration, c, o, exception) : -1;
}

}  // extern "C"
