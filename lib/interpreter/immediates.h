// Numbers that are no objects while they stay in a frame.
//
// A result of arithmetic becomes an immediate (Value) only where the instruction that uses it next, in straight line,
// takes immediates: arithmetic, comparison, truth, an index, or storing into a local variable. Loading a local for
// another use makes the object and puts it into the local too, so that every later load gives the same object. So an
// immediate on the stack has no other copy than the local that it was loaded from, and `is` and id() cannot tell that
// there was no object.
#pragma once

#include <Python.h>

#include "interpreter/executable.h"
#include "interpreter/frame.h"
#include "types/float.h"
#include "types/int.h"

namespace ks {

// How an instruction leaves the value: from a local variable, which may go on, or made by itself.
enum class Origin { Local, Fresh };

// Whether the value `depth` below the top behind the instruction at `index` is used next by one that takes immediates.
bool goes_to_taker(const Executable* executable, Py_ssize_t index, int depth, Origin origin);
// Puts the handlers that leave immediates in the place of loads whose values go to such instructions. Done when the first
// instruction that makes or takes immediates is specialised: most code runs once.
void mark_immediate_loads(Executable* executable);
inline void ensure_marked_loads(Executable* executable) {
  if (!executable->loads_are_marked) mark_immediate_loads(executable);
}

// New reference to the object that an immediate stands for; nullptr with MemoryError.
PyObject* make_object(Value immediate);
// Makes the object of an immediate in a slot of the stack, and gives it to the locals with the same value, one of which
// it may have come from. False with MemoryError.
bool make_slot_object(Frame* frame, Value* slot);
// The same for a local variable alone.
bool make_local_object(Value* local);

// The value of an exact int of up to two digits.
inline bool int_operand(Value value, int64_t* result) {
  if (value.is_immediate_int()) {
    *result = value.immediate_int_value();
    return true;
  }
  if (value.is_immediate()) return false;
  PyObject* object = value.object();
  if (!PyLong_CheckExact(object)) return false;
  if (int_is_compact(object)) [[likely]] {
    *result = int_compact_value(object);
    return true;
  }
  if (int_digit_count(object) != 2) return false;
  const int64_t magnitude = static_cast<int64_t>(int_digits(object)[0]) | static_cast<int64_t>(int_digits(object)[1])
                                                                              << PyLong_SHIFT;
  *result = int_is_negative(object) ? -magnitude : magnitude;
  return true;
}
inline bool float_operand(Value value, double* result) {
  if (value.is_immediate_float()) {
    *result = value.immediate_float_value();
    return true;
  }
  if (value.is_immediate() || !PyFloat_CheckExact(value.object())) return false;
  *result = float_value(value.object());
  return true;
}

}  // namespace ks
