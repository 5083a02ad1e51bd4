// Instrumented instructions: fire an event, then do what the plain instruction does.
#include "interpreter/generator.h"
#include "interpreter/handler.h"
#include "interpreter/monitoring.h"
#include "interpreter/operations.h"
#include "object/call.h"
#include "runtime/state.h"

namespace ks {

HANDLER_DECLARATION(RESUME_SLOW);

// A trace function may have set f_lineno: then the frame goes on where that says.
#define FIRE(EXPRESSION)                                     \
  do {                                                       \
    SAVE_ALL();                                              \
    if ((EXPRESSION) < 0) ERROR();                           \
    if (frame->instr_ptr != ip) [[unlikely]] {               \
      ip = frame->instr_ptr;                                 \
      sp = frame->stackpointer;                              \
      DISPATCH();                                            \
    }                                                        \
  } while (0)

HANDLER(INSTRUMENTED_LINE) {
  const uint16_t under = op_under_line(frame, ip);
  const Unit* previous = frame->instr_ptr;
  FIRE(monitor_line(thread, frame, previous));
  [[clang::musttail]] return dispatch_table[under](KS_PASS);
}
HANDLER(INSTRUMENTED_INSTRUCTION) {
  const uint16_t under = op_under_instruction(frame, ip);
  FIRE(monitor_local(thread, frame, kEventInstruction));
  [[clang::musttail]] return dispatch_table[under](KS_PASS);
}

HANDLER(INSTRUMENTED_RESUME) {
  if (thread->eval_breaker != executable_of(CODE())->instrumentation_version) [[unlikely]] {
    SAVE_ALL();
    if ((thread->eval_breaker & ~kEvalBreakerEvents) != executable_of(CODE())->instrumentation_version) {
      if (instrument(thread, CODE()) < 0) ERROR();
      if ((thread->eval_breaker & ~kEvalBreakerEvents) == executable_of(CODE())->instrumentation_version) DISPATCH();
    }
    if ((thread->eval_breaker & kEvalBreakerEvents) && (OPARG & 3) < 2)
      if (handle_eval_breaker(thread) < 0) ERROR();
  }
  FIRE(monitor_local(thread, frame, (OPARG & 3) ? kEventResume : kEventStart));
  NEXT(1);
}
HANDLER(INSTRUMENTED_RETURN_VALUE) {
  FIRE(monitor_local(thread, frame, kEventReturn, sp[-1].object()));
  GO_TO(RETURN_VALUE);
}
HANDLER(INSTRUMENTED_YIELD_VALUE) {
  FIRE(monitor_local(thread, frame, kEventYield, sp[-1].object()));
  GO_TO(YIELD_VALUE);
}

HANDLER(INSTRUMENTED_JUMP_FORWARD) {
  FIRE(monitor_jump(thread, frame, kEventJump, ip + 1 + OPARG));
  GO_TO(JUMP_FORWARD);
}
HANDLER(INSTRUMENTED_JUMP_BACKWARD) {
  FIRE(monitor_jump(thread, frame, kEventJump, ip + 2 - OPARG));
  GO_TO(JUMP_BACKWARD);
}
#define BRANCH_HANDLER(NAME, TAKEN)                                                \
  HANDLER(INSTRUMENTED_##NAME) {                                                   \
    if (TAKEN) FIRE(monitor_jump(thread, frame, kEventBranchRight, ip + 2 + OPARG)); \
    GO_TO(NAME);                                                                   \
  }
BRANCH_HANDLER(POP_JUMP_IF_TRUE, sp[-1].object() == Py_True)
BRANCH_HANDLER(POP_JUMP_IF_FALSE, sp[-1].object() == Py_False)
BRANCH_HANDLER(POP_JUMP_IF_NONE, sp[-1].object() == Py_None)
BRANCH_HANDLER(POP_JUMP_IF_NOT_NONE, sp[-1].object() != Py_None)
HANDLER(INSTRUMENTED_NOT_TAKEN) {
  // Behind a conditional jump and its cache entry.
  const Unit* source = frame->instr_ptr < ip ? frame->instr_ptr : ip;
  if (ip - executable_of(CODE())->units >= 2) {
    const int before = static_cast<unsigned char>(CODE()->co_code_adaptive[2 * (ip - 2 - executable_of(CODE())->units)]);
    if (is_conditional_jump(before)) source = ip - 2;
  }
  FIRE(monitor_jump(thread, frame, kEventBranchLeft, ip + 1, source));
  NEXT(1);
}
HANDLER(INSTRUMENTED_FOR_ITER) {
  SAVE_ALL();
  PyObject* iterator = sp[-1].object();
  iternextfunc next = Py_TYPE(iterator)->tp_iternext;
  if (!next) [[unlikely]] {
    PyErr_Format(PyExc_TypeError, "'%.100s' object is not an iterator", Py_TYPE(iterator)->tp_name);
    ERROR();
  }
  PyObject* value = next(iterator);
  if (!value) {
    if (PyObject* exception = thread->current_exception) {
      if (!PyErr_GivenExceptionMatches(exception, PyExc_StopIteration)) ERROR();
      monitor_raise(thread, frame);
      if (thread->current_exception && !PyErr_ExceptionMatches(PyExc_StopIteration)) ERROR();
      PyErr_Clear();
    }
    NEXT(2 + OPARG + 1);
  }
  *sp++ = Value::owned(value);
  FIRE(monitor_jump(thread, frame, kEventBranchLeft, ip + 2));
  NEXT(2);
}
HANDLER(INSTRUMENTED_POP_ITER) {
  const Unit* source = frame->instr_ptr;  // the FOR_ITER
  FIRE(monitor_jump(thread, frame, kEventBranchRight, ip + 1, source));
  GO_TO(POP_ITER);
}
HANDLER(INSTRUMENTED_END_ASYNC_FOR) {
  // oparg: how far back the END_SEND is that the loop's other branch belongs to.
  FIRE(monitor_jump(thread, frame, kEventBranchRight, ip + 1, ip + 1 - OPARG));
  GO_TO(END_ASYNC_FOR);
}
// A generator that was resumed without a C call has returned: the StopIteration that would have been.
HANDLER(INSTRUMENTED_END_FOR) {
  SAVE_ALL();
  if (sp[-1] && PyGen_Check(sp[-2].object())) {
    monitor_stop_iteration(thread, frame, sp[-1].object());
    if (thread->current_exception) ERROR();
  }
  GO_TO(END_FOR);
}
HANDLER(INSTRUMENTED_END_SEND) {
  SAVE_ALL();
  if (PyGen_Check(sp[-2].object()) || PyCoro_CheckExact(sp[-2].object())) {
    monitor_stop_iteration(thread, frame, sp[-1].object());
    if (thread->current_exception) ERROR();
  }
  GO_TO(END_SEND);
}

// ---- calls -----------------------------------------------------------------------------------------------------------

static bool is_python_call(PyObject* callable) { return PyFunction_Check(callable); }

// A bound method in the callable's place becomes its function, and its self the first argument.
static void open_method(Value* operands) {
  if (!operands[1].is_null() || !Py_IS_TYPE(operands[0].object(), &PyMethod_Type)) return;
  auto* method = reinterpret_cast<PyMethodObject*>(operands[0].object());
  Value old = operands[0];
  operands[1] = Value::owned(Py_NewRef(method->im_self));
  operands[0] = Value::owned(Py_NewRef(method->im_func));
  close(old);
}

HANDLER(INSTRUMENTED_CALL) {
  Value* operands = sp - OPARG - 2;
  open_method(operands);
  PyObject* argument = operands[1] ? operands[1].object() : OPARG ? operands[2].object() : monitoring_missing();
  FIRE(monitor_local(thread, frame, kEventCall, operands[0].object(), argument));
  operands = sp - OPARG - 2;
  if (is_python_call(operands[0].object())) GO_TO(CALL);
  const bool with_self = !operands[1].is_null();
  PyObject* result = call_with_stack(thread, operands[0].object(), operands + 2 - with_self,
                                     static_cast<Py_ssize_t>(OPARG) + with_self, nullptr);
  argument = operands[1] ? operands[1].object() : OPARG ? operands[2].object() : monitoring_missing();
  if (monitor_c_result(thread, frame, !result, operands[0].object(), argument) < 0) Py_CLEAR(result);
  if (!result) ERROR();
  while (sp > operands) close_or_null(*--sp);
  *sp++ = Value::owned(result);
  if (thread->eval_breaker & kEvalBreakerEvents)
    if (handle_eval_breaker(thread) < 0) ERROR();
  NEXT(4);
}
HANDLER(INSTRUMENTED_CALL_KW) {
  Value* operands = sp - OPARG - 3;
  open_method(operands);
  PyObject* argument = operands[1] ? operands[1].object() : OPARG ? operands[2].object() : monitoring_missing();
  FIRE(monitor_local(thread, frame, kEventCall, operands[0].object(), argument));
  if (is_python_call(operands[0].object())) GO_TO(CALL_KW);
  const bool with_self = !operands[1].is_null();
  PyObject* names = sp[-1].object();
  const Py_ssize_t total = static_cast<Py_ssize_t>(OPARG) + with_self;
  PyObject* result =
      call_with_stack(thread, operands[0].object(), operands + 2 - with_self, total - PyTuple_GET_SIZE(names), names);
  if (monitor_c_result(thread, frame, !result, operands[0].object(), argument) < 0) Py_CLEAR(result);
  if (!result) ERROR();
  while (sp > operands) close_or_null(*--sp);
  *sp++ = Value::owned(result);
  NEXT(4);
}
HANDLER(INSTRUMENTED_CALL_FUNCTION_EX) {
  Value* operands = sp - 4;
  PyObject* positional = operands[2].object();
  PyObject* argument =
      PyTuple_CheckExact(positional) && PyTuple_GET_SIZE(positional) ? PyTuple_GET_ITEM(positional, 0) : monitoring_missing();
  FIRE(monitor_local(thread, frame, kEventCall, operands[0].object(), argument));
  if (is_python_call(operands[0].object()) || !PyTuple_CheckExact(positional)) GO_TO(CALL_FUNCTION_EX);
  PyObject* result = PyObject_Call(operands[0].object(), positional, operands[3] ? operands[3].object() : nullptr);
  if (monitor_c_result(thread, frame, !result, operands[0].object(), argument) < 0) Py_CLEAR(result);
  if (!result) ERROR();
  while (sp > operands) close_or_null(*--sp);
  *sp++ = Value::owned(result);
  NEXT(1);
}
HANDLER(INSTRUMENTED_LOAD_SUPER_ATTR) {
  PyObject* super = sp[-3].object();
  PyObject* argument = (OPARG & 2) ? sp[-2].object() : monitoring_missing();
  FIRE(monitor_local(thread, frame, kEventCall, super, argument));
  // In two steps, so that the call of super and that of the method are told apart.
  PyObject* stack[] = {nullptr, sp[-2].object(), sp[-1].object()};
  PyObject* object = vectorcall(thread, super, stack + 1, static_cast<size_t>(OPARG & 2) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
  if (monitor_c_result(thread, frame, !object, super, argument) < 0) Py_CLEAR(object);
  if (!object) ERROR();
  PyObject* value = PyObject_GetAttr(object, NAME_AT(OPARG >> 2));
  Py_DECREF(object);
  if (!value) ERROR();
  for (int i = 0; i < 3; ++i) close(*--sp);
  *sp++ = Value::owned(value);
  if (OPARG & 1) *sp++ = Value::null();
  NEXT(2);
}

}  // namespace ks
