// Locals, constants, cells and the evaluation stack itself.
#include "interpreter/frame_object.h"
#include "interpreter/handler.h"
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

HANDLER(LOAD_FAST) {
  *sp++ = LOCAL(OPARG).duplicate();
  NEXT(1);
}
HANDLER(LOAD_FAST_BORROW) {
  *sp++ = {LOCAL(OPARG).bits | 1};
  NEXT(1);
}
HANDLER(LOAD_FAST_LOAD_FAST) {
  sp[0] = LOCAL(OPARG >> 4).duplicate();
  sp[1] = LOCAL(OPARG & 15).duplicate();
  sp += 2;
  NEXT(1);
}
HANDLER(LOAD_FAST_BORROW_LOAD_FAST_BORROW) {
  sp[0] = {LOCAL(OPARG >> 4).bits | 1};
  sp[1] = {LOCAL(OPARG & 15).bits | 1};
  sp += 2;
  NEXT(1);
}
HANDLER(LOAD_FAST_CHECK) {
  Value value = LOCAL(OPARG);
  if (value.is_null()) [[unlikely]] {
    SAVE();
    raise_unbound(CODE(), static_cast<int>(OPARG));
    ERROR();
  }
  *sp++ = value.duplicate();
  NEXT(1);
}
HANDLER(LOAD_FAST_AND_CLEAR) {
  *sp++ = LOCAL(OPARG);
  LOCAL(OPARG) = Value::null();
  NEXT(1);
}

// A local always owns: what is stored may outlive what the stack borrowed it from.
static inline Value owning(Value value) { return value.is_borrowed() && value.bits != 1 ? value.duplicate() : value; }

HANDLER(STORE_FAST) {
  Value old = LOCAL(OPARG);
  LOCAL(OPARG) = owning(*--sp);
  if (old && !old.is_borrowed()) {
    SAVE();
    Py_DECREF(old.object());
  }
  NEXT(1);
}
HANDLER(STORE_FAST_LOAD_FAST) {
  SAVE();
  Value old = LOCAL(OPARG >> 4);
  LOCAL(OPARG >> 4) = owning(sp[-1]);
  sp[-1] = LOCAL(OPARG & 15).duplicate();
  close_or_null(old);
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
