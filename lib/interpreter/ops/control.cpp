// Jumps, loops, entry and return.
#include "interpreter/evaluate.h"
#include "interpreter/generator.h"
#include "interpreter/handler.h"
#include "interpreter/monitoring.h"
#include "interpreter/specialize.h"
#include "runtime/state.h"

namespace ks {

HANDLER_DECLARATION(RESUME_SLOW);
HANDLER_DECLARATION(FOR_ITER_ENTER_GENERATOR);

HANDLER(RESUME) {
  const uintptr_t breaker = __atomic_load_n(&thread->eval_breaker, __ATOMIC_RELAXED);
  if (breaker != executable_of(CODE())->instrumentation_version) [[unlikely]] {
    GO_TO(RESUME_SLOW);
  }
  NEXT(1);
}
// Events are pending, or the code has not been instrumented for the tools that watch now.
HANDLER(RESUME_SLOW) {
  SAVE_ALL();
  if ((thread->eval_breaker & ~kEvalBreakerEvents) != executable_of(CODE())->instrumentation_version) {
    if (instrument(thread, CODE()) < 0) ERROR();
    DISPATCH();
  }
  // Right after a yield from (oparg 2) or await (3) nothing is handled: the exception would miss the inner frame.
  if ((thread->eval_breaker & kEvalBreakerEvents) && (OPARG & 3) < 2) {
    if (handle_eval_breaker(thread) < 0) ERROR();
  }
  NEXT(1);
}

HANDLER(JUMP_FORWARD) { NEXT(1 + OPARG); }
HANDLER_DECLARATION(JUMP_BACKWARD_AFTER_EVENTS);
HANDLER(JUMP_BACKWARD) {
  SAVE();  // for monitor_line
  if (thread->eval_breaker & kEvalBreakerEvents) [[unlikely]] GO_TO(JUMP_BACKWARD_AFTER_EVENTS);
  ip = ip + 2 - OPARG;
  DISPATCH();
}
HANDLER(JUMP_BACKWARD_AFTER_EVENTS) {
  SAVE_ALL();
  if (handle_eval_breaker(thread) < 0) ERROR();
  ip = ip + 2 - OPARG;
  DISPATCH();
}
HANDLER(JUMP_BACKWARD_NO_INTERRUPT) {
  ip = ip + 1 - OPARG;
  DISPATCH();
}
// A jump's counter is 1 where NOT_TAKEN follows that nobody watches: it is skipped.
HANDLER(POP_JUMP_IF_FALSE) {
  // True and False are immortal: nothing to close.
  const bool jump = (--sp)->object() == Py_False;
  ip += jump ? 2 + OPARG : 2u + ip->counter;
  DISPATCH();
}
HANDLER(POP_JUMP_IF_TRUE) {
  const bool jump = (--sp)->object() == Py_True;
  ip += jump ? 2 + OPARG : 2u + ip->counter;
  DISPATCH();
}
HANDLER(POP_JUMP_IF_NONE) {
  Value value = *--sp;
  if (value.object() == Py_None) NEXT(2 + OPARG);
  SAVE();
  close(value);
  NEXT(2u + ip->counter);
}
HANDLER(POP_JUMP_IF_NOT_NONE) {
  Value value = *--sp;
  if (value.object() == Py_None) NEXT(2u + ip->counter);
  SAVE();
  close(value);
  NEXT(2 + OPARG);
}

HANDLER(GET_ITER) {
  SAVE();
  PyObject* iterator = PyObject_GetIter(sp[-1].object());
  if (!iterator) ERROR();
  Value iterable = sp[-1];
  sp[-1] = Value::owned(iterator);
  close(iterable);
  NEXT(1);
}

// The next value; nullptr without an exception at the end.
[[gnu::noinline]] static PyObject* next_value(PyThreadState* thread, Frame* frame, PyObject* iterator) {
  iternextfunc next = Py_TYPE(iterator)->tp_iternext;
  // Through f_locals anything may have been put in a generator expression's iterator's place.
  if (!next) [[unlikely]] {
    PyErr_Format(PyExc_TypeError, "'%.100s' object is not an iterator", Py_TYPE(iterator)->tp_name);
    return nullptr;
  }
  PyObject* value = next(iterator);
  if (value) return value;
  if (PyObject* exception = thread->current_exception) {
    if (!PyErr_GivenExceptionMatches(exception, PyExc_StopIteration)) return nullptr;
    if (monitoring_active(thread)) monitor_raise(thread, frame);
    PyErr_Clear();
  }
  return nullptr;
}
HANDLER(FOR_ITER) {
  ADAPT(FOR_ITER);
  SAVE();
  PyObject* iterator = sp[-1].object();
  if (Py_IS_TYPE(iterator, &PyGen_Type) && !thread->interp->interpreter.eval_frame && OPARG + 2 < 0xFFFF &&
      !monitoring_active(thread)) {
    auto* generator = reinterpret_cast<PyGenObject*>(iterator);
    if (generator->gi_frame_state < kGenExecuting) GO_TO(FOR_ITER_ENTER_GENERATOR);
  }
  frame->stackpointer = sp;
  PyObject* value = next_value(thread, frame, iterator);
  if (value) {
    *sp++ = Value::owned(value);
    NEXT(2);
  }
  if (thread->current_exception) ERROR();
  NEXT(2 + OPARG + 1);
}
// Resumes a generator's frame without a C call; when it returns, execution goes on at END_FOR with its value.
HANDLER(FOR_ITER_ENTER_GENERATOR) {
  auto* generator = reinterpret_cast<PyGenObject*>(sp[-1].object());
  frame->stackpointer = sp;
  frame->return_offset = static_cast<uint16_t>(2 + OPARG);
  Frame* callee = &generator->gi_iframe;
  *callee->stackpointer++ = Value::borrowed(Py_None);
  generator->gi_frame_state = kGenExecuting;
  generator->gi_exc_state.previous_item = thread->exc_info;
  thread->exc_info = &generator->gi_exc_state;
  callee->previous = frame;
  thread->current_frame = frame = callee;
  sp = callee->stackpointer;
  ip = callee->instr_ptr;
  GO_TO(start_frame);
}

HANDLER_DECLARATION(RETURN_VALUE_SLOW);
HANDLER(RETURN_VALUE) {
  if (frame->owner != kOwnedByThread || frame->frame_obj || frame->f_locals ||
      reinterpret_cast<PyObject**>(frame) == thread->datastack_chunk->data) [[unlikely]]
    GO_TO(RETURN_VALUE_SLOW);
  SAVE();
  PyObject* result = (--sp)->take();
  Frame* dying = frame;
  dying->stackpointer = sp;
  frame = dying->previous;
  thread->current_frame = frame;
  ++thread->py_recursion_remaining;
  // Destructors may run; the frame's words stay reserved until all is closed.
  while (sp > dying->localsplus) close_or_null(*--sp);
  close(dying->f_funcobj);
  close(dying->f_executable);
  thread->datastack_top = reinterpret_cast<PyObject**>(dying);
  sp = frame->stackpointer;
  *sp++ = Value::owned(result);
  ip = frame->instr_ptr + frame->return_offset;
  DISPATCH();
}
HANDLER(RETURN_VALUE_SLOW) {
  SAVE();
  PyObject* result = (--sp)->take();
  frame->stackpointer = sp;
  Frame* dying = frame;
  frame = dying->previous;
  thread->current_frame = frame;
  ++thread->py_recursion_remaining;
  frame_clear_and_pop(thread, dying);
  sp = frame->stackpointer;
  *sp++ = Value::owned(result);
  ip = frame->instr_ptr + frame->return_offset;
  DISPATCH();
}

}  // namespace ks
