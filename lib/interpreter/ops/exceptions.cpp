// Raising, matching, with statements.
#include "interpreter/generator.h"
#include "interpreter/handler.h"
#include "interpreter/monitoring.h"
#include "interpreter/operations.h"
#include "object/call.h"

namespace ks {

#define UNWIND() [[clang::musttail]] return ks::op_unwind(KS_PASS)

HANDLER(RAISE_VARARGS) {
  SAVE();
  PyObject* cause = OPARG == 2 ? (--sp)->take() : nullptr;
  PyObject* exception = OPARG >= 1 ? (--sp)->take() : nullptr;
  const Raised raised = raise_exception(thread, exception, cause);
  if (raised == Raised::Reraised) {
    frame->stackpointer = sp;
    if (monitoring_active(thread)) monitor_reraise(thread, frame);
    UNWIND();
  }
  ERROR();
}

// values[oparg], exception -> values; with oparg the first value tells where the exception was raised.
HANDLER(RERAISE) {
  SAVE();
  PyObject* exception = (--sp)->take();
  if (OPARG) {
    PyObject* lasti = sp[-static_cast<Py_ssize_t>(OPARG)].object();
    if (!PyLong_Check(lasti)) {
      Py_DECREF(exception);
      PyErr_SetString(PyExc_SystemError, "lasti is not an int");
      ERROR();
    }
    // The exception table is asked for the place of this instruction (ip), the frame shows the other one.
    frame->instr_ptr = executable_of(CODE())->units + PyLong_AsLong(lasti);
  }
  thread->current_exception = exception;
  frame->stackpointer = sp;
  if (monitoring_active(thread)) [[unlikely]] monitor_reraise(thread, frame);
  UNWIND();
}

HANDLER(PUSH_EXC_INFO) {
  _PyErr_StackItem* handled = thread->exc_info;
  Value exception = sp[-1];
  sp[-1] = handled->exc_value ? Value::owned(handled->exc_value) : Value::borrowed(Py_None);
  *sp++ = exception;
  handled->exc_value = Py_NewRef(exception.object());
  NEXT(1);
}
HANDLER(POP_EXCEPT) {
  SAVE();
  PyObject* previous = (--sp)->take();
  PyObject* old = thread->exc_info->exc_value;
  if (previous == Py_None) {
    thread->exc_info->exc_value = nullptr;
  } else {
    thread->exc_info->exc_value = previous;
  }
  Py_XDECREF(old);
  NEXT(1);
}

HANDLER(CHECK_EXC_MATCH) {
  SAVE();
  PyObject* type = sp[-1].object();
  if (is_failure(check_except_type(type))) ERROR();
  const int matches = PyErr_GivenExceptionMatches(sp[-2].object(), type);
  Value old = sp[-1];
  sp[-1] = Value::borrowed(matches ? Py_True : Py_False);
  close(old);
  NEXT(1);
}
HANDLER(CHECK_EG_MATCH) {
  SAVE();
  PyObject *match, *rest;
  if (is_failure(check_except_star_type(sp[-1].object()))) ERROR();
  if (is_failure(exception_group_match(frame, sp[-2].object(), sp[-1].object(), &match, &rest))) ERROR();
  if (match != Py_None) PyErr_SetHandledException(match);
  Value exception = sp[-2], type = sp[-1];
  sp[-2] = Value::owned(rest);
  sp[-1] = Value::owned(match);
  close(exception);
  close(type);
  NEXT(1);
}

// exit function, its self or null, lasti, previous exception, exception -> ..., result of the call
HANDLER(WITH_EXCEPT_START) {
  SAVE_ALL();
  PyObject* exception = sp[-1].object();
  PyObject* traceback = PyException_GetTraceback(exception);
  PyObject* stack[5] = {nullptr, sp[-4].object(), reinterpret_cast<PyObject*>(Py_TYPE(exception)), exception,
                        traceback ? traceback : Py_None};
  PyObject* result = stack[1] ? vectorcall(thread, sp[-5].object(), stack + 1, 4 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr)
                              : vectorcall(thread, sp[-5].object(), stack + 2, 3 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
  Py_XDECREF(traceback);
  if (!result) ERROR();
  *sp++ = Value::owned(result);
  NEXT(1);
}

// iterator, value last sent, exception -> None, value of the StopIteration
HANDLER(CLEANUP_THROW) {
  SAVE();
  PyObject* exception = sp[-1].object();
  if (!PyErr_GivenExceptionMatches(exception, PyExc_StopIteration)) {
    thread->current_exception = Py_NewRef(exception);
    if (monitoring_active(thread)) monitor_reraise(thread, frame);
    UNWIND();
  }
  PyObject* value = Py_NewRef(reinterpret_cast<PyStopIterationObject*>(exception)->value);
  sp -= 3;
  Value old[3] = {sp[0], sp[1], sp[2]};
  sp[0] = Value::borrowed(Py_None);
  sp[1] = Value::owned(value);
  sp += 2;
  for (Value each : old) close_or_null(each);
  NEXT(1);
}

// awaitable, exception: the end of an async for if it is StopAsyncIteration
HANDLER(END_ASYNC_FOR) {
  SAVE();
  PyObject* exception = sp[-1].object();
  if (!PyErr_GivenExceptionMatches(exception, PyExc_StopAsyncIteration)) {
    thread->current_exception = (--sp)->take();
    frame->stackpointer = sp;
    if (monitoring_active(thread)) monitor_reraise(thread, frame);
    UNWIND();
  }
  sp -= 2;
  close(sp[1]);
  close(sp[0]);
  NEXT(1);
}

}  // namespace ks
