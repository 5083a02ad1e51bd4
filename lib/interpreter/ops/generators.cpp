// Generators and coroutines: making, suspending, delegating.
#include "interpreter/generator.h"

#include <cstring>

#include "interpreter/evaluate.h"
#include "interpreter/handler.h"
#include "interpreter/monitoring.h"
#include "interpreter/operations.h"
#include "object/identifier.h"
#include "runtime/state.h"

namespace ks {

HANDLER(RETURN_GENERATOR) {
  SAVE();
  PyGenObject* generator = generator_new(frame_function(frame));
  if (!generator) ERROR();
  frame->stackpointer = sp;
  Frame* inner = &generator->gi_iframe;
  // The stack is empty here: header and locals are all there is.
  memcpy(static_cast<void*>(inner), frame, reinterpret_cast<char*>(sp) - reinterpret_cast<char*>(frame));
  inner->stackpointer = inner->localsplus + (sp - frame->localsplus);
  inner->instr_ptr = ip + 1;
  inner->owner = kOwnedByGenerator;
  Frame* previous = frame->previous;
  inner->previous = nullptr;
  if (PyFrameObject* object = inner->frame_obj) object->f_frame = inner;
  generator->gi_frame_state = kGenCreated;
  PyObject_GC_Track(reinterpret_cast<PyObject*>(generator));
  data_stack_pop(thread, frame);
  ++thread->py_recursion_remaining;
  frame = previous;
  thread->current_frame = frame;
  sp = frame->stackpointer;
  *sp++ = Value::owned(generator);
  ip = frame->instr_ptr + frame->return_offset;
  DISPATCH();
}

// oparg 1: in a yield from or await.
HANDLER(YIELD_VALUE) {
  PyGenObject* generator = frame_generator(frame);
  PyObject* value = (--sp)->take();
  frame->instr_ptr = ip + 1;
  frame->stackpointer = sp;
  generator->gi_frame_state = static_cast<int8_t>(kGenSuspended + static_cast<int>(OPARG));
  thread->exc_info = generator->gi_exc_state.previous_item;
  generator->gi_exc_state.previous_item = nullptr;
  ++thread->py_recursion_remaining;
  Frame* receiver = frame->previous;
  frame->previous = nullptr;
  frame = receiver;
  thread->current_frame = frame;
  sp = frame->stackpointer;
  *sp++ = Value::owned(value);
  // Behind the instruction that resumed: FOR_ITER and SEND have one cache entry, the sentinel has enough exits.
  ip = frame->instr_ptr + 2;
  DISPATCH();
}

HANDLER_DECLARATION(SEND_ENTER);

// receiver, value -> receiver, what it yields; or, when it returns, a jump with its result in the value's place
HANDLER(SEND) {
  SAVE();
  PyObject* receiver = sp[-2].object();
  if (is_generator_like(receiver) && !thread->interp->interpreter.eval_frame && OPARG + 2 < 0xFFFF &&
      reinterpret_cast<PyGenObject*>(receiver)->gi_frame_state < kGenExecuting)
    GO_TO(SEND_ENTER);
  frame->stackpointer = sp;
  PyObject* value = sp[-1].object();
  PyObject* result = nullptr;
  if (value == Py_None && !is_generator_like(receiver) && PyIter_Check(receiver)) {
    result = Py_TYPE(receiver)->tp_iternext(receiver);
  } else if (PyTypeObject* type = Py_TYPE(receiver); type->tp_as_async && type->tp_as_async->am_send) {
    const PySendResult sent = type->tp_as_async->am_send(receiver, value, &result);
    if (sent == PYGEN_ERROR) ERROR();
    Value old = sp[-1];
    sp[-1] = Value::owned(result);
    close(old);
    if (sent == PYGEN_NEXT) NEXT(2);
    NEXT(2 + OPARG);
  } else {
    result = PyObject_CallMethodOneArg(receiver, "send"_id, value);
  }
  if (result) {
    Value old = sp[-1];
    sp[-1] = Value::owned(result);
    close(old);
    NEXT(2);
  }
  if (thread->current_exception) {
    if (!PyErr_ExceptionMatches(PyExc_StopIteration)) ERROR();
    if (monitoring_active(thread)) monitor_raise(thread, frame);
  }
  if (fetch_stop_iteration_value(&result) < 0) ERROR();
  Value old = sp[-1];
  sp[-1] = Value::owned(result);
  close(old);
  NEXT(2 + OPARG);
}
HANDLER(SEND_ENTER) {
  auto* generator = reinterpret_cast<PyGenObject*>(sp[-2].object());
  Frame* callee = &generator->gi_iframe;
  Value value = *--sp;
  frame->stackpointer = sp;
  frame->return_offset = static_cast<uint16_t>(2 + OPARG);
  *callee->stackpointer++ = Value::owned(value.take());
  generator->gi_frame_state = kGenExecuting;
  generator->gi_exc_state.previous_item = thread->exc_info;
  thread->exc_info = &generator->gi_exc_state;
  callee->previous = frame;
  thread->current_frame = frame = callee;
  sp = callee->stackpointer;
  ip = callee->instr_ptr;
  GO_TO(start_frame);
}
HANDLER(END_SEND) {
  SAVE();
  Value value = *--sp;
  Value receiver = sp[-1];
  sp[-1] = value;
  close(receiver);
  NEXT(1);
}

#define REPLACE_TOP(RESULT)            \
  do {                                 \
    PyObject* ks_new = (RESULT);       \
    if (!ks_new) ERROR();              \
    Value ks_old = sp[-1];             \
    sp[-1] = Value::owned(ks_new);     \
    close(ks_old);                     \
    NEXT(1);                           \
  } while (0)

HANDLER(GET_AWAITABLE) {
  SAVE();
  REPLACE_TOP(get_awaitable(sp[-1].object(), OPARG));
}
HANDLER(GET_AITER) {
  SAVE();
  REPLACE_TOP(get_async_iterator(sp[-1].object()));
}
HANDLER(GET_ANEXT) {
  SAVE();
  PyObject* awaitable = get_async_next(sp[-1].object());
  if (!awaitable) ERROR();
  *sp++ = Value::owned(awaitable);
  NEXT(1);
}
HANDLER(GET_YIELD_FROM_ITER) {
  SAVE();
  REPLACE_TOP(get_yield_from_iterator(CODE(), sp[-1].object()));
}

}  // namespace ks
