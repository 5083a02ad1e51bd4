// Locals, constants, cells and the evaluation stack itself.
#include "interpreter/frame_object.h"
#include "interpreter/handler.h"
#include "interpreter/immediates.h"
#include "interpreter/operations.h"
#include "types/int.h"

namespace ks {

HANDLER(CACHE) {
  SAVE();
  PyErr_SetString(PyExc_SystemError, "executing a cache.");
  ERROR();
}
HANDLER(RESERVED) {
  SAVE();
  PyErr_Format(PyExc_SystemError, "%U:%d: unknown opcode %d", CODE()->co_filename, ks::frame_line(frame), static_cast<int>(ip->counter));
  ERROR();
}
HANDLER(ENTER_EXECUTOR) { GO_TO(RESERVED); }
HANDLER(EXTENDED_ARG) { NEXT(OPARG); }
HANDLER(NOP) { NEXT(1); }
HANDLER(NOT_TAKEN) { NEXT(1); }

// A local whose number is no object yet, loaded for a use that needs one: the object is made, and the load done again, by
// name, since the unit may hold an instrumented op that must not run twice.
#define MAKING_OBJECT(NAME, INDEX)                                \
  HANDLER(NAME##_MAKING_OBJECT) {                                 \
    SAVE();                                                       \
    if (!make_local_object(&LOCAL(INDEX))) ERROR();               \
    GO_TO(NAME);                                                  \
  }
MAKING_OBJECT(LOAD_FAST, OPARG)
MAKING_OBJECT(LOAD_FAST_BORROW, OPARG)
MAKING_OBJECT(LOAD_FAST_BORROW_NUMBER_FIRST, OPARG & 15)
MAKING_OBJECT(LOAD_FAST_BORROW_NUMBER_SECOND, OPARG >> 4)
#define MAKING_OBJECTS(NAME)                                                                              \
  HANDLER(NAME##_MAKING_OBJECTS) {                                                                        \
    SAVE();                                                                                               \
    if (LOCAL(OPARG >> 4).is_immediate() && !make_local_object(&LOCAL(OPARG >> 4))) ERROR();              \
    if (LOCAL(OPARG & 15).is_immediate() && !make_local_object(&LOCAL(OPARG & 15))) ERROR();              \
    GO_TO(NAME);                                                                                          \
  }
MAKING_OBJECTS(LOAD_FAST_LOAD_FAST)
MAKING_OBJECTS(LOAD_FAST_BORROW_LOAD_FAST_BORROW)

HANDLER(LOAD_FAST) {
  const Value value = LOCAL(OPARG);
  if (value.is_immediate()) [[unlikely]] GO_TO(LOAD_FAST_MAKING_OBJECT);
  *sp++ = value.duplicate();
  NEXT(1);
}
HANDLER(LOAD_FAST_BORROW) {
  const Value value = LOCAL(OPARG);
  if (value.is_immediate()) [[unlikely]] GO_TO(LOAD_FAST_BORROW_MAKING_OBJECT);
  *sp++ = {value.bits | 1};
  NEXT(1);
}
HANDLER(LOAD_FAST_LOAD_FAST) {
  const Value first = LOCAL(OPARG >> 4), second = LOCAL(OPARG & 15);
  if (Value{first.bits | second.bits}.is_immediate()) [[unlikely]] GO_TO(LOAD_FAST_LOAD_FAST_MAKING_OBJECTS);
  sp[0] = first.duplicate();
  sp[1] = second.duplicate();
  sp += 2;
  NEXT(1);
}
HANDLER(LOAD_FAST_BORROW_LOAD_FAST_BORROW) {
  const Value first = LOCAL(OPARG >> 4), second = LOCAL(OPARG & 15);
  if (Value{first.bits | second.bits}.is_immediate()) [[unlikely]] GO_TO(LOAD_FAST_BORROW_LOAD_FAST_BORROW_MAKING_OBJECTS);
  sp[0] = {first.bits | 1};
  sp[1] = {second.bits | 1};
  sp += 2;
  NEXT(1);
}
// The value goes to an instruction that takes immediates (mark_immediate_loads).
HANDLER(LOAD_FAST_NUMBER) {
  const Value value = LOCAL(OPARG);
  *sp++ = value.is_immediate() ? value : value.duplicate();
  NEXT(1);
}
HANDLER(LOAD_FAST_BORROW_NUMBER) {
  *sp++ = {LOCAL(OPARG).bits | 1};
  NEXT(1);
}
HANDLER(LOAD_FAST_BORROW_NUMBERS) {
  sp[0] = {LOCAL(OPARG >> 4).bits | 1};
  sp[1] = {LOCAL(OPARG & 15).bits | 1};
  sp += 2;
  NEXT(1);
}
HANDLER(LOAD_FAST_BORROW_NUMBER_FIRST) {
  const Value second = LOCAL(OPARG & 15);
  if (second.is_immediate()) [[unlikely]] GO_TO(LOAD_FAST_BORROW_NUMBER_FIRST_MAKING_OBJECT);
  sp[0] = {LOCAL(OPARG >> 4).bits | 1};
  sp[1] = {second.bits | 1};
  sp += 2;
  NEXT(1);
}
HANDLER(LOAD_FAST_BORROW_NUMBER_SECOND) {
  const Value first = LOCAL(OPARG >> 4);
  if (first.is_immediate()) [[unlikely]] GO_TO(LOAD_FAST_BORROW_NUMBER_SECOND_MAKING_OBJECT);
  sp[0] = {first.bits | 1};
  sp[1] = {LOCAL(OPARG & 15).bits | 1};
  sp += 2;
  NEXT(1);
}
HANDLER(LOAD_SMALL_INT_NUMBER) {
  *sp++ = Value::immediate_int(OPARG);
  NEXT(1);
}
HANDLER(LOAD_FAST_CHECK) {
  Value value = LOCAL(OPARG);
  if (value.is_null()) [[unlikely]] {
    SAVE();
    raise_unbound(CODE(), static_cast<int>(OPARG));
    ERROR();
  }
  if (value.is_immediate()) [[unlikely]] GO_TO(LOAD_FAST_MAKING_OBJECT);
  *sp++ = value.duplicate();
  NEXT(1);
}
HANDLER(LOAD_FAST_AND_CLEAR) {
  *sp++ = LOCAL(OPARG);
  LOCAL(OPARG) = Value::null();
  NEXT(1);
}

// A local always owns: what is stored may outlive what the stack borrowed it from.
static inline Value owning(Value value) { return value.is_borrowed() && value.bits != 1 && !value.is_immediate() ? value.duplicate() : value; }

HANDLER_DECLARATION(STORE_FAST_CLOSING);
HANDLER(STORE_FAST) {
  SAVE();
  const Value old = LOCAL(OPARG);
  if (old && !old.is_borrowed()) GO_TO(STORE_FAST_CLOSING);
  LOCAL(OPARG) = owning(sp[-1]);
  --sp;
  NEXT(1);
}
HANDLER(STORE_FAST_CLOSING) {
  Value old = LOCAL(OPARG);
  LOCAL(OPARG) = owning(*--sp);
  Py_DECREF(old.object());
  NEXT(1);
}
HANDLER(STORE_FAST_LOAD_FAST) {
  SAVE();
  Value old = LOCAL(OPARG >> 4);
  LOCAL(OPARG >> 4) = owning(sp[-1]);
  const Value loaded = LOCAL(OPARG & 15);
  if (loaded.is_immediate() && !make_local_object(&LOCAL(OPARG & 15))) [[unlikely]] {
    sp[-1] = old;
    ERROR();
  }
  sp[-1] = LOCAL(OPARG & 15).duplicate();
  close_or_null(old);
  NEXT(1);
}
HANDLER_DECLARATION(STORE_FAST_LOAD_FAST_NUMBER_CLOSING);
HANDLER(STORE_FAST_LOAD_FAST_NUMBER) {
  const Value old = LOCAL(OPARG >> 4);
  if (old && !old.is_borrowed()) GO_TO(STORE_FAST_LOAD_FAST_NUMBER_CLOSING);
  LOCAL(OPARG >> 4) = owning(sp[-1]);
  const Value loaded = LOCAL(OPARG & 15);
  sp[-1] = loaded.is_immediate() ? loaded : loaded.duplicate();
  NEXT(1);
}
HANDLER(STORE_FAST_LOAD_FAST_NUMBER_CLOSING) {
  SAVE();
  Value old = LOCAL(OPARG >> 4);
  LOCAL(OPARG >> 4) = owning(sp[-1]);
  const Value loaded = LOCAL(OPARG & 15);
  sp[-1] = loaded.is_immediate() ? loaded : loaded.duplicate();
  close(old);
  NEXT(1);
}
HANDLER(STORE_FAST_STORE_FAST) {
  SAVE();
  sp -= 2;
  Value first = sp[1], second = sp[0];
  Value old = LOCAL(OPARG >> 4);
  LOCAL(OPARG >> 4) = owning(first);
  close_or_null(old);
  old = LOCAL(OPARG & 15);
  LOCAL(OPARG & 15) = owning(second);
  close_or_null(old);
  NEXT(1);
}
HANDLER(DELETE_FAST) {
  SAVE();
  Value old = LOCAL(OPARG);
  if (old.is_null()) [[unlikely]] {
    raise_unbound(CODE(), static_cast<int>(OPARG));
    ERROR();
  }
  LOCAL(OPARG) = Value::null();
  close(old);
  NEXT(1);
}

HANDLER(LOAD_CONST) {
  // The code object keeps its constants, and the frame keeps the code object.
  *sp++ = Value::borrowed(PyTuple_GET_ITEM(CODE()->co_consts, static_cast<Py_ssize_t>(OPARG)));
  NEXT(1);
}
HANDLER(LOAD_SMALL_INT) {
  *sp++ = Value::borrowed(int_small(OPARG));
  NEXT(1);
}
HANDLER(LOAD_COMMON_CONSTANT) {
  SAVE();
  PyObject* value = common_constant(OPARG);
  if (!value) ERROR();
  *sp++ = Value::owned(Py_NewRef(value));
  NEXT(1);
}

HANDLER(POP_TOP) {
  Value value = *--sp;
  if (!value.is_borrowed() && value) {
    SAVE();
    Py_DECREF(value.object());
  }
  NEXT(1);
}
HANDLER(POP_ITER) {
  SAVE();
  close(*--sp);
  NEXT(1);
}
HANDLER(END_FOR) {
  SAVE();
  close_or_null(*--sp);
  NEXT(1);
}
HANDLER(PUSH_NULL) {
  *sp++ = Value::null();
  NEXT(1);
}
HANDLER(COPY) {
  Value value = sp[-static_cast<Py_ssize_t>(OPARG)];
  *sp++ = value ? value.is_borrowed() ? value : value.duplicate() : value;
  NEXT(1);
}
HANDLER(SWAP) {
  Value* other = sp - OPARG;
  Value top = sp[-1];
  sp[-1] = *other;
  *other = top;
  NEXT(1);
}

// ---- cells -----------------------------------------------------------------------------------------------------------

HANDLER(MAKE_CELL) {
  SAVE();
  if (LOCAL(OPARG).is_immediate() && !make_local_object(&LOCAL(OPARG))) ERROR();
  Value initial = LOCAL(OPARG);
  PyObject* cell = PyCell_New(initial.is_null() ? nullptr : initial.object());
  if (!cell) ERROR();
  LOCAL(OPARG) = Value::owned(cell);
  close_or_null(initial);
  NEXT(1);
}
HANDLER(COPY_FREE_VARS) {
  PyObject* closure = frame_function(frame)->func_closure;
  Value* target = &LOCAL(CODE()->co_nlocalsplus - static_cast<int>(OPARG));
  for (uint32_t i = 0; i < OPARG; ++i) target[i] = Value::owned(Py_NewRef(PyTuple_GET_ITEM(closure, i)));
  NEXT(1);
}
HANDLER(LOAD_DEREF) {
  PyObject* value = as<PyCellObject>(LOCAL(OPARG).object())->ob_ref;
  if (!value) [[unlikely]] {
    SAVE();
    raise_unbound(CODE(), static_cast<int>(OPARG));
    ERROR();
  }
  *sp++ = Value::owned(Py_NewRef(value));
  NEXT(1);
}
HANDLER(STORE_DEREF) {
  SAVE();
  PyObject* value = (--sp)->take();
  PyObject* old = std::exchange(as<PyCellObject>(LOCAL(OPARG).object())->ob_ref, value);
  Py_XDECREF(old);
  NEXT(1);
}
HANDLER(DELETE_DEREF) {
  SAVE();
  PyObject* old = std::exchange(as<PyCellObject>(LOCAL(OPARG).object())->ob_ref, nullptr);
  if (!old) [[unlikely]] {
    raise_unbound(CODE(), static_cast<int>(OPARG));
    ERROR();
  }
  Py_DECREF(old);
  NEXT(1);
}
HANDLER(LOAD_FROM_DICT_OR_DEREF) {
  SAVE();
  PyObject* value = nullptr;
  PyObject* name = PyTuple_GET_ITEM(CODE()->co_localsplusnames, static_cast<Py_ssize_t>(OPARG));
  if (PyMapping_GetOptionalItem(sp[-1].object(), name, &value) < 0) ERROR();
  if (!value) {
    value = Py_XNewRef(as<PyCellObject>(LOCAL(OPARG).object())->ob_ref);
    if (!value) {
      raise_unbound(CODE(), static_cast<int>(OPARG));
      ERROR();
    }
  }
  Value mapping = sp[-1];
  sp[-1] = Value::owned(value);
  close(mapping);
  NEXT(1);
}

}  // namespace ks
