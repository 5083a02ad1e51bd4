// Calls. A Python function's frame is pushed and entered; everything else is a C call through vectorcall.
#include "interpreter/call_frame.h"
#include "interpreter/evaluate.h"
#include "interpreter/function.h"
#include "interpreter/handler.h"
#include "interpreter/monitoring.h"
#include "interpreter/operations.h"
#include "interpreter/specialize.h"
#include "object/call.h"
#include "runtime/state.h"

namespace ks {

HANDLER_DECLARATION(CALL_FUNCTION_FRAME);
HANDLER_DECLARATION(CALL_C);
HANDLER_DECLARATION(CALL_BREAKER);

// Whether a call of the object can be a frame of ours.
static inline bool is_inlinable(PyThreadState* thread, PyObject* callable) {
  return Py_IS_TYPE(callable, &PyFunction_Type) &&
         reinterpret_cast<PyFunctionObject*>(callable)->vectorcall == _PyFunction_Vectorcall &&
         !thread->interp->interpreter.eval_frame;
}

// Namespaces of functions' frames: none for optimised code, the globals for code that wants names (exec'd functions).
static inline PyObject* frame_locals(PyObject* function) {
  auto* f = reinterpret_cast<PyFunctionObject*>(function);
  return (reinterpret_cast<PyCodeObject*>(f->func_code)->co_flags & CO_OPTIMIZED) ? nullptr : Py_NewRef(f->func_globals);
}

// A bound method in the callable's place becomes its function, and its self the first argument.
static inline void open_bound_method(Value* operands) {
  auto* method = reinterpret_cast<PyMethodObject*>(operands[0].object());
  PyObject* function = Py_NewRef(method->im_func);
  PyObject* self = Py_NewRef(method->im_self);
  close(operands[0]);
  operands[0] = Value::owned(function);
  operands[1] = Value::owned(self);
}

// callable, self or null, arguments[oparg] -> result
HANDLER(CALL) {
  ADAPT(CALL);
  SAVE();
  Value* operands = sp - OPARG - 2;
  if (operands[1].is_null() && Py_IS_TYPE(operands[0].object(), &PyMethod_Type)) open_bound_method(operands);
  PyObject* callable = operands[0].object();
  if (is_inlinable(thread, callable)) {
    const bool with_self = !operands[1].is_null();
    Frame* callee = push_call_frame(thread, operands[0], frame_locals(callable), operands + 2 - with_self,
                                    static_cast<Py_ssize_t>(OPARG) + with_self, nullptr);
    sp = operands;
    frame->stackpointer = sp;
    if (!callee) ERROR();
    frame->return_offset = 4;
    callee->previous = frame;
    thread->current_frame = frame = callee;
    sp = callee->stackpointer;
    ip = callee->instr_ptr;
    GO_TO(start_frame);
  }
  GO_TO(CALL_C);
}
HANDLER(CALL_C) {
  frame->stackpointer = sp;
  Value* operands = sp - OPARG - 2;
  const bool with_self = !operands[1].is_null();
  PyObject* result = call_with_stack(thread, operands[0].object(), operands + 2 - with_self,
                                     static_cast<Py_ssize_t>(OPARG) + with_self, nullptr);
  if (!result) ERROR();
  while (sp > operands) close_or_null(*--sp);
  *sp++ = Value::owned(result);
  ip += 4;
  if (thread->eval_breaker & kEvalBreakerEvents) [[unlikely]] GO_TO(CALL_BREAKER);
  DISPATCH();
}
// After a C call: pending events. ip is already at the next instruction; an exception belongs to the call.
HANDLER(CALL_BREAKER) {
  frame->stackpointer = sp;
  if (handle_eval_breaker(thread) < 0) {
    ip = frame->instr_ptr;
    ERROR();
  }
  DISPATCH();
}

// callable, self or null, arguments[oparg], names of the last arguments -> result
HANDLER(CALL_KW) {
  SAVE();
  Value* operands = sp - OPARG - 3;
  Value names = sp[-1];
  if (operands[1].is_null() && Py_IS_TYPE(operands[0].object(), &PyMethod_Type)) open_bound_method(operands);
  PyObject* callable = operands[0].object();
  const bool with_self = !operands[1].is_null();
  const Py_ssize_t total = static_cast<Py_ssize_t>(OPARG) + with_self;
  const Py_ssize_t positional = total - PyTuple_GET_SIZE(names.object());
  if (is_inlinable(thread, callable)) {
    Frame* callee =
        push_call_frame(thread, operands[0], frame_locals(callable), operands + 2 - with_self, positional, names.object());
    close(names);
    sp = operands;
    frame->stackpointer = sp;
    if (!callee) ERROR();
    frame->return_offset = 4;
    callee->previous = frame;
    thread->current_frame = frame = callee;
    sp = callee->stackpointer;
    ip = callee->instr_ptr;
    GO_TO(start_frame);
  }
  frame->stackpointer = sp;
  PyObject* result = call_with_stack(thread, callable, operands + 2 - with_self, positional, names.object());
  if (!result) ERROR();
  while (sp > operands) close_or_null(*--sp);
  *sp++ = Value::owned(result);
  ip += 4;
  if (thread->eval_breaker & kEvalBreakerEvents) [[unlikely]] GO_TO(CALL_BREAKER);
  DISPATCH();
}

// callable, null, positional, keywords or null -> result
HANDLER(CALL_FUNCTION_EX) {
  SAVE_ALL();
  Value* operands = sp - 4;
  PyObject* callable = operands[0].object();
  if (!PyTuple_CheckExact(operands[2].object())) {
    PyObject* tuple = spread_positional(callable, operands[2].object());
    if (!tuple) ERROR();
    Value old = operands[2];
    operands[2] = Value::owned(tuple);
    close(old);
  }
  PyObject* keywords = operands[3].is_null() ? nullptr : operands[3].object();
  if (is_inlinable(thread, callable)) {
    Frame* callee = push_call_frame_spread(thread, operands[0], frame_locals(callable), operands[2].object(), keywords);
    close_or_null(operands[3]);
    close(operands[2]);
    sp = operands;
    frame->stackpointer = sp;
    if (!callee) ERROR();
    frame->return_offset = 1;
    callee->previous = frame;
    thread->current_frame = frame = callee;
    sp = callee->stackpointer;
    ip = callee->instr_ptr;
    GO_TO(start_frame);
  }
  PyObject* result = PyObject_Call(callable, operands[2].object(), keywords);
  if (!result) ERROR();
  while (sp > operands) close_or_null(*--sp);
  *sp++ = Value::owned(result);
  ip += 1;
  if (thread->eval_breaker & kEvalBreakerEvents) [[unlikely]] GO_TO(CALL_BREAKER);
  DISPATCH();
}

HANDLER(EXIT_INIT_CHECK) {
  SAVE();
  Value result = *--sp;
  if (result.object() != Py_None) {
    PyErr_Format(PyExc_TypeError, "__init__() should return None, not '%.200s'", Py_TYPE(result.object())->tp_name);
    close(result);
    ERROR();
  }
  NEXT(1);
}

HANDLER(MAKE_FUNCTION) {
  SAVE();
  PyObject* function = PyFunction_New(sp[-1].object(), frame->f_globals);
  if (!function) ERROR();
  // The version is that of the code: functions made again and again by the same def share it.
  function_set_version(reinterpret_cast<PyFunctionObject*>(function),
                       reinterpret_cast<PyCodeObject*>(sp[-1].object())->co_version);
  close(sp[-1]);
  sp[-1] = Value::owned(function);
  NEXT(1);
}
// value, function -> function
HANDLER(SET_FUNCTION_ATTRIBUTE) {
  SAVE();
  Value function = *--sp;
  auto* f = reinterpret_cast<PyFunctionObject*>(function.object());
  PyObject* value = sp[-1].take();
  sp[-1] = function;
  PyObject** slot = nullptr;
  switch (OPARG) {
    case 1: slot = &f->func_defaults; break;
    case 2: slot = &f->func_kwdefaults; break;
    case 4: slot = &f->func_annotations; break;
    case 8: slot = &f->func_closure; break;
    case 16: slot = &f->func_annotate; break;
    default: break;
  }
  if (slot == &f->func_annotate && PyFunction_Check(value)) {
    // Its code is shared by what has the same name: the function tells whose annotations it makes.
    PyObject* name = PyUnicode_FromFormat("%U.__annotate__", f->func_qualname);
    if (!name) {
      Py_DECREF(value);
      ERROR();
    }
    Py_SETREF(reinterpret_cast<PyFunctionObject*>(value)->func_qualname, name);
  }
  if (slot) {
    Py_XDECREF(std::exchange(*slot, value));
  } else {
    Py_DECREF(value);
  }
  NEXT(1);
}

HANDLER(CALL_INTRINSIC_1) {
  SAVE();
  PyObject* result = intrinsic_1(thread, frame, OPARG, sp[-1].object());
  if (!result) ERROR();
  Value old = sp[-1];
  sp[-1] = Value::owned(result);
  close(old);
  NEXT(1);
}
HANDLER(CALL_INTRINSIC_2) {
  SAVE();
  PyObject* result = intrinsic_2(thread, frame, OPARG, sp[-2].object(), sp[-1].object());
  if (!result) ERROR();
  Value first = sp[-2], second = sp[-1];
  sp[-2] = Value::owned(result);
  --sp;
  close(first);
  close(second);
  NEXT(1);
}

}  // namespace ks
