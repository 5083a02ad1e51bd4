// Operators, comparisons and truth.
#include "interpreter/handler.h"
#include "interpreter/immediates.h"
#include "interpreter/operations.h"
#include "interpreter/specialize.h"

namespace ks {

// Replaces two operands by a result.
#define REPLACE_TWO(RESULT, UNITS)          \
  do {                                      \
    PyObject* ks_new = (RESULT);            \
    if (!ks_new) ERROR();                   \
    Value ks_right = sp[-1], ks_left = sp[-2]; \
    sp[-2] = Value::owned(ks_new);          \
    --sp;                                   \
    close(ks_left);                         \
    close(ks_right);                        \
    NEXT(UNITS);                            \
  } while (0)

// Objects in the place of immediates among the topmost values, for handlers that know only objects.
#define NEED_OBJECT(DEPTH) \
  if (sp[-(DEPTH)].is_immediate() && !make_slot_object(frame, sp - (DEPTH))) [[unlikely]] ERROR()
#define NEED_TWO_OBJECTS()                                     \
  do {                                                         \
    if (Value{sp[-1].bits | sp[-2].bits}.is_immediate()) {     \
      NEED_OBJECT(2);                                          \
      NEED_OBJECT(1);                                          \
    }                                                          \
  } while (0)

HANDLER(UNARY_NEGATIVE) {
  if (sp[-1].is_immediate_float()) {
    // The counter tells once and for all whether what uses the result takes immediates.
    if (ip->counter == 0) {
      const Executable* executable = executable_of(CODE());
      ip->counter = goes_to_taker(executable, ip - executable->units, 0, Origin::Fresh) ? 1 : 2;
    }
    if (ip->counter == 1) {
      sp[-1] = {sp[-1].bits ^ 4};
      NEXT(1);
    }
  }
  SAVE();
  NEED_OBJECT(1);
  PyObject* result = PyNumber_Negative(sp[-1].object());
  if (!result) ERROR();
  Value operand = sp[-1];
  sp[-1] = Value::owned(result);
  close(operand);
  NEXT(1);
}
HANDLER(UNARY_INVERT) {
  SAVE();
  PyObject* result = PyNumber_Invert(sp[-1].object());
  if (!result) ERROR();
  Value operand = sp[-1];
  sp[-1] = Value::owned(result);
  close(operand);
  NEXT(1);
}
// The compiler makes sure that the operand is a bool.
HANDLER(UNARY_NOT) {
  Value operand = sp[-1];
  sp[-1] = Value::borrowed(operand.object() == Py_False ? Py_True : Py_False);
  NEXT(1);
}
HANDLER(IS_OP) {
  const bool same = sp[-2].object() == sp[-1].object();
  Value right = sp[-1], left = sp[-2];
  sp[-2] = Value::borrowed(same != (OPARG != 0) ? Py_True : Py_False);
  --sp;
  SAVE();
  close(left);
  close(right);
  NEXT(1);
}

[[gnu::noinline]] static int contains(PyObject* container, PyObject* item) { return PySequence_Contains(container, item); }
HANDLER(CONTAINS_OP) {
  ADAPT(CONTAINS_OP);
  SAVE();
  const int found = contains(sp[-1].object(), sp[-2].object());
  if (found < 0) ERROR();
  REPLACE_TWO((found != 0) != (OPARG != 0) ? Py_True : Py_False, 2);
}

HANDLER(BINARY_OP) {
  ADAPT(BINARY_OP);
  SAVE();
  NEED_TWO_OBJECTS();
  REPLACE_TWO(binary_operation(OPARG, sp[-2].object(), sp[-1].object()), 6);
}
HANDLER(COMPARE_OP) {
  ADAPT(COMPARE_OP);
  SAVE();
  NEED_TWO_OBJECTS();
  PyObject* result = PyObject_RichCompare(sp[-2].object(), sp[-1].object(), static_cast<int>(OPARG >> 5));
  if (!result) ERROR();
  if (OPARG & 16) {
    const int truth = result == Py_True ? 1 : result == Py_False ? 0 : PyObject_IsTrue(result);
    Py_DECREF(result);
    if (truth < 0) ERROR();
    result = truth ? Py_True : Py_False;
  }
  REPLACE_TWO(result, 2);
}
HANDLER(TO_BOOL) {
  Value operand = sp[-1];
  if (operand.is_immediate()) {
    // No float that is an immediate is zero.
    sp[-1] = Value::borrowed(operand.bits == Value::immediate_int(0).bits ? Py_False : Py_True);
    NEXT(4);
  }
  PyObject* object = operand.object();
  if (object == Py_True || object == Py_False) NEXT(4);
  SAVE();
  const int truth = PyObject_IsTrue(object);
  if (truth < 0) ERROR();
  sp[-1] = Value::borrowed(truth ? Py_True : Py_False);
  close(operand);
  NEXT(4);
}
HANDLER(STORE_SUBSCR) {
  ADAPT(STORE_SUBSCR);
  SAVE();
  NEED_TWO_OBJECTS();
  if (PyObject_SetItem(sp[-2].object(), sp[-1].object(), sp[-3].object()) < 0) ERROR();
  sp -= 3;
  close(sp[0]);
  close(sp[1]);
  close(sp[2]);
  NEXT(2);
}
HANDLER(BINARY_SLICE) {
  SAVE();
  PyObject* result = slice_get(sp[-3].object(), sp[-2].object(), sp[-1].object());
  if (!result) ERROR();
  Value stop = sp[-1], start = sp[-2], container = sp[-3];
  sp[-3] = Value::owned(result);
  sp -= 2;
  close(stop);
  close(start);
  close(container);
  NEXT(1);
}
HANDLER(STORE_SLICE) {
  SAVE();
  if (is_failure(slice_set(sp[-3].object(), sp[-2].object(), sp[-1].object(), sp[-4].object()))) ERROR();
  sp -= 4;
  for (int i = 3; i >= 0; --i) close(sp[i]);
  NEXT(1);
}
HANDLER(DELETE_SUBSCR) {
  SAVE();
  if (PyObject_DelItem(sp[-2].object(), sp[-1].object()) < 0) ERROR();
  sp -= 2;
  close(sp[1]);
  close(sp[0]);
  NEXT(1);
}

}  // namespace ks
