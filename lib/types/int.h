// int: typed cores for the interpreter and other rooms.
//
// Layout (public, CPython's): lv_tag = digit count << 3 | small flag << 2 | sign (0 positive, 1 zero, 2 negative), then
// 30-bit digits, least significant first. Normalised: the top digit is not zero. At most one digit: "compact".
#pragma once

#include <Python.h>

#include <cstdint>

#include "object/result.h"

namespace ks {

inline constexpr int kSmallIntLowest = -5;
inline constexpr int kSmallIntCount = 262;  // -5 ... 256
// The small ints, immortal.
struct SmallInts {
  PyLongObject values[kSmallIntCount];
};
extern SmallInts small_ints;

inline bool int_is_small(int64_t value) { return static_cast<uint64_t>(value - kSmallIntLowest) < kSmallIntCount; }
// Borrowed, immortal; only for int_is_small values.
inline PyObject* int_small(int64_t value) {
  return reinterpret_cast<PyObject*>(&small_ints.values[value - kSmallIntLowest]);
}

// ---- reading; the object is an int ---------------------------------------------------------------------------------
inline uintptr_t int_tag(const PyObject* o) { return reinterpret_cast<const PyLongObject*>(o)->long_value.lv_tag; }
inline bool int_is_compact(const PyObject* o) { return int_tag(o) < 16; }
inline bool int_both_compact(const PyObject* a, const PyObject* b) { return (int_tag(a) | int_tag(b)) < 16; }
inline int64_t int_compact_value(const PyObject* o) {
  return (1 - static_cast<int64_t>(int_tag(o) & 3)) *
         static_cast<int64_t>(reinterpret_cast<const PyLongObject*>(o)->long_value.ob_digit[0]);
}
inline bool int_is_zero(const PyObject* o) { return (int_tag(o) & 3) == 1; }
inline bool int_is_negative(const PyObject* o) { return (int_tag(o) & 3) == 2; }
inline int int_sign(const PyObject* o) { return 1 - static_cast<int>(int_tag(o) & 3); }
inline Py_ssize_t int_digit_count(const PyObject* o) { return static_cast<Py_ssize_t>(int_tag(o) >> 3); }
inline const digit* int_digits(const PyObject* o) { return reinterpret_cast<const PyLongObject*>(o)->long_value.ob_digit; }
// The value where it fits; no error set, no __index__.
bool int_fits_int64(const PyObject* o, int64_t* value);

// ---- making: new references, nullptr with MemoryError ---------------------------------------------------------------
PyObject* int_from_int64(int64_t value);
PyObject* int_from_uint64(uint64_t value);
// One digit, not small.
PyObject* int_new_compact(int64_t value);

// ---- cores; both operands are ints (subclasses too), the result is an exact int ---------------------------------------
PyObject* int_add(PyObject* a, PyObject* b);
PyObject* int_subtract(PyObject* a, PyObject* b);
PyObject* int_multiply(PyObject* a, PyObject* b);
PyObject* int_floor_divide(PyObject* a, PyObject* b);
PyObject* int_remainder(PyObject* a, PyObject* b);
PyObject* int_true_divide(PyObject* a, PyObject* b);
PyObject* int_divmod(PyObject* a, PyObject* b);            // a tuple
PyObject* int_power(PyObject* a, PyObject* b, PyObject* modulus);  // modulus may be None
PyObject* int_left_shift(PyObject* a, PyObject* b);
PyObject* int_right_shift(PyObject* a, PyObject* b);
PyObject* int_and(PyObject* a, PyObject* b);
PyObject* int_or(PyObject* a, PyObject* b);
PyObject* int_xor(PyObject* a, PyObject* b);
PyObject* int_negate(PyObject* a);
PyObject* int_invert(PyObject* a);
PyObject* int_absolute(PyObject* a);
PyObject* int_copy(PyObject* a);  // an exact int of the same value
int int_compare_big(const PyObject* a, const PyObject* b);
inline int int_compare(const PyObject* a, const PyObject* b) {  // -1, 0, 1
  if (int_both_compact(a, b)) {
    const int64_t x = int_compact_value(a), y = int_compact_value(b);
    return (x > y) - (x < y);
  }
  return int_compare_big(a, b);
}
Py_hash_t int_hash(PyObject* a);
int64_t int_bit_length(const PyObject* a);
// Multiply by 2**shift / floor division by it.
PyObject* int_shift_left_by(PyObject* a, int64_t shift);
PyObject* int_shift_right_by(PyObject* a, int64_t shift);
PyObject* int_gcd(PyObject* a, PyObject* b);
PyObject* int_square_root(PyObject* a);  // floor; a >= 0
// The deallocator's body, for the interpreter's specialised instructions: an exact int whose count reached zero.
void int_free(PyObject* o);

// ---- text (lib/text/int_text.cpp) ---------------------------------------------------------------------------------------
// Upper bound of what int_write_text writes: sign, prefix (0x, 0o, 0b), digits.
Py_ssize_t int_text_bound(PyObject* value, int base, bool prefix);
// Writes the number into `out` (int_text_bound bytes), without terminator; the length, or -1 with ValueError when a decimal
// number exceeds sys.set_int_max_str_digits. Bases 2 to 36.
Py_ssize_t int_write_text(PyObject* value, int base, bool prefix, char* out);
Ref<> int_to_str(PyObject* value, int base, bool prefix);
// From ASCII text without whitespace at the ends; base 0 or 2 to 36. nullptr without exception when it is no number.
Ref<> int_parse(const char* text, Py_ssize_t length, int base);

int int_max_str_digits();
void int_set_max_str_digits(int value);
// The struct sequence sys.int_info; new reference.
PyObject* int_info();

}  // namespace ks
